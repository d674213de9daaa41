"""The training engine: rows to batches, objectives, packing, trainer, checkpoints, tracking, preflight."""
