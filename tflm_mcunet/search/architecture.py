# SPDX-License-Identifier: Apache-2.0
"""What a network of the search is: a small immutable value. It knows no framework."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tflm_converters.errors import ConversionError

Size = tuple[int, int]
"""Rows, columns."""


class ArchitectureError(ConversionError):
    """A text describes no architecture."""


@dataclasses.dataclass(frozen=True)
class Convolution:
    """The first layer: a convolution with ReLU6.

    `same`: padded as TensorFlow's "SAME" is, so that a stride of 2 halves the size, rounded up;
    else "VALID". Depthwise convolutions of blocks are always padded.
    """

    channels: int
    kernel: Size = (3, 3)
    stride: Size = (2, 2)
    same: bool = True


@dataclasses.dataclass(frozen=True)
class Block:
    """An inverted residual (MobileNetV2, arXiv 1801.04381).

    A 1x1 convolution to `expansion` times the input channels (none if that is 1), a depthwise
    convolution, a 1x1 convolution to `channels`; ReLU6 behind the first two. The input is
    added where the shapes allow it.
    """

    channels: int
    kernel: Size = (3, 3)
    stride: Size = (1, 1)
    expansion: int = 6

    def has_residual(self, input_channels: int) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == (1, 1) and self.channels == input_channels


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A network: first layer, stages of blocks, an optional 1x1 convolution, classifier.

    `input_shape`: rows, columns, channels. `head_channels`: of the 1x1 convolution with ReLU6
    before the global average pooling; 0 if there is none. The classifier gives `classes` logits.
    Values print, compare, hash, and round-trip through JSON.
    """

    input_shape: tuple[int, int, int]
    stem: Convolution
    stages: tuple[tuple[Block, ...], ...]
    head_channels: int
    classes: int

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, first to last."""
        return tuple(block for stage in self.stages for block in stage)

    def __str__(self) -> str:
        """Such as `96x96x3 c16 | k3e1c8 | k7e4c16s2 k5e3c16 | ... h320 > 2`."""
        stages = " | ".join(" ".join(map(_block_text, stage)) for stage in self.stages)
        head = f" h{self.head_channels}" if self.head_channels else ""
        size = "x".join(map(str, self.input_shape))
        return f"{size} c{self.stem.channels} | {stages}{head} > {self.classes}"

    def to_json(self) -> str:
        """One line of JSON, from which `from_json` makes an equal value."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Raises ArchitectureError if the text was not made by `to_json`."""
        try:
            fields: dict[str, Any] = json.loads(text)
            return cls(
                input_shape=tuple(fields["input_shape"]),
                stem=Convolution(**_with_sizes(fields["stem"])),
                stages=tuple(
                    tuple(Block(**_with_sizes(block)) for block in stage)
                    for stage in fields["stages"]
                ),
                head_channels=fields["head_channels"],
                classes=fields["classes"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArchitectureError(f"this is no architecture in JSON: {error}") from None


def _with_sizes(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "kernel": tuple(fields["kernel"]), "stride": tuple(fields["stride"])}


def _block_text(block: Block) -> str:
    stride = "" if block.stride == (1, 1) else f"s{_size_text(block.stride)}"
    return f"k{_size_text(block.kernel)}e{block.expansion}c{block.channels}{stride}"


def _size_text(size: Size) -> str:
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"
