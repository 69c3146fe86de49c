# SPDX-License-Identifier: Apache-2.0
"""The state of a training run on disk, after each epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tensorflow as tf

from tflm_converters.errors import ConversionError
from tflm_mcunet.files import staged

_KEPT = 2


class TrainingError(ConversionError):
    """A run cannot begin or go on."""


class Checkpoints:
    """The last epochs of a run; making this restores the last one, if there is one.

    Args:
        directory: of this run alone. A file in it tells what run it is.
        description: what must be the same for a run to go on, in terms of JSON.
        writes: whether this process saves; of several workers one does.
        parts: what is saved, by name.

    Raises:
        TrainingError: `directory` holds another run, or is damaged.
        OutputError: `directory` cannot be written.
    """

    def __init__(
        self, directory: Path, description: dict[str, Any], *, writes: bool, **parts: Any
    ) -> None:
        self._writes = writes
        _check_same_run(directory, description, writes=writes)
        checkpoint = tf.train.Checkpoint(**parts)
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(directory), max_to_keep=_KEPT, checkpoint_name="epoch"
        )
        latest = self._manager.latest_checkpoint
        if latest is None:
            return
        try:
            checkpoint.restore(latest).assert_existing_objects_matched()
        except (tf.errors.OpError, ValueError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise TrainingError(
                f"cannot go on from '{latest}': {reason}; remove the folder to begin anew"
            ) from None

    def save(self, epoch: int) -> None:
        """Saves the state after so many epochs, whole or not at all."""
        if self._writes:
            self._manager.save(checkpoint_number=epoch)


def _check_same_run(directory: Path, wanted: dict[str, Any], *, writes: bool) -> None:
    path = directory / "run.json"
    if not path.is_file():
        if writes:
            with staged(directory) as stage:
                (stage / path.name).write_text(json.dumps(wanted, indent=1), encoding="utf-8")
        return
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise TrainingError(f"'{path}' is damaged; remove the folder to begin anew") from None
    for name, value in wanted.items():
        if found.get(name) != value:
            raise TrainingError(
                f"'{directory}' holds a run with another {name}: {found.get(name)}, expected "
                f"{value}; choose another folder, or remove this one"
            )
