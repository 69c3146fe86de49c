# SPDX-License-Identifier: Apache-2.0
"""Trains a supernet: the largest network first, then all, with the largest as their teacher.

MCUNet (arXiv 2007.10319) trains the largest network, sorts its channels by L1 norm and trains the
others from there. A run stopped at any time goes on from its last whole epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
import tf_keras
from tqdm import tqdm

from tflm_mcunet.search import batches, logs
from tflm_mcunet.search.batches import Data
from tflm_mcunet.search.checkpoints import Checkpoints
from tflm_mcunet.search.importance import sort_channels
from tflm_mcunet.search.shared_step import SharedStep
from tflm_mcunet.search.supernet import Choices, Supernet
from tflm_mcunet.search.teacher import Teacher, taught

Validate = Callable[[int], Mapping[str, float]]
"""Called with the number of epochs done; gives figures for TensorBoard."""

_NOT_DECAYED = ["gamma", "beta", "bias", "to_"]
"""Parts of the names of variables without weight decay."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a supernet is trained.

    `epochs`: in all, over which the learning rate falls to zero as a cosine. `warm_up`: the
    first of them, which train the largest network alone. `random_networks`: in each step, besides
    the largest. `smallest`: whether the smallest is in each step, too, as the sandwich rule has it;
    that makes it, and what is like it, better than the rest, which then seem worse than they are.
    `distillation`: share of the largest network's answer in what the others are to answer; the
    rest is the label. `seed`: of the networks drawn.

    Adam, and at a high rate: small data sets have few steps in an epoch, and what only a few of
    the networks use, gets a gradient in a few of the steps. With a low rate, or with SGD, only
    networks learn that are in every step, and the others hardly do.
    """

    epochs: int
    warm_up: int = 0
    random_networks: int = 3
    smallest: bool = False
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 4e-5
    label_smoothing: float = 0.1
    distillation: float = 1.0
    seed: int = 0


def train(
    supernet: Supernet,
    data: Data,
    options: TrainingOptions,
    *,
    directory: Path | None = None,
    teacher: Teacher | None = None,
    strategy: tf.distribute.Strategy | None = None,
    validate: Validate = lambda epoch: {},
    progress: bool = True,
) -> None:
    """Trains until the last epoch, from the last checkpoint if there is one.

    Args:
        supernet: changed in place. Its `compute_dtype` decides on mixed precision.
        data: batches of float32 images and integer labels; as a function of the epoch's number,
            their order is the same in a run that was resumed. See `batches.shuffled`.
        options: how to train.
        directory: keeps a checkpoint of each epoch, and logs for TensorBoard; none by default.
            Of several workers the first writes it, and all must see it.
        teacher: a network whose answers the largest one learns beside the labels; see
            `tuning.fine_tune`.
        strategy: of distribution, in whose scope the supernet was made, such as
            `tf.distribute.MultiWorkerMirroredStrategy()` in each process of a cluster; the
            batches of `data` are shared out.
        validate: called after each epoch.
        progress: whether to show a bar on stderr.

    Raises:
        DataError: the batches cannot be trained with.
        TrainingError: `directory` holds another run.
        OutputError: `directory` cannot be written.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if teacher is not None:
        space = supernet.space
        size, classes = space.input_shapes[-1][:2], space.classes
        data = taught(data, teacher, size=size, classes=classes, progress=progress)
    steps = int(batches.of_epoch(data, 0, replicas=strategy.num_replicas_in_sync).cardinality())
    with strategy.scope():
        optimizer = _optimizer(options, steps * options.epochs, supernet)
        run = _Run(supernet, optimizer, data, options, strategy)
    checkpoints = _checkpoints(run, directory, strategy) if directory else None
    log_folder = directory / "logs" if directory and strategy.extended.should_save_summary else None
    bar = tqdm(total=steps * options.epochs, desc="training", unit="step", disable=not progress)
    with bar, logs.written_to(log_folder):
        bar.update(steps * int(run.epoch.numpy()))
        for epoch in range(int(run.epoch.numpy()), options.epochs):
            run.train_epoch(epoch, bar)
            if checkpoints is not None:
                checkpoints.save(epoch + 1)
            for name, value in validate(epoch + 1).items():
                logs.scalar(f"validation/{name}", value, step=(epoch + 1) * steps)


class _Run:
    """A training run between two epochs."""

    def __init__(
        self,
        supernet: Supernet,
        optimizer: tf_keras.optimizers.Optimizer,
        data: Data,
        options: TrainingOptions,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.supernet, self.optimizer, self.options = supernet, optimizer, options
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
        """Epochs done."""
        self._data, self._strategy = data, strategy
        self._step = SharedStep(
            supernet,
            optimizer,
            strategy,
            label_smoothing=options.label_smoothing,
            distillation=options.distillation,
        )

    def train_epoch(self, epoch: int, bar: tqdm) -> None:
        warms_up = epoch < self.options.warm_up
        if epoch == self.options.warm_up:
            sort_channels(self.supernet)
            _forget_momentum(self.optimizer)
        rng = np.random.default_rng([self.options.seed, epoch])
        dataset = batches.of_epoch(self._data, epoch, replicas=self._strategy.num_replicas_in_sync)
        steps = int(dataset.cardinality())
        for index, (images, labels) in enumerate(
            self._strategy.experimental_distribute_dataset(dataset)
        ):
            losses = self._step(images, labels, self._networks(rng, warms_up=warms_up))
            _log(losses, self.options, epoch * steps + index)
            bar.set_postfix_str(f"epoch {epoch + 1}, loss {losses[0]:.3f}", refresh=False)
            bar.update()
        self.epoch.assign(epoch + 1)

    def _networks(self, rng: np.random.Generator, *, warms_up: bool) -> list[Choices]:
        space = self.supernet.space
        networks = [space.largest()]
        if not warms_up:
            networks += [space.smallest()] * self.options.smallest
            networks += (space.sample(rng) for _ in range(self.options.random_networks))
        return [self.supernet.choices(network) for network in networks]


def _checkpoints(run: _Run, directory: Path, strategy: tf.distribute.Strategy) -> Checkpoints:
    return Checkpoints(
        directory,
        {"space": repr(run.supernet.space), **dataclasses.asdict(run.options)},
        writes=strategy.extended.should_checkpoint,
        supernet=run.supernet,
        optimizer=run.optimizer,
        epoch=run.epoch,
    )


def _optimizer(
    options: TrainingOptions, steps: int, supernet: Supernet
) -> tf_keras.optimizers.Optimizer:
    optimizers = tf_keras.optimizers
    rate = optimizers.schedules.CosineDecay(options.learning_rate, steps)
    common = {"weight_decay": options.weight_decay or None, "jit_compile": False}
    if options.optimizer == "sgd":
        optimizer = optimizers.SGD(rate, options.momentum, nesterov=True, **common)
    else:
        optimizer = optimizers.Adam(rate, options.momentum, **common)
    if options.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    if supernet.compute_dtype == tf.float16:  # whose small gradients would vanish
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    optimizer.build(supernet.trainable_variables)
    return optimizer


def _forget_momentum(optimizer: tf_keras.optimizers.Optimizer) -> None:
    """It belongs to the channels as they stood before."""
    for variable in optimizer.variables:
        if variable.shape.rank:
            variable.assign(tf.zeros_like(variable))


def _log(losses: np.ndarray, options: TrainingOptions, step: int) -> None:
    fixed = ("largest", "smallest") if options.smallest else ("largest",)
    names = (*fixed, *(f"random{i + 1}" for i in range(options.random_networks)))
    for name, loss in zip(names, losses, strict=False):
        logs.scalar(f"loss/{name}", loss, step=step)
