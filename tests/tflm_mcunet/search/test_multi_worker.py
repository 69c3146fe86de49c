# SPDX-License-Identifier: Apache-2.0
"""Two processes that share each batch train as one does, and go on from one's checkpoint."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf

workers = sys.argv[1] == "workers"
strategy = tf.distribute.MultiWorkerMirroredStrategy() if workers else tf.distribute.get_strategy()

from tests.tflm_mcunet.search.spaces import random_images, tiny_audio_space
from tflm_mcunet.search.supernet import Supernet
from tflm_mcunet.search.training import TrainingOptions, train

space = tiny_audio_space()
half = random_images(space, 8)
labels = np.arange(8) % space.classes
copies = strategy.num_replicas_in_sync  # each sees the same half: statistics are those of one
assert copies == 1 + workers
images, labels = np.concatenate([half] * copies), np.concatenate([labels] * copies)
with strategy.scope():
    supernet = Supernet(space)
data = tf.data.Dataset.from_tensors((images, labels)).unbatch().batch(len(images), True).repeat(2)
options = TrainingOptions(epochs=2, warm_up=1, optimizer="sgd", learning_rate=0.1)
folder, result, first_epoch = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
epochs = []


def validate(epoch):
    epochs.append(epoch)
    if sys.argv[5:] == ["interrupted"]:
        raise SystemExit
    return {}


train(
    supernet, data, options, directory=folder, strategy=strategy, validate=validate, progress=False
)
assert epochs == list(range(first_epoch, 3)), epochs
np.savez(result, *(variable.numpy() for variable in supernet.trainable_variables))
"""


def _start(*arguments: str, cluster: list[str] | None = None, index: int = 0) -> subprocess.Popen:
    environment = dict(os.environ)
    if cluster:
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(*processes: subprocess.Popen) -> None:
    try:
        for process in processes:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors[-2000:]
    finally:
        for process in processes:
            process.kill()


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def _weights(path: Path) -> list[np.ndarray]:
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


@pytest.mark.slow
def test_two_workers_interrupted_and_resumed(tmp_path: Path) -> None:
    folder, names = str(tmp_path / "two"), [str(tmp_path / f"{i}.npz") for i in range(2)]
    for epoch in (["1", "interrupted"], ["2"]):
        cluster = _free_addresses(2)
        _finish(
            *(
                _start("workers", folder, name, *epoch, cluster=cluster, index=i)
                for i, name in enumerate(names)
            )
        )
    _finish(_start("alone", str(tmp_path / "one"), str(tmp_path / "one.npz"), "1"))
    expected = _weights(tmp_path / "one.npz")
    for name in names:
        for one, other in zip(expected, _weights(Path(name)), strict=True):
            np.testing.assert_allclose(other, one, atol=1e-4)
