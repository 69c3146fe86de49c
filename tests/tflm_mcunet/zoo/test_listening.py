# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tflm_mcunet.zoo.listening import NOTHING, Heard, poisson_bound


@pytest.mark.parametrize(("events", "bound"), [(0, 2.996), (1, 4.744), (3, 7.754), (10, 16.962)])
def test_bounds_are_those_of_tables(events: int, bound: float) -> None:
    assert poisson_bound(events) == pytest.approx(bound, abs=1e-3)


def test_rates() -> None:
    heard = Heard(found=9, words=10, false_alarms=1, hours=0.5)
    assert (heard.rate, heard.per_hour) == (0.9, 2.0)
    assert heard.at_most_per_hour == pytest.approx(2 * poisson_bound(1))
    assert sum([heard, heard], NOTHING) == Heard(18, 20, 2, 1.0)
    assert Heard(0, 0, 0, 1.0).rate == 1.0
