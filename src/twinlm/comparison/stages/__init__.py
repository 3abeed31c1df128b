"""The stages of a run, each a folder that is made once and found again."""
