# SPDX-License-Identifier: Apache-2.0
"""One training step of a supernet: several sub-networks on the same batch, one update.

In-place distillation (universally slimmable networks, arXiv 1903.05134): the largest network
learns the labels, the others what it answers. With the smallest among them, it is the sandwich
rule; see `training.TrainingOptions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tflm_mcunet.search import batches
from tflm_mcunet.search.elastic import Tensor
from tflm_mcunet.search.supernet import Choices, Supernet
from tflm_mcunet.search.tracing import Traced


class SharedStep:
    """Trains sub-networks together; the first is the teacher of the others.

    Args:
        supernet: whose weights are trained.
        optimizer: changes them.
        strategy: of distribution, in whose scope both were made.
        label_smoothing: share of each label that is spread over all classes.
        distillation: share of the teacher's answer in what the others are to answer; the rest
            is the label.
    """

    def __init__(
        self,
        supernet: Supernet,
        optimizer: tf_keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        *,
        label_smoothing: float,
        distillation: float,
    ) -> None:
        self._supernet = supernet
        self._optimizer = optimizer
        self._strategy = strategy
        self._smoothing = label_smoothing
        self._distillation = distillation
        self._is_scaled = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        targets = tf.TensorSpec([None, supernet.space.classes], tf.float32)
        images, choices = supernet.signature()
        self._gradients = tf.function(
            self._gradients_of_one,
            input_signature=[images, targets, choices],
            autograph=False,
            experimental_attributes={"_noinline": True},  # one copy serves all networks
        )
        self._step = Traced(self._step_of_all, reduce_retracing=True)

    @property
    def traces(self) -> int:
        """How often the forward and backward pass of a sub-network was traced."""
        count: int = self._gradients.experimental_get_tracing_count()
        return count

    def __call__(self, images: Any, labels: Any, networks: Sequence[Choices]) -> np.ndarray:
        """Changes the weights.

        Args:
            images, labels: a batch, as the strategy distributes it; labels as for
                `batches.targets`.
            networks: the teacher first.

        Returns:
            The loss of each network, before the change.
        """
        return self._step(images, labels, list(networks)).numpy()

    def _step_of_all(self, images: Any, labels: Any, networks: list[Choices]) -> Tensor:
        losses = self._strategy.run(self._replica_step, args=(images, labels, networks))
        return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)

    def _replica_step(self, images: Tensor, labels: Tensor, networks: list[Choices]) -> Tensor:
        classes = self._supernet.space.classes
        answers = batches.targets(labels, classes, smoothing=self._smoothing)
        loss, logits, total = self._gradients(images, answers, networks[0])
        answers += self._distillation * (tf.nn.softmax(logits) - answers)
        losses = [loss]
        for choices in networks[1:]:
            # One after the other: it takes less memory, and TensorFlow's oneDNN kernel of batch
            # normalization keeps the number of channels in itself, which a parallel call of the
            # same function with another number would overwrite.
            with tf.control_dependencies(total):
                loss, _, gradients = self._gradients(images, answers, choices)
            total = list(map(tf.add, total, gradients))
            losses.append(loss)
        self._apply(total, len(losses))
        return tf.stack(losses)

    def _gradients_of_one(
        self, images: Tensor, targets: Tensor, choices: Choices
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        variables = self._supernet.trainable_variables
        with tf.GradientTape() as tape:
            logits, _ = self._supernet(images, choices)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
            scaled = self._optimizer.get_scaled_loss(loss) if self._is_scaled else loss
        gradients = tape.gradient(
            scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return loss, logits, gradients

    def _apply(self, gradients: list[Tensor], networks: int) -> None:
        """The mean over networks and replicas; the optimizer sums over replicas."""
        share = 1.0 / (networks * self._strategy.num_replicas_in_sync)
        gradients = [share * gradient for gradient in gradients]
        if self._is_scaled:
            gradients = self._optimizer.get_unscaled_gradients(gradients)
        variables = self._supernet.trainable_variables
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
