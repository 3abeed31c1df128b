"""The data doctor: what is wrong with text and labels, before anything is trained on them.

Each file looks at one thing and returns a `Checked` (doctor/checks/findings.py): what was measured, and what
to say of it. How text is read, and what is kept of more than fits, stands in reading.py; `doctor/examine.py`
runs all.
"""
