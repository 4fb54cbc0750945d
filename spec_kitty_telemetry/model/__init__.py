"""What a host hands over, what stands on a line, and how people say a time."""
