"""Where spans go, by the standard environment variables, and one request to there.

Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and …/otlp/ (read 2026-11).  No project's file names
an endpoint: what comes with a clone must not send a person's records anywhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from spec_kitty_telemetry.errors import SettingsError, TelemetryError
from spec_kitty_telemetry.exports.otlp.request import PartialSuccess, partial_success, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = "/v1/traces"
_PREFIX = "OTEL_EXPORTER_OTLP_"
_DEFAULT_TIMEOUT_MS = 10_000
_LONGEST_TIMEOUT_MS = 600_000
_MOST_ANSWER_BYTES = 64 * 1024
_PROTOCOLS = ("http/protobuf", "")


class Endpoint(NamedTuple):
    """Where requests go, with what in their headers, and how long one may take."""

    url: str
    headers: dict[str, str]
    timeout_s: float

    @property
    def shown(self) -> str:
        """The URL without its query, which may hold a key."""
        return urlsplit(self.url)._replace(query="").geturl()


def is_disabled(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether OpenTelemetry is turned off as a whole."""
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def endpoint_of(environment: Mapping[str, str] = os.environ) -> Endpoint | None:
    """Return the endpoint that the environment names; `None`: it names none.

    :raises SettingsError: a variable means nothing.
    """
    url = _said(environment, "TRACES_ENDPOINT")
    if not url:
        base = _said(environment, "ENDPOINT")
        if not base:
            return None
        url = base.rstrip("/") + _PATH
    if "@" in urlsplit(url).netloc:
        raise SettingsError(
            "found a password in the OTLP endpoint, which logs would show; "
            f"put it into {_PREFIX}HEADERS=authorization=Basic%20… instead"
        )
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise SettingsError(f"found the OTLP endpoint {url!r}, expected one that begins with http:// or https://")
    protocol = _said(environment, "TRACES_PROTOCOL") or _said(environment, "PROTOCOL")
    if protocol not in _PROTOCOLS:
        raise SettingsError(
            f"found the OTLP protocol {protocol!r}, but only http/protobuf is spoken here; "
            f"set {_PREFIX}TRACES_PROTOCOL=http/protobuf and the endpoint's port for HTTP, usually 4318"
        )
    headers = _headers(_said(environment, "TRACES_HEADERS") or _said(environment, "HEADERS"))
    return Endpoint(url, headers, _timeout_s(_said(environment, "TRACES_TIMEOUT") or _said(environment, "TIMEOUT")))


def _said(environment: Mapping[str, str], name: str) -> str:
    return environment.get(_PREFIX + name, "").strip()


def _headers(text: str) -> dict[str, str]:
    """Return the headers of `name=value,name=value`, in which values are percent-encoded."""
    found = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        name, separator, value = pair.partition("=")
        clean = unquote(value.strip())
        if not separator or not name.strip() or not (name.strip() + clean).isprintable() or not clean.isascii():
            # Never the value: it is a key.
            raise SettingsError(f"{_PREFIX}HEADERS: found no name=value at {name.strip()!r}; separate pairs by commas")
        found[name.strip()] = clean
    return found


def _timeout_s(text: str) -> float:
    if not text:
        return _DEFAULT_TIMEOUT_MS / 1000
    if not text.isdecimal() or not 0 < int(text) <= _LONGEST_TIMEOUT_MS:
        raise SettingsError(f"{_PREFIX}TIMEOUT: found {text!r}, expected milliseconds from 1 to {_LONGEST_TIMEOUT_MS}")
    return int(text) / 1000


def send(endpoint: Endpoint, body: bytes) -> PartialSuccess:
    """Send one request and return what was not taken of it.

    It takes no longer than the endpoint's time limit, also where an answer comes a byte at a time.

    :raises TelemetryError: the endpoint cannot be reached, does not answer in time, or refuses.
    """
    from threading import Thread  # who exports nothing needs none of this

    answers: list[PartialSuccess | TelemetryError] = []
    thread = Thread(target=lambda: answers.append(_answer(endpoint, body)), daemon=True)
    thread.start()
    thread.join(endpoint.timeout_s)
    if not answers:
        raise _too_late(endpoint)
    if isinstance(answers[0], TelemetryError):
        raise answers[0]
    return answers[0]


def _answer(endpoint: Endpoint, body: bytes) -> PartialSuccess | TelemetryError:
    import http.client
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirects(HTTPRedirectHandler):
        """Records and their key go to the endpoint that was named, and nowhere else."""

        def redirect_request(self, *_: object) -> None:
            return None

    headers = {**endpoint.headers, "Content-Type": "application/x-protobuf"}
    request = Request(endpoint.url, body, headers, method="POST")  # noqa: S310 - http or https: `endpoint_of` checks it
    try:
        with build_opener(NoRedirects).open(request, timeout=endpoint.timeout_s) as response:
            return partial_success(response.read(_MOST_ANSWER_BYTES))
    except HTTPError as error:
        reason = _reason(error)
        return TelemetryError(f"{endpoint.shown} answered {error.code}{f': {reason}' if reason else ''}")
    except TimeoutError:  # the socket's own limit is as long as the caller's, and either may come first
        return _too_late(endpoint)
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            return _too_late(endpoint)
        return TelemetryError(f"{endpoint.shown} cannot be reached: {error.reason}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return TelemetryError(f"{endpoint.shown} cannot be reached: {str(error) or type(error).__name__}")


def _too_late(endpoint: Endpoint) -> TelemetryError:
    return TelemetryError(f"{endpoint.shown} did not answer within {endpoint.timeout_s:g} s; is it an OTLP receiver?")


def _reason(error: object) -> str:
    try:
        body: bytes = error.read(_MOST_ANSWER_BYTES)  # type: ignore[attr-defined]  # an HTTPError is a response
    except (OSError, ValueError):
        return ""
    return refusal(body)
