"""The hooks, who implements them, and calling each on its own."""
