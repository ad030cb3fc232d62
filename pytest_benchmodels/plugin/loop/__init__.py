"""The loop of a process: what it runs, what ends it, what keeps it alive."""
