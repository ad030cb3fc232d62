"""How a run's task is worked on: from a Run to the Transcript of its calls."""
