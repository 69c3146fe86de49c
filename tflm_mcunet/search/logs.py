# SPDX-License-Identifier: Apache-2.0
"""Logs that TensorBoard shows. Writing them takes TensorFlow alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

_Metadata = tf.compat.v1.SummaryMetadata

_SCALAR = _Metadata(plugin_data=_Metadata.PluginData(plugin_name="scalars"), data_class=1)
"""As tf.summary.scalar writes it, which needs TensorBoard; 1 is DATA_CLASS_SCALAR."""


@contextlib.contextmanager
def written_to(folder: Path | None) -> Iterator[None]:
    """Within the block `scalar` writes to a new file in this folder, if there is one."""
    if folder is None:
        yield
        return
    writer = tf.summary.create_file_writer(str(folder))
    with contextlib.closing(writer), writer.as_default():
        yield


def scalar(name: str, value: float, *, step: int) -> None:
    """A point of the curve `name`; of no effect outside of `written_to`."""
    tf.summary.write(name, tf.constant(value, tf.float32), step=step, metadata=_SCALAR)
