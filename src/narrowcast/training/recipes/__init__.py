"""What a run does: named recipes, the choices that the options leave open, which weights are kept."""
