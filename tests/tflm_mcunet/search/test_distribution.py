# SPDX-License-Identifier: Apache-2.0
"""Two devices that share each batch train as one does."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)

from tests.tflm_mcunet.search.spaces import random_images, tiny_audio_space
from tflm_mcunet.search.batches import shuffled
from tflm_mcunet.search.supernet import Supernet
from tflm_mcunet.search.training import TrainingOptions, train

space = tiny_audio_space()
half = random_images(space, 8)
labels = np.arange(8) % space.classes
options = TrainingOptions(epochs=2, warm_up=1, optimizer="sgd", learning_rate=0.1)


def trained(strategy, images, labels):
    with strategy.scope():
        supernet = Supernet(space)
    data = tf.data.Dataset.from_tensors((images, labels)).unbatch().batch(len(images), True)
    train(supernet, data.repeat(2), options, strategy=strategy, progress=False)
    return [variable.numpy() for variable in supernet.trainable_variables]


# Each of the two sees the same half batch: so batch statistics and gradients are those of one.
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert mirrored.num_replicas_in_sync == 2
two = trained(mirrored, np.concatenate([half, half]), np.concatenate([labels, labels]))
one = trained(tf.distribute.get_strategy(), half, labels)
for first, second in zip(one, two, strict=True):
    np.testing.assert_allclose(first, second, atol=1e-4)
untrained = [variable.numpy() for variable in Supernet(space).trainable_variables]
assert any(np.abs(first - second).max() > 1e-2 for first, second in zip(one, untrained))
"""


def test_two_mirrored_devices() -> None:
    # Logical devices can be made but once, before TensorFlow computes anything.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
