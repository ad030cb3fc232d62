"""Measures what the project promises: `python benchmarks/run.py`. See README.md beside this file."""
