# SPDX-License-Identifier: Apache-2.0
"""Training lowers the loss of all networks, and a stopped run ends as an undisturbed one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tflm_mcunet.search.spaces import tiny_image_space
from tflm_mcunet.search import training
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.batches import shuffled
from tflm_mcunet.search.checkpoints import TrainingError
from tflm_mcunet.search.extraction import evaluate
from tflm_mcunet.search.shared_step import SharedStep
from tflm_mcunet.search.supernet import Choices, Supernet
from tflm_mcunet.search.training import TrainingOptions, train

OPTIONS = TrainingOptions(epochs=3, warm_up=1, random_networks=2, smallest=True)
BATCH = 16


def stripes(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with horizontal stripes, vertical stripes, or none: classes 0, 1 and 2."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.normal(0.0, 0.5, (count, 16, 16, 3)).astype(np.float32)
    images[labels == 0] += np.sin(np.arange(16))[:, None, None]
    images[labels == 1] += np.sin(np.arange(16))[:, None]
    return images, labels


def training_data() -> Callable[[int], tf.data.Dataset]:
    return shuffled(*stripes(128, seed=0), batch_size=BATCH)


def accuracy(supernet: Supernet, architecture: Architecture) -> float:
    calibration, validation = ([stripes(96, seed=seed)] for seed in (0, 1))
    return evaluate(supernet, architecture, calibration, validation)


def weights(supernet: Supernet) -> list[np.ndarray]:
    return [variable.numpy() for variable in supernet.variables]


def assert_same(one: Supernet, other: Supernet) -> None:
    for first, second in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


STEPS: list[SharedStep] = []
"""Those that were made in the module's fixture."""


class Recorded(SharedStep):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        STEPS.append(self)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Supernet, Path]:
    supernet, directory = Supernet(tiny_image_space()), tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "SharedStep", Recorded)
        train(
            supernet,
            training_data(),
            OPTIONS,
            directory=directory,
            validate=lambda epoch: {"accuracy": epoch / 10},
            progress=False,
        )
    return supernet, directory


def test_all_sizes_learn(undisturbed: tuple[Supernet, Path]) -> None:
    supernet, _ = undisturbed
    space = supernet.space
    untrained = accuracy(Supernet(space), space.largest())
    for architecture in (space.largest(), space.smallest(), space.sample(np.random.default_rng(0))):
        assert accuracy(supernet, architecture) > max(0.8, untrained + 0.2)


@pytest.mark.usefixtures("undisturbed")
def test_one_trace_serves_all_steps() -> None:
    """Warm-up and after, all sub-networks: forward and backward pass are traced once."""
    assert [step.traces for step in STEPS] == [1]


@pytest.mark.parametrize("smallest", [False, True])
def test_networks_of_a_step(smallest: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest alone, and later with three others, or with the smallest and three others."""
    steps: list[list[Choices]] = []

    class Noted:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def __call__(self, images: Any, labels: Any, networks: list[Choices]) -> np.ndarray:
            steps.append(networks)
            return np.zeros(len(networks))

    monkeypatch.setattr(training, "SharedStep", Noted)
    supernet = Supernet(tiny_image_space())
    options = TrainingOptions(epochs=2, warm_up=1, smallest=smallest)
    train(supernet, training_data(), options, progress=False)
    assert [len(networks) for networks in steps] == [1] * (128 // BATCH) + [4 + smallest] * (
        128 // BATCH
    )
    largest, least = map(supernet.choices, (supernet.space.largest(), supernet.space.smallest()))
    for networks in steps:
        np.testing.assert_array_equal(networks[0].blocks, largest.blocks)
    second = [np.array_equal(networks[1].blocks, least.blocks) for networks in steps[-4:]]
    assert all(second) if smallest else not all(second)


def test_writes_logs_for_tensorboard(undisturbed: tuple[Supernet, Path]) -> None:
    (log,) = (undisturbed[1] / "logs").iterdir()
    tags: dict[str, int] = {}
    for event in tf.compat.v1.train.summary_iterator(str(log)):
        for value in event.summary.value:
            tags[value.tag] = tags.get(value.tag, 0) + 1
    steps = 128 // BATCH
    assert tags["loss/largest"] == 3 * steps
    assert tags["loss/smallest"] == tags["loss/random2"] == 2 * steps
    assert tags["validation/accuracy"] == 3


def test_an_interrupted_run_goes_on(undisturbed: tuple[Supernet, Path], tmp_path: Path) -> None:
    data = training_data()

    def interrupted(epoch: int) -> tf.data.Dataset:
        def generate() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for index, batch in enumerate(data(epoch).as_numpy_iterator()):
                if epoch == 2 and index == 3:
                    raise KeyboardInterrupt
                yield batch

        return Interrupting(data(epoch), generate)

    supernet = Supernet(tiny_image_space())
    with pytest.raises(KeyboardInterrupt):
        train(supernet, interrupted, OPTIONS, directory=tmp_path, progress=False)
    resumed = Supernet(tiny_image_space(), seed=9)
    train(resumed, data, OPTIONS, directory=tmp_path, progress=False)
    assert_same(resumed, undisturbed[0])


class Interrupting:
    """A dataset during which the user presses Ctrl-C."""

    def __init__(self, dataset: tf.data.Dataset, generate: Callable[[], Iterator[tuple]]) -> None:
        self.element_spec, self._dataset, self._generate = dataset.element_spec, dataset, generate

    def cardinality(self) -> int:
        return int(self._dataset.cardinality())

    def __iter__(self) -> Iterator[tuple]:
        return self._generate()


def test_a_finished_run_is_not_trained_again(undisturbed: tuple[Supernet, Path]) -> None:
    expected, directory = undisturbed
    supernet = Supernet(tiny_image_space(), seed=9)
    train(supernet, training_data(), OPTIONS, directory=directory, progress=False)
    assert_same(supernet, expected)


def test_refuses_the_folder_of_another_run(undisturbed: tuple[Supernet, Path]) -> None:
    _, directory = undisturbed
    with pytest.raises(TrainingError, match="a run with another epochs: 3, expected 5"):
        train(
            Supernet(tiny_image_space()),
            training_data(),
            dataclasses.replace(OPTIONS, epochs=5),
            directory=directory,
            progress=False,
        )


def test_mixed_precision() -> None:
    supernet = Supernet(tiny_image_space(), compute_dtype=tf.float16)
    before = weights(supernet)
    options = dataclasses.replace(OPTIONS, epochs=2)
    train(supernet, training_data(), options, progress=False)
    assert all(variable.dtype == tf.float32 for variable in supernet.variables)
    assert all(np.isfinite(array).all() for array in weights(supernet))
    assert not np.array_equal(before[0], weights(supernet)[0])
    assert accuracy(supernet, supernet.space.largest()) > 0.6
