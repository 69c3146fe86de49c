# SPDX-License-Identifier: Apache-2.0
"""Writing: nothing is lost on the way to a file and back, and TFLM computes the same bytes."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tflite
from tflite_micro.python.tflite_micro import runtime

from tests import tflm
from tests.converters.model_files import differences, edited
from tests.networks import NetworkBuilder, random_inputs, random_network
from tflm_converters import reader, writer
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    ABSENT,
    Graph,
    Kind,
    Op,
    Padding,
    ProgramAttributes,
    Tensor,
)
from tflm_converters.passes import drop_unread

SEEDS = range(60)


def int8_models(folder: Path) -> list[tuple[str, bytes, Graph]]:
    """Name, content and graph of every model that can be read."""
    models = []
    for path in sorted(folder.glob("**/*.tflite")):
        content = path.read_bytes()
        try:
            models.append((path.name, content, reader.read_bytes(content, name=path.name)))
        except UnsupportedModelError:
            continue
    assert len(models) > 15
    return models


def unpack(model: bytes) -> Any:
    return tflite.ModelT.InitFromPackedBuf(model, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_networks_survive(seed: int) -> None:
    graph = random_network(seed)
    model = writer.write(graph)
    again = reader.read_bytes(model, name="again")
    assert list(differences(graph, again)) == []
    assert writer.write(again) == model


def test_real_models_survive(shared_data: Path) -> None:
    for name, _, graph in int8_models(shared_data):
        again = reader.read_bytes(writer.write(graph), name=name)
        assert list(differences(graph, again)) == [], name


def test_tflm_computes_the_same(shared_data: Path) -> None:
    for name, content, graph in int8_models(shared_data):
        inputs = random_inputs(graph, 0)
        outputs = len(graph.outputs)
        expected = tflm.infer(content, inputs, outputs=outputs)
        for theirs, ours in zip(
            expected, tflm.infer(writer.write(graph), inputs, outputs=outputs), strict=True
        ):
            assert np.array_equal(theirs, ours), name


def test_constants_are_aligned_and_stored_once() -> None:
    builder = NetworkBuilder(2)
    x = builder.input(8, 8, 3)
    table = builder.constant(np.arange(1.0, 4.0))
    same = builder.constant(np.arange(1.0, 4.0))
    builder.conv(builder.add(builder.mul(x, table), same), 5, kernel=3)
    model = writer.write(builder.build())
    used = {tensor.buffer for tensor in unpack(model).subgraphs[0].tensors} - {0}
    assert len(used) == 3  # one table, the weights, the bias
    root = tflite.Model.GetRootAs(model, 0)
    for index in used:
        data = root.Buffers(index).DataAsNumpy()
        address = data.__array_interface__["data"][0]
        start = address - np.frombuffer(model, np.uint8).__array_interface__["data"][0]
        assert start % 16 == 0


def test_unread_tensors_are_left_out() -> None:
    builder = NetworkBuilder()
    x = builder.input(4, 4, 2)
    builder.constant(np.ones(100))
    builder.relu(x)
    names = [tensor.name for tensor in unpack(writer.write(builder.build())).subgraphs[0].tensors]
    assert names == [b"input", builder.tensors[-1].name.encode()]


@pytest.mark.parametrize(
    ("padding", "scheme"),
    [
        ("SAME", tflite.Padding.SAME),
        ("VALID", tflite.Padding.VALID),
        (Padding(0, 1, 0, 1), tflite.Padding.SAME),
        (Padding(), tflite.Padding.VALID),
    ],
)
def test_padding_scheme(padding: str | Padding, scheme: int) -> None:
    builder = NetworkBuilder()
    builder.conv(builder.input(8, 8, 1), 2, kernel=3, stride=2, padding=padding)
    options = unpack(writer.write(builder.build())).subgraphs[0].operators[0].builtinOptions
    assert options.padding == scheme


def test_padding_that_no_builtin_has() -> None:
    builder = NetworkBuilder()
    x = builder.input(8, 8, 1)
    builder.conv(x, 2, kernel=3, stride=2, padding=Padding(1, 1, 1, 1))
    expected = (
        "operator 0 CONV_2D (output tensor 'conv_2d_3'): padding (top 1, bottom 1, left 1, right 1)"
    )
    with pytest.raises(UnsupportedModelError, match=re.escape(expected)):
        writer.write(builder.build())


def test_absent_bias_is_not_listed() -> None:
    """TFLM aborts on a convolution whose third input is -1."""
    builder = NetworkBuilder()
    builder.conv(builder.input(8, 8, 3), 2, bias=False)
    graph = builder.build()
    assert graph.ops[0].inputs[2] == ABSENT
    model = writer.write(graph)
    assert len(unpack(model).subgraphs[0].operators[0].inputs) == 2
    assert tflm.infer(model, random_inputs(graph, 0))[0].shape == (1, 8, 8, 2)


def test_pad_value() -> None:
    builder = NetworkBuilder()
    x = builder.input(4, 4, 2)
    zero_point = builder.tensors[x].quantization.zero_point
    builder.pad(builder.pad(x, (1, 1), (0, 0)), (0, 0), (2, 0), value=zero_point - 1)
    graph = builder.build()
    codes = [code.builtinCode for code in unpack(writer.write(graph)).operatorCodes]
    assert codes == [tflite.BuiltinOperator.PAD, tflite.BuiltinOperator.PADV2]
    result = tflm.infer(writer.write(graph), random_inputs(graph, 1))[0]
    assert (result[:, :, :2] == zero_point - 1).all() and (result[:, 0, 2:] == zero_point).all()


def test_programs() -> None:
    tensors = [Tensor(name, (1, 4, 4, 2), "int8") for name in ("in", "out")]
    op = Op(Kind.PROGRAM, (0,), (1,), ProgramAttributes(b"\x01\x02program"))
    graph = Graph(tuple(tensors), (op,), (0,), (1,))
    again = reader.read_bytes(writer.write(graph), name="program").ops[0]
    assert (again.kind, again.attributes) == (op.kind, op.attributes)


# The offline memory plan

ARENA = 100_000


def arena_accepts(model: bytes) -> bool:
    try:
        runtime.Interpreter.from_bytes(model, arena_size=ARENA)
    except RuntimeError:
        return False
    return True


def planned_graph() -> Graph:
    builder = NetworkBuilder()
    builder.relu(builder.conv(builder.input(8, 8, 3), 2))
    return builder.build()


def test_offline_offsets() -> None:
    graph = planned_graph()
    offsets = [128 * i if not t.is_constant else -1 for i, t in enumerate(graph.tensors)]
    model = writer.write(graph, offline_offsets=offsets)
    entry = unpack(model).metadata[0]
    plan = unpack(model).buffers[entry.buffer].data.view("<i4").tolist()
    assert entry.name == b"OfflineMemoryAllocation"
    assert plan == [1, 0, len(offsets), *offsets]
    again = reader.read_bytes(model, name="planned")
    assert again.rest["offline_offsets"] == tuple(offsets)
    assert again.rest["metadata"] == ()
    assert writer.write(again, offline_offsets=again.rest["offline_offsets"]) == model


def test_tflm_obeys_the_plan() -> None:
    graph = planned_graph()
    offsets = [-1] * len(graph.tensors)
    assert arena_accepts(writer.write(graph, offline_offsets=offsets))
    offsets[graph.outputs[0]] = ARENA
    assert not arena_accepts(writer.write(graph, offline_offsets=offsets))


def test_offsets_follow_their_tensors() -> None:
    """Tensors that are left out take their offsets with them; operands get none."""
    builder = NetworkBuilder()
    x = builder.input(4, 4, 2)
    builder.constant(np.ones(3))
    y = builder.mean(x)
    graph = builder.build()
    offsets = [7000] * len(graph.tensors)
    offsets[x], offsets[y] = 0, 64
    again = reader.read_bytes(writer.write(graph, offline_offsets=offsets), name="model")
    assert again.rest["offline_offsets"] == (0, 64, -1)


def test_one_offset_for_each_tensor() -> None:
    with pytest.raises(ValueError, match="1 offsets for 5 tensors"):
        writer.write(planned_graph(), offline_offsets=[0])


# What a file holds besides its main graph


def test_the_rest_is_kept() -> None:
    def edit(model: Any) -> None:
        main = model.subgraphs[0]
        model.description = "made for a test"
        model.buffers.append(tflite.BufferT(np.arange(5, dtype=np.uint8)))
        model.metadata = [tflite.MetadataT("note", len(model.buffers) - 1)]
        model.subgraphs.append(copied(main))
        model.signatureDefs = [
            tflite.SignatureDefT(
                [tflite.TensorMapT("image", int(main.inputs[0]))],
                [tflite.TensorMapT("classes", int(main.outputs[0]))],
                "serving_default",
                0,
            ),
            tflite.SignatureDefT([tflite.TensorMapT("other", 2)], [], "second", 1),
        ]

    graph = reader.read_bytes(edited(writer.write(random_network(3)), edit), name="model")
    spaced = graph.replace(tensors=(*graph.tensors, Tensor("unused", (1,), "int8")))
    again = unpack(writer.write(spaced))
    assert again.description == b"made for a test"
    note = again.metadata[0]
    assert note.name == b"note" and again.buffers[note.buffer].data.tolist() == [0, 1, 2, 3, 4]
    first, second = again.signatureDefs
    assert first.inputs[0].tensorIndex == again.subgraphs[0].inputs[0]
    assert first.outputs[0].tensorIndex == again.subgraphs[0].outputs[0]
    assert (second.subgraphIndex, second.inputs[0].tensorIndex) == (1, 2)
    assert_same_layers(again, again.subgraphs[0], again.subgraphs[1])


def copied(subgraph: Any) -> Any:
    """A second subgraph with the same tensors and operators."""
    return tflite.SubGraphT(
        subgraph.tensors, subgraph.inputs, subgraph.outputs, subgraph.operators, "copy"
    )


def assert_same_layers(model: Any, first: Any, second: Any) -> None:
    """Operators of two subgraphs have the same codes, options and constants."""
    assert len(first.operators) == len(second.operators) > 0
    for ours, kept in zip(first.operators, second.operators, strict=True):
        assert ours.opcodeIndex == kept.opcodeIndex
        buffers = [
            {subgraph.tensors[t].name: subgraph.tensors[t].buffer for t in op.inputs if t != ABSENT}
            for subgraph, op in ((first, ours), (second, kept))
        ]
        assert set(buffers[0].items()) & set(buffers[1].items())


def test_intermediate_tensors_survive_renumbering(shared_data: Path) -> None:
    content = (shared_data / "models" / "tflm_mnist_lstm_int8.tflite").read_bytes()
    graph = reader.read_bytes(content, name="lstm")
    shifted = graph.replace(
        tensors=tuple(reversed(graph.tensors)),
        ops=tuple(
            dataclasses.replace(
                op, inputs=_reversed(graph, op.inputs), outputs=_reversed(graph, op.outputs)
            )
            for op in graph.ops
        ),
        inputs=_reversed(graph, graph.inputs),
        outputs=_reversed(graph, graph.outputs),
    )
    inputs = random_inputs(graph, 4)
    expected = tflm.infer(content, inputs)
    for changed in (shifted, drop_unread.run(shifted)):
        assert np.array_equal(tflm.infer(writer.write(changed), inputs), expected)


def _reversed(graph: Graph, tensors: tuple[int, ...]) -> tuple[int, ...]:
    last = len(graph.tensors) - 1
    return tuple(ABSENT if tensor == ABSENT else last - tensor for tensor in tensors)
