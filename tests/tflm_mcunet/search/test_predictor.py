# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.search.random_networks import tiny_space
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.predictor import PENALTIES, Ridge, encode

_SPACE = tiny_space()


def _features(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    networks = [_SPACE.sample(rng) for _ in range(count)]
    return encode(_SPACE, networks, CostModel().estimate(networks))


def test_extreme_networks_are_encoded_by_zeros_and_ones() -> None:
    extremes = [_SPACE.smallest(), _SPACE.largest()]
    small, large = encode(_SPACE, extremes, CostModel().estimate(extremes))
    assert set(small[:-2]) <= {0.0, 1.0}
    assert np.all(large >= small) and large.sum() > small.sum()


def test_different_networks_have_different_features() -> None:
    rng = np.random.default_rng(1)
    networks = list({_SPACE.sample(rng) for _ in range(40)})
    features = encode(_SPACE, networks, CostModel().estimate(networks))
    assert len(np.unique(features, axis=0)) == len(networks)


def test_learns_what_is_linear() -> None:
    features = _features(80)
    targets = features @ np.linspace(-1, 1, features.shape[1])
    predicted = Ridge(features[:60], targets[:60]).predict(features[60:])
    assert np.corrcoef(predicted, targets[60:])[0, 1] > 0.95


def test_noise_is_not_learned() -> None:
    features = _features(60)
    noise = np.random.default_rng(2).normal(size=60)
    assert np.abs(Ridge(features, noise).predict(_features(20, seed=3))).max() < 0.5


@pytest.mark.parametrize("penalty", PENALTIES)
def test_error_of_samples_left_out_is_that_of_fits_without_them(
    penalty: float,
) -> None:
    """The closed form beside the definition, for which nothing may be centred again."""
    from tflm_mcunet.search import predictor

    rng = np.random.default_rng(4)
    features = rng.normal(size=(12, 3))
    features -= features.mean(axis=0)
    targets = features.sum(axis=1) + rng.normal(size=12) / 4
    targets -= targets.mean()
    with_one = np.column_stack([features, np.full(12, 1.0)])  # an intercept without penalty
    penalties = penalty * np.diag([1.0, 1.0, 1.0, 0.0])
    errors = []
    for left_out in range(12):
        kept = np.arange(12) != left_out
        gram = with_one[kept].T @ with_one[kept] + penalties
        fitted = np.linalg.solve(gram, with_one[kept].T @ targets[kept])
        errors.append(targets[left_out] - with_one[left_out] @ fitted)
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    shrinkage = singular**2 / (singular**2 + penalty)
    found = predictor._left_out_error(left, shrinkage, targets)
    assert found == pytest.approx(np.mean(np.square(errors)))
