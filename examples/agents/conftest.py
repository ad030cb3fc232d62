# The project is what agents work on: its tests are theirs to run, and not those of this session.
collect_ignore = ["project"]
