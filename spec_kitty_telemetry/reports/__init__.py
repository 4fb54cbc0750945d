"""The read flow: records become costs, rows and totals.  Pure but for reading: it prints nothing."""
