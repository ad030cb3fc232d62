"""Leave out the examples whose package is not installed: pip install "pytest-benchmodels[language,math,text]"."""

from importlib.util import find_spec

NEEDED = {"language.yaml": "py3langid", "math.yaml": "math_verify", "text.yaml": "sacrebleu"}
collect_ignore_glob = [name for name, package in NEEDED.items() if find_spec(package) is None]
