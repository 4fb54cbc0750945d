"""What agents write about themselves on disk, for what they do not print.

Each module reads one agent's own files, only if they are there, read-only, and never for longer or more than
`SessionFiles` allows.  A run is found by its session id, else by its working folder and time; of a session that was
resumed, only what lies in the run's time counts.  These files are private to the agents and change without notice: what
is not understood is passed over.
"""

from __future__ import annotations
