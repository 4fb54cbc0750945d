"""Which records a log has, for a writer that must not write one twice."""

from __future__ import annotations

from dataclasses import dataclass, field

from spec_kitty_telemetry.log import checkpoint


@dataclass(slots=True)
class KnownIds:
    """The event ids in a log up to one point of it, so that a writer can ask for one without reading all again."""

    mark: checkpoint.Checkpoint = field(default_factory=checkpoint.Checkpoint)
    revisions: dict[str, int] = field(default_factory=dict)
    """Each id with the greatest revision that a line with it has."""

    def has(self, event_id: str, revision: int) -> bool:
        """Tell whether the log has a record with that id that is as far as `revision`."""
        return self.revisions.get(event_id, -1) >= revision

    def add(self, event_id: str, revision: int) -> None:
        """Note a line of the log."""
        self.revisions[event_id] = max(revision, self.revisions.get(event_id, revision))

    def catch_up(self, descriptor: int, deadline: float) -> None:
        """Read what was added to the open log since the last time; all of it if the log was rewritten."""
        if not checkpoint.still_fits(descriptor, self.mark):
            self.revisions.clear()
        self.mark = checkpoint.catch_up(descriptor, self.mark, deadline, self.add)
