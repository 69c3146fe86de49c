# SPDX-License-Identifier: Apache-2.0
"""Predicts accuracies from architectures, to choose which of many networks to evaluate.

Ridge regression on what each block is and on the network's size, made anew from the networks that
a search has evaluated. It need not be right, only better than chance: what is chosen is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tflm_mcunet.search.architecture import Architecture, Block
from tflm_mcunet.search.cost import Costs
from tflm_mcunet.search.space import SearchSpace, StageSpace

PENALTIES = 10.0 ** np.arange(-1, 5)
"""Weights of the squared coefficients, of which the one with the least error is taken."""


def encode(space: SearchSpace, architectures: Sequence[Architecture], costs: Costs) -> np.ndarray:
    """Networks as numbers, float64 (networks, features).

    Of each block of the largest network whether it is there, and its kernel, expansion and
    channels between 0 and 1; resolution; logarithms of MACs and flash.
    """
    choices = np.array([list(_choices(space, architecture)) for architecture in architectures])
    sizes = [np.log(costs.macs), np.log(costs.flash_bytes)]
    return np.column_stack([choices, *sizes]).astype(np.float64)


def _choices(space: SearchSpace, architecture: Architecture) -> Iterator[float]:
    yield _place(space.input_shapes, architecture.input_shape)
    for stage, blocks in zip(space.stages, architecture.stages, strict=True):
        for index in range(stage.depths[-1]):
            yield from _block_choices(stage, blocks[index]) if index < len(blocks) else (0.0,) * 4


def _block_choices(stage: StageSpace, block: Block) -> tuple[float, ...]:
    return (
        1.0,
        _place(stage.kernels, block.kernel),
        _place(stage.expansions, block.expansion),
        _place(stage.widths, block.channels),
    )


def _place(choices: Sequence[Any], chosen: Any) -> float:
    """0 for the first choice, 1 for the last."""
    return choices.index(chosen) / max(len(choices) - 1, 1)


class Ridge:
    """Linear regression whose penalty has the least leave-one-out error.

    Args:
        features: float64 (samples, features).
        targets: float64 (samples,).
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray) -> None:
        self._mean, deviation = features.mean(axis=0), features.std(axis=0)
        self._scale = np.where(deviation > 0, deviation, 1.0)
        self._offset = float(targets.mean())
        centred = targets - self._offset
        left, singular, right = np.linalg.svd(self._scaled(features), full_matrices=False)
        shrinkages = singular**2 / (singular**2 + PENALTIES[:, None])
        errors = [_left_out_error(left, shrinkage, centred) for shrinkage in shrinkages]
        best = int(np.argmin(errors))
        damped = singular / (singular**2 + PENALTIES[best])
        self._coefficients = right.T @ (damped * (left.T @ centred))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Float64 (samples,)."""
        return np.asarray(self._scaled(features) @ self._coefficients + self._offset)

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        return np.asarray((features - self._mean) / self._scale)


def _left_out_error(left: np.ndarray, shrinkage: np.ndarray, targets: np.ndarray) -> float:
    """Mean squared error of each sample's prediction by all others, in closed form."""
    influence = (left**2 * shrinkage).sum(axis=1) + 1 / len(targets)
    residuals = targets - left @ (shrinkage * (left.T @ targets))
    return float(np.mean((residuals / np.maximum(1 - influence, 1e-9)) ** 2))
