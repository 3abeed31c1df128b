"""Whole jobs as Python functions, for notebooks and scripts: pre-train, fine-tune and compare.

Next: `notebook/jobs.py`, the functions; `notebook/frames.py`, data frames in and out.
"""
