"""A plugin in which everything goes wrong."""

from spec_kitty_telemetry import hookimpl


@hookimpl
def hooks_loaded() -> None:
    raise RuntimeError("hooks_loaded")


@hookimpl
def before_invocation() -> None:
    raise RuntimeError("before_invocation")


@hookimpl
def after_invocation() -> None:
    raise RuntimeError("after_invocation")


@hookimpl
def extract_usage() -> None:
    raise RuntimeError("extract_usage")


@hookimpl
def find_price() -> None:
    raise RuntimeError("find_price")


@hookimpl
def event_recorded() -> None:
    raise RuntimeError("event_recorded")
