"""Trained models in use: generate, fill, score, embed, and answer questions of a task."""
