# SPDX-License-Identifier: Apache-2.0
"""Parity: identical models pass, and every difference is counted and traced."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.tflm_mcunet.models import convolutions, hand_packed, with_flipped_weight
from tflm_converters import reader, reference, writer
from tflm_converters.errors import ModelFileError
from tflm_converters.graph import ElementwiseAttributes, Graph, Kind, Op, Quantization, Tensor
from tflm_mcunet.borders import Border, input_borders, output_borders
from tflm_mcunet.comparison import Comparison, Model
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.locate import cut
from tflm_mcunet.samples import sample
from tflm_mcunet.verify import verify


@pytest.fixture(scope="module")
def host() -> HostProcess:
    with HostProcess() as process:
        yield process


def count_differences(one: Graph, other: Graph, samples: int) -> int:
    """By the NumPy executor, on the samples that `verify` takes."""
    total = 0
    tensors = [one.tensors[t] for t in one.inputs]
    for index in range(samples):
        values = sample(tensors, index)
        first, second = (reference.execute(graph, values) for graph in (one, other))
        total += sum(int((first[t] != second[t]).sum()) for t in one.outputs)
    return total


@pytest.mark.parametrize("row_fed", [False, True])
def test_a_program_is_identical_to_what_it_was_made_from(host: HostProcess, row_fed: bool) -> None:
    graph = convolutions()
    done = []
    verdict = verify(
        writer.write(graph),
        hand_packed(graph, row_fed=row_fed).content(),
        samples=10,
        host=host,
        progress=lambda count, wanted: done.append((count, wanted)),
    )
    output_bytes = graph.tensors[graph.outputs[0]].byte_count
    assert verdict.identical
    assert (verdict.samples, verdict.compared_bytes) == (10, 10 * output_bytes)
    assert verdict.first is None
    assert done == [(4, 10), (8, 10), (10, 10)]


def test_every_differing_byte_is_counted_and_the_first_is_named(host: HostProcess) -> None:
    graph = convolutions(depth=2)
    changed = with_flipped_weight(graph, layer=1)
    verdict = verify(writer.write(graph), writer.write(changed), samples=9, host=host)
    assert verdict.differing_bytes == count_differences(graph, changed, samples=9) > 0
    assert not verdict.identical
    assert verdict.first is not None
    assert verdict.first.output == "layer 1"
    values = sample([graph.tensors[0]], verdict.first.sample)
    for model, found in ((graph, verdict.first.expected), (changed, verdict.first.got)):
        assert reference.execute(model, values)[graph.outputs[0]][verdict.first.position] == found


def test_dropped_quantization_is_looked_behind(host: HostProcess) -> None:
    """Sample by sample, the two models are given and return the same int8 values."""
    with_floats, without = convolutions(2, float_io=True), convolutions(2)
    assert verify(writer.write(with_floats), writer.write(without), samples=12, host=host).identical
    changed = with_flipped_weight(without, layer=0)
    verdict = verify(writer.write(with_floats), writer.write(changed), samples=12, host=host)
    assert verdict.differing_bytes == count_differences(without, changed, samples=12) > 0


def test_kept_quantization_is_looked_behind_too(host: HostProcess) -> None:
    graph = convolutions(2, float_io=True)
    changed = with_flipped_weight(graph, layer=1)
    model = writer.write(graph)
    assert verify(model, model, samples=5, host=host).identical
    int8 = count_differences(convolutions(2), with_flipped_weight(convolutions(2), 1), samples=5)
    verdict = verify(model, writer.write(changed), samples=5, host=host)
    assert verdict.differing_bytes == int8 > 0


def test_several_inputs_and_outputs_are_compared(host: HostProcess) -> None:
    values = Quantization(np.array([0.02], np.float32), np.array([3], np.int32))
    tensors = [Tensor(name, (1, 4, 4, 2), "int8", values) for name in ("a", "b", "sum", "relu")]
    add = Op(Kind.ADD, (0, 1), (2,), ElementwiseAttributes())
    graph = Graph(tuple(tensors), (add, Op(Kind.RELU, (2,), (3,))), (0, 1), (3, 2))
    doubled = dataclasses.replace(add, inputs=(0, 0))
    changed = graph.replace(ops=(doubled, graph.ops[1]))
    model = writer.write(graph)
    assert verify(model, model, samples=6, host=host).compared_bytes == 6 * 2 * 32
    verdict = verify(model, writer.write(changed), samples=6, host=host)
    assert verdict.differing_bytes == count_differences(graph, changed, samples=6) > 0


def test_models_that_do_not_belong_together_are_refused(host: HostProcess) -> None:
    graph = convolutions()
    model = writer.write(graph)
    requantized = dataclasses.replace(
        graph.tensors[0],
        quantization=Quantization(np.array([0.5], np.float32), np.array([1], np.int32)),
    )
    other = graph.replace(tensors=(requantized, *graph.tensors[1:]))
    message = (
        r"b was not made from a: input 0 is int8 of shape .*scale 0\.5.*expected .*scale 0\.02"
    )
    with pytest.raises(ModelFileError, match=message):
        verify(model, writer.write(other), names=("a", "b"), host=host)
    with pytest.raises(ModelFileError, match="output 0 is int8 of shape"):
        verify(model, writer.write(_with_two_outputs(graph, swap=True)), host=host)
    with pytest.raises(ModelFileError, match="it has 2 outputs, expected 1"):
        verify(model, writer.write(_with_two_outputs(graph)), host=host)
    with pytest.raises(ModelFileError, match=r"damaged\.tflite"):
        verify(model, model[:200], names=("a", "damaged.tflite"), host=host)


def _with_two_outputs(graph: Graph, *, swap: bool = False) -> Graph:
    """The graph and a RELU of its input: as a second output, or as the only one."""
    relu = dataclasses.replace(graph.tensors[0], name="relu")
    added = graph.replace(
        tensors=(*graph.tensors, relu),
        ops=(*graph.ops, Op(Kind.RELU, (0,), (len(graph.tensors),))),
    )
    extra = len(graph.tensors)
    return added.replace(outputs=(extra,) if swap else (*graph.outputs, extra))


def test_a_faulty_kernel_is_traced_to_its_layer(host: HostProcess) -> None:
    graph = convolutions(depth=4)

    def convert(content: bytes) -> bytes:
        """Spoils a weight of "layer 2" wherever it occurs."""
        part = reader.read_bytes(content, name="part")
        names = [part.tensors[op.output].name for op in part.ops]
        spoiled = with_flipped_weight(part, names.index("layer 2")) if "layer 2" in names else part
        return writer.write(spoiled)

    model = writer.write(graph)
    verdict = verify(model, convert(model), samples=8, convert=convert, host=host)
    assert verdict.location is not None
    assert [layer.layer for layer in verdict.location.alone] == [graph.describe(2)]
    assert verdict.location.alone[0].differing_bytes > 0
    assert verdict.location.first == graph.describe(2)


def test_a_faulty_schedule_is_traced_to_the_layer_where_it_begins(host: HostProcess) -> None:
    graph = convolutions(depth=5)

    def convert(content: bytes) -> bytes:
        """Goes wrong only where at least four layers are converted together."""
        part = reader.read_bytes(content, name="part")
        spoiled = with_flipped_weight(part, 3) if len(part.ops) >= 4 else part
        return writer.write(spoiled)

    model = writer.write(graph)
    verdict = verify(model, convert(model), samples=8, convert=convert, host=host)
    assert verdict.location is not None
    assert verdict.location.alone == ()
    assert verdict.location.first == graph.describe(3)


def test_identical_models_are_not_traced(host: HostProcess) -> None:
    def convert(content: bytes) -> bytes:
        raise AssertionError("nothing to trace")

    model = writer.write(convolutions())
    assert verify(model, model, samples=3, convert=convert, host=host).location is None


def test_a_cut_reads_what_came_before_and_returns_what_comes_after() -> None:
    graph = convolutions(depth=4)
    part = cut(graph, 1, 3)
    assert [graph.tensors[t].name for t in part.inputs] == ["layer 0"]
    assert [graph.tensors[t].name for t in part.outputs] == ["layer 2"]
    values = sample([graph.tensors[0]], 3)
    whole = reference.execute(graph, values)
    inner = reference.execute(part, [whole[part.inputs[0]]])
    np.testing.assert_array_equal(inner[part.outputs[0]], whole[part.outputs[0]])


@pytest.mark.parametrize(("scale", "zero_point"), [(0.003, -128), (1.7, 12), (1e-6, 127)])
def test_float_borders_lose_nothing(scale: float, zero_point: int) -> None:
    values = Quantization(np.array([scale], np.float32), np.array([zero_point], np.int32))
    border = Border(Tensor("f", (256,), "float32"), Tensor("q", (256,), "int8", values))
    core = np.arange(-128, 128).astype(np.int8)
    outer = border.to_outer(core)
    assert outer.dtype == np.float32
    np.testing.assert_array_equal(border.to_core(outer), core)


def test_an_unsigned_border_is_shifted() -> None:
    def tensor(dtype: str, zero_point: int) -> Tensor:
        values = Quantization(np.array([0.1], np.float32), np.array([zero_point], np.int32))
        return Tensor(dtype, (1, 4), dtype, values)

    tensors = (tensor("uint8", 130), tensor("int8", 2), tensor("uint8", 130))
    ops = (Op(Kind.QUANTIZE, (0,), (1,)), Op(Kind.QUANTIZE, (1,), (2,)))
    graph = Graph(tensors, ops, (0,), (2,))
    core = np.array([[-128, -1, 0, 127]], np.int8)
    for border in (*input_borders(graph), *output_borders(graph)):
        assert border.core is tensors[1]
        np.testing.assert_array_equal(border.to_outer(core), [[0, 127, 128, 255]])
        np.testing.assert_array_equal(border.to_core(border.to_outer(core)), core)


def test_samples_are_edges_noise_and_smooth_fields() -> None:
    tensor = convolutions().tensors[0]
    wide = dataclasses.replace(tensor, shape=(1, 64, 64, 3))
    fields = [sample([wide], index)[0] for index in range(6)]
    assert [int(field.min()) for field in fields[:3]] == [-128, 127, -5]
    assert [int(field.max()) for field in fields[:3]] == [-128, 127, -5]
    assert {int(fields[3].min()), int(fields[3].max())} == {-128, 127}
    steps = [np.abs(np.diff(field.astype(int), axis=1)).mean() for field in fields]
    assert 0 < steps[4] < steps[3] / 5
    np.testing.assert_array_equal(sample([wide], 4)[0], fields[4])
    assert not np.array_equal(sample([wide], 4, seed=1)[0], fields[4])


def test_a_model_that_stays_silent_is_refused(host: HostProcess) -> None:
    """A row-fed model whose rows are not those of the original never comes to an end."""
    graph = convolutions()
    short = dataclasses.replace(graph.tensors[0], shape=(1, 5, 7, 3))
    result = dataclasses.replace(graph.tensors[-1], shape=(1, 3, 4, 4))
    smaller = graph.replace(tensors=(short, *graph.tensors[1:-1], result))
    original = Model.parse(writer.write(smaller), name="original")
    fed = hand_packed(graph, row_fed=True).content()
    converted = Model.parse(fed, name="row-fed")
    with pytest.raises(ModelFileError, match="output 0 is int8 of shape"):
        Comparison(original, converted, host)
    flat = converted.graph.replace(
        tensors=tuple(
            dataclasses.replace(t, shape=(1, 3, 4, 4)) if t.name == "layer 0" else t
            for t in converted.graph.tensors
        )
    )
    silent = Comparison(original, dataclasses.replace(converted, graph=flat), host)
    with pytest.raises(ModelFileError, match="row-fed: gives no output for sample 0"):
        silent.run([0], seed=0, progress=lambda done: None)
