# SPDX-License-Identifier: Apache-2.0
"""Puts the most important channels first, where the narrower sub-networks find them.

The importance of a channel is the L1 norm of the weights that read it, as in once-for-all
(arXiv 1908.09791).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_mcunet.search.elastic import Convolution, Tensor, permute
from tflm_mcunet.search.supernet import ElasticBlock, Supernet


def sort_channels(supernet: Supernet) -> None:
    """Permutes channels; the outputs of the largest network stay the same, up to rounding.

    Variables of an optimizer, such as momentum, are not permuted.
    """
    for block in supernet.blocks:
        if block.expand is not None:
            order = _descending(block.project.input_importance())
            block.expand.permute_outputs(order)
            block.depthwise.permute(order)
            block.project.permute_inputs(order)
    for group in _groups(supernet):
        read = [reader.input_importance() for reader in group.readers]
        order = _descending(np.sum(read, axis=0))
        for writer in group.writers:
            writer.permute_outputs(order)
        for reader in group.readers:
            reader.permute_inputs(order)


@dataclasses.dataclass
class _UnexpandedBlock:
    """A block without a first convolution: its depthwise convolution reads its input."""

    block: ElasticBlock

    def input_importance(self) -> np.ndarray:
        return self.block.depthwise.input_importance()

    def permute_inputs(self, order: np.ndarray) -> None:
        self.block.depthwise.permute(order)
        self.block.project.permute_inputs(order)


@dataclasses.dataclass
class _Classifier:
    kernel: Tensor

    def input_importance(self) -> np.ndarray:
        return np.abs(self.kernel.numpy()).sum(axis=1)

    def permute_inputs(self, order: np.ndarray) -> None:
        permute(self.kernel, order, axis=0)


_Reader = Convolution | _UnexpandedBlock | _Classifier


@dataclasses.dataclass
class _Group:
    """Layers that write and read the same channels, because residual additions tie them."""

    writers: list[Convolution]
    readers: list[_Reader] = dataclasses.field(default_factory=list)


def _groups(supernet: Supernet) -> list[_Group]:
    groups = [_Group([supernet.stem])]
    for block in supernet.blocks:
        groups[-1].readers.append(block.expand or _UnexpandedBlock(block))
        if block.has_residual:
            groups[-1].writers.append(block.project)
        else:
            groups.append(_Group([block.project]))
    if supernet.head is not None:
        groups[-1].readers.append(supernet.head)
        groups.append(_Group([supernet.head]))
    groups[-1].readers.append(_Classifier(supernet.kernel))
    return groups


def _descending(importance: np.ndarray) -> np.ndarray:
    return np.argsort(-importance, kind="stable")
