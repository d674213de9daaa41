"""The training engine: rows to batches, objectives, packing, the trainer, checkpoints, tracking, preflight."""
