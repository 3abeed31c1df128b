"""Fine-tuning tasks: heads, metrics, baselines, and inputs and answers of each kind of task."""
