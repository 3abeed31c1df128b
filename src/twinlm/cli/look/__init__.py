"""Commands that look into a model without labels."""
