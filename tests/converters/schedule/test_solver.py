# SPDX-License-Identifier: Apache-2.0
"""The solver against every path, on candidate sets small enough to enumerate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from tflm_converters.schedule.candidates import Candidate
from tflm_converters.schedule.solver import Path, Solver
from tflm_converters.schedule.types import Mode

LAYERS = 6


def edge(first: int, last: int, peak: int, extra_macs: int = 0) -> Candidate:
    return Candidate(Mode.STREAM, first, last, peak, extra_macs)


def random_candidates(seed: int) -> list[Candidate]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(int(rng.integers(4, 18))):
        first = int(rng.integers(LAYERS))
        last = int(rng.integers(first + 1, LAYERS + 1))
        peak, extra = int(rng.integers(1, 12)) * 10, int(rng.integers(6)) * 7
        found.append(edge(first, last, peak, extra))
    return found


def every_path(found: Sequence[Candidate], begin: int = 0) -> Iterator[tuple[Candidate, ...]]:
    if begin == LAYERS:
        yield ()
    for candidate in found:
        if candidate.first == begin:
            for rest in every_path(found, candidate.last):
                yield (candidate, *rest)


def every_point(found: Sequence[Candidate]) -> set[tuple[int, int]]:
    """(extra MACs, peak) of all paths."""
    return {(path.extra_macs, path.peak) for path in map(Path, every_path(found))}


def test_a_path_is_as_high_as_its_highest_stage() -> None:
    path = Path((edge(0, 2, 30, 5), edge(2, 6, 20, 7)))
    assert (path.peak, path.extra_macs) == (30, 12)


def test_least_macs_within_the_budget() -> None:
    found = [edge(0, 6, 100), edge(0, 3, 40, 8), edge(3, 6, 50, 1), edge(0, 6, 60, 10)]
    solver = Solver(LAYERS, found)
    assert solver.least_macs(100) == Path((found[0],))
    assert solver.least_macs(99) == Path((found[1], found[2]))
    assert solver.least_macs(49) is None


def test_of_equal_schedules_the_one_of_fewest_stages() -> None:
    found = [edge(0, 3, 10), edge(3, 6, 10), edge(0, 6, 10)]
    assert Solver(LAYERS, found).least_macs(10) == Path((found[2],))


def test_a_front_by_hand() -> None:
    found = [
        edge(0, 6, 100),
        edge(0, 6, 70, 4),
        edge(0, 6, 80, 4),
        edge(0, 6, 70, 9),
        edge(0, 6, 20, 30),
    ]
    front = [(path.extra_macs, path.peak) for path in Solver(LAYERS, found).pareto()]
    assert front == [(0, 100), (4, 70), (30, 20)]


def test_no_path() -> None:
    assert list(Solver(LAYERS, [edge(0, 3, 10)]).pareto()) == []
    assert list(Solver(LAYERS, []).pareto()) == []


@pytest.mark.parametrize("seed", range(60))
def test_least_macs_is_the_least_of_all_paths(seed: int) -> None:
    found = random_candidates(seed)
    solver, points = Solver(LAYERS, found), every_point(found)
    for budget in range(0, 130, 10):
        within = [macs for macs, peak in points if peak <= budget]
        path = solver.least_macs(budget)
        assert (path is None) == (not within)
        if path is not None:
            assert path.extra_macs == min(within) and path.peak <= budget


@pytest.mark.parametrize("seed", range(60))
def test_the_front_is_that_of_all_paths(seed: int) -> None:
    found = random_candidates(seed)
    points = every_point(found)
    expected = sorted(
        p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)
    )
    front = list(Solver(LAYERS, found).pareto())
    assert [(path.extra_macs, path.peak) for path in front] == expected
    for path in front:
        assert [c.first for c in path.candidates[1:]] == [c.last for c in path.candidates[:-1]]
