"""Hugging Face's names and files for our models, both ways, without importing transformers."""
