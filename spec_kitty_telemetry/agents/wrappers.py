"""Programs that start other programs: the table that `command_line` reads a command by.

Sources: the manuals of each; where a program has more options than stand here, those take no value or are rare.
"""

from __future__ import annotations

import re

from spec_kitty_telemetry.agents.command_line import Wrapper

_PLAIN = Wrapper()
_RUN_AFTER_DASHES = Wrapper(first="after dashes")
_NPX = Wrapper(
    "-p --package -w --workspace --prefix --registry --cache --node-options -n --userconfig", texts="-c --call"
)
_UV_TOOL = Wrapper("--from -w --with --with-editable -p --python --index --index-url -i -c --constraints --env-file")
_CONTAINER_OPTIONS = (
    "-a --attach --add-host --annotation --blkio-weight --cap-add --cap-drop --cgroup-parent --cidfile --cpus"
    " --cpu-shares -c --cpuset-cpus --detach-keys --device --dns --dns-search --entrypoint -e --env --env-file --expose"
    " --gpus --group-add --health-cmd -h --hostname --init-path --ip --ipc -l --label --label-file --link --log-driver"
    " --log-opt --mac-address -m --memory --memory-swap --mount --name --network --net --network-alias --pid"
    " --pids-limit --platform -p --publish --pull --restart --runtime --security-opt --shm-size --stop-signal"
    " --stop-timeout --storage-opt --sysctl --tmpfs --ulimit -u --user --userns --uts -v --volume --volumes-from"
    " -w --workdir --userns"
)
_RUN_IMAGE = Wrapper(_CONTAINER_OPTIONS, first="image")
_IN_CONTAINER = Wrapper("-e --env --env-file -u --user -w --workdir --detach-keys --index", skipped=1)
_COMPOSE_RUN = Wrapper("-e --env -u --user -w --workdir -v --volume -p --publish -l --label --name --index", skipped=1)
_COMPOSE = Wrapper(
    "-f --file -p --project-name --profile --env-file --project-directory --ansi --parallel --progress",
    verbs={"run": _COMPOSE_RUN, "exec": _COMPOSE_RUN},
)
_DOCKER = Wrapper(
    "-H --host -c --context -l --log-level --config --tlscacert --tlscert --tlskey --connection --url --root",
    verbs={
        "run": _RUN_IMAGE,
        "exec": _IN_CONTAINER,
        "compose": _COMPOSE,
        "container": Wrapper(verbs={"run": _RUN_IMAGE, "exec": _IN_CONTAINER}),
        "sandbox": Wrapper(verbs={"run": Wrapper("-w --workspace -t --template --name -e --env -v --volume")}),
    },
)
_SHELL = Wrapper("-o -O --rcfile --init-file", texts="-c --command", first="script")
_PYTHON = Wrapper("-W -X --check-hash-based-pycs", modules="-m", without="-c", first="script")
_NIX_COMMAND = Wrapper(
    "-f --file -I --include --option --override-input -k --keep --unset -s --set",
    starts="-c --command",
    first="after dashes",
)
_POETRY = Wrapper("-C --directory -P --project", verbs={"run": _PLAIN})
_CONDA = Wrapper(verbs={"run": Wrapper("-n --name -p --prefix --cwd -r --root-prefix")})
_SECRETS = Wrapper("-p --project -c --config --env --env-file -f --path --token", verbs={"run": _RUN_AFTER_DASHES})

WRAPPERS: dict[str, Wrapper] = {
    # who runs it, and where
    "sudo": Wrapper(
        "-u --user -g --group -h --host -p --prompt -C --close-from -D --chdir -R --chroot -T -U -r --role -t"
    ),
    "doas": Wrapper("-u -C"),
    "su": Wrapper("-g --group -G -s --shell -w", skipped=9, texts="-c --command"),
    "runuser": Wrapper("-u --user -g --group -G -s --shell -w", texts="-c --command"),
    "env": Wrapper("-u --unset -C --chdir -a --argv0", texts="-S --split-string"),
    "chroot": Wrapper("--userspec --groups", skipped=1),
    "unshare": Wrapper("-S --setuid -G --setgid -R --root -w --wd --map-user --map-group"),
    "firejail": _PLAIN,
    "bwrap": _RUN_AFTER_DASHES,
    "sandbox-exec": Wrapper("-f -n -p -D"),
    "systemd-run": Wrapper(
        "-p --property -u --unit --slice -E --setenv --description --working-directory -M -H --uid --gid"
    ),
    "ssh": Wrapper("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w", skipped=1, first="text"),
    "wsl": Wrapper("-d --distribution -u --user --cd", starts="-e --exec"),
    # how it runs
    "timeout": Wrapper("-k --kill-after -s --signal", skipped=1),
    "gtimeout": Wrapper("-k --kill-after -s --signal", skipped=1),
    "nice": Wrapper("-n --adjustment"),
    "ionice": Wrapper("-c --class -n --classdata"),
    "chrt": Wrapper("-T -P -D", skipped=1),
    "taskset": Wrapper(skipped=1),
    "stdbuf": Wrapper("-i --input -o --output -e --error"),
    "time": Wrapper("-f --format -o --output"),
    "gtime": Wrapper("-f --format -o --output"),
    "strace": Wrapper("-o -e -p -s -E -u -a -I -O -S -P -b -X"),
    "ltrace": Wrapper("-o -e -p -s -u -a -n -l -x"),
    "flock": Wrapper("-w --wait --timeout -E --conflict-exit-code", skipped=1, texts="-c --command"),
    "watch": Wrapper("-n --interval -q --equexit", first="text"),
    "xargs": Wrapper("-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --replace"),
    "parallel": Wrapper("-j --jobs -a --arg-file"),
    "caffeinate": Wrapper("-t -w"),
    "exec": Wrapper("-a"),
    "script": Wrapper("-E -I -O -B -T -o -m", skipped=1, texts="-c --command"),
    "dbus-run-session": Wrapper("--config-file --dbus-daemon"),
    "xvfb-run": Wrapper(
        "-n --server-num -s --server-args -e --error-file -f --auth-file -p --xauth-protocol -w --wait"
    ),
    "cpulimit": Wrapper("-l --limit -p --pid -e --exe"),
    **dict.fromkeys(
        ("nohup", "setsid", "unbuffer", "command", "builtin", "setarch", "linux64", "rtk", "chronic"), _PLAIN
    ),
    "arch": Wrapper("-e -d"),
    # packages of JavaScript
    "npx": _NPX,
    "pnpx": _NPX,
    "bunx": Wrapper("-p --package"),
    "bun": Wrapper(
        "--cwd -c --config --env-file",
        verbs={"x": Wrapper("-p --package"), "run": Wrapper(first="script")},
        runs_binaries=True,
    ),
    "npm": Wrapper("--prefix -w --workspace", verbs={"exec": _NPX, "x": _NPX}),
    "pnpm": Wrapper(
        "-C --dir --filter -F --package",
        verbs={"dlx": Wrapper("--package", texts="-c"), "exec": _PLAIN},
        runs_binaries=True,
    ),
    "yarn": Wrapper("--cwd", verbs={"dlx": Wrapper("-p --package"), "exec": _PLAIN, "run": _PLAIN}, runs_binaries=True),
    "deno": Wrapper(verbs={"run": Wrapper("-c --config --import-map -L --location --lock", first="script")}),
    "node": Wrapper(
        "-r --require --import --loader -C --conditions --env-file", without="-e --eval -p --print", first="script"
    ),
    "volta": Wrapper(verbs={"run": Wrapper("--node --npm --yarn --pnpm --env")}),
    "fnm": Wrapper(verbs={"exec": Wrapper("--using --fnm-dir")}),
    # packages of Python
    "uvx": _UV_TOOL,
    "uv": Wrapper(
        "--project --directory --config-file --cache-dir",
        verbs={
            "tool": Wrapper(verbs={"run": _UV_TOOL}),
            "run": Wrapper(
                "--with --with-editable --with-requirements --extra --group --only-group --env-file --package"
                " -p --python --project --directory --index --index-url",
                modules="-m --module",
                first="script",
            ),
        },
    ),
    "pipx": Wrapper(verbs={"run": Wrapper("--spec --python --pip-args --index-url -i")}),
    "poetry": _POETRY,
    "pdm": Wrapper("-p --project", verbs={"run": _PLAIN}),
    "pixi": Wrapper(
        verbs={"run": Wrapper("-e --environment --manifest-path"), "exec": Wrapper("-s --spec -c --channel")}
    ),
    "rye": Wrapper(verbs={"run": _PLAIN}),
    "hatch": Wrapper("-e --env -p --project", verbs={"run": _PLAIN}),
    "pipenv": Wrapper(verbs={"run": _PLAIN}),
    **dict.fromkeys(("conda", "mamba", "micromamba"), _CONDA),
    # tools and their versions, settings, secrets
    "mise": Wrapper(
        "-C --cd -E --env -j --jobs",
        verbs=dict.fromkeys(("exec", "x"), Wrapper("-C --cd -j --jobs", texts="-c --command", first="after dashes")),
    ),
    "rtx": Wrapper(verbs=dict.fromkeys(("exec", "x"), _RUN_AFTER_DASHES)),
    "asdf": Wrapper(verbs={"exec": _PLAIN}),
    "direnv": Wrapper(verbs={"exec": Wrapper(skipped=1)}),
    "dotenv": Wrapper("-f -e -v --file", verbs={"run": _PLAIN}),
    "dotenvx": _SECRETS,
    "op": _SECRETS,
    "doppler": _SECRETS,
    "infisical": _SECRETS,
    "aws-vault": Wrapper(verbs={"exec": _RUN_AFTER_DASHES}),
    "nix": Wrapper(
        "--option --extra-experimental-features --experimental-features",
        verbs={
            "run": Wrapper("--option --override-input -I --include -f --file"),
            "develop": _NIX_COMMAND,
            "shell": _NIX_COMMAND,
        },
    ),
    "nix-shell": Wrapper("-A --attr -I --arg --argstr", texts="--run --command", first="after dashes"),
    **dict.fromkeys(
        ("devbox", "devenv", "flox"), Wrapper(verbs=dict.fromkeys(("run", "shell", "activate"), _RUN_AFTER_DASHES))
    ),
    # containers
    **dict.fromkeys(("docker", "podman", "nerdctl", "finch"), _DOCKER),
    "docker-compose": _COMPOSE,
    "kubectl": Wrapper("-n --namespace --context --kubeconfig", verbs={"exec": _RUN_AFTER_DASHES}),
    "devcontainer": Wrapper(
        verbs={"exec": Wrapper("--workspace-folder --container-id --config --remote-env --id-label")}
    ),
    # programs that start an agent themselves
    "gh": Wrapper(verbs={"copilot": Wrapper(program="copilot")}),
    "ccr": Wrapper(verbs={"code": Wrapper(program="claude")}),
    "ollama": Wrapper(verbs={"launch": _PLAIN}),
    # shells and interpreters
    **dict.fromkeys(("sh", "bash", "zsh", "dash", "ksh", "fish", "ash"), _SHELL),
    "cmd": Wrapper(starts="/c /k /C /K"),
    **dict.fromkeys(
        ("powershell", "pwsh"), Wrapper("-ExecutionPolicy -WorkingDirectory -ep", texts="-Command -c", starts="-File")
    ),
    **dict.fromkeys(("python", "python3", "pypy", "pypy3", "py"), _PYTHON),
}


def wrapper_called(name: str) -> Wrapper | None:
    """Return the wrapper that is a program's, `python3.12` among them."""
    return WRAPPERS.get(name) or (_PYTHON if re.fullmatch(r"(python|pypy)\d+(\.\d+)*", name) else None)
