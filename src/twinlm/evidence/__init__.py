"""What scores prove: intervals, tests, adjusted p values. Numbers only, no words and no run."""
