"""Routes by family: OpenAI's, those of text-embeddings-inference, ours, and pages for people."""
