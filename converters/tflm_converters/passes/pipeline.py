# SPDX-License-Identifier: Apache-2.0
"""The order of the passes, and what each of them saves."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from types import ModuleType

from tflm_converters.cost import total_macs
from tflm_converters.errors import ConversionError
from tflm_converters.graph import Graph
from tflm_converters.passes import (
    absorb_pad,
    collapse_transpose_mean,
    dead_channels,
    drop_unread,
    fold_constants,
    fold_reshape,
    fold_transpose,
    freeze_shapes,
    fuse_activation,
    strip_float_io,
)

_ORDER: tuple[ModuleType, ...] = (
    strip_float_io,  # first: what follows sees the int8 network alone
    freeze_shapes,  # before the folds: its RESHAPEs are theirs to drop
    fold_constants,  # before all that looks for constant operands
    collapse_transpose_mean,  # before fold_transpose: a MEAN is no elementwise operator
    fold_transpose,  # leaves RESHAPEs where only short axes moved
    fold_reshape,  # after all that leaves RESHAPEs
    absorb_pad,  # before dead_channels: a padded convolution folds fewer constants
    fuse_activation,  # before dead_channels: clamping makes more channels constant
    dead_channels,  # on the final operators
    drop_unread,  # last: renumbers what is left
)

NAMES: tuple[str, ...] = tuple(module.NAME for module in _ORDER)
"""Names of all passes in the order in which they run."""


@dataclasses.dataclass(frozen=True)
class PassStep:
    """What one pass did: multiply-accumulates and operators before and after it."""

    name: str
    macs_before: int
    macs_after: int
    ops_before: int
    ops_after: int


@dataclasses.dataclass(frozen=True, eq=False)
class PassResult:
    """The rewritten graph, and one step for every pass that ran."""

    graph: Graph
    steps: tuple[PassStep, ...]


def run(graph: Graph, *, disabled: Collection[str] = (), float_io: bool = False) -> PassResult:
    """Run all passes but the disabled ones.

    Args:
        graph: the model as read.
        disabled: names of passes to leave out, see `NAMES`.
        float_io: keep float32 inputs and outputs, as disabling "strip_float_io" does.

    Raises:
        ConversionError: `disabled` has a name that no pass bears.
    """
    unknown = sorted(set(disabled) - set(NAMES))
    if unknown:
        raise ConversionError(
            f"expected names of passes to disable, got {', '.join(unknown)}; "
            f"the passes are {', '.join(NAMES)}"
        )
    left_out = {*disabled, *([strip_float_io.NAME] if float_io else [])}
    steps = []
    for module in _ORDER:
        if module.NAME not in left_out:
            before, graph = graph, module.run(graph)
            steps.append(_step(module.NAME, before, graph))
    return PassResult(graph, tuple(steps))


def _step(name: str, before: Graph, after: Graph) -> PassStep:
    return PassStep(name, total_macs(before), total_macs(after), len(before.ops), len(after.ops))
