# SPDX-License-Identifier: Apache-2.0
"""Search spaces: inverted-residual networks with elastic kernels, expansions, depths and widths.

MCUNet (arXiv 2007.10319) spans one space per input resolution R and width multiplier W;
MCUNetV2 (arXiv 2110.15352, appendix B) adds a width per block.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from tflm_mcunet.search.architecture import Architecture, Block, Convolution, Size

Choice = TypeVar("Choice")

RESOLUTIONS = tuple(range(48, 225, 16))
"""R: sides of square images; 12 values."""

WIDTH_MULTIPLIERS = tuple(round(0.2 + 0.1 * i, 1) for i in range(9))
"""W: factors on all channels; 9 values."""

AUDIO_FRAMES = (25, 33, 49, 65, 98)
"""Rows of spectrograms of one second, for steps of 40 to 10 ms."""

AUDIO_WIDTH_MULTIPLIERS = tuple(0.25 * i for i in range(1, 9))

KERNELS, EXPANSIONS, DEPTHS, BLOCK_WIDTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4), (0.5, 0.75, 1.0)

CHANNEL_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class StageSpace:
    """The choices of a stage: `depths` blocks, each of which chooses for itself.

    `widths` are the possible output channels, ascending; `stride` is the first block's.
    """

    depths: tuple[int, ...]
    kernels: tuple[Size, ...]
    expansions: tuple[int, ...]
    widths: tuple[int, ...]
    stride: Size

    def block(self, index: int, kernel: Size, expansion: int, channels: int) -> Block:
        """Block number `index` of the stage with these choices."""
        return Block(channels, kernel, self.stride if index == 0 else (1, 1), expansion)


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """All networks that one supernet can share its weights among.

    `input_shapes`: rows, columns, channels; smallest first. More than one: elastic resolution.
    """

    name: str
    input_shapes: tuple[tuple[int, int, int], ...]
    stem: Convolution
    stages: tuple[StageSpace, ...]
    head_channels: int
    classes: int

    def largest(self) -> Architecture:
        """All choices at their greatest; every other network's weights are slices of its."""
        return self._extreme(-1)

    def smallest(self) -> Architecture:
        """All choices at their least."""
        return self._extreme(0)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A network, every choice with equal probability."""
        stages = tuple(self._sample_stage(stage, rng) for stage in self.stages)
        return self._architecture(_pick(self.input_shapes, rng), stages)

    def mutate(
        self, parent: Architecture, rng: np.random.Generator, *, probability: float
    ) -> Architecture:
        """`parent` with every choice drawn anew with a given probability."""
        other = self.sample(rng)
        shape = other.input_shape if rng.random() < probability else parent.input_shape
        stages = []
        for space, old, new in zip(self.stages, parent.stages, other.stages, strict=True):
            depth = len(new if rng.random() < probability else old)
            blocks = [_mutate_block(space, index, old, rng, probability) for index in range(depth)]
            stages.append(tuple(blocks))
        return self._architecture(shape, tuple(stages))

    def crossover(
        self, one: Architecture, other: Architecture, rng: np.random.Generator
    ) -> Architecture:
        """A child that takes each stage, and the resolution, from one parent or the other."""
        parents = (one, other)
        stages = tuple(parents[rng.integers(2)].stages[index] for index in range(len(self.stages)))
        return self._architecture(parents[rng.integers(2)].input_shape, stages)

    def contains(self, architecture: Architecture) -> bool:
        """Whether the network is one of this space."""
        return (
            architecture.input_shape in self.input_shapes
            and (architecture.stem, architecture.head_channels, architecture.classes)
            == (self.stem, self.head_channels, self.classes)
            and len(architecture.stages) == len(self.stages)
            and all(map(_stage_contains, self.stages, architecture.stages))
        )

    def _architecture(
        self, shape: tuple[int, int, int], stages: tuple[tuple[Block, ...], ...]
    ) -> Architecture:
        return Architecture(shape, self.stem, stages, self.head_channels, self.classes)

    def _extreme(self, end: int) -> Architecture:
        stages = tuple(
            tuple(
                stage.block(i, stage.kernels[end], stage.expansions[end], stage.widths[end])
                for i in range(stage.depths[end])
            )
            for stage in self.stages
        )
        return self._architecture(self.input_shapes[end], stages)

    def _sample_stage(self, stage: StageSpace, rng: np.random.Generator) -> tuple[Block, ...]:
        depth = _pick(stage.depths, rng)
        return tuple(_sample_block(stage, index, rng) for index in range(depth))


def _sample_block(stage: StageSpace, index: int, rng: np.random.Generator) -> Block:
    kernel, expansion = _pick(stage.kernels, rng), _pick(stage.expansions, rng)
    return stage.block(index, kernel, expansion, _pick(stage.widths, rng))


def _mutate_block(
    stage: StageSpace,
    index: int,
    old: Sequence[Block],
    rng: np.random.Generator,
    probability: float,
) -> Block:
    new = _sample_block(stage, index, rng)
    if index >= len(old):
        return new
    kept = old[index]
    return stage.block(
        index,
        new.kernel if rng.random() < probability else kept.kernel,
        new.expansion if rng.random() < probability else kept.expansion,
        new.channels if rng.random() < probability else kept.channels,
    )


def _stage_contains(space: StageSpace, blocks: Sequence[Block]) -> bool:
    return len(blocks) in space.depths and all(
        block.kernel in space.kernels
        and block.expansion in space.expansions
        and block.channels in space.widths
        and block.stride == (space.stride if index == 0 else (1, 1))
        for index, block in enumerate(blocks)
    )


def _pick(choices: Sequence[Choice], rng: np.random.Generator) -> Choice:
    return choices[int(rng.integers(len(choices)))]


# ---- The spaces of tasks -------------------------------------------------------------------------

_IMAGE_STAGES = ((24, 2), (40, 2), (80, 2), (96, 1), (192, 2), (320, 1))
"""Channels and stride at W = 1, as in ProxylessNAS and MCUNet."""

_AUDIO_STAGES = ((32, 1), (48, 2), (64, 2), (96, 1))


def image_space(
    *, classes: int, resolutions: Sequence[int], width_multiplier: float, channels: int = 3
) -> SearchSpace:
    """Images: the space of MCUNet for width multiplier W over square inputs.

    Args:
        classes: number of logits.
        resolutions: sides R of the input, one or, for an elastic resolution, several.
        width_multiplier: W.
        channels: of the input.
    """
    first = StageSpace((1,), ((3, 3),), (1,), _widths(16, width_multiplier)[-1:], (1, 1))
    kernels = tuple((k, k) for k in KERNELS)
    stages = tuple(
        StageSpace(DEPTHS, kernels, EXPANSIONS, _widths(base, width_multiplier), (stride, stride))
        for base, stride in _IMAGE_STAGES
    )
    return SearchSpace(
        name=f"image W{width_multiplier:g}",
        input_shapes=tuple((r, r, channels) for r in sorted(resolutions)),
        stem=Convolution(round_channels(32 * width_multiplier)),
        stages=(first, *stages),
        head_channels=0,
        classes=classes,
    )


def audio_space(
    *, classes: int, frames: Sequence[int], bins: int, width_multiplier: float
) -> SearchSpace:
    """Spectrograms: one-dimensional networks over time.

    The first layer sees all frequency bins at once, so that rows are one pixel wide behind it and
    kernels are k x 1, as in TC-ResNet (arXiv 1904.03814): small, and made to be fed row by row.

    Args:
        classes: number of logits.
        frames: rows of the input, one or several.
        bins: columns of the input.
        width_multiplier: W.
    """
    kernels = tuple((k, 1) for k in (3, 5, 7, 9))
    stages = tuple(
        StageSpace((1, 2, 3), kernels, (2, 3, 4), _widths(base, width_multiplier), (stride, 1))
        for base, stride in _AUDIO_STAGES
    )
    return SearchSpace(
        name=f"audio W{width_multiplier:g}",
        input_shapes=tuple((f, bins, 1) for f in sorted(frames)),
        stem=Convolution(round_channels(32 * width_multiplier), (3, bins), (1, 1), same=False),
        stages=stages,
        head_channels=0,
        classes=classes,
    )


def image_spaces(*, classes: int, channels: int = 3) -> Iterator[tuple[int, float, SearchSpace]]:
    """The papers' 12 x 9 grid: resolution R, width multiplier W and the space that they span."""
    for resolution in RESOLUTIONS:
        for width in WIDTH_MULTIPLIERS:
            yield (
                resolution,
                width,
                image_space(
                    classes=classes,
                    resolutions=(resolution,),
                    width_multiplier=width,
                    channels=channels,
                ),
            )


def audio_spaces(*, classes: int, bins: int) -> Iterator[tuple[int, float, SearchSpace]]:
    """A grid for spectrograms of `bins` columns: frames, width multiplier W and their space."""
    for frames in AUDIO_FRAMES:
        for width in AUDIO_WIDTH_MULTIPLIERS:
            yield (
                frames,
                width,
                audio_space(classes=classes, frames=(frames,), bins=bins, width_multiplier=width),
            )


def _widths(base: int, multiplier: float) -> tuple[int, ...]:
    rounded = (round_channels(base * multiplier * width) for width in BLOCK_WIDTHS)
    return tuple(dict.fromkeys(rounded))


def round_channels(channels: float) -> int:
    """To the nearest multiple of 8 that takes away no more than a tenth (MobileNetV2)."""
    rounded = max(CHANNEL_MULTIPLE, round(channels / CHANNEL_MULTIPLE) * CHANNEL_MULTIPLE)
    return rounded + CHANNEL_MULTIPLE if rounded < 0.9 * channels else rounded
