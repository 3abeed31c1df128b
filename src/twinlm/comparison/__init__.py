"""The comparison: what is matched, which stages run, what the evidence says, and the report."""
