# SPDX-License-Identifier: Apache-2.0
"""Makes an entry of a folder with `model.tflite` and `entry.json`: converts, writes the digests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tflm_mcunet.conversion import convert
from tflm_mcunet.zoo.entry import CONVERTED, ENTRY, ORIGINAL, Entry


def seal(folder: Path) -> Entry:
    """Writes `converted.tflite`, and the digests of both models into `entry.json`.

    Doing it again changes nothing, unless the model or the converter has changed.

    Raises:
        ZooError: `entry.json` is not what it should be; its `sha256` may be empty.
        ConversionError: the model cannot be converted as the entry says.
    """
    entry = Entry.read(folder)
    made = convert(folder / ORIGINAL, samples=0, **entry.conversion)
    (folder / CONVERTED).write_bytes(made.model)
    digests = {file: _sha256(folder / file) for file in (ORIGINAL, CONVERTED)}
    content = entry.to_json() | {"sha256": digests}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / ENTRY).write_text(text, encoding="utf-8")
    return Entry.read(folder)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
