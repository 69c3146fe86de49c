# SPDX-License-Identifier: Apache-2.0
"""How much work a search does, and how much fits into the time that there is."""

from __future__ import annotations

import dataclasses

SUPERNET_SHARE, EVOLUTION_SHARE = 0.6, 0.2
"""Of the time; the rest is for training the network that was found."""

WARM_UP_SHARE = 0.2
"""Of the supernet's epochs: the largest network alone (MCUNet, arXiv 2007.10319)."""

MOST_EPOCHS = 300
"""More hardly helps, however much time there is."""

LEAST_EPOCHS, LEAST_POPULATION, LEAST_GENERATIONS = 4, 10, 4
"""Less is not worth the name, however little time there is."""

_TOO_LONG = 1.2
"""Times the hours asked for, which a search says before it begins."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effort:
    """The constants of a search.

    `epochs`: of the supernet, the first `warm_up` of them of its largest network alone; of no
    account where the supernet is another run's.
    `population`, `generations`: of the evolution; the papers' are 100 and 30. `fine_tuning`:
    epochs of the network that was found.
    """

    epochs: int = 60
    warm_up: int = 12
    population: int = 100
    generations: int = 30
    fine_tuning: int = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """What this machine takes, in seconds.

    `tracing`: of a supernet, before its first step; `supernet_epoch`: steps of all its networks;
    `evaluation`: of one candidate; `epoch`: of a network by itself.
    """

    tracing: float
    supernet_epoch: float
    evaluation: float
    epoch: float


def effort_within(seconds: float, pace: Pace, *, is_trained: bool = False) -> Effort:
    """The effort that takes about as long as there is time, within reason.

    Args:
        seconds: that there are.
        pace: of this machine.
        is_trained: whether there is a supernet, so that all time is for the rest.
    """
    if is_trained:
        seconds /= 1 - SUPERNET_SHARE
    else:
        seconds -= pace.tracing
    epochs = int(SUPERNET_SHARE * seconds / pace.supernet_epoch)
    epochs = min(max(epochs, LEAST_EPOCHS), MOST_EPOCHS)
    evaluations = int(EVOLUTION_SHARE * max(seconds, 0) / pace.evaluation)
    population, generations = _evolution(evaluations)
    rest = 1 - SUPERNET_SHARE - EVOLUTION_SHARE
    fine_tuning = int(rest * seconds / pace.epoch)
    return Effort(
        epochs=epochs,
        warm_up=round(WARM_UP_SHARE * epochs),
        population=population,
        generations=generations,
        fine_tuning=min(max(fine_tuning, LEAST_EPOCHS), MOST_EPOCHS),
    )


def seconds_of(effort: Effort, pace: Pace, *, is_trained: bool = False) -> float:
    """About how long an effort takes; see `effort_within`."""
    supernet = 0.0 if is_trained else pace.tracing + effort.epochs * pace.supernet_epoch
    evolution = effort.population * effort.generations * pace.evaluation
    return supernet + evolution + effort.fine_tuning * pace.epoch


def plan_text(effort: Effort, seconds: float, *, hours: float) -> str:
    """What a search is about to do, and whether it takes longer than the hours asked for."""
    text = (
        f"plan: {effort.epochs} epochs of the supernet, {effort.generations} generations of "
        f"{effort.population} networks, {effort.fine_tuning} epochs of the best; about "
        f"{seconds / 3600:.2g} hours"
    )
    if seconds > _TOO_LONG * 3600 * hours:
        text += f", not {hours:g}: less is not worth the name"
    return text


def _evolution(evaluations: int) -> tuple[int, int]:
    """Population and generations in the papers' proportion."""
    most = Effort.population * Effort.generations
    scale = min(1.0, evaluations / most) ** 0.5
    return (
        max(round(Effort.population * scale), LEAST_POPULATION),
        max(round(Effort.generations * scale), LEAST_GENERATIONS),
    )
