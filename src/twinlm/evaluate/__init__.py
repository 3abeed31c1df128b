"""Measurements of a model: language, predictions, cost."""
