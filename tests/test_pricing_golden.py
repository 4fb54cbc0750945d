"""Golden prices: what a call cost on a day, worked by hand from the published rate.

A line gives thousands of tokens (uncached / cache read / cache write 5 minutes / cache write 1 hour / output) of one
request and the exact dollars; the comment is the working, in dollars per million tokens.  A line changes only when the
vendor corrects what was charged on that day, never because a table was edited.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from spec_kitty_telemetry.pricing import PriceBook, dollars

GOLDEN = [
    # anthropic
    ("anthropic", "claude-sonnet-4-6", "2026-08-20T10:00Z", "12/40/6/0/0.9", "0.084"),  # .036+.012+.0225+.0135
    ("anthropic", "claude-opus-4-6", "2026-03-12T23:59Z", "300/0/0/0/0", "3"),  # above 200k: .3 * 10
    ("anthropic", "claude-opus-4-6", "2026-03-13T00:00Z", "300/0/0/0/0", "1.5"),  # premium gone: .3 * 5
    ("anthropic", "claude-opus-4-8", "2026-11-22T12:00Z", "0/0/1000/5000/0", "56.25"),  # 6.25 + 5 * 10
    ("anthropic", "claude-haiku-5-5", "2026-11-01T00:00Z", "100/0/0/0/10", "0.015"),  # exactly 100k: .1*.1+.01*.5
    ("anthropic", "claude-haiku-5-5", "2026-11-01T00:00Z", "100.001/0/0/0/10", "0.0750005"),  # .100001*.5 + .01*2.5
    ("anthropic", "claude-sonnet-5-5", "2026-10-06T23:59Z", "0/1000/0/0/0", "0.2"),  # reads before the cut
    ("anthropic", "claude-sonnet-5-5", "2026-10-07T00:00Z", "0/1000/0/0/0", "0.1"),  # reads after it
    ("anthropic", "claude-sonnet-4-20250514", "2025-09-01T00:00Z", "200.001/0/0/0/0", "1.200006"),  # .200001 * 6
    ("anthropic", "claude-mythos-5-1", "2026-09-10T00:00Z", "1000/1000/0/0/1000", "60.25"),  # 10 + .25 + 50
    # openai
    ("openai", "gpt-6.2-sol", "2026-11-17T00:00Z", "172/100/0/0/10", "0.454"),  # 272k: .172*2 + .1*.1 + .01*10
    ("openai", "gpt-6.2-sol", "2026-11-17T00:00Z", "172.001/100/0/0/10", "0.858004"),  # .172001*4 + .1*.2 + .01*15
    ("openai", "gpt-6.2-astra", "2026-11-20T00:00Z", "10/100/0/0/1", "0.16"),  # .01*8 + .1*.4 + .001*40
    ("openai", "gpt-5.6-sol", "2026-08-20T23:59Z", "100/0/0/0/10", "0.8"),  # .1*5 + .01*30
    ("openai", "gpt-5.6-sol", "2026-08-21T00:00Z", "100/0/0/0/10", "0.6"),  # .1*4 + .01*20
    ("openai", "gpt-5.3-codex", "2026-04-01T00:00Z", "3.277/22.272/0/0/1.59", "0.03189235"),  # *1.75 + *.175 + *14
    ("openai", "o3", "2025-06-09T23:59Z", "1000/0/0/0/1000", "50"),  # 10 + 40
    ("openai", "o3", "2025-06-10T00:00Z", "1000/0/0/0/1000", "10"),  # 2 + 8
    # google
    ("google", "gemini-2.5-pro", "2026-01-01T00:00Z", "170/30/0/0/2.2", "0.23825"),  # .17*1.25+.03*.125+.022
    ("google", "gemini-2.5-pro", "2026-01-01T00:00Z", "170.001/30/0/0/2.2", "0.4655025"),  # *2.5 + .03*.25 + .0022*15
    ("google", "gemini-3.8-flash", "2026-12-31T23:59Z", "1000/1000/0/0/1000", "4.575"),  # .75 + .075 + 3.75
    ("google", "gemini-3.8-flash", "2027-01-01T00:00Z", "1000/1000/0/0/1000", "9.15"),  # 1.5 + .15 + 7.5
    ("google", "gemini-4-argon", "2026-12-01T00:00Z", "100/0/0/0/100", "2.4"),  # .1*4 + .1*20
    # xai
    ("xai", "grok-code-fast-1", "2026-05-15T18:59Z", "1000/1000/0/0/1000", "1.72"),  # .2 + .02 + 1.5; not tiered then
    ("xai", "grok-code-fast-1", "2026-05-15T19:00Z", "100/0/0/0/100", "0.3"),  # billed as grok-build-0.1: .1*1 + .1*2
    ("xai", "grok-4.7", "2026-11-01T00:00Z", "199.999/0/0/0/0", "0.399998"),  # .199999 * 2
    ("xai", "grok-4.7", "2026-11-01T00:00Z", "200/0/0/0/0", "0.8"),  # from 200k on: .2 * 4
    ("xai", "grok-4.20", "2026-04-29T23:59Z", "100/0/0/0/100", "0.8"),  # .1*2 + .1*6
    ("xai", "grok-4.20", "2026-04-30T00:00Z", "100/0/0/0/100", "0.375"),  # .1*1.25 + .1*2.5
    # deepseek
    ("deepseek", "deepseek-chat", "2025-08-01T12:00Z", "1000/1000/0/0/1000", "1.44"),  # day: .27 + .07 + 1.1
    ("deepseek", "deepseek-chat", "2025-08-01T20:00Z", "1000/1000/0/0/1000", "0.72"),  # night: .135 + .035 + .55
    ("deepseek", "deepseek-chat", "2025-09-05T16:00Z", "1000/1000/0/0/1000", "2.31"),  # .56 + .07 + 1.68
    ("deepseek", "deepseek-reasoner", "2025-12-01T00:00Z", "1000/1000/0/0/1000", "0.728"),  # .28 + .028 + .42
    ("deepseek", "deepseek-v4-pro", "2026-11-20T02:00Z", "1000/1000/0/0/1000", "5.324"),  # Friday peak: 1.32+.044+3.96
    ("deepseek", "deepseek-v4-pro", "2026-11-21T02:00Z", "1000/1000/0/0/1000", "2.662"),  # Saturday: .66 + .022 + 1.98
    ("deepseek", "deepseek-v4-flash", "2026-08-17T06:00Z", "1000/0/0/0/1000", "1.76"),  # first peak: .44 + 1.32
    # moonshot
    ("moonshot", "kimi-k3", "2026-11-01T00:00Z", "100/100/100/100/100", "2.73"),  # .3 + .03 + .3 + .6 + 1.5
    ("moonshot", "kimi-k2.6", "2026-06-01T00:00Z", "1000/1000/0/0/1000", "5.11"),  # .95 + .16 + 4
    ("moonshot", "kimi-k2.7-code", "2026-06-01T00:00Z", "1000/1000/0/0/1000", "5.14"),  # .95 + .19 + 4
    ("moonshot", "kimi-k3.1-pro", "2026-11-01T00:00Z", "1000/1000/0/1000/0", "6.2"),  # 2 + .2 + 4
    ("moonshot", "kimi-k2-thinking", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "3.25"),  # .6 + .15 + 2.5
    # zai
    ("zai", "glm-4.6", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "2.91"),  # .6 + .11 + 2.2
    ("zai", "glm-4.5-air", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "1.33"),  # .2 + .03 + 1.1
    ("zai", "GLM-4.7", "2026-02-01T00:00Z", "10/90/0/0/1", "0.0181"),  # .01*.6 + .09*.11 + .001*2.2
    ("zai", "glm-5.2", "2026-10-01T00:00Z", "1000/0/0/0/1000", "5.8"),  # 1.4 + 4.4
    ("zai", "GLM-4.5-X", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "11.55"),  # 2.2 + .45 + 8.9
    # mistral
    ("mistral", "mistral-large-4", "2026-10-19T00:00Z", "1000/1000/0/0/1000", "2.84"),  # .68 + .07 + 2.09
    ("mistral", "mistral-large-4", "2026-10-20T00:00Z", "1000/1000/0/0/1000", "5.68"),  # 1.36 + .14 + 4.18
    ("mistral", "mistral-large-4", "2026-10-29T00:00Z", "1000/1000/0/0/1000", "2.87"),  # .7 + .07 + 2.1
    ("mistral", "mistral-large-latest", "2025-12-01T00:00Z", "1000/0/0/0/1000", "8"),  # 2 + 6
    ("mistral", "mistral-large-latest", "2025-12-02T00:00Z", "1000/0/0/0/1000", "2"),  # .5 + 1.5
    ("mistral", "devstral-2512", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "2.44"),  # .4 + .04 + 2
    ("mistral", "codestral-2508", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "1.23"),  # .3 + .03 + .9
    # alibaba
    ("alibaba", "qwen3-coder-plus", "2026-11-01T00:00Z", "32/0/0/0/1", "0.037"),  # .032*1 + .001*5
    ("alibaba", "qwen3-coder-plus", "2026-11-01T00:00Z", "32.001/0/0/0/1", "0.0666018"),  # .032001*1.8 + .001*9
    ("alibaba", "qwen3-coder-plus", "2026-11-01T00:00Z", "256/0/0/0/1", "0.783"),  # .256*3 + .001*15
    ("alibaba", "qwen3-coder-plus", "2026-11-01T00:00Z", "156.001/100/0/0/1", "1.056006"),  # *6 + .1*.6 + .001*60
    ("alibaba", "qwen3.7-max", "2026-11-01T00:00Z", "1000/1000/1000/0/1000", "13.625"),  # 2.5 + .5 + 3.125 + 7.5
    ("alibaba", "qwen3.8-flash", "2026-11-01T00:00Z", "100/0/0/0/100", "0.062"),  # .1*.15 + .1*.47
    # minimax
    ("minimax", "minimax-m2.5", "2026-06-01T00:00Z", "1000/1000/1000/0/1000", "1.905"),  # .3 + .03 + .375 + 1.2
    ("minimax", "MiniMax-M2.7", "2026-06-01T00:00Z", "1000/1000/0/0/0", "0.36"),  # .3 + .06
    ("minimax", "MiniMax-M3", "2026-10-01T00:00Z", "512/0/0/0/100", "0.2736"),  # .512*.3 + .1*1.2
    ("minimax", "MiniMax-M3", "2026-10-01T00:00Z", "512.001/0/0/0/100", "0.5472006"),  # .512001*.6 + .1*2.4
    ("minimax", "minimax-m3.1-flash", "2026-10-01T00:00Z", "1000/1000/0/0/1000", "0.765"),  # .15 + .015 + .6
    # github-copilot
    ("github-copilot", "gpt-4.1", "2026-10-01T00:00Z", "1000/0/0/0/1000", "0"),  # in the subscription
    # .007*3 + .004*.3 + .0007*15
    ("github-copilot", "claude-sonnet-4.6", "2026-10-01T00:00Z", "7/4/0/0/0.7", "0.0327"),
    ("github-copilot", "gpt-5.6-luna", "2026-10-01T00:00Z", "200/0/0/0/0", "0.04"),  # .2 * .2
    ("github-copilot", "gpt-5.6-luna", "2026-10-01T00:00Z", "200.001/0/0/0/0", "0.0800004"),  # .200001 * .4
    ("github-copilot", "claude-opus-5.5", "2026-10-01T00:00Z", "0/1000/1000/0/1000", "25.2"),  # .2 + 5 + 20
    # cursor
    ("cursor", "composer-2.5", "2026-10-01T00:00Z", "1000/1000/0/0/1000", "3.2"),  # .5 + .2 + 2.5
    ("cursor", "composer-2.5[fast=true]", "2026-10-01T00:00Z", "1000/0/0/0/1000", "18"),  # 3 + 15
    ("cursor", "grok-4.7", "2026-10-01T00:00Z", "256/0/0/0/10", "0.572"),  # .256*2 + .01*6
    ("cursor", "grok-4.7", "2026-10-01T00:00Z", "256.001/0/0/0/10", "1.144004"),  # .256001*4 + .01*12
    ("cursor", "grok-4.6-fast", "2026-10-01T00:00Z", "1000/1000/0/0/1000", "17"),  # 4 + 1 + 12
    # aws-bedrock
    # 3.3 + 16.5, and with the global id of the next one 5 + 25
    ("aws-bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-01-01T00:00Z", "1000/0/0/0/1000", "19.8"),
    ("aws-bedrock", "global.anthropic.claude-opus-4-5-20251101-v1:0", "2026-01-01T00:00Z", "1000/0/0/0/1000", "30"),
    ("aws-bedrock", "qwen.qwen3-coder-480b-a35b-v1:0", "2026-01-01T00:00Z", "1000/0/0/0/1000", "2.25"),  # .45 + 1.8
    ("aws-bedrock", "us.openai.gpt-6-sol", "2026-10-01T00:00Z", "272.001/0/0/0/0", "1.1968044"),  # .272001 * 4.4
    ("aws-bedrock", "amazon.nova-micro-v1:0", "2026-01-01T00:00Z", "0/1000/0/0/1000", "0.14875"),  # .00875 + .14
    # google-vertex
    # *6 + .001*22.5
    ("google-vertex", "claude-sonnet-4-5@20250929", "2026-01-01T00:00Z", "200.001/0/0/0/1", "1.222506"),
    ("google-vertex", "claude-opus-4-6", "2026-03-01T00:00Z", "0/0/0/100/0", "0.625"),  # no 1h rate then: .1 * 6.25
    ("google-vertex", "claude-opus-4-6", "2026-03-13T00:00Z", "0/0/0/100/0", "1"),  # .1 * 10
    ("google-vertex", "claude-fable-5-2", "2026-11-01T00:00Z", "1000/1000/0/0/1000", "48.2"),  # 8 + .2 + 40
    ("google-vertex", "gemini-2.5-pro", "2026-01-01T00:00Z", "100/0/0/0/10", "0.225"),  # Gemini list: .1*1.25 + .01*10
    # azure
    ("azure", "o3", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "10.5"),  # 2 + .5 + 8
    ("azure", "o4-mini", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "5.775"),  # 1.1 + .275 + 4.4
    ("azure", "o1", "2026-01-01T00:00Z", "100/0/0/0/100", "7.5"),  # 1.5 + 6
    ("azure", "phi-4", "2026-01-01T00:00Z", "1000/0/0/0/1000", "0.625"),  # .125 + .5
    ("azure", "gpt-5", "2026-01-01T00:00Z", "1000/1000/0/0/1000", "11.375"),  # OpenAI list: 1.25 + .125 + 10
]  # fmt: skip


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook.shipped()


@pytest.mark.parametrize(("provider", "model", "at", "thousands", "expected"), GOLDEN)
def test_price_of_a_day_is_exact(
    book: PriceBook, provider: str, model: str, at: str, thousands: str, expected: str
) -> None:
    price = book.find(model, provider, datetime.fromisoformat(at))
    uncached, read, write_5m, write_1h, output = (int(Decimal(part) * 1000) for part in thousands.split("/"))
    whole = uncached + read + write_5m + write_1h

    assert price is not None
    cost = price.cost(
        input_tokens=whole,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=write_5m + write_1h,
        cache_write_1h_tokens=write_1h,
        request_input_tokens=whole,
    )
    assert dollars(cost) == Decimal(expected)


def test_every_provider_with_golden_prices_is_shipped_and_has_five_of_them(book: PriceBook) -> None:
    counted = [provider for provider, *_ in GOLDEN]

    assert set(counted) <= {each.provider for each in book.models()}
    assert min(counted.count(provider) for provider in counted) >= 5
