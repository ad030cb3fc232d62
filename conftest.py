"""The project's own tests drive pytest through `pytester`."""

# A session that pytester runs in this process forgets what it imported. httpx keeps a table of httpcore's exceptions,
# and would look for those of another import: both have to be here before.
import httpcore  # noqa: F401 - see above
import httpx  # noqa: F401 - see above

pytest_plugins = ["pytester"]
