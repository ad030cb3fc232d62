"""Sessions over the examples run in a project, as those of the plugin's tests do."""

from tests.plugin.conftest import project, workers

__all__ = ["project", "workers"]
