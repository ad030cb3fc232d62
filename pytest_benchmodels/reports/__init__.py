"""Results -> text and JSON. Each module stands alone: a worker process imports the failure text and nothing else."""
