"""Rows made on purpose: planned, generated, gated, judged, balanced; each row kept with its story."""
