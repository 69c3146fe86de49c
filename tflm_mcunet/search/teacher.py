# SPDX-License-Identifier: Apache-2.0
"""Distillation (Hinton et al., arXiv 1503.02531): networks learn what a trained one answers.

The teacher is asked about the very crop that the student sees. So views of a picture that no
label is known for, such as a corner of it, can be learned from, too.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm

from tflm_converters.errors import DataError, SettingsError
from tflm_mcunet.files import staged
from tflm_mcunet.search import batches
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.batches import Data

DARKEST, BRIGHTEST = -1.0, 127 / 128
"""The range of what our networks are trained on, see `tflm_mcunet.tasks`."""

_TOLERANCE = 1e-3  # of the sum of probabilities


@dataclasses.dataclass(frozen=True, kw_only=True)
class Teacher:
    """A network that is trained already, and how much it has to say.

    `answer` takes inputs as our networks do, float32 (batch, *size, channels), and returns the
    probabilities of all classes, (batch, classes). `share`: of its answer in what is to be
    learned; the rest is the label. `views`: after so many epochs the same views of the data come
    again. `folder` keeps the answers, one file for each of them, for all who learn from the same
    data and views; without it, the teacher is asked again each time.
    """

    answer: Callable[[np.ndarray], np.ndarray]
    size: Size
    share: float = 0.7
    views: int = 32
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise SettingsError(f"expected a share of the teacher from 0 to 1, got {self.share:g}")
        if self.views < 1:
            raise SettingsError(f"expected at least one view, got {self.views}")


def tflite_teacher(
    path: Path, *, low: float = DARKEST, high: float = BRIGHTEST, **how: Any
) -> Teacher:
    """A float32 `.tflite` classifier that gives probabilities.

    Args:
        path: the file.
        low: what it takes where our networks take -1, such as a black pixel.
        high: what it takes where our networks take 127 / 128, such as a white pixel.
        how: `share`, `views` and `folder`.

    Raises:
        DataError: it is no such file.
    """
    try:
        network = Interpreter(model_content=path.read_bytes(), num_threads=1)
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"'{path}' is no .tflite file: {error}") from None
    entry, out = network.get_input_details()[0], network.get_output_details()[0]
    if entry["dtype"] is not np.float32 or len(entry["shape"]) != 4:
        raise DataError(
            f"'{path}': expected a float32 network of images as teacher, got an input "
            f"{np.dtype(entry['dtype']).name} {entry['shape'].tolist()}"
        )
    step = (high - low) / (BRIGHTEST - DARKEST)

    def answer(inputs: np.ndarray) -> np.ndarray:
        if network.get_input_details()[0]["shape"][0] != len(inputs):
            network.resize_tensor_input(entry["index"], inputs.shape)
            network.allocate_tensors()
        network.set_tensor(entry["index"], (inputs - DARKEST) * np.float32(step) + np.float32(low))
        network.invoke()
        return np.array(network.get_tensor(out["index"]))

    rows, columns = map(int, entry["shape"][1:3])
    return Teacher(answer=answer, size=(rows, columns), **how)


def taught(
    data: Data, teacher: Teacher, *, size: Size, classes: int, progress: bool = True
) -> Data:
    """Batches with what is to be learned in place of labels.

    Args:
        data: batches of inputs of at least the teacher's size and integer labels, as a function
            of the epoch's number.
        teacher: whose answers are mixed into the labels.
        size: rows and columns of the student's input, to which it is shrunk.
        classes: that the student tells apart.
        progress: whether to show a bar on stderr while the teacher answers.

    Returns:
        A function from the epoch's number to batches of inputs and float32 (batch, classes).

    Raises:
        DataError: when called, if the answers are no probabilities of so many classes, or those in
            `folder` are about other data.
    """

    def epoch(number: int) -> tf.data.Dataset:
        view = number % teacher.views
        if teacher.folder is None:
            answered = batches.of_epoch(data, view).map(
                lambda *batch: _asked(teacher, classes, *batch)
            )
        else:
            path = teacher.folder / f"view{view:03}.npz"
            if not path.is_file():
                _keep_answers(data, view, teacher, classes, path, progress=progress)
            answered = _with_kept(data, view, path)
        return answered.map(lambda *batch: _mixed(teacher, classes, size, *batch)).prefetch(2)

    return epoch


def _asked(teacher: Teacher, classes: int, inputs: Any, labels: Any) -> tuple[Any, Any, Any]:
    def ask(images: np.ndarray) -> np.ndarray:
        return _probabilities(teacher, classes, images)

    seen = _resized(inputs, teacher.size)
    return inputs, labels, tf.numpy_function(ask, [seen], tf.float32, stateful=False)


def _probabilities(teacher: Teacher, classes: int, inputs: np.ndarray) -> np.ndarray:
    answers = np.asarray(teacher.answer(inputs), np.float32)
    wanted = len(inputs), classes
    if answers.shape != wanted or np.abs(answers.sum(axis=1) - 1).max() > _TOLERANCE:
        raise DataError(
            f"expected probabilities {list(wanted)} from the teacher, which sum to 1 for each "
            f"input; got {list(answers.shape)}, the first {answers[0].tolist()}"
        )
    return answers


def _keep_answers(
    data: Data, view: int, teacher: Teacher, classes: int, path: Path, *, progress: bool
) -> None:
    """Writes the answers, and by what it is known which data they are of."""
    examples = batches.of_epoch(data, view)
    bar = tqdm(examples, f"teacher, {path.stem}", unit="batch", disable=not progress, leave=False)
    answers = [_probabilities(teacher, classes, _resized(x, teacher.size).numpy()) for x, _ in bar]
    with staged(path.parent) as stage:
        np.savez(
            stage / path.name,
            data=_fingerprint(data, view),
            sizes=[len(batch) for batch in answers],
            answers=np.concatenate(answers),
        )


def _with_kept(data: Data, view: int, path: Path) -> tf.data.Dataset:
    with np.load(path) as kept:
        fingerprint, sizes, answers = (kept[name] for name in ("data", "sizes", "answers"))
    if fingerprint != _fingerprint(data, view):
        raise DataError(
            f"'{path}' holds answers about other data; choose another folder, or remove this one"
        )
    batched = tf.data.Dataset.from_generator(
        lambda: iter(np.split(answers, np.cumsum(sizes)[:-1])),
        output_signature=tf.TensorSpec((None, answers.shape[1]), tf.float32),
    )
    pairs = tf.data.Dataset.zip((batches.of_epoch(data, view), batched))
    pairs = pairs.apply(tf.data.experimental.assert_cardinality(len(sizes)))
    return pairs.map(lambda batch, answers: (*batch, answers))


def _fingerprint(data: Data, view: int) -> str:
    """Digest of the first batch."""
    inputs, labels = next(iter(batches.of_epoch(data, view)))
    digest = hashlib.blake2b(inputs.numpy().tobytes(), digest_size=16)
    digest.update(labels.numpy().tobytes())
    return digest.hexdigest()


def _mixed(
    teacher: Teacher, classes: int, size: Size, inputs: Any, labels: Any, answers: Any
) -> tuple[Any, Any]:
    answers = tf.ensure_shape(answers, [None, classes])
    is_right = tf.one_hot(labels, classes)
    return _resized(inputs, size), teacher.share * answers + (1 - teacher.share) * is_right


def _resized(inputs: Any, size: Size) -> Any:
    if tuple(inputs.shape[1:3]) == tuple(size):
        return inputs
    return tf.image.resize(inputs, size, antialias=True)
