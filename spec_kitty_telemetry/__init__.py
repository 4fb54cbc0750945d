"""What every AI agent run cost while a spec-kitty project was built.

The names below are the promise of this package; everything else may change.  They are imported when they are first
used (PEP 562), so importing the package costs nothing: it stands in the start-up path of other people's programs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from spec_kitty_telemetry.errors import TelemetryError
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.hooks.specs import hookimpl, hookspec
    from spec_kitty_telemetry.log.event_store import SimpleJsonStore
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, ModelUsage, Usage
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import Price
    from spec_kitty_telemetry.recording.emit import emit_execution_event
    from spec_kitty_telemetry.reports.build import cost_summary
    from spec_kitty_telemetry.reports.filters import EventFilter
    from spec_kitty_telemetry.reports.search import (
        query_execution_events,
        query_project_events,
        stream_execution_events,
        stream_project_events,
    )
    from spec_kitty_telemetry.reports.summary import CostSummary
    from spec_kitty_telemetry.version import __version__

__all__ = [
    "CostSummary",
    "EventFilter",
    "ExecutionEvent",
    "Hooks",
    "Invocation",
    "InvocationResult",
    "ModelUsage",
    "Price",
    "SimpleJsonStore",
    "TelemetryError",
    "Usage",
    "__version__",
    "cost_summary",
    "emit_execution_event",
    "hookimpl",
    "hookspec",
    "query_execution_events",
    "query_project_events",
    "stream_execution_events",
    "stream_project_events",
]

_HOMES = {
    "CostSummary": "reports.summary",
    "EventFilter": "reports.filters",
    "ExecutionEvent": "model.record",
    "Hooks": "hooks.manager",
    "Invocation": "model.invocation",
    "InvocationResult": "model.invocation",
    "ModelUsage": "model.invocation",
    "Price": "pricing",
    "SimpleJsonStore": "log.event_store",
    "TelemetryError": "errors",
    "Usage": "model.invocation",
    "__version__": "version",
    "cost_summary": "reports.build",
    "emit_execution_event": "recording.emit",
    "hookimpl": "hooks.specs",
    "hookspec": "hooks.specs",
    "query_execution_events": "reports.search",
    "query_project_events": "reports.search",
    "stream_execution_events": "reports.search",
    "stream_project_events": "reports.search",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
