"""What the project talks about: no pytest, no I/O, nothing of ours imported."""
