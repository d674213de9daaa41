"""Base models: catalogue, embedded base, loading, chat template, predictors."""
