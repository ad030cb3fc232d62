"""The project's own tests drive pytest through `pytester`."""

# A session that pytester runs in this process forgets what it imported. An extension in C (httptools) is not made to be
# loaded again and again, and httpx takes 60 ms each time.
import httptools  # noqa: F401 - see above
import httpx  # noqa: F401 - see above

pytest_plugins = ["pytester"]
