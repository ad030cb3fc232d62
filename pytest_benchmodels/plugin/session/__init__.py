"""What a session knows and decides: its settings, models, plan, verdicts and report files."""
