"""Families whose decoder layers have the same form."""

PRE_NORM = ("llama", "mistral", "qwen2", "qwen3")
"""Norm, attention, sum with the input; norm, feed-forward network, sum: model types of transformers."""
