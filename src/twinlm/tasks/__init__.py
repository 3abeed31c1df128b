"""What fine-tuning adds to a model: heads, metrics, and the examples of each kind of task."""
