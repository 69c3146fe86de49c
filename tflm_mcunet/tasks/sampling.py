# SPDX-License-Identifier: Apache-2.0
"""Which examples are seen in an epoch, and in which order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.tasks.dataset import Examples


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """How epochs are made; the same settings give the same epochs.

    Attributes:
        batch_size: examples of a batch; the last one of an epoch may be smaller.
        shuffle: in another order in each epoch.
        source_power: if given, examples are drawn with replacement: first a class, all equally
            likely, then a source in proportion to its examples to this power, 0 for evenly and 1
            for as they are. Where classes come from different sources, a model learns to tell
            the sources apart.
        class_shares: with `source_power`, how likely each class is, in proportion; default: all
            equally.
        drop_remainder: leave a smaller last batch out.
        seed: of all that is random, augmentation included.
        first_epoch: the number of the first epoch, for training that goes on.
    """

    batch_size: int = 64
    shuffle: bool = True
    source_power: float | None = None
    class_shares: tuple[float, ...] | None = None
    drop_remainder: bool = False
    seed: int = 0
    first_epoch: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise SettingsError(f"expected a batch_size of at least 1, got {self.batch_size}")

    def batches(self, examples: int) -> int:
        """Batches of an epoch."""
        rounded = 0 if self.drop_remainder else self.batch_size - 1
        return (examples + rounded) // self.batch_size

    def epoch(self, examples: Examples, number: int) -> Iterator[np.ndarray]:
        """The positions of the examples, batch by batch."""
        rng = np.random.default_rng((self.seed, number))
        order = np.arange(len(examples))
        if self.source_power is not None:
            weights = weights_of(examples, power=self.source_power, class_shares=self.class_shares)
            order = rng.choice(order, order.size, p=weights)
        elif self.shuffle:
            order = rng.permutation(order)
        for batch in range(self.batches(order.size)):
            yield order[batch * self.batch_size : (batch + 1) * self.batch_size]


def weights_of(
    examples: Examples, *, power: float, class_shares: Sequence[float] | None = None
) -> np.ndarray:
    """The probability of each example: classes evenly or by shares, in each of them its sources.

    Returns:
        float64 (n,), which sum to 1.
    """
    weights = np.zeros(len(examples))
    classes = np.unique(examples.y)
    for y in classes:
        of_class = examples.y == y
        sources, index, counts = np.unique(
            examples.source[of_class], return_inverse=True, return_counts=True
        )
        shares = counts**power / (counts**power).sum()
        share = 1.0 if class_shares is None else class_shares[y]
        weights[of_class] = share * (shares / counts)[index]
    return weights / weights.sum()
