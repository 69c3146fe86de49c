# SPDX-License-Identifier: Apache-2.0
"""One step: what each network is to answer, and in which order they run."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tests.tflm_mcunet.search.spaces import random_images, tiny_audio_space
from tflm_mcunet.search.shared_step import SharedStep
from tflm_mcunet.search.supernet import Supernet

SPACE = tiny_audio_space()
IMAGES, LABELS = random_images(SPACE, 8), np.arange(8) % SPACE.classes


def shared_step(supernet: Supernet, **options: float) -> SharedStep:
    optimizer = tf_keras.optimizers.SGD(0.1, jit_compile=False)
    optimizer.build(supernet.trainable_variables)
    return SharedStep(supernet, optimizer, tf.distribute.get_strategy(), **options)


def cross_entropy(targets: np.ndarray, logits: np.ndarray) -> float:
    return float(tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits)))


def test_the_largest_learns_labels_and_the_others_its_answer() -> None:
    supernet = Supernet(SPACE)
    networks = [supernet.choices(network) for network in (SPACE.largest(), SPACE.smallest())]
    large, small = (supernet(IMAGES, choices)[0].numpy() for choices in networks)
    smoothed = 0.8 * np.eye(SPACE.classes)[LABELS] + 0.2 / SPACE.classes
    soft = 0.75 * tf.nn.softmax(large).numpy() + 0.25 * smoothed
    before = supernet.bias.numpy()
    losses = shared_step(supernet, label_smoothing=0.2, distillation=0.75)(IMAGES, LABELS, networks)
    expected = [cross_entropy(smoothed, large), cross_entropy(soft, small)]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    # The gradient of a bias is the mean error of the answers, here of two networks.
    errors = [tf.nn.softmax(large) - smoothed, tf.nn.softmax(small) - soft]
    np.testing.assert_allclose(
        supernet.bias.numpy() - before, -0.1 * np.mean(errors, axis=(0, 1)), atol=1e-6
    )


def test_networks_run_one_after_the_other() -> None:
    """In parallel they would spoil each other's memory; see the comment in the step."""
    supernet = Supernet(SPACE)
    step = shared_step(supernet, label_smoothing=0.0, distillation=1.0)
    networks = [supernet.choices(SPACE.smallest())] * 3
    graph = (
        tf.function(step._step_of_all, autograph=False)
        .get_concrete_function(tf.constant(IMAGES), tf.constant(LABELS), networks)
        .graph
    )
    calls = [op for op in graph.get_operations() if op.type.endswith("PartitionedCall")]
    assert len(calls) == 3
    assert calls[0] in _before(calls[1]) and calls[1] in _before(calls[2])


def _before(operation: Any) -> set[Any]:
    """All operations that must have run."""
    found: set[Any] = set()
    waiting = [operation]
    while waiting:
        op = waiting.pop()
        for source in (*op.control_inputs, *(tensor.op for tensor in op.inputs)):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found
