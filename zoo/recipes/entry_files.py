# SPDX-License-Identifier: Apache-2.0
"""What recipes write, and what of it they read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from tflm_converters import reader
from tflm_mcunet.audio.config import FrontEndConfig

Config = TypeVar("Config", bound=FrontEndConfig)

Json = dict[str, Any]


def write_json(path: Path, content: Json) -> None:
    """As it stands in a repository."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def front_end_for(model: bytes, trained_with: Config) -> Config:
    """The front end whose features are the input of a quantized network."""
    graph = reader.read_bytes(model, name="model")
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    scale, zero_point = quantization.scale, quantization.zero_point
    return trained_with.for_input(scale=float(scale), zero_point=int(zero_point))
