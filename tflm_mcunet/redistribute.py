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


def redistribute(architecture: Architecture, *, blocks: int) -> Architecture:
    """The network with 1 x 1 kernels in its first blocks and larger ones behind.

    Depthwise convolutions of the first `blocks` blocks lose their kernel where they have no
    stride. Behind them, the first blocks without a stride get two more rows and columns each
    until the receptive field is as large as it was.

    Raises:
        RedistributionError: no block without a stride is left behind.
    """
    changed = list(architecture.blocks)
    for index, block in enumerate(changed[:blocks]):
        if block.stride == (1, 1):
            changed[index] = dataclasses.replace(block, kernel=(1, 1))
    behind = [i for i in range(blocks, len(changed)) if changed[i].stride == (1, 1)]
    if not behind:
        raise RedistributionError(
            f"expected blocks without a stride behind the first {blocks}, got none in "
            f"{architecture}; put fewer blocks into patches"
        )
    wanted, turn = receptive_field(architecture), 0
    while receptive_field(_with_blocks(architecture, changed)) < wanted:
        index = behind[turn % len(behind)]
        rows, cols = changed[index].kernel
        changed[index] = dataclasses.replace(changed[index], kernel=(rows + 2, cols + 2))
        turn += 1
    return _with_blocks(architecture, changed)


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


def _with_blocks(architecture: Architecture, blocks: list[Block]) -> Architecture:
    rest = iter(blocks)
    stages = tuple(tuple(next(rest) for _ in stage) for stage in architecture.stages)
    return dataclasses.replace(architecture, stages=stages)
