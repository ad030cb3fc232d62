"""Results and answers that are kept, and found again."""
