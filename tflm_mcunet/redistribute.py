# SPDX-License-Identifier: Apache-2.0
"""Receptive-field redistribution (MCUNetV2, arXiv 2110.15352): kernels move behind the patches.

Patches that overlap are computed twice where they do. How far they overlap follows from the
kernels of the first layers; so these get smaller, and later layers, which run only once, get
larger kernels for it. The network's receptive field stays at least as large.
"""

from __future__ import annotations

import dataclasses

from tflm_converters.errors import ConversionError
from tflm_mcunet.search.architecture import Architecture, Block
from tflm_mcunet.search.layers import LayerKind, encode


class RedistributionError(ConversionError):
    """The first blocks cannot be computed in these patches, or nothing is left behind them."""


@dataclasses.dataclass(frozen=True)
class PatchOverhead:
    """Work of a network whose first layers run in p x p patches.

    `patch_side`: rows and columns of the input that one patch needs. `stage_macs`: of the first
    layers, each computed once; `patch_macs`: in patches, every one of them with its whole halo,
    as the paper counts; `macs`: of the whole network, each layer computed once.
    """

    patch_side: int
    stage_macs: int
    patch_macs: int
    macs: int

    @property
    def of_stage(self) -> float:
        """Work computed twice, relative to that of the first layers."""
        return self.patch_macs / self.stage_macs - 1

    @property
    def overall(self) -> float:
        """Work computed twice, relative to that of the whole network."""
        return (self.patch_macs - self.stage_macs) / self.macs


@dataclasses.dataclass(frozen=True)
class Redistributed:
    """A network whose first `blocks` blocks are for patches."""

    architecture: Architecture
    blocks: int


def redistribute(architecture: Architecture, *, blocks: int) -> Redistributed:
    """The network with a smaller receptive field in its first blocks and a larger one behind.

    Blocks with a residual leave the first `blocks` blocks; for each, the first such block behind
    is there once more. Where shapes change, only the kernel goes: it becomes 1 x 1 if there is no
    stride. If the receptive field is smaller than before then, kernels behind grow.

    Raises:
        RedistributionError: no block with a residual is left behind.
    """
    stages = [list(stage) for stage in architecture.stages]
    kept, moved = _shrink(stages, architecture.stem.channels, blocks)
    behind = _behind(architecture.stem.channels, stages, kept)
    if behind is None:
        raise RedistributionError(
            f"expected a block with a residual behind the first {blocks}, got none in "
            f"{architecture}; put fewer blocks into patches"
        )
    stage, index = behind
    stages[stage][index + 1 : index + 1] = [stages[stage][index]] * moved
    wanted = receptive_field(architecture)
    while receptive_field(_with_stages(architecture, stages)) < wanted:
        block = stages[stage][index]
        rows, cols = block.kernel
        stages[stage][index] = dataclasses.replace(block, kernel=(rows + 2, cols + 2))
    return Redistributed(_with_stages(architecture, stages), kept)


def _shrink(stages: list[list[Block]], channels: int, blocks: int) -> tuple[int, int]:
    """Takes blocks and kernels out of the first blocks; how many stay, and how many go."""
    moved, left = 0, blocks
    for stage in stages:
        taken, rest = stage[:left], stage[left:]
        left -= len(taken)
        stage[:] = []
        for block in taken:
            if block.has_residual(channels):
                moved += 1
                continue
            channels = block.channels
            kernel = (1, 1) if block.stride == (1, 1) else block.kernel
            stage.append(dataclasses.replace(block, kernel=kernel))
        stage += rest
    return blocks - moved, moved


def _behind(channels: int, stages: list[list[Block]], first: int) -> tuple[int, int] | None:
    """Stage and index of the first block with a residual, the first few left out."""
    count = 0
    for number, stage in enumerate(stages):
        for index, block in enumerate(stage):
            if count >= first and block.has_residual(channels):
                return number, index
            channels, count = block.channels, count + 1
    return None


def receptive_field(architecture: Architecture) -> int:
    """Rows of the input that one pixel in front of the pooling sees, borders aside."""
    rows = 1
    windows = [(block.kernel[0], block.stride[0]) for block in architecture.blocks]
    for kernel, stride in reversed([_stem_window(architecture), *windows]):
        rows = (rows - 1) * stride + kernel
    return rows


def patch_overhead(architecture: Architecture, *, blocks: int, patches: int) -> PatchOverhead:
    """What it costs to compute the first layer and the first `blocks` blocks in patches.

    Raises:
        RedistributionError: input and kernels are not square, or the patches do not divide
            the output of the blocks.
    """
    layers = encode([architecture])
    last = _layers_in(architecture, blocks)
    side, windows = int(layers.height[0, last - 1]), [_stem_window(architecture)]
    windows += [(block.kernel[0], block.stride[0]) for block in architecture.blocks[:blocks]]
    _check_square(architecture)
    if side % patches:
        raise RedistributionError(
            f"expected a number of patches that divides {side} rows behind block {blocks} of "
            f"{architecture}, got {patches}"
        )
    side //= patches
    macs = layers.macs[0].tolist()
    patch_macs = 0
    for index in range(last - 1, -1, -1):
        share = side**2 / (layers.height[0, index] * layers.width[0, index])
        patch_macs += round(macs[index] * share * patches**2)
        if layers.kind[0, index] in (LayerKind.CONV, LayerKind.DEPTHWISE):
            kernel, stride = windows.pop()
            side = (side - 1) * stride + kernel
    return PatchOverhead(side, sum(macs[:last]), patch_macs, sum(macs))


def _check_square(architecture: Architecture) -> None:
    blocks = architecture.blocks
    pairs = [architecture.input_shape[:2], architecture.stem.kernel, architecture.stem.stride]
    pairs += [pair for block in blocks for pair in (block.kernel, block.stride)]
    if any(rows != cols for rows, cols in pairs):
        raise RedistributionError(f"expected a square input and kernels, got {architecture}")


def _stem_window(architecture: Architecture) -> tuple[int, int]:
    return architecture.stem.kernel[0], architecture.stem.stride[0]


def _layers_in(architecture: Architecture, blocks: int) -> int:
    """Layers of the first convolution and the first blocks."""
    count, channels = 1, architecture.stem.channels
    for block in architecture.blocks[:blocks]:
        count += 2 + (block.expansion != 1) + block.has_residual(channels)
        channels = block.channels
    return count


def _with_stages(architecture: Architecture, stages: list[list[Block]]) -> Architecture:
    return dataclasses.replace(architecture, stages=tuple(map(tuple, stages)))
