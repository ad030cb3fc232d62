"""Figures over outcomes: rates, intervals, paired comparison, ranking, gates. Pure functions."""
