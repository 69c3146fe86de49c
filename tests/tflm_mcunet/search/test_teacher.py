# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf
import tf_keras

from tests.tflm_mcunet.search.tiny_run import SPACE, material
from tflm_converters.errors import DataError, SettingsError
from tflm_mcunet.search import keras_model, training, tuning
from tflm_mcunet.search.supernet import Supernet
from tflm_mcunet.search.teacher import BRIGHTEST, DARKEST, Teacher, taught, tflite_teacher
from zoo.recipes.float_network import float_file

SIZE = (8, 8)


def pictures(epoch: int) -> Any:
    """Five of them, three to a batch; each of one shade."""
    shades = np.linspace(DARKEST, BRIGHTEST, 5, dtype=np.float32) * (1 - epoch / 10)
    images = np.broadcast_to(shades[:, None, None, None], (5, *SIZE, 3))
    labels = np.arange(5, dtype=np.int32) % 2
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(3)


def brightness(images: np.ndarray) -> np.ndarray:
    """Probabilities of dark and bright."""
    assert images.shape[1:] == (4, 4, 3)
    bright = (images.mean(axis=(1, 2, 3)) + 1) / 2
    return np.stack([1 - bright, bright], axis=1)


class Counted:
    """Counts the pictures about which it was asked."""

    def __init__(self) -> None:
        self.pictures = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.pictures += len(images)
        return brightness(images)


def teacher(answer: Callable[[np.ndarray], np.ndarray] = brightness, **how: Any) -> Teacher:
    return Teacher(answer=answer, size=(4, 4), **how)


def epoch_of(data: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    images, targets = zip(*data(number).as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(targets)


@pytest.mark.parametrize("keeps", [True, False])
def test_targets_are_between_answer_and_label(tmp_path: Path, *, keeps: bool) -> None:
    how = {"folder": tmp_path} if keeps else {}
    data = taught(pictures, teacher(share=0.75, **how), size=(2, 2), classes=2, progress=False)
    assert int(data(0).cardinality()) == 2
    images, targets = epoch_of(data, 0)
    assert images.shape == (5, 2, 2, 3)
    bright = np.linspace(0, (1 + BRIGHTEST) / 2, 5)
    np.testing.assert_allclose(targets[:, 1], 0.75 * bright + 0.25 * (np.arange(5) % 2), atol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)


def test_asks_once_about_each_view(tmp_path: Path) -> None:
    asked = Counted()
    first = epoch_of(taught(pictures, teacher(asked, folder=tmp_path), size=SIZE, classes=2), 3)
    again = taught(pictures, teacher(asked, folder=tmp_path, views=4), size=SIZE, classes=2)
    for epoch in (3, 7):  # the same view
        for one, other in zip(first, epoch_of(again, epoch), strict=True):
            np.testing.assert_array_equal(one, other)
    assert asked.pictures == 5
    epoch_of(again, 6)
    assert asked.pictures == 10


def test_refuses_answers_about_other_data(tmp_path: Path) -> None:
    epoch_of(taught(pictures, teacher(folder=tmp_path), size=SIZE, classes=2), 0)
    other = taught(
        lambda epoch: pictures(epoch + 1), teacher(folder=tmp_path), size=SIZE, classes=2
    )
    with pytest.raises(DataError, match=r"view000\.npz' holds answers about other data"):
        other(0)


@pytest.mark.parametrize(("factor", "classes"), [(3, 2), (1, 4)])
def test_refuses_what_are_no_probabilities(tmp_path: Path, factor: int, classes: int) -> None:
    answers = teacher(lambda images: factor * brightness(images), folder=tmp_path)
    data = taught(pictures, answers, size=SIZE, classes=classes)
    message = rf"expected probabilities \[3, {classes}\] .*got \[3, 2\], the first \[{factor}\.0, 0"
    with pytest.raises(DataError, match=message):
        data(0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", [{"share": 1.5}, {"views": 0}])
def test_refuses_settings(how: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        teacher(**how)


def test_tflite_file_sees_its_own_range(tmp_path: Path) -> None:
    """A network that gives the mean of a picture whose pixels are from 0 to 1."""
    source = tf_keras.layers.Input((4, 4, 3))
    mean = tf_keras.layers.GlobalAveragePooling2D()(source)
    logits = tf_keras.layers.Dense(2, "softmax")
    network = tf_keras.Model(source, logits(mean))
    logits.set_weights([np.array([[0, 1]] * 3, np.float32), np.zeros(2, np.float32)])
    path = tmp_path / "teacher.tflite"
    path.write_bytes(float_file(network))
    made = tflite_teacher(path, low=0.0, high=1.0)
    assert made.size == (4, 4)
    for count in (2, 3):  # batches of any size
        shades = np.linspace(DARKEST, BRIGHTEST, count, dtype=np.float32)
        images = np.broadcast_to(shades[:, None, None, None], (count, 4, 4, 3))
        expected = tf.nn.softmax([[0, 3 * value] for value in np.linspace(0, 1, count)])
        np.testing.assert_allclose(made.answer(images), expected, atol=1e-6)


def test_refuses_what_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "teacher.tflite"
    with pytest.raises(DataError, match=r"cannot read '.*teacher\.tflite'"):
        tflite_teacher(path)
    path.write_bytes(b"no model")
    with pytest.raises(DataError, match=r"teacher\.tflite' is no \.tflite file"):
        tflite_teacher(path)


# ---- What students make of it ----


def liar(images: np.ndarray) -> np.ndarray:
    """Sure of another class than the right one, of the three of the tiny run."""
    right = images.mean(axis=(1, 2)).argmax(axis=1)
    return np.eye(3, dtype=np.float32)[(right + 1) % 3]


def wrong_labels(answer: Callable[[np.ndarray], np.ndarray]) -> float:
    """The share of the validation data of which a network says what the liar does."""
    ((inputs, labels),) = material().evaluation("val", SPACE.input_shapes[-1][:2])
    return float((answer(inputs).argmax(axis=1) == (labels + 1) % 3).mean())


def convinced(share: float) -> Teacher:
    return Teacher(answer=liar, size=SPACE.input_shapes[-1][:2], share=share)


def test_a_network_learns_what_the_teacher_says() -> None:
    tf_keras.utils.set_random_seed(1)
    model = keras_model.build(SPACE.largest())
    made = material()
    tuning.fine_tune(
        model,
        lambda epoch: made.train(epoch, SPACE.input_shapes[-1][:2]),
        epochs=20,
        learning_rate=1e-3,
        teacher=convinced(1.0),
        progress=False,
    )
    assert wrong_labels(lambda inputs: model(inputs, training=True).numpy()) > 0.9


def test_a_supernet_learns_what_the_teacher_says() -> None:
    supernet = Supernet(SPACE)
    made = material()
    training.train(
        supernet,
        lambda epoch: made.train(epoch, SPACE.input_shapes[-1][:2]),
        training.TrainingOptions(epochs=12, warm_up=2, optimizer="adam", learning_rate=0.01),
        teacher=convinced(1.0),
        progress=False,
    )
    choices = supernet.choices(SPACE.largest())
    assert wrong_labels(lambda inputs: supernet(inputs, choices)[0].numpy()) > 0.9
