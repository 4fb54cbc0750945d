"""What of a text may be stored: the rules are in `model.redaction`, on the ground floor, since notes need them too."""

from __future__ import annotations

from spec_kitty_telemetry.model.redaction import redacted, safe_error, safe_label

__all__ = ["redacted", "safe_error", "safe_label"]
