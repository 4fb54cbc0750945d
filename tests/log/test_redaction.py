"""What is left of an error message: one short line without secrets.

The secrets are made here from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.recording.redaction import safe_error, safe_label

LONG = "a1B2c3D4e5F6" * 3
WORD = "correct-horse"
KEYS = [
    *(start + LONG for start in ("sk-", "sk-ant-api03-", "sk-proj-", "sk-or-v1-", "csk-", "xai-", "pplx-", "tvly-")),
    *(start + LONG for start in ("gsk_", "hf_", "r8_", "fw_", "sk_live_", "rk_test_", "lsv2_pt_", "sgp_")),
    *(start + LONG for start in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "npm_", "pypi-")),
    *(start + LONG for start in ("xoxb-", "xoxp-", "dop_v1_", "shpat_", "ATATT3", "AIza", "ya29.", "GOCSPX-", "hvs.")),
    "AK" + "IA" + "ABCDEFGHIJKLMNOP",
    "AS" + "IA" + "ABCDEFGHIJKLMNOP",
    "SG." + LONG + "." + LONG,
    "dapi" + "0123456789abcdef" * 2,
    "123456789" + ":" + "a" * 35,
    "ey" + "J" + LONG + "." + LONG + "." + LONG,
    LONG * 2,
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["{}", "bad {}.", "MY_{}", "a\x1b[31m{}\x1b[0m", '{{"k":"{}"}}', "\u200b{},"])
def test_the_keys_of_the_common_vendors_are_redacted_wherever_they_stand(key: str, around: str) -> None:
    safe = str(safe_error(around.format(key)))
    assert "[redacted]" in safe
    assert not any(key[place : place + 8] in safe for place in range(len(key) - 8))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: token {}",
        "'Authorization': 'Basic {}'",
        '\\"authorization\\": \\"ApiKey {}\\"',
        "Cookie: session=x; other={}",
        "Bearer {}",
        "https://user:{}@example.com/x",
        "postgres://me:{}:more@db/x",
        "https://longtokenlongtoken{}@example.com",
        "PASSWORD={}",
        "OPENAI_KEY={}",
        "MY_API_KEY = '{} and more'",
        'export AWS_SECRET_ACCESS_KEY="{}"',
        '{{"client_secret":"{}"}}',
        '{{\\"apiKey\\": \\"{}\\"}}',
        "x-api-key: {}",
        "foo: db.password={};",
        "?token={}&x=1",
        "--api-key {} --model x",
        "--auth-token={}",
        "SENTRY_DSN={}",
        "passphrase: {}",
        "Incorrect API key provided: {}",
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n{}",
    ],
)
def test_a_secret_without_a_shape_is_known_by_what_stands_before_it(text: str) -> None:
    safe = str(safe_error("it failed: " + text.format(WORD)))
    assert WORD not in safe
    assert "[redacted]" in safe
    assert safe.startswith("it failed: ")


@pytest.mark.parametrize(
    "text",
    [
        "prompt is too long: 205000 tokens > 200000 maximum",
        "HTTP 429: rate limit reached for claude-sonnet-4-5-20250929",
        "KeyError: 'x' in task-assessment-of-disk-thing at /home/me/project/src/module.py:12",
        "could not clone git@github.com:acme/shop.git",
        "commit 0123456789abcdef0123456789abcdef01234567 not found",
        "session 3f0c1c52-7f2f-4d8e-9a52-0a4f6f9b1c11 ended",
    ],
)
def test_what_a_person_needs_to_recognise_the_problem_stays(text: str) -> None:
    assert safe_error(text) == text


def test_an_error_is_one_line_of_at_most_500_characters() -> None:
    assert safe_error("first\n\tsecond\r\n\x00third\x1b[2J  fourth ") == "first second third fourth"
    long = str(safe_error("word " * 1000))
    assert (len(long), long[-1]) == (500, "…")


@pytest.mark.parametrize("text", [None, "", "  \n", "\x00\x1b[0m"])
def test_nothing_to_say_is_none(text: str | None) -> None:
    assert safe_error(text) is None
    assert safe_label(text) is None


@pytest.mark.parametrize("before", range(1940, 2001, 7))
def test_a_secret_that_is_cut_in_two_is_not_shown_in_part(before: int) -> None:
    filler = "token=" + "z" * (before - 20) + " next "
    assert WORD[:5] not in str(safe_error(f"{filler}https://user:{WORD * 5}@host and more " + "x " * 200))


def test_a_label_is_one_printable_line_of_at_most_200_characters() -> None:
    assert safe_label(" a\x1b[31mb\nc\u202ed ") == "a b c d"
    assert safe_label("x" * 10**6) == "x" * 200


@given(text=st.text(max_size=600))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    safe = safe_error(text)
    assert safe is None or (safe.isprintable() and 0 < len(safe) <= 500)


PIECES = [
    "token", "token.", "a.", "a", "aa://", "a://b:", "-----BEGIN PRIVATE KEY-----", "authorization:", "api key ",
    "--token ", "-", "A1", "a+", 'token=\\"', " ", "eyJaaaaaaaa.", "sk-", "1", "token\n", "\x1b[", "bearer ", ":", "@",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()  # of this process alone, however busy the machine is
    safe_error(piece * 5000)
    safe_error("x" + piece * 300 + "b" * 1000)
    took = time.process_time() - began
    print(f"{took * 1000:.1f} ms")
    assert took < 1  # a pattern that backtracks takes minutes
