"""Models behind HTTP: OpenAI's routes, those of text-embeddings-inference, and ours. Start with `app.py`.

protocol.py   connections: slow or silent clients are cut off
gate.py       requests: address, token, size of the body, errors, disconnects
routes/       what is asked, by family of routes; schemas/ says what requests may hold
engine.py     one model: its queue, its thread, its batches
work.py, completions.py    what a batch computes
"""
