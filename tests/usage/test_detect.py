"""Which agent a command line runs and with which model: wrappers are seen through, and their options are theirs."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.agents import NAMES
from spec_kitty_telemetry.agents.detect import MODEL_OPTIONS, agent_of, model_of
from spec_kitty_telemetry.agents.wrappers import WRAPPERS


def of(line: str) -> tuple[str, str | None]:
    words = shlex.split(line)
    return agent_of(words), model_of(words)


@pytest.mark.parametrize(
    "wrapper",
    [
        "npx",
        "npx -y",
        "npx --yes --prefix /x",
        "npx -p @openai/codex@1.2 -p other",
        "npm exec --",
        "npm exec -y --package=@openai/codex --",
        "bunx --bun",
        "bun x",
        "pnpm dlx",
        "pnpm --package=@openai/codex dlx",
        "pnpm exec",
        "pnpm",
        "yarn dlx -p @openai/codex",
        "yarn",
        "uvx --from git+https://example.org/x.git --with y",
        "uv tool run --python 3.12",
        "uv run --with z -p 3.13",
        "pipx run --spec thing==1.0",
        "poetry run",
        "conda run -n work",
        "env",
        "env -i -u HOME A=1 B='2 3'",
        "env --chdir=/x PATH=/y",
        "sudo",
        "sudo -E -u dev -g staff",
        "sudo -u dev A=1 --",
        "doas -u dev",
        "timeout 600",
        "timeout -k 10 600",
        "timeout --kill-after=10 -s TERM 1.5h",
        "timeout --foreground -v 600",
        "nice",
        "nice -n 10",
        "nice -10",
        "ionice -c 3",
        "nohup",
        "setsid -w",
        "stdbuf -oL -e 0",
        "time -p",
        "command",
        "exec -a name",
        "taskset 0x3",
        "flock /tmp/lock",
        "caffeinate -i -t 60",
        "systemd-run --user --scope -p MemoryMax=8G",
        "firejail --net=none",
        "bwrap --ro-bind / / --",
        "xvfb-run -a",
        "strace -f -o /tmp/x",
        "docker run --rm -it -v /a:/b -e KEY=1 -m 4g --name x node:22",
        "docker exec -it -w /x some-container",
        "docker compose -f a.yml run --rm service",
        "docker compose exec -T service",
        "podman run --userns=keep-id ghcr.io/example/tools:1.2@sha256:ab",
        "docker sandbox run -w .",
        "kubectl exec -it some-pod -c main --",
        "mise exec node@20 --",
        "mise x --",
        "mise -C /x exec python@3.12 node@20 --",
        "asdf exec",
        "direnv exec .",
        "nix develop -c",
        "nix develop .#dev --command",
        "nix shell nixpkgs#nodejs -c",
        "devbox run --",
        "op run --env-file=.env --",
        "doppler run -p shop --",
        "aws-vault exec work --",
        "dotenvx run -f .env --",
        "ssh -p 22 -o BatchMode=yes dev@host",
        "script -q /dev/null",
        "rtk",
        "sudo -u dev env -i A=1 timeout -k 5 60 nice -n 5 npx -y",
        "some-tool --unknown value --",
    ],
)
def test_an_agent_behind_a_wrapper_is_seen_with_its_own_model(wrapper: str) -> None:
    assert of(f"{wrapper} codex exec --json -m gpt-5.4 x") == ("codex", "gpt-5.4")
    assert of(f"{wrapper} claude -p x") == ("claude-code", None)


@pytest.mark.parametrize(
    ("line", "agent", "model"),
    [
        ("npx -y @openai/codex@latest exec --json x", "codex", None),
        ("npx @anthropic-ai/claude-code@2.1.330 -p x --model opus", "claude-code", "opus"),
        ("bunx @google/gemini-cli@preview -m gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
        ("pnpm dlx @qwen-code/qwen-code --model=qwen3-coder-plus", "qwen", "qwen3-coder-plus"),
        ("npx --yes opencode-ai@1.18.33 run -m github-copilot/gpt-5.4 x", "opencode", "github-copilot/gpt-5.4"),
        ("npx -y @github/copilot@1.0.102 -p x --model gpt-5.1", "copilot", "gpt-5.1"),
        ("npx -y @kilocode/cli@7 run --auto --model a/b", "kilocode", "a/b"),
        ("npx @sourcegraph/amp@latest -x hi", "amp", None),
        ("npx -y @augmentcode/auggie --print", "augment", None),
        ("npx @mariozechner/pi-coding-agent -p --model gpt-5.1 x", "pi", "gpt-5.1"),
        ("npm exec @openai/codex -- exec -m gpt-5.4", "codex", "gpt-5.4"),
        ("uvx aider-chat==0.86.1 --model gpt-5", "aider", "gpt-5"),
        ("uvx --from 'aider-chat[browser]' aider --model gpt-5", "aider", "gpt-5"),
        ("uvx aider-chat@latest", "aider", None),
        ("python -m aider --model sonnet", "aider", "sonnet"),
        ("python3.12 -W ignore -m aider.main --model=sonnet", "aider", "sonnet"),
        ("uv run -m aider --model sonnet", "aider", "sonnet"),
        ("deno run -A npm:@openai/codex exec", "codex", None),
        ("node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js -p x", "claude-code", None),
        ("node --max-old-space-size=4096 /x/node_modules/@openai/codex/bin/codex.js exec", "codex", None),
        ("nix run nixpkgs#claude-code -- -p x --model opus", "claude-code", "opus"),
        ("nix run github:numtide/llm-agents.nix#codex -- exec", "codex", None),
        ("docker run --rm ghcr.io/openai/codex:1.2 exec --json -m gpt-5.4", "codex", "gpt-5.4"),
        ("docker run --rm -m 4g example/claude-code --model opus", "claude-code", "opus"),
        ("docker run --entrypoint claude image -p x", "claude-code", None),
        ("bash -c 'cd /x && A=1 claude -p \"hi there\" --model opus'", "claude-code", "opus"),
        ("bash -lc 'set -e; source .env; exec codex exec -m gpt-5.4'", "codex", "gpt-5.4"),
        ("sh -ec 'cat prompt.md | codex exec - -m gpt-5.4 2>&1'", "codex", "gpt-5.4"),
        ("env -S 'claude -p x'", "claude-code", None),
        ("npx -c 'codex exec -m gpt-5.4'", "codex", "gpt-5.4"),
        ("ssh host 'cd shop && codex exec -m gpt-5.4'", "codex", "gpt-5.4"),
        ("su dev -c 'codex exec'", "codex", None),
        ("nix-shell -p codex --run 'codex exec -m gpt-5.4'", "codex", "gpt-5.4"),
        ("cmd /c claude -p x", "claude-code", None),
        ("powershell -NoProfile -Command 'claude -p x'", "claude-code", None),
        ("gh copilot suggest x", "copilot", None),
        ("ccr code -p x", "claude-code", None),
        ("cursor agent -p x --model composer-2.5", "cursor", "composer-2.5"),
        ("C:/tools/cursor-agent.cmd -p", "cursor", None),
        ('codex exec -c model="gpt-5.4" -c service_tier=fast', "codex", "gpt-5.4"),
        ("codex exec --config 'model = \"gpt-5.4\"'", "codex", "gpt-5.4"),
        ("./my-own-agent.py --model x", "my-own-agent", None),
        ("timeout 60 ./my-own-agent.py", "my-own-agent", None),
        ("bash ./scripts/agent.sh -m x", "agent", None),
        ("/home/pi/bin/thing", "thing", None),
        ("node /home/pi/index.js", "index", None),
        ("npx", "npx", None),
        ("timeout 60", "timeout", None),
        ("docker ps", "docker", None),
    ],
)
def test_packages_images_modules_and_shells_are_understood(line: str, agent: str, model: str | None) -> None:
    assert of(line) == (agent, model)


@pytest.mark.parametrize(
    "line",
    [
        "python -m platform",
        "python -m my_agent --model x",
        "docker run -m 4g alpine",
        "git commit -m 'a message'",
        "aider --yes -m 'Implement login. The password is hunter2'",
        "aider --message x -m y",
        "amp -m smart -x hi",
        "kilocode -m architect x",
        "claude -p -m sonnet",
        "claude -p x --model 'two words'",
        "claude -p x --model ''",
        "claude -p x --model --verbose",
        "claude -p x --model=",
        "claude -p -- --model opus",
        "my-agent --model gpt-5",
        "timeout -m 5 claude -p x",
        "sudo --model x claude -p x",
        "codex exec -c model_provider=openai",
        "codex exec -c 'model=two words'",
        "claude --fallback-model sonnet -p x",
    ],
)
def test_nothing_but_an_agents_own_option_with_a_name_is_a_model(line: str) -> None:
    assert of(line)[1] is None


def test_of_an_option_that_is_given_twice_the_last_counts() -> None:
    assert of("gemini -m gemini-2.5-flash --model gemini-2.5-pro")[1] == "gemini-2.5-pro"


def test_every_agent_says_how_it_is_told_its_model() -> None:
    assert MODEL_OPTIONS.keys() == {module.partition(".")[0].replace("_", "-") for module in NAMES}


@given(
    st.lists(
        st.sampled_from([*WRAPPERS, "--", "-c", "-x", "run", "exec", "a=b", "", "codex", "'", "x y", "#", "@"]),
        min_size=1,
    )
)
def test_any_words_have_an_answer(words: list[str]) -> None:
    assert isinstance(agent_of(words), str)
    assert " " not in (model_of(words) or "")
