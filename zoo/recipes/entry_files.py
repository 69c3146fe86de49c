# SPDX-License-Identifier: Apache-2.0
"""What recipes write, and what of it they read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from tflm_converters import reader
from tflm_mcunet.audio.config import FrontEndConfig
from tflm_mcunet.files import staged
from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, read_json

Config = TypeVar("Config", bound=FrontEndConfig)

Json = dict[str, Any]


def write_json(path: Path, content: Json) -> None:
    """As it stands in a repository."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def write_entry(home: Path, model: bytes, entry: Json) -> None:
    """Writes a model and its entry, to be sealed; the same as are there keep their seal.

    Raises:
        OutputError: the folder cannot be written.
        ZooError: the entry that is there cannot be read.
    """
    if _is_there(home, model, entry):
        return
    with staged(home) as stage:
        (stage / ORIGINAL).write_bytes(model)
        write_json(stage / ENTRY, entry)


def _is_there(home: Path, model: bytes, entry: Json) -> bool:
    if not all((home / file).is_file() for file in (ORIGINAL, ENTRY)):
        return False
    unsealed = read_json(home / ENTRY) | {"sha256": {}}
    wanted = json.loads(json.dumps(entry))  # has lists for tuples, as files have
    return (home / ORIGINAL).read_bytes() == model and unsealed == wanted


def front_end_for(model: bytes, trained_with: Config) -> Config:
    """The front end whose features are the input of a quantized network."""
    graph = reader.read_bytes(model, name="model")
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    scale, zero_point = quantization.scale, quantization.zero_point
    return trained_with.for_input(scale=float(scale), zero_point=int(zero_point))
