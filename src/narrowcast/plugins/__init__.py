"""How implementations are found: registries of lazy names, entry points, optional extras."""
