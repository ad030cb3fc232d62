"""xdist's workers and their controller: who runs what, and what they tell each other."""
