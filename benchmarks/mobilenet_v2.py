# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 (arXiv 1801.04381) as an architecture of the search."""

from __future__ import annotations

from tflm_mcunet.search.architecture import Architecture, Block, Convolution
from tflm_mcunet.search.space import round_channels

_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, stride of each stage: table 2 of the paper."""


def mobilenet_v2(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    width: float = 1.0,
    scales_head: bool = False,
) -> Architecture:
    """The network.

    Args:
        input_shape: rows, columns, channels.
        classes: logits.
        width: multiplier of all channels, which stay multiples of 8 as with its authors.
        scales_head: whether of the last convolution's 1280, too; the paper's stay 1280 in
            narrow networks.
    """
    stages = tuple(
        tuple(
            Block(round_channels(channels * width), stride=(s, s), expansion=expansion)
            for s in (stride, *[1] * (blocks - 1))
        )
        for expansion, channels, blocks, stride in _STAGES
    )
    head = round_channels(1280 * (width if scales_head else max(width, 1.0)))
    return Architecture(input_shape, Convolution(round_channels(32 * width)), stages, head, classes)
