"""Labelled examples and the files they come from."""
