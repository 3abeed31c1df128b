"""Documents: files, encodings, formats, splits, sentences."""
