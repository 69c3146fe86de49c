# SPDX-License-Identifier: Apache-2.0
"""Makes an entry of a folder with `model.tflite` and `entry.json`: converts, writes the digests."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np

from tflm_converters import reader
from tflm_converters.errors import ConversionError
from tflm_converters.graph import Tensor
from tflm_mcunet.conversion import convert
from tflm_mcunet.zoo.entry import CONVERTED, ENTRY, ORIGINAL, Entry
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.outputs import Classes, make_output


def seal(folder: Path) -> Entry:
    """Writes `converted.tflite`, and the digests of both models into `entry.json`.

    Doing it again changes nothing, unless the model or the converter has changed.

    Raises:
        ZooError: `entry.json` is not what it should be; its `sha256` may be empty.
        ConversionError: the model cannot be converted as the entry says, or does not suit it.
    """
    entry = Entry.read(folder)
    check(entry)
    made = convert(folder / ORIGINAL, samples=0, **entry.conversion)
    (folder / CONVERTED).write_bytes(made.model)
    digests = {file: _sha256(folder / file) for file in (ORIGINAL, CONVERTED)}
    content = entry.to_json() | {"sha256": digests}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / ENTRY).write_text(text, encoding="utf-8")
    return Entry.read(folder)


def check(entry: Entry) -> None:
    """Raises ConversionError if `model.tflite` is not what the entry describes."""
    name = f"{entry.name}/{ORIGINAL}"
    graph = reader.read_bytes((entry.folder / ORIGINAL).read_bytes(), name=name)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ConversionError(
            f"{name}: expected one input and one output, got {len(graph.inputs)} and "
            f"{len(graph.outputs)}"
        )
    _check_input(entry, name, graph.tensors[graph.inputs[0]])
    output, channels = make_output(entry.output), graph.tensors[graph.outputs[0]].shape[-1]
    if isinstance(output, Classes) and len(output.labels) != channels:
        raise ConversionError(
            f"{name}: the network has {channels} outputs, the entry {len(output.labels)} labels"
        )


def _check_input(entry: Entry, name: str, tensor: Tensor) -> None:
    """Whether the network takes what the entry's input gives, quantized alike."""
    given = make_input(entry.input)
    if math.prod(tensor.shape) != math.prod(given.shape):
        raise ConversionError(
            f"{name}: the network takes {list(tensor.shape)}, the entry gives {list(given.shape)}"
        )
    if given.quantization is None or tensor.quantization is None:
        return
    of_model = tensor.quantization.scale, tensor.quantization.zero_point
    if not np.array_equal(np.array(of_model, np.float32), np.array(given.quantization, np.float32)):
        raise ConversionError(
            f"{name}: the network's input has scale and zero point {of_model}, the entry's front "
            f"end {given.quantization}: make its config with for_input(scale=, zero_point=)"
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
