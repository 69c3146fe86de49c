# SPDX-License-Identifier: Apache-2.0
"""Stage one of TinyNAS (MCUNet, arXiv 2007.10319): the search space that suits the board.

The larger the networks that fit, the better the best of them, so MCUNet's authors found. So from
each space a thousand networks are drawn, those that fit are kept, and the space whose networks
have the most work on average is chosen: no data, no training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.executor import Executor, SerialExecutor
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.space import SearchSpace

SAMPLES = 1000
"""Networks drawn from each space, as in the paper."""

LEAST_SHARE = 0.1
"""Of the networks of a space that must fit: in a space of misfits, nothing is found."""

TOP = 0.2
"""The share of networks whose least work the paper compares, beside the mean."""


@dataclasses.dataclass(frozen=True)
class GridPoint:
    """A space, and what it was made of: input size (rows) and width multiplier.

    The grids: `GridPoint(*point) for point in image_spaces(...)`, or of `audio_spaces`.
    """

    resolution: int
    width: float
    space: SearchSpace


@dataclasses.dataclass(frozen=True, eq=False)
class SpaceReport:
    """The networks of one space that fit. `macs`: of each of them, ascending, int64."""

    resolution: int
    width: float
    samples: int
    macs: np.ndarray

    @property
    def share(self) -> float:
        """Share of the networks that fit."""
        return len(self.macs) / self.samples

    @property
    def mean_macs(self) -> float:
        """Mean work of the networks that fit; 0 if none does."""
        return float(self.macs.mean()) if len(self.macs) else 0.0

    @property
    def top_macs(self) -> float:
        """What the best fifth of the networks that fit have at least."""
        return float(np.quantile(self.macs, 1 - TOP)) if len(self.macs) else 0.0

    def to_json(self) -> dict[str, Any]:
        """The figures, without the single networks."""
        return {
            "resolution": self.resolution,
            "width": self.width,
            "fitting": len(self.macs),
            "samples": self.samples,
            "mean_macs": round(self.mean_macs),
            "top_macs": round(self.top_macs),
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """All spaces that were looked at, and the one that was chosen."""

    points: tuple[GridPoint, ...]
    reports: tuple[SpaceReport, ...]

    @property
    def ranked(self) -> list[int]:
        """Indices of the spaces, best first."""
        return sorted(range(len(self.reports)), key=self._merit, reverse=True)

    @property
    def chosen(self) -> GridPoint:
        """The space to search in."""
        return self.points[self.ranked[0]]

    @property
    def report(self) -> SpaceReport:
        """What was found out about the chosen space."""
        return self.reports[self.ranked[0]]

    def to_json(self) -> dict[str, Any]:
        """The chosen space, and the figures of all, best first."""
        ranked = [self.reports[index].to_json() for index in self.ranked]
        return {"chosen": ranked[0], "spaces": ranked}

    def _merit(self, index: int) -> tuple[bool, float]:
        report = self.reports[index]
        return report.share >= LEAST_SHARE, report.mean_macs


@dataclasses.dataclass(frozen=True)
class _Job:
    """What a worker does: look at one space."""

    point: GridPoint
    limits: Limits
    model: CostModel
    samples: int
    seed: tuple[int, int]


def select_space(
    points: Iterable[GridPoint],
    limits: Limits,
    *,
    model: CostModel | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Selection:
    """Chooses the space whose fitting networks have the most work on average.

    Args:
        points: the spaces.
        limits: what networks must keep to.
        model: how costs are counted.
        samples: networks drawn from each space, the smallest one among them.
        seed: of the draws.
        executor: where spaces are looked at; the result does not depend on it.
        progress: called with the share of the spaces done.

    Raises:
        InfeasibleError: not even the smallest network of any space fits.
    """
    points, model = tuple(points), model or CostModel()
    model.require_feasible([point.space.smallest() for point in points], limits)
    jobs = [_Job(p, limits, model, samples, (seed, i)) for i, p in enumerate(points)]
    reports = []
    for report in (executor or SerialExecutor()).map(_examine, jobs):
        reports.append(report)
        progress(len(reports) / len(jobs))
    return Selection(points, tuple(reports))


def _examine(job: _Job) -> SpaceReport:
    networks = _sample(job.point.space, job.samples, job.seed)
    screened = job.model.screen(networks, job.limits)
    macs = np.sort(screened.costs.macs[screened.fits])
    return SpaceReport(job.point.resolution, job.point.width, len(networks), macs)


def _sample(space: SearchSpace, count: int, seed: Sequence[int]) -> list[Architecture]:
    rng = np.random.default_rng(seed)
    return [space.smallest(), *(space.sample(rng) for _ in range(count - 1))]
