# SPDX-License-Identifier: Apache-2.0
"""Files of a data set, in a folder or in an archive, read by name."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tflm_converters.errors import DataError

_PIECE = 1 << 20


class Files(Protocol):
    """Where a data set lies."""

    @property
    def title(self) -> str:
        """How messages call it."""

    def read(self, name: str) -> bytes:
        """The content of a file; OSError or KeyError if there is none."""

    def digest(self, names: Iterable[str]) -> str:
        """Of names and contents: changes when a file does."""


class Folder:
    """Files below a folder; names are relative, with slashes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def title(self) -> str:
        return f"'{self._root}'"

    def read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def digest(self, names: Iterable[str]) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for name in names:
            digest.update(f"{name}\0".encode())
            with open(self._root / name, "rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        return digest.hexdigest()


class Archive:
    """Members of a .zip file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # members are read one at a time
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"cannot read '{path}': {error}; expected a .zip archive") from None

    @property
    def title(self) -> str:
        return f"'{self._path}'"

    def read(self, name: str) -> bytes:
        with self._lock:
            return self._archive.read(name)

    def digest(self, names: Iterable[str]) -> str:
        """Of the checksums that the archive holds."""
        digest = hashlib.blake2b(digest_size=16)
        for name in names:
            info = self._archive.NameToInfo.get(name)
            known = (name, info.CRC, info.file_size) if info else (name,)
            digest.update(repr(known).encode())
        return digest.hexdigest()


def below(root: Path, endings: Iterable[str]) -> list[str]:
    """Names of the files below a folder that end so, sorted; hidden ones are left out."""
    wanted = tuple(endings)
    return sorted(name for name in _walk(root) if name.lower().endswith(wanted))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(folder).relative_to(root)
        yield from ((relative / name).as_posix() for name in names if not name.startswith("."))


def table(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a CSV file with a header.

    Raises:
        DataError: it cannot be read, or columns are missing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}") from None
    reader = csv.DictReader(io.StringIO(text))
    if missing := sorted(set(columns) - set(reader.fieldnames or ())):
        raise DataError(f"'{path}': expected the columns {', '.join(missing)}, too")
    return list(reader)
