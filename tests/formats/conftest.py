from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.formats_loading import Loader


@pytest.fixture
def files(tmp_path: Path) -> Loader:
    return Loader(tmp_path)
