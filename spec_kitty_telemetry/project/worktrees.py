"""From a git worktree to the checkout that has the project's logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.project.layout import is_project
from spec_kitty_telemetry.project.repository import checkout_around, configured_top, tops_with_branch_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.project.repository import Checkout


def primary_checkout(folder: Path) -> Path:
    """Return the same folder in the primary checkout if `folder` is in a git worktree, else `folder`.

    A bare repository has no primary checkout: there it is the worktree of its main branch, else the outermost one
    that `folder` lies in (spec-kitty keeps the lanes of a mission inside the checkout that it was started in).
    """
    checkout = checkout_around(folder)
    if checkout is None or not checkout.is_worktree:
        return folder
    inside = folder.relative_to(checkout.top)
    for top in _candidates(checkout):
        mirrored = top / inside
        if is_project(mirrored) and _is_of_same_clone(top, checkout):
            return mirrored
    return folder


def _candidates(checkout: Checkout) -> Iterator[Path]:
    common_dir = checkout.common_dir
    if common_dir.name == ".git":
        yield common_dir.parent
    if top := configured_top(common_dir):
        yield top.resolve()
    yield from tops_with_branch_of(common_dir)
    yield from reversed(checkout.top.parents[:-1])


def _is_of_same_clone(top: Path, checkout: Checkout) -> bool:
    found = checkout_around(top)
    return found is not None and found.top == top and found.common_dir.resolve() == checkout.common_dir
