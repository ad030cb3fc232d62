"""Leave these examples out where their packages are not installed: pip install "pytest-benchmodels[math,text]"."""

from importlib.util import find_spec

NEEDED = {"math.yaml": "math_verify", "text.yaml": "sacrebleu"}
collect_ignore_glob = [name for name, package in NEEDED.items() if find_spec(package) is None]
