"""Every error that this package raises on purpose.

```
TelemetryError
├── ProjectError      no project, an unknown feature, a path that is refused
├── SettingsError     a settings file that cannot be used
├── LogError          a feature log that cannot be read or written
├── PluginError       a plugin that cannot be used as it is
├── FilterError       a date, a dimension or a filter that means nothing
└── PriceTableError   a price table that cannot be trusted
```

It stands on the ground floor, so that every module can import it.  The command line shows these errors in one place
(`cli/__init__.py`) as one sentence; anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations


class TelemetryError(Exception):
    """Something that a person can mend: the message says what was found, what was expected and what to do."""


class ProjectError(TelemetryError):
    """There is no spec-kitty project here, the feature is unknown, or the path is refused."""


class SettingsError(TelemetryError):
    """A settings file cannot be used."""


class LogError(TelemetryError):
    """A feature log could not be read or written."""


class PluginError(TelemetryError):
    """A plugin cannot be used as it is written."""


class FilterError(TelemetryError):
    """A filter, a date or a dimension that means nothing."""


class PriceTableError(TelemetryError):
    """A price table or an override could not be trusted, so no price is taken from it."""


def reason_of(error: OSError) -> str:
    """Return why the system refused something, as the end of a sentence: `permission denied`."""
    return (error.strerror or str(error)).lower()
