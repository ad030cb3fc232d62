"""The one command: `python benchmarks/run.py [--only NAME] [--quick] [--output FILE]`."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from benchmarks.cli import main

    sys.exit(main(sys.argv[1:]))
