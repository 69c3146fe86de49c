# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from tflm_mcunet.search.effort import (
    EVOLUTION_SHARE,
    MOST_EPOCHS,
    SUPERNET_SHARE,
    Effort,
    Pace,
    effort_within,
    plan_text,
    seconds_of,
)

_PACE = Pace(tracing=60.0, supernet_epoch=20.0, evaluation=0.5, epoch=5.0)


@pytest.mark.parametrize("hours", [0.3, 0.7, 1.0])
def test_takes_about_the_time_there_is(hours: float) -> None:
    effort = effort_within(3600 * hours, _PACE)
    assert 0.9 * 3600 * hours < seconds_of(effort, _PACE) < 1.1 * 3600 * hours
    assert 0 < effort.warm_up < effort.epochs


def test_tracing_takes_its_time_from_a_supernet_that_is_not_trained_yet() -> None:
    slow = dataclasses.replace(_PACE, tracing=600.0)
    at_once = dataclasses.replace(_PACE, tracing=0.0)
    assert effort_within(1600, slow) == effort_within(1000, at_once)
    assert effort_within(1000, slow, is_trained=True) == effort_within(
        1000, at_once, is_trained=True
    )


def test_trained_supernet_leaves_its_time_to_the_rest() -> None:
    effort = effort_within(1800, _PACE, is_trained=True)
    assert 0.9 * 1800 < seconds_of(effort, _PACE, is_trained=True) < 1.1 * 1800


def test_more_than_the_papers_is_never_done() -> None:
    effort = effort_within(1e9, _PACE)
    assert effort.epochs == effort.fine_tuning == MOST_EPOCHS
    assert (effort.population, effort.generations) == (100, 30)


def test_something_is_always_done() -> None:
    effort = effort_within(1.0, _PACE)
    assert min(effort.epochs, effort.population, effort.generations, effort.fine_tuning) >= 4


def test_plan_says_when_it_takes_longer_than_asked_for() -> None:
    effort = Effort(epochs=4, population=10, generations=5, fine_tuning=6)
    seconds = seconds_of(effort, _PACE)
    assert seconds == 60 + 4 * 20 + 50 * 0.5 + 6 * 5
    assert plan_text(effort, seconds, hours=0.05) == (
        "plan: 4 epochs of the supernet, 5 generations of 10 networks, 6 epochs of the best; "
        "about 0.054 hours"
    )
    longer = plan_text(effort, seconds, hours=0.01)
    assert longer.endswith("about 0.054 hours, not 0.01: less is not worth the name")


def test_evolution_keeps_the_papers_proportion() -> None:
    pace = Pace(tracing=0, supernet_epoch=1, evaluation=2, epoch=1)
    effort = effort_within(1500 / EVOLUTION_SHARE, pace)
    assert effort.population / effort.generations == pytest.approx(100 / 30, rel=0.05)
    assert effort.population * effort.generations == pytest.approx(750, rel=0.05)
    assert SUPERNET_SHARE + EVOLUTION_SHARE < 1
