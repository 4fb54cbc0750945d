"""The project around a path: where it is, who it is, what its owner set, and its files, opened safely."""
