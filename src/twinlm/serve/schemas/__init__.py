"""What requests and answers hold, by family of routes. Requests are strict: no other fields or types."""
