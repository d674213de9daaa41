"""The small operations between a model's matrix products, in as few passes over memory as they need."""
