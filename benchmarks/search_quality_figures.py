# SPDX-License-Identifier: Apache-2.0
"""What follows from the raw figures of `benchmarks.search_quality`: ranks, means, errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.results import Json

RESAMPLED = 2000
"""Draws of validation examples, for an interval."""

CLEAR = 2.0
"""Standard errors that a difference must exceed."""


def shares(digits: str, views: int) -> np.ndarray:
    """For each example the share of its views that are answered rightly, from `digits`."""
    return (np.frombuffer(digits.encode(), np.uint8) - ord("0")) / views


# ---- Ranks ---------------------------------------------------------------------------------------


def by_example(ranking: Json) -> tuple[np.ndarray, np.ndarray]:
    """Shares with shared weights (networks, examples), by itself (seeds, networks, examples)."""
    views, networks = ranking["views"], ranking["networks"]
    inherited = [shares(network["inherited"], views) for network in networks]
    alone = [[shares(digits, views) for digits in network["alone"]] for network in networks]
    return np.array(inherited), np.array(alone).swapaxes(0, 1)


def accuracies(ranking: Json) -> tuple[np.ndarray, np.ndarray]:
    """The means: (networks,) and (seeds, networks)."""
    inherited, alone = by_example(ranking)
    return inherited.mean(axis=-1), alone.mean(axis=-1)


def tau(ranking: Json) -> float:
    """Between accuracies with shared weights and the seeds' mean by itself."""
    inherited, alone = accuracies(ranking)
    return kendall_tau(inherited, alone.mean(axis=0))


def tau_interval(ranking: Json) -> tuple[float, float]:
    """90 % of the taus over other draws of as many validation examples."""
    inherited, alone = by_example(ranking)
    mean_alone = alone.mean(axis=0)
    rng = np.random.default_rng(0)
    count = inherited.shape[1]
    taus = []
    for _ in range(RESAMPLED):
        drawn = rng.integers(count, size=count)
        taus.append(kendall_tau(inherited[:, drawn].mean(1), mean_alone[:, drawn].mean(1)))
    low, high = np.quantile(taus, [0.05, 0.95])
    return float(low), float(high)


def clear_pairs(ranking: Json) -> tuple[int, int, int]:
    """Pairs of networks, those that clearly differ by themselves, and how many of these shared
    weights rank alike."""
    inherited, alone = by_example(ranking)
    mean_alone = alone.mean(axis=0)
    first, second = np.triu_indices(len(inherited), 1)
    difference = mean_alone[first] - mean_alone[second]
    is_clear = np.abs(difference.mean(axis=1)) > CLEAR * standard_errors(difference)
    shared = (inherited[first] - inherited[second]).mean(axis=1)
    is_alike = shared * difference.mean(axis=1) > 0
    return len(first), int(is_clear.sum()), int((is_clear & is_alike).sum())


def kendall_tau(one: np.ndarray, other: np.ndarray) -> float:
    """Kendall's tau-b of two rankings, arrays (n,), which may have ties."""
    first, second = (np.sign(values[:, None] - values[None, :]) for values in (one, other))
    pairs = np.sqrt(float((first != 0).sum()) * float((second != 0).sum()))
    return float((first * second).sum() / pairs) if pairs else 0.0


def standard_errors(examples: np.ndarray) -> np.ndarray:
    """Of means over the last axis."""
    return np.asarray(examples.std(axis=-1, ddof=1) / np.sqrt(examples.shape[-1]))


# ---- Searches ------------------------------------------------------------------------------------


def best_so_far(runs: Sequence[Json]) -> np.ndarray:
    """The best accuracy after each evaluation, (seeds, evaluations)."""
    length = min(len(run["accuracies"]) for run in runs)
    return np.array([np.maximum.accumulate(run["accuracies"][:length]) for run in runs])


# ---- Networks ------------------------------------------------------------------------------------


def right(runs: Sequence[Json], split: str) -> np.ndarray:
    """Whether examples of a split are answered rightly, (seeds, examples)."""
    return np.array([shares(run[split], 1) for run in runs])


def difference(ours: Sequence[Json], others: Sequence[Json], split: str) -> tuple[float, float]:
    """Between two networks' mean accuracies, and its standard error: by seeds and by examples."""
    one, other = right(ours, split), right(others, split)
    paired = one.mean(axis=0) - other.mean(axis=0)
    variance = float(standard_errors(paired)) ** 2
    for runs in (one, other):
        if len(runs) > 1:
            variance += float(standard_errors(runs.mean(axis=1))) ** 2
    return float(paired.mean()), float(np.sqrt(variance))
