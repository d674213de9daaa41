"""Damaged and odd input for every door that data, models and requests come through; see `__main__`."""
