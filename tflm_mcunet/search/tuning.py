# SPDX-License-Identifier: Apache-2.0
"""Trains a network by itself, from the weights that it has; goes on after an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tqdm import tqdm

from tflm_mcunet.search import batches
from tflm_mcunet.search.batches import Data
from tflm_mcunet.search.checkpoints import Checkpoints
from tflm_mcunet.search.material import Batches
from tflm_mcunet.search.teacher import Teacher, taught


def fine_tune(
    model: tf_keras.Model,
    data: Data,
    *,
    epochs: int,
    learning_rate: float,
    label_smoothing: float = 0.1,
    teacher: Teacher | None = None,
    directory: Path | None = None,
    progress: bool = True,
) -> None:
    """Trains all weights with Adam; the learning rate falls to zero as a cosine.

    Args:
        model: changed in place; gives logits.
        data: batches, as for `training.train`.
        epochs: in all.
        learning_rate: at the beginning.
        label_smoothing: share of each label that is spread over all classes; with a teacher,
            none is.
        teacher: a network whose answers are learned beside the labels; `data` must be a function
            of the epoch's number then, of inputs in the teacher's size or larger.
        directory: keeps a checkpoint of each epoch; none by default.
        progress: whether to show a bar on stderr.

    Raises:
        DataError, TrainingError, OutputError: as `training.train` does.
    """
    if teacher is not None:
        size, classes = model.input_shape[1:3], model.output_shape[-1]
        data = taught(data, teacher, size=size, classes=classes, progress=progress)
    steps = int(batches.of_epoch(data, 0).cardinality())
    optimizer = _optimizer(model, learning_rate, steps * epochs)
    epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
    checkpoints = None
    if directory is not None:
        description: dict[str, Any] = {
            "epochs": epochs,
            "learning_rate": learning_rate,
            "steps": steps,
        }
        if teacher is not None:
            description["teacher"] = {"share": teacher.share, "views": teacher.views}
        parts = {"model": model, "optimizer": optimizer, "epoch": epoch}
        checkpoints = Checkpoints(directory, description, writes=True, **parts)
    step = _step(model, optimizer, label_smoothing)
    with tqdm(total=steps * epochs, desc="fine-tuning", unit="step", disable=not progress) as bar:
        bar.update(steps * int(epoch))
        for number in range(int(epoch), epochs):
            _train_epoch(step, batches.of_epoch(data, number), number, bar)
            epoch.assign(number + 1)
            if checkpoints is not None:
                checkpoints.save(number + 1)


def _optimizer(
    model: tf_keras.Model, learning_rate: float, steps: int
) -> tf_keras.optimizers.Optimizer:
    schedule = tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = tf_keras.optimizers.Adam(schedule, jit_compile=False)
    optimizer.build(model.trainable_variables)
    return optimizer


def _train_epoch(step: Any, dataset: tf.data.Dataset, number: int, bar: tqdm) -> None:
    total = 0.0
    for count, batch in enumerate(dataset, start=1):
        total += float(step(*batch))
        bar.set_postfix_str(f"epoch {number + 1}, loss {total / count:.3f}", refresh=False)
        bar.update()


def _step(
    model: tf_keras.Model, optimizer: tf_keras.optimizers.Optimizer, label_smoothing: float
) -> Any:
    classes = model.output_shape[-1]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        wanted = batches.targets(labels, classes, smoothing=label_smoothing)
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def accuracy(model: tf_keras.Model, examples: Batches) -> float:
    """The share of examples whose greatest output is their label's, 0 to 1."""
    right = [
        model(inputs, training=False).numpy().argmax(axis=1) == labels
        for inputs, labels in examples
    ]
    return float(np.concatenate(right).mean())
