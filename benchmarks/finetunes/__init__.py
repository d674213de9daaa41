"""Fine-tunes of one small model by several trainers, for `train.py` and `layouts.py`."""
