"""Token rows, the batches they form and word dropout."""
