"""The project's own tests drive pytest through `pytester`."""

# A session that pytester runs in this process forgets what it imported. An extension in C (httptools) is not made to be
# loaded again and again, and httpx takes 60 ms each time.
import httptools  # noqa: F401 - see above
import httpx  # noqa: F401 - see above
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = ["pytester"]
