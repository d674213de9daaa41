"""A plug-in of each kind: a connector, a mapper, a task, a predictor, a gate and a tracker."""
