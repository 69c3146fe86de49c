# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tflm_mcunet.search.effort import (
    EVOLUTION_SHARE,
    MOST_EPOCHS,
    SUPERNET_SHARE,
    Effort,
    Pace,
    effort_within,
)

_PACE = Pace(supernet_epoch=20.0, evaluation=0.5, epoch=5.0)


def seconds(effort: Effort, pace: Pace) -> float:
    evaluations = effort.population * effort.generations
    return (
        effort.epochs * pace.supernet_epoch
        + evaluations * pace.evaluation
        + effort.fine_tuning * pace.epoch
    )


@pytest.mark.parametrize("hours", [0.3, 0.7, 1.0])
def test_takes_about_the_time_there_is(hours: float) -> None:
    effort = effort_within(3600 * hours, _PACE)
    assert 0.9 * 3600 * hours < seconds(effort, _PACE) < 1.1 * 3600 * hours
    assert 0 < effort.warm_up < effort.epochs


def test_trained_supernet_leaves_its_time_to_the_rest() -> None:
    effort = effort_within(1800, _PACE, is_trained=True)
    of_rest = seconds(effort, _PACE) - effort.epochs * _PACE.supernet_epoch
    assert 0.9 * 1800 < of_rest < 1.1 * 1800


def test_more_than_the_papers_is_never_done() -> None:
    effort = effort_within(1e9, _PACE)
    assert effort.epochs == effort.fine_tuning == MOST_EPOCHS
    assert (effort.population, effort.generations) == (100, 30)


def test_something_is_always_done() -> None:
    effort = effort_within(1.0, _PACE)
    assert min(effort.epochs, effort.population, effort.generations, effort.fine_tuning) >= 4


def test_evolution_keeps_the_papers_proportion() -> None:
    effort = effort_within(1500 / EVOLUTION_SHARE, Pace(supernet_epoch=1, evaluation=2, epoch=1))
    assert effort.population / effort.generations == pytest.approx(100 / 30, rel=0.05)
    assert effort.population * effort.generations == pytest.approx(750, rel=0.05)
    assert SUPERNET_SHARE + EVOLUTION_SHARE < 1
