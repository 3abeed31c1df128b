"""Text and labels: reading, splitting, token stores, and the batches that each objective needs."""
