"""`python -m pytest_benchmodels.cli`, for where the `benchmodels` script is not on the path."""

from __future__ import annotations

import sys

from pytest_benchmodels.cli import main

sys.exit(main())
