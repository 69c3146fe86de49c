# SPDX-License-Identifier: Apache-2.0
"""Let MEANs behind a TRANSPOSE reduce the untransposed tensor instead.

PyTorch-style exporters end a network with TRANSPOSE (NHWC to NCHW), MEAN, MEAN. TFLM's int8
MEAN has one code path for all ranks and axes: it sums, in any order, and requantizes by
both scales and the number of elements. So each MEAN stays, with its own requantization, and
only its axes are renamed; axes of length one may be reduced again for free.
"""

from __future__ import annotations

import dataclasses

from tflm_converters.graph import Graph, Kind, MeanAttributes, Op, TransposeAttributes
from tflm_converters.passes.drop_unread import without_unread_ops
from tflm_converters.passes.rewriter import Readers, Rewriter

NAME = "collapse_transpose_mean"


def run(graph: Graph) -> Graph:
    """The graph with MEANs that no longer need the TRANSPOSE before them."""
    rewriter = Rewriter(graph)
    readers = Readers(graph)
    for op in graph.ops:
        if isinstance(op.attributes, TransposeAttributes):
            chain = _mean_chain(graph, readers, op.output)
            # A later MEAN may leave the axes in order where an earlier one does not yet.
            for length in range(len(chain), 0, -1):
                if _collapse(rewriter, op, chain[:length]):
                    break
    return without_unread_ops(rewriter.build())


def _mean_chain(graph: Graph, readers: Readers, tensor: int) -> list[int]:
    """The MEANs that follow the tensor, each the only reader of what comes before it."""
    chain: list[int] = []
    while (reader := readers.only_op(tensor)) is not None:
        if graph.ops[reader].kind is not Kind.MEAN:
            break
        chain.append(reader)
        tensor = graph.ops[reader].output
    return chain


def _collapse(rewriter: Rewriter, transpose: Op, chain: list[int]) -> bool:
    """Rewrite the MEANs if the last one's result then has the same bytes; say whether."""
    shape = list(rewriter.tensors[transpose.inputs[0]].shape)
    assert isinstance(transpose.attributes, TransposeAttributes)
    axes_left = list(transpose.attributes.permutation)  # of the untransposed tensor
    reduced = []
    for index in chain:
        attributes = rewriter.graph.ops[index].attributes
        assert isinstance(attributes, MeanAttributes)
        axes = sorted(axes_left[axis] for axis in attributes.axes)
        reduced.append(tuple(axes))
        for axis in axes:
            shape[axis] = 1
        if not attributes.keep_dims:
            axes_left = [axis for axis in axes_left if axis not in axes]
    long_axes = [axis for axis in axes_left if shape[axis] != 1]
    if long_axes != sorted(long_axes):
        return False
    _rewrite(rewriter, rewriter.resolve(transpose.inputs[0]), chain, reduced)
    return True


def _rewrite(
    rewriter: Rewriter, source: int, chain: list[int], reduced: list[tuple[int, ...]]
) -> None:
    """Let each MEAN of the chain reduce these axes of the source, one after the other."""
    shape = rewriter.tensors[source].shape
    for index, axes in zip(chain[:-1], reduced, strict=False):
        shape = _without(shape, axes, keep_dims=True)
        op = rewriter.graph.ops[index]
        rewriter.tensors[op.output] = dataclasses.replace(rewriter.tensors[op.output], shape=shape)
        rewriter.replace_op(index, _mean(op, source, op.output, MeanAttributes(axes, True)))
        source = op.output
    rewriter.replace_op(chain[-1], *_last_mean(rewriter, source, chain[-1], reduced))


def _last_mean(
    rewriter: Rewriter, source: int, index: int, reduced: list[tuple[int, ...]]
) -> list[Op]:
    """The last MEAN, writing the very tensor that it wrote before; reshaped if it must be."""
    op = rewriter.graph.ops[index]
    output = rewriter.tensors[op.output]
    shape = rewriter.tensors[source].shape
    all_axes = tuple(sorted({axis for axes in reduced for axis in axes}))
    for attributes in (MeanAttributes(reduced[-1], True), MeanAttributes(all_axes, False)):
        if _without(shape, attributes.axes, keep_dims=attributes.keep_dims) == output.shape:
            return [_mean(op, source, op.output, attributes)]
    kept = _without(shape, reduced[-1], keep_dims=True)
    inner = rewriter.add_tensor(dataclasses.replace(output, name=f"{output.name}/nhwc", shape=kept))
    return [
        _mean(op, source, inner, MeanAttributes(reduced[-1], True)),
        Op(Kind.RESHAPE, (inner,), op.outputs),
    ]


def _mean(op: Op, source: int, output: int, attributes: MeanAttributes) -> Op:
    return dataclasses.replace(op, inputs=(source,), outputs=(output,), attributes=attributes)


def _without(shape: tuple[int, ...], axes: tuple[int, ...], *, keep_dims: bool) -> tuple[int, ...]:
    if keep_dims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)
