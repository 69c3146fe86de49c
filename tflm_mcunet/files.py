# SPDX-License-Identifier: Apache-2.0
"""Reads models and arrays; writes results so that nothing half-written is ever left behind."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tflm_converters.errors import DataError, ModelFileError, OutputError


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        ModelFileError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read '{path}': {error.strerror or error}") from None


def read_array(path: Path) -> np.ndarray:
    """The array in a .npy file.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is not a .npy file of numbers"
        raise DataError(f"cannot read the array in '{path}': {reason}") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: expected one array (.npy), got an archive of arrays")
    return array


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Gives an empty folder; when the block ends without error, its files move to `folder`.

    Existing files of the same names are replaced, others are left alone. Whether `folder`
    can be written is known before the block begins, so that no long work is in vain.

    Raises:
        OutputError: a folder or a file cannot be written.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as name:
            stage = Path(name)
            yield stage
            for path in sorted(stage.iterdir()):
                path.replace(folder / path.name)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write to '{folder}': {reason}; choose another place") from None
    finally:
        for path in missing:  # the deepest first; those that got files stay
            with contextlib.suppress(OSError):
                path.rmdir()
