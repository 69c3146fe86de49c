# SPDX-License-Identifier: Apache-2.0
"""Decodes files once into an array on disk, so that an epoch costs no decoding."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tflm_converters.errors import DataError
from tflm_mcunet.files import staged
from tflm_mcunet.tasks.dataset import Skipped
from tflm_mcunet.tasks.files import Files

_ARRAY, _INDEX = "array.npy", "index.json"  # staged files move in this order


@dataclasses.dataclass(frozen=True, eq=False)
class Decoded:
    """Files as one array: row i of `data` is that of `kept[i]`'s file, a position in the names."""

    data: np.ndarray
    kept: np.ndarray
    skipped: tuple[Skipped, ...]


@dataclasses.dataclass(frozen=True)
class Decoder:
    """How a file becomes an array of fixed shape and dtype.

    `key` says all that the result depends on besides the file. `decode` raises an
    error with the reason if it is not such a file.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    decode: Callable[[bytes], np.ndarray]


def default_folder() -> Path:
    """Where decoded data sets are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tflm-mcunet" / "data"


def decoded(
    files: Files, names: Sequence[str], decoder: Decoder, *, folder: Path | None = None
) -> Decoded:
    """The files as an array, from the cache if they are there unchanged.

    Args:
        files: where they lie.
        names: which ones.
        decoder: what to make of each.
        folder: the cache; default: `default_folder()`.

    Raises:
        DataError: none of them can be decoded.
        OutputError: the cache cannot be written.
    """
    digest = files.digest(names)
    home = (folder or default_folder()) / f"{decoder.key}-{digest}"
    if not (home / _INDEX).exists():
        with staged(home) as stage:
            _decode_all(files, names, decoder, stage)
    index = json.loads((home / _INDEX).read_text(encoding="utf-8"))
    skipped = tuple(Skipped(**each) for each in index["skipped"])
    if not index["kept"]:
        first = f"; the first: {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise DataError(f"{files.title}: none of {len(names)} files can be used{first}")
    return Decoded(
        np.load(home / _ARRAY, mmap_mode="r")[: len(index["kept"])],
        np.array(index["kept"]),
        skipped,
    )


def _decode_all(files: Files, names: Sequence[str], decoder: Decoder, stage: Path) -> None:
    shape = (max(len(names), 1), *decoder.shape)
    array = np.lib.format.open_memmap(stage / _ARRAY, "w+", np.dtype(decoder.dtype), shape)
    kept: list[int] = []
    skipped: list[dict[str, str]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda name: _decode(files, name, decoder), names)
        bar = tqdm(results, f"decoding {files.title}", len(names), disable=len(names) < 200)
        for position, (name, result) in enumerate(zip(names, bar, strict=True)):
            if isinstance(result, str):
                skipped.append({"name": name, "reason": result})
            else:
                array[len(kept)] = result
                kept.append(position)
    array.flush()
    index = json.dumps({"kept": kept, "skipped": skipped})
    (stage / _INDEX).write_text(index, encoding="utf-8")


def _decode(files: Files, name: str, decoder: Decoder) -> np.ndarray | str:
    """The file's array, or why there is none."""
    try:
        return decoder.decode(files.read(name))
    except KeyError:
        return "it is not in the archive"
    except Exception as error:  # decoders raise all kinds on broken files
        return " ".join(str(error).split()) or type(error).__name__
