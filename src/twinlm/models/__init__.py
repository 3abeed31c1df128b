"""The two models, each whole in one file: read gpt.py and bert.py side by side."""
