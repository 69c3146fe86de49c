# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import small_space
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.executor import open_executor
from tflm_mcunet.search.limits import InfeasibleError, Limits
from tflm_mcunet.search.selection import (
    LEAST_SHARE,
    GridPoint,
    Selection,
    SpaceReport,
    select_space,
)

_POINTS = [GridPoint(r, w, small_space(r, w)) for r in (32, 48, 64) for w in (0.2, 0.4)]
_LIMITS = Limits(12 * 1024, 300 * 1024)


def test_only_what_fits_counts() -> None:
    model = CostModel()
    selection = select_space(_POINTS, _LIMITS, model=model, samples=12)
    assert [(r.resolution, r.width) for r in selection.reports] == [
        (p.resolution, p.width) for p in _POINTS
    ]
    for index, (point, report) in enumerate(zip(_POINTS, selection.reports, strict=True)):
        rng = np.random.default_rng((0, index))
        networks = [point.space.smallest(), *(point.space.sample(rng) for _ in range(11))]
        macs = [cost.macs for cost in model.exact(networks) if _LIMITS.kept(cost)]
        assert report.macs.tolist() == sorted(macs)
        assert report.samples == 12


def test_result_does_not_depend_on_the_executor() -> None:
    shares: list[float] = []
    with open_executor("local", workers=2) as executor:
        parallel = select_space(
            _POINTS, _LIMITS, samples=6, executor=executor, progress=shares.append
        )
    serial = select_space(_POINTS, _LIMITS, samples=6)
    assert parallel.to_json() == serial.to_json()
    assert shares == [pytest.approx((i + 1) / len(_POINTS)) for i in range(len(_POINTS))]


def test_more_memory_chooses_larger_networks() -> None:
    tight = select_space(_POINTS, Limits(6 * 1024, 300 * 1024), samples=8)
    ample = select_space(_POINTS, Limits(64 * 1024, 300 * 1024), samples=8)
    assert tight.chosen.resolution < ample.chosen.resolution
    small = select_space(_POINTS, Limits(64 * 1024, 120 * 1024), samples=8)
    large = select_space(_POINTS, Limits(64 * 1024, 600 * 1024), samples=8)
    assert small.chosen.width < large.chosen.width


def test_impossible_limits_end_at_once() -> None:
    with pytest.raises(InfeasibleError, match="SRAM: .* limit is 100 B") as caught:
        select_space(_POINTS, Limits(100), samples=10**9)
    assert caught.value.nearest == _POINTS[0].space.smallest()


def _report(width: float, macs: list[int], samples: int = 100) -> SpaceReport:
    return SpaceReport(48, width, samples, np.array(macs, dtype=np.int64))


def test_a_space_of_misfits_is_not_chosen() -> None:
    few = _report(1.0, [9000] * round(100 * LEAST_SHARE - 1))
    many = _report(0.5, [1000, 2000] * 30)
    points = tuple(GridPoint(48, w, small_space()) for w in (1.0, 0.5))
    assert Selection(points, (few, many)).chosen.width == 0.5
    none = _report(0.5, [])
    assert Selection(points, (few, none)).chosen.width == 1.0


def test_figures_of_a_space() -> None:
    report = _report(0.5, list(range(1, 51)))
    assert (report.share, report.mean_macs, report.top_macs) == (0.5, 25.5, pytest.approx(40.2))
    assert _report(0.5, []).to_json()["mean_macs"] == 0
