"""Hosts that do not call the hooks yet.

`startup` is where the `.pth` and `.start` files beside it lead to when a host's process starts.  For spec-kitty-cli:
`spec_kitty_cli`.  For spec-kitty-orchestrator: `orchestrator`, which reads a call of the host's in `agent_call` and
announces it from `announcer`, as one of the `attempts`, in the thread of a `worker`.  For `doctor`: `check`.
`evidence` says where a host needs no bridge because it does the work itself.

Nothing is imported here: Python 3.15 and later import this package at every start (PEP 829).
"""
