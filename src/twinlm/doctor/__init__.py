"""What is wrong with text and labels, before any training."""
