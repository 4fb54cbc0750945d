"""A feature's log: appended under a lock, read in a stream, mended without loss."""
