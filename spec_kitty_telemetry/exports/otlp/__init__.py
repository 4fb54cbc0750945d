"""Runs as OpenTelemetry traces: what a span says (`spans`), its bytes (`protobuf`, `request`), and sending (`sending`).

Written by hand rather than with the SDK, which would take half a second to import, an `atexit` in somebody else's
process, and ids that a second export does not repeat.
"""
