"""How good a model is: language, tasks, cost."""
