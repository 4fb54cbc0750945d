"""What a name alone says about its price, whatever model it is: free by convention, on one's own machine, on a plan.

These rules count after everything that tables and settings state.  Sources, as of 2026-11-28:

- `:free` and `openrouter/free` cost nothing: openrouter.ai/docs/guides/routing/model-variants/free;
- `-free` at OpenCode Zen: opencode.ai/docs/zen;
- nobody bills for models that run on one's own machine (ollama, LM Studio, llama.cpp, vLLM …); Ollama's own cloud is
  named by `cloud` in the tag (docs.ollama.com/cloud) and is no such model;
- coding plans are subscriptions and providers of their own in the catalogue of models.dev: `zai-coding-plan/glm-4.6`
  is paid by the month, so a token has no price.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from spec_kitty_telemetry.pricing.names import LONGEST_NAME, take_apart
from spec_kitty_telemetry.pricing.rows import Model

LOCAL_RUNTIMES = frozenset({
    "docker-model-runner", "foundry-local", "gpt4all", "hosted_vllm", "jan", "koboldcpp", "llama-cpp", "llama.cpp",
    "llama_cpp", "llamacpp", "llama-server", "llamafile", "lm-studio", "lm_studio", "lmstudio", "local", "localai",
    "mlx", "mlx-lm", "mlx_lm", "ollama", "ollama_chat", "ollama-local", "oobabooga", "sglang",
    "text-generation-webui", "vllm",
})  # fmt: skip
_PLAN = re.compile(r".+-(?:coding|token)-plan(?:-[a-z]+)?|kimi-for-coding|opencode-go")
_CLOUD_TAG = re.compile(r"[:-]cloud$")


class Ruled(NamedTuple):
    """What a rule says of a model."""

    model: Model
    provider: str
    """Who would bill; empty where nobody is named."""


def model_by_rule(name: str, provider: str | None) -> Ruled | None:
    """Return the model that a rule makes of a reported name and provider, `None` where no rule speaks of them."""
    whole = name.strip().lower()[:LONGEST_NAME]
    if not whole:
        return None
    said = (provider or "").strip().lower()
    prefix = take_apart(whole).biller or ""
    for biller in filter(None, (said, prefix)):
        if biller in LOCAL_RUNTIMES:
            return None if _CLOUD_TAG.search(whole) else _free(whole, biller, f"{biller} runs on your own machine")
        if _PLAN.fullmatch(biller):
            return Ruled(Model(id=whole, unpriced=f"paid by the month as part of {biller}"), biller)
    biller = said or prefix
    if whole.endswith(":free") or (biller == "openrouter" and whole.rpartition("/")[2] == "free"):
        return _free(whole, biller, ":free models cost nothing")
    if biller == "opencode" and whole.endswith("-free"):
        return _free(whole, biller, "OpenCode Zen's -free models cost nothing")
    return None


def _free(name: str, biller: str, note: str) -> Ruled:
    return Ruled(Model(id=name, free=True, note=note), biller)
