"""The write flow: an invocation becomes a record."""
