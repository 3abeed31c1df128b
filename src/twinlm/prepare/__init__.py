"""From files to documents, tasks, tokenizers and token stores."""
