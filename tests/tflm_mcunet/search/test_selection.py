# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import tiny_space
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

_POINTS = [GridPoint(r, w, tiny_space(r, w)) for r in (32, 48, 64) for w in (0.2, 0.4)]
_LIMITS = Limits(6 * 1024, 16 * 1024)


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


def test_more_sram_chooses_a_larger_input_and_more_flash_a_larger_width() -> None:
    model = CostModel()
    least = {(p.resolution, p.width): model.exact([p.space.smallest()])[0] for p in _POINTS}
    ample = select_space(_POINTS, Limits(10**6, 10**6), samples=4).chosen
    assert (ample.resolution, ample.width) == (64, 0.4)
    sram = least[48, 0.2].sram_bytes - 1
    assert select_space(_POINTS, Limits(sram, 10**6), samples=4).chosen.resolution == 32
    flash = min(least[r, 0.4].flash_bytes for r in (32, 48, 64)) - 1
    assert select_space(_POINTS, Limits(10**6, flash), samples=4).chosen.width == 0.2


def test_impossible_limits_end_at_once() -> None:
    with pytest.raises(InfeasibleError, match="SRAM: .* limit is 100 B") as caught:
        select_space(_POINTS, Limits(100), samples=10**9)
    assert caught.value.nearest == _POINTS[0].space.smallest()


def _report(width: float, macs: list[int], samples: int = 100) -> SpaceReport:
    return SpaceReport(48, width, samples, np.array(macs, dtype=np.int64))


def test_a_space_of_misfits_is_not_chosen() -> None:
    few = _report(1.0, [9000] * round(100 * LEAST_SHARE - 1))
    many = _report(0.5, [1000, 2000] * 30)
    points = tuple(GridPoint(48, w, tiny_space()) for w in (1.0, 0.5))
    assert Selection(points, (few, many)).chosen.width == 0.5
    none = _report(0.5, [])
    assert Selection(points, (few, none)).chosen.width == 1.0


def test_figures_of_a_space() -> None:
    report = _report(0.5, list(range(1, 51)))
    assert (report.share, report.mean_macs, report.top_macs) == (0.5, 25.5, pytest.approx(40.2))
    assert _report(0.5, []).to_json()["mean_macs"] == 0
