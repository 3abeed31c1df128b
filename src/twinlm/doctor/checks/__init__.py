"""The data doctor's checks. Each file looks at one thing and returns a `Checked`: facts and findings."""
