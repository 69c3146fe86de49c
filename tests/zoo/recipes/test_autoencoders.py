# SPDX-License-Identifier: Apache-2.0
"""Auto-encoders learn what is normal, and how much each feature varies."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tflm_converters import reader
from tflm_mcunet.quantization_report import predict
from tflm_mcunet.quantize import quantize
from tflm_mcunet.zoo.evaluation import area_under_curve
from zoo.recipes import autoencoders
from zoo.recipes.autoencoders import Training

LENGTH = 12
DEVIATIONS = np.where(np.arange(LENGTH) < LENGTH // 2, 0.03, 0.12)


def normal(count: int, *, seed: int) -> np.ndarray:
    """A wave of random phase, with much noise in the second half of the features."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    waves = 0.5 * np.sin(phase + np.arange(LENGTH))
    return (waves + rng.normal(size=waves.shape) * DEVIATIONS).astype(np.float32)


def small() -> object:
    return autoencoders.dense(LENGTH, hidden=4, code=2)


@pytest.fixture(scope="module")
def trained() -> tuple[object, np.ndarray]:
    how = Training(epochs=120, noise=0.5, learning_rate=1e-2)
    make = functools.partial(autoencoders.dense, LENGTH, hidden=32, code=4)
    return autoencoders.train(make, normal(512, seed=0), how)


def test_variances_are_those_of_the_data(trained: tuple[object, np.ndarray]) -> None:
    _, variances = trained
    assert variances[: LENGTH // 2].max() * 3 < variances[LENGTH // 2 :].min()
    assert variances[LENGTH // 2 :].mean() == pytest.approx(0.12**2, rel=0.5)


def test_weights_find_what_is_hidden_in_the_noise(trained: tuple[object, np.ndarray]) -> None:
    """A small shift of a quiet feature."""
    network, variances = trained
    healthy, faulty = normal(300, seed=1), normal(300, seed=2)
    faulty[:, 2] += 0.15
    windows = np.concatenate([healthy, faulty])
    errors = (network(windows).numpy() - windows) ** 2  # type: ignore[operator]
    is_faulty = np.arange(len(windows)) >= len(healthy)
    found = area_under_curve(errors @ autoencoders.score_weights(variances), is_faulty)
    without = area_under_curve(errors.sum(1), is_faulty)
    assert found is not None and without is not None
    assert found > 0.85 and found > without + 0.05


def test_the_mean_squared_error_learns_no_variances() -> None:
    how = Training(epochs=2, learns_variances=False)
    _, variances = autoencoders.train(small, normal(64, seed=0), how)
    assert np.unique(variances).size == 1


def test_the_same_seed_gives_the_same_network() -> None:
    def weights(seed: int) -> np.ndarray:
        how = Training(epochs=2, noise=1.0, seed=seed)
        network, _ = autoencoders.train(small, normal(64, seed=0), how)
        return np.concatenate([array.ravel() for array in network.get_weights()])

    first = weights(1)
    small()  # draws from TensorFlow's generator
    assert np.array_equal(first, weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_trained_on_aware_of_quantization_it_rebuilds_what_it_did(
    trained: tuple[object, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs noisier than any that a sensor gives must not widen the range of the input."""
    monkeypatch.setattr(autoencoders, "AWARE_EPOCHS", 3)
    network, variances = trained
    features = normal(512, seed=0)
    ptq = quantize(network, [features])
    qat = autoencoders.aware(ptq, features, variances, features, Training(noise=4.0))
    given = normal(100, seed=1)
    errors = [np.mean((predict(int8, given) - given) ** 2 / variances) for int8 in (ptq, qat)]
    assert qat != ptq and errors[1] < 1.2 * errors[0]
    before, after = (input_scale(int8) for int8 in (ptq, qat))
    assert after == pytest.approx(before, rel=0.02)


def input_scale(content: bytes) -> float:
    graph = reader.read_bytes(content, name="int8")
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    return quantization.scale


def test_weights_are_inverse_to_variances() -> None:
    assert autoencoders.score_weights(np.array([0.5, 1.0, 2.0, 500.0])) == (255, 128, 64, 0)


def test_convolutions_give_as_many_values_as_they_take() -> None:
    network = autoencoders.convolutional(3, 32)
    assert network.output_shape == network.input_shape == (None, 96)
