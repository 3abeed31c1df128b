"""The twin page: a GPT and a BERT read the same sentence, in one HTML file; see docs/page.md."""
