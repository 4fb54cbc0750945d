"""The team's history: all logs of a project in one git branch of their own, without touching any checkout.

`rounds` is the whole of a sync.  It uses `branch`, which reads and writes that branch with git's plumbing, `remote` for
the other side of it, and `union` for one log.  `auto` does it in the background after a merge.
"""
