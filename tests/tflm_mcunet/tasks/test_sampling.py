# SPDX-License-Identifier: Apache-2.0
"""Epochs: complete, repeatable, and balanced where wanted."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import examples
from tflm_converters.errors import SettingsError
from tflm_mcunet.tasks.sampling import Sampling, weights_of

Y = [0] * 90 + [1] * 10
SOURCE = ["a"] * 80 + ["b"] * 10 + ["c"] * 8 + ["d"] * 2
EXAMPLES = examples(np.zeros((100, 1), np.uint8), Y, SOURCE)


def epoch(sampling: Sampling, number: int) -> list[int]:
    return np.concatenate(list(sampling.epoch(EXAMPLES, number))).tolist()


def test_epochs_hold_every_example_once_in_another_order() -> None:
    sampling = Sampling(batch_size=32)
    first, second = epoch(sampling, 0), epoch(sampling, 1)
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second and first == epoch(Sampling(batch_size=32), 0)
    assert first != epoch(Sampling(batch_size=32, seed=1), 0)
    assert epoch(Sampling(shuffle=False), 5) == list(range(100))


def test_the_last_batch_may_be_smaller_or_left_out() -> None:
    sizes = [len(batch) for batch in Sampling(batch_size=32).epoch(EXAMPLES, 0)]
    assert sizes == [32, 32, 32, 4] and Sampling(batch_size=32).batches(100) == 4
    whole = Sampling(batch_size=32, drop_remainder=True)
    assert [len(batch) for batch in whole.epoch(EXAMPLES, 0)] == [32, 32, 32]


@pytest.mark.parametrize(("power", "of_a"), [(0.0, 0.25), (1.0, 0.5 * 80 / 90)])
def test_classes_are_even_and_sources_by_power(power: float, of_a: float) -> None:
    weights = weights_of(EXAMPLES, power=power)
    assert weights.sum() == pytest.approx(1)
    assert weights[EXAMPLES.y == 1].sum() == pytest.approx(0.5)
    assert weights[EXAMPLES.source == "a"].sum() == pytest.approx(of_a)


def test_some_classes_may_be_likelier() -> None:
    weights = weights_of(EXAMPLES, power=0.0, class_shares=(1.0, 3.0))
    assert weights.sum() == pytest.approx(1)
    assert weights[EXAMPLES.y == 1].sum() == pytest.approx(0.75)
    drawn = epoch(Sampling(source_power=0.0, class_shares=(0.0, 1.0)), 0)
    assert (EXAMPLES.y[drawn] == 1).all()


def test_balanced_epochs_draw_by_weight() -> None:
    drawn = np.array([i for n in range(20) for i in epoch(Sampling(source_power=0.0), n)])
    assert len(drawn) == 2000
    shares = [(EXAMPLES.source[drawn] == source).mean() for source in "abcd"]
    assert np.allclose(shares, 0.25, atol=0.05)


def test_impossible_batches_are_refused() -> None:
    with pytest.raises(SettingsError, match="batch_size of at least 1, got 0"):
        Sampling(batch_size=0)
