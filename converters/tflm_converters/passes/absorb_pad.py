# SPDX-License-Identifier: Apache-2.0
"""Absorb PAD into the explicit padding of the operators that read it.

PyTorch-style exporters put a symmetric PAD before a VALID convolution with stride 2, which
the builtin SAME cannot express; explicit padding can. Exact for convolutions if the PAD
writes the input's zero point, for a padded tap then adds nothing, as one outside the input
does. Exact for MAX_POOL if it writes nothing above the least output, for then no padded
tap shows. Never for AVERAGE_POOL: its divisor leaves taps outside the input out.
"""

from __future__ import annotations

import dataclasses

from tflm_converters.arithmetic import activation_range
from tflm_converters.geometry import dilated, kernel_of
from tflm_converters.graph import (
    ConvAttributes,
    Graph,
    Kind,
    Op,
    PadAttributes,
    Padding,
    PoolAttributes,
)
from tflm_converters.passes.rewriter import Readers, Rewriter, same_quantization, until_stable

NAME = "absorb_pad"


def run(graph: Graph) -> Graph:
    """The graph without PADs whose readers can all pad for themselves."""
    # Repeated, because the first PAD of a chain is read by the second one.
    return until_stable(_absorb_pads, graph)


def _absorb_pads(graph: Graph) -> Graph:
    rewriter = Rewriter(graph)
    readers = Readers(graph)
    absorbed = 0
    for index, op in enumerate(graph.ops):
        if op.kind is not Kind.PAD or not _is_spatial(graph, op) or readers.is_output(op.output):
            continue
        consumers = readers.ops(op.output)
        if consumers and all(_can_pad(graph, graph.ops[reader], op) for reader in consumers):
            for reader in consumers:
                rewriter.replace_op(reader, _padded(graph.ops[reader], op))
            rewriter.redirect(op.output, op.inputs[0])
            rewriter.replace_op(index)
            absorbed += 1
    return rewriter.build() if absorbed else graph


def _is_spatial(graph: Graph, op: Op) -> bool:
    """Whether only rows and columns are padded, and bytes keep their meaning."""
    assert isinstance(op.attributes, PadAttributes)
    pads = op.attributes.pads
    return (
        len(pads) == 4
        and pads[0] == pads[3] == (0, 0)
        and graph.tensors[op.output].quantization is not None
        and same_quantization(graph.tensors[op.inputs[0]], graph.tensors[op.output])
    )


def _can_pad(graph: Graph, op: Op, pad: Op) -> bool:
    """Whether the operator computes the same if it pads for itself."""
    quantization = graph.tensors[pad.output].quantization
    assert isinstance(pad.attributes, PadAttributes) and quantization is not None
    match op.kind, op.attributes:
        case ((Kind.CONV | Kind.DEPTHWISE_CONV), _):
            exact = pad.attributes.value == quantization.zero_point
        case Kind.MAX_POOL, PoolAttributes(activation=activation):
            exact = pad.attributes.value <= activation_range(activation, quantization)[0]
        case _:
            return False
    return exact and _every_window_meets_input(graph, _padded(op, pad))


def _every_window_meets_input(graph: Graph, op: Op) -> bool:
    """Whether padding is narrower than the kernel on every side."""
    assert isinstance(op.attributes, (ConvAttributes, PoolAttributes))
    window = op.attributes.window
    kernel_h, kernel_w = kernel_of(op, graph.tensors)
    rows = max(window.padding.top, window.padding.bottom)
    columns = max(window.padding.left, window.padding.right)
    return rows < dilated(kernel_h, window.dilation_h) and columns < dilated(
        kernel_w, window.dilation_w
    )


def _padded(op: Op, pad: Op) -> Op:
    """The operator with the PAD's rows and columns added to its own padding."""
    assert isinstance(pad.attributes, PadAttributes)
    assert isinstance(op.attributes, (ConvAttributes, PoolAttributes))
    (top, bottom), (left, right) = pad.attributes.pads[1:3]
    window = op.attributes.window
    own = window.padding
    padding = Padding(own.top + top, own.bottom + bottom, own.left + left, own.right + right)
    window = dataclasses.replace(window, padding=padding)
    attributes = dataclasses.replace(op.attributes, window=window)
    return dataclasses.replace(op, attributes=attributes)
