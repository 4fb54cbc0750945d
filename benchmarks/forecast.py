"""How often the forecast's ranges hold: made-up projects whose packages are heavy-tailed and share a difficulty.

    python benchmarks/forecast.py [PROJECTS]

A package has a difficulty of its own (lognormal, σ 0.7); each of its attempts costs that times a lognormal factor (σ
0.6), and its review about a quarter; one in three attempts is followed by another, six at most.  For each project the
first packages are the history and the others are forecast; a range of 80 % should hold in 80 of 100 projects.
"""

from __future__ import annotations

import math
import sys
import time
from decimal import Decimal
from random import Random

from spec_kitty_telemetry.decisions.forecast import LEVELS, Forecast, forecast

CASES = ((5, 5), (8, 8), (12, 6), (30, 10))
"""Packages accepted, packages to come."""


def package_usd(random: Random) -> Decimal:
    """Return what one made-up work package costs, all of its attempts and reviews together."""
    difficulty = math.exp(random.gauss(0, 0.7))
    attempts = 1
    while random.random() < 0.35 and attempts < 6:
        attempts += 1
    cost = sum(
        difficulty * math.exp(random.gauss(0, 0.6)) + 0.25 * difficulty * math.exp(random.gauss(0, 0.4))
        for _ in range(attempts)
    )
    return Decimal(repr(cost))


def coverage(known: int, to_come: int, projects: int, seed: int = 1) -> dict[int, float]:
    """Return for each level the part of made-up projects whose true cost lay within the range."""
    random = Random(seed)
    held = dict.fromkeys(LEVELS, 0)
    for _ in range(projects):
        history = [package_usd(random) for _ in range(known)]
        true_usd = sum((package_usd(random) for _ in range(to_come)), Decimal(0))
        said = forecast(history, [Decimal(0)] * to_come)
        assert isinstance(said, Forecast)
        for each in said.ranges:
            held[each.level] += each.low_usd <= true_usd <= each.high_usd
    return {level: count / projects for level, count in held.items()}


def main() -> None:
    projects = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"{projects} projects each; how often the range of 50, 80 and 95 % held")
    for known, to_come in CASES:
        began = time.process_time()
        found = coverage(known, to_come, projects)
        each_ms = (time.process_time() - began) * 1000 / projects
        print(f"{known:>3} → {to_come:<3}", *(f"{found[level]:>6.1%}" for level in LEVELS), f"  {each_ms:.0f} ms each")


if __name__ == "__main__":
    main()
