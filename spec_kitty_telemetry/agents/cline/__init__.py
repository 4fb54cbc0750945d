"""What Cline and its descendants Roo and Kilo Code keep."""
