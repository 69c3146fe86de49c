# SPDX-License-Identifier: Apache-2.0
"""How often a model that listens finds its words, and how often it hears what is not there."""

from __future__ import annotations

import dataclasses
import math

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Heard:
    """What was detected in a recording: words found of those there were, and false alarms."""

    found: int
    words: int
    false_alarms: int
    hours: float

    @property
    def rate(self) -> float:
        """Share of the words found; 1 where there are none."""
        return self.found / self.words if self.words else 1.0

    @property
    def per_hour(self) -> float:
        """False alarms."""
        return self.false_alarms / self.hours

    @property
    def at_most_per_hour(self) -> float:
        """The rate of false alarms that is not exceeded, with a confidence of `CONFIDENCE`."""
        return poisson_bound(self.false_alarms) / self.hours

    def __add__(self, other: Heard) -> Heard:
        return Heard(
            self.found + other.found,
            self.words + other.words,
            self.false_alarms + other.false_alarms,
            self.hours + other.hours,
        )


NOTHING = Heard(0, 0, 0, 0.0)


def poisson_bound(events: int, confidence: float = CONFIDENCE) -> float:
    """The mean that a Poisson process in which so many events were seen has at most.

    With a greater one, so few events or fewer are less likely than 1 - confidence.
    """
    low, high = 0.0, 10.0 * (events + 1)
    for _ in range(60):
        middle = (low + high) / 2
        is_likely = _poisson_cdf(events, middle) > 1 - confidence
        low, high = (middle, high) if is_likely else (low, middle)
    return high


def _poisson_cdf(events: int, mean: float) -> float:
    term = likely = math.exp(-mean)
    for number in range(1, events + 1):
        term *= mean / number
        likely += term
    return likely
