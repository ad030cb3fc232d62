"""Leave these examples out where their packages are not installed: pip install "pytest-benchmodels[text]"."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("sacrebleu") else ["text.yaml"]
