"""What a run writes: checkpoints, trace, weights and manifest; and why a write failed."""
