"""People decide about rows: what is worth a look, what was decided, and what follows."""
