"""What one model, and who bills for it, is called in reports, however an agent spelt it.

Names that only spell one model in several ways are one name here: a date, `[1m]`, `4.5` for `4-5`, a vendor before it.
Models that merely cost the same (`gpt-5.2-codex` and `gpt-5.2`) keep their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.pricing.names import spellings

if TYPE_CHECKING:
    from spec_kitty_telemetry.pricing.resolve import Found, Resolver


class Naming:
    """Gives models and billers their one name; it notes no use of a settings file, as no price is taken from it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._found: dict[tuple[str, str | None, str | None], Found | None] = {}

    def model(self, model: str | None, provider: str | None, agent: str | None) -> str | None:
        """Return the one name of a model; one that no table knows keeps the name it was recorded with."""
        answer = self._look_up(model, provider, agent)
        if answer is None or answer.entry.name.lower() not in answer.catalog.names:
            return model
        known = answer.entry.name
        is_spelling = any(form.name == known.lower() for form in spellings(answer.name, bedrock=True))
        return known if is_spelling or known.lower() in {f"{answer.name}-0", f"{answer.name}-latest"} else answer.name

    def biller(self, model: str | None, provider: str | None, agent: str | None) -> str | None:
        """Return who bills: as it was recorded, else by whose price the model is priced."""
        if provider is not None:
            return self._resolver.provider_called(provider) or provider.strip().lower()
        answer = self._look_up(model, None, agent)
        return (answer.catalog.provider or None) if answer else None

    def _look_up(self, model: str | None, provider: str | None, agent: str | None) -> Found | None:
        if model is None:
            return None
        key = (model, provider, agent)
        if key not in self._found:
            answer = self._resolver.look_up(model, provider, agent)
            self._found[key] = self._resolver.chain(answer)[-1] if answer else None
        return self._found[key]
