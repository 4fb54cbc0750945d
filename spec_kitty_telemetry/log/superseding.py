"""Which of several records of one run counts: the one rule that every reader of a log asks.

The subject of a record is the `event_id` in its `supersedes`, or its own where it has none.  Of all records of one
subject in one log:

- if any is `voided`, none counts;
- else the greatest `revision` counts (one that is not said is 1), and of equals the first in the file.

Most lines say nothing of the kind, so a log is first searched for the words themselves, which takes an eighth of the
time that reading takes.  A record that joined the log after that search and takes another's place waits for the next
reading: an answer is that of one moment.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.log.lines import whole_lines
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, decode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from spec_kitty_telemetry.log.lines import ByteRange
    from spec_kitty_telemetry.model.record import ExecutionEvent

USUAL_REVISION = 1
"""Of a record that does not say its own: what a host said about a run that ended."""
GUESS_REVISION = 0
"""Of a record that was only guessed from what a killed host left behind."""

_WORDS = (b"supersedes", b"revision")


class Claim(NamedTuple):
    """What one record says about which record of its subject counts."""

    revision: int
    is_void: bool
    place: int
    """Where its line begins in the log."""
    event_id: str

    @property
    def rank(self) -> tuple[bool, int, int]:
        """What the greatest of is the claim that holds: a void, the later revision, the earlier line."""
        return self.is_void, self.revision, -self.place


Claims = dict[str, Claim]
"""For each subject the claim that holds."""


def subject_of(event: ExecutionEvent) -> str:
    """Return the id under which all records of the same run are known."""
    return event.payload.supersedes or event.event_id


def revision_of(event: ExecutionEvent) -> int:
    """Return how far a record has got among those of its subject."""
    revision = event.payload.revision
    return USUAL_REVISION if revision is None else revision


def supersede(event: ExecutionEvent, event_id: str, subject: str, revision: int) -> ExecutionEvent:
    """Return `event` as a record of its own, with `event_id`, that takes the place of the records of `subject`."""
    payload = msgspec.structs.replace(event.payload, supersedes=subject, revision=revision)
    return msgspec.structs.replace(event, event_id=event_id, payload=payload)


def void(event: ExecutionEvent, event_id: str, reason: str) -> ExecutionEvent:
    """Return the record, with `event_id`, by which `event` and all others of its subject count no more."""
    payload = msgspec.structs.replace(event.payload, supersedes=subject_of(event), voided=reason)
    return msgspec.structs.replace(event, event_id=event_id, payload=payload)


class Superseding:
    """The rule as it stands for one log; without claims every record counts."""

    def __init__(self, claims: Claims | None = None) -> None:
        """Apply `claims`, which are those of the whole log."""
        self._claims = claims or {}

    @classmethod
    def of(cls, byte_range: ByteRange) -> Superseding:
        """Return the rule for a log that is read by itself.

        :raises LogError: it cannot be read.
        """
        claims = claims_in(byte_range)
        if undecided := subjects_undecided(claims):
            join(claims, plain_claims_in(byte_range, undecided))
        return cls(claims)

    @property
    def subjects(self) -> Collection[str]:
        """The subjects of which any record says that it takes another's place."""
        return self._claims.keys()

    def counts(self, event: ExecutionEvent) -> bool:
        """Tell whether `event` is the record of its subject that counts."""
        payload = event.payload
        claim = self._claims.get(payload.supersedes or event.event_id)
        if claim is None:
            # A claim that was not there when the log was searched: it holds from the next reading on.
            return payload.supersedes is None and payload.revision is None and payload.voided is None
        return not claim.is_void and (claim.event_id, claim.revision) == (event.event_id, revision_of(event))

    def note(self, event: ExecutionEvent) -> bool:
        """Take in a record that was added to the log just now; tell whether it counts."""
        payload = event.payload
        subject = subject_of(event)
        earlier = self._claims.get(subject)
        if earlier is None and payload.supersedes is None and payload.revision is None and payload.voided is None:
            return True
        claim = _claim(event, earlier.place + 1 if earlier else 0)
        if earlier is None or claim.rank > earlier.rank:
            self._claims[subject] = claim
        return self.counts(event)


def claims_in(byte_range: ByteRange) -> Claims:
    """Return what the lines of a byte range claim that say so themselves.

    :raises LogError: the log cannot be read.
    """
    claims: Claims = {}
    for offset, text in whole_lines(byte_range):
        for start in sorted(_lines_with_words(text)):
            if event := _event(text, start):
                _add(claims, subject_of(event), _claim(event, offset + start))
    return claims


def subjects_undecided(claims: Claims) -> set[str]:
    """Return the subjects whose own, plain record would come before what is claimed, if it is in the log."""
    return {subject for subject, claim in claims.items() if claim.revision <= USUAL_REVISION and not claim.is_void}


def plain_claims_in(byte_range: ByteRange, subjects: Collection[str]) -> Claims:
    """Return the claims of the records with the ids `subjects` that say nothing of superseding.

    :raises LogError: the log cannot be read.
    """
    claims: Claims = {}
    for offset, text in whole_lines(byte_range):
        for start, line in _numbered(text):
            try:
                is_wanted = _id_decoder.decode(line).event_id in subjects
            except (ValueError, RecursionError):
                continue
            if is_wanted and (event := _event(text, start)) and subject_of(event) == event.event_id:
                _add(claims, event.event_id, _claim(event, offset + start))
    return claims


def join(claims: Claims, others: Claims) -> None:
    """Add to `claims` those of other byte ranges of the same log."""
    for subject, claim in others.items():
        _add(claims, subject, claim)


def _add(claims: Claims, subject: str, claim: Claim) -> None:
    earlier = claims.get(subject)
    if earlier is None or claim.rank > earlier.rank:
        claims[subject] = claim


def _claim(event: ExecutionEvent, offset: int) -> Claim:
    return Claim(revision_of(event), event.payload.voided is not None, offset, event.event_id)


def _lines_with_words(text: bytes) -> set[int]:
    starts = set()
    for word in _WORDS:
        at = text.find(word)
        while at >= 0:
            starts.add(text.rfind(b"\n", 0, at) + 1)
            end = text.find(b"\n", at)
            at = text.find(word, end) if end >= 0 else -1
    return starts


def _numbered(text: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    for line in BytesIO(text):
        yield start, line
        start += len(line)


class _Named(msgspec.Struct, gc=False):
    event_id: str = ""


_id_decoder = msgspec.json.Decoder(_Named)


def _event(text: bytes, start: int) -> ExecutionEvent | None:
    end = text.find(b"\n", start)
    end = end if end >= 0 else len(text)
    if end - start > MAXIMUM_LINE_BYTES:
        return None
    try:
        return decode(text[start:end])
    except (ValueError, RecursionError):
        return None
