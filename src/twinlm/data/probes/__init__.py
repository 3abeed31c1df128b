"""Questions without labels: minimal pairs and gaps."""
