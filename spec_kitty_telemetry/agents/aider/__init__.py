"""Aider: what it prints (`output`) and what it keeps in its own files (`transcript`)."""
