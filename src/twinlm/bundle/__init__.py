"""What a comparison's scores are made from, in one folder for others, and its check."""
