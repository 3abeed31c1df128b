"""Trained models at work: generate, fill, classify."""
