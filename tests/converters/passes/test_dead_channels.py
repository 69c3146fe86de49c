# SPDX-License-Identifier: Apache-2.0
"""Channels without information go, exactly; all others stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.converters.passes.comparison import differing_bytes, kinds, with_tensor
from tests.networks import NetworkBuilder, random_inputs, random_network
from tflm_converters import passes, reader, reference
from tflm_converters.cost import total_macs
from tflm_converters.graph import ABSENT, Activation, Graph, Kind
from tflm_converters.passes import dead_channels, fold_constants
from tflm_converters.passes.dead_channels.liveness import kept_channels
from tflm_converters.passes.dead_channels.ranges import channel_ranges

LOUD = 2**20  # a bias that takes any channel far from its zero point


def silenced(graph: Graph, op: int, channels: list[int], *, bias: int = 0) -> Graph:
    """The graph where these output channels of a layer have no weights, only this bias."""
    _, weights, biases = graph.ops[op].inputs[:3]
    axis = 3 if graph.ops[op].kind is Kind.DEPTHWISE_CONV else 0
    data = graph.tensors[weights].data
    assert data is not None
    data = data.copy()
    data[(slice(None),) * axis + (channels,)] = 0
    graph = with_tensor(graph, weights, data=data)
    if biases == ABSENT:
        return graph
    values = graph.tensors[biases].data
    assert values is not None
    values = values.copy()
    values[channels] = bias
    return with_tensor(graph, biases, data=values)


def ignored(graph: Graph, op: int, channels: list[int]) -> Graph:
    """The graph where a CONV_2D gives these input channels no weight."""
    weights = graph.ops[op].inputs[1]
    data = graph.tensors[weights].data
    assert data is not None
    data = data.copy()
    data[..., channels] = 0
    return with_tensor(graph, weights, data=data)


def shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.tensors[op.output].shape for op in graph.ops]


def pruned(before: Graph) -> Graph:
    after = dead_channels.run(before)
    assert differing_bytes(before, after) == 0
    return after


@pytest.mark.parametrize("bias", [0, LOUD, -LOUD])
@pytest.mark.parametrize("has_bias", [True, False])
def test_constant_is_folded_into_the_next_bias(bias: int, has_bias: bool) -> None:
    """Whatever its value, also where the next layer has no bias yet."""
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6)
    builder.conv(x, 5, bias=has_bias)
    after = pruned(silenced(builder.build(), 0, [1, 4], bias=bias))
    assert shapes(after) == [(1, 4, 4, 4), (1, 4, 4, 5)]


def test_constant_passes_through_layers_that_keep_channels() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(6, 6, 3), 6)
    x = builder.depthwise(x, padding="VALID")
    x = builder.hard_swish(builder.max_pool(x, kernel=2))
    x = builder.resize_nearest(builder.quantize(x), 2)
    x = builder.mul(builder.mean(x), builder.constant(np.arange(6)))
    builder.conv(x, 5)
    after = pruned(silenced(builder.build(), 0, [0, 5], bias=LOUD))
    assert {shape[-1] for shape in shapes(after)[:-1]} == {4}


def test_scale_too_small_to_show() -> None:
    """Weights need not be zero: a negligible scale makes a channel constant as well."""
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6)
    builder.conv(x, 5)
    graph = builder.build()
    weights = graph.tensors[graph.ops[0].inputs[1]]
    assert weights.quantization is not None
    weights.quantization.scales[2] = 1e-12
    assert shapes(pruned(graph))[0] == (1, 4, 4, 5)


def test_activation_that_always_clamps() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6, activation=Activation.RELU)
    builder.conv(x, 5)
    graph = builder.build()
    biases = graph.tensors[graph.ops[0].inputs[2]].data
    assert biases is not None
    biases[3] = -LOUD
    assert shapes(pruned(graph))[0] == (1, 4, 4, 5)


def test_unread_channel_goes_with_all_that_computed_it() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(6, 6, 3), 6)
    x = builder.depthwise(x, multiplier=2)
    builder.conv(x, 5)
    after = pruned(ignored(builder.build(), 2, [4, 5, 6]))  # both halves of 2, half of 3
    assert shapes(after)[:2] == [(1, 6, 6, 5), (1, 6, 6, 10)]


@pytest.mark.parametrize("kernel", [1, 3])
def test_padded_depthwise(kernel: int) -> None:
    """In the padding, a constant other than the zero point shows."""
    builder = NetworkBuilder()
    x = builder.conv(builder.input(6, 6, 3), 6)
    x = builder.depthwise(x, kernel=kernel)
    builder.conv(x, 5)
    graph = builder.build()
    assert shapes(pruned(silenced(graph, 0, [1])))[0] == (1, 6, 6, 5)
    loud = pruned(silenced(graph, 0, [1], bias=LOUD))
    assert shapes(loud)[0] == (1, 6, 6, 5 if kernel == 1 else 6)


def test_padded_convolution_folds_only_the_zero_point() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(6, 6, 3), 6)
    builder.conv(x, 5, kernel=3)
    graph = builder.build()
    assert shapes(pruned(silenced(graph, 0, [1])))[0] == (1, 6, 6, 5)
    assert shapes(pruned(silenced(graph, 0, [1], bias=LOUD)))[0] == (1, 6, 6, 6)


def test_unpadded_convolution_folds_any_constant() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(6, 6, 3), 6)
    builder.conv(x, 5, kernel=3, padding="VALID")
    assert shapes(pruned(silenced(builder.build(), 0, [1], bias=LOUD)))[0] == (1, 6, 6, 5)


def test_flattened_before_fully_connected() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(3, 4, 3), 6)
    builder.fully_connected(builder.reshape(x, 1, 72), 5)
    after = pruned(silenced(builder.build(), 0, [2, 3], bias=LOUD))
    assert shapes(after) == [(1, 3, 4, 4), (1, 48), (1, 5)]


def test_reshape_that_mixes_channels_keeps_them() -> None:
    builder = NetworkBuilder()
    x = builder.reshape(builder.conv(builder.input(4, 4, 3), 6), 1, 3, 8, 4)
    builder.conv(x, 5)
    graph = ignored(silenced(builder.build(), 0, [2, 3], bias=LOUD), 2, [2, 3])
    assert shapes(pruned(graph))[:2] == [(1, 4, 4, 6), (1, 3, 8, 4)]


def residual() -> Graph:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6)
    builder.conv(builder.add(builder.conv(x, 6), x), 5)
    return builder.build()


def test_residual_loses_a_channel_only_on_all_sides() -> None:
    graph = residual()
    one_side = pruned(silenced(graph, 1, [3], bias=LOUD))
    assert shapes(one_side)[:3] == [(1, 4, 4, 6)] * 3
    both_sides = pruned(silenced(silenced(graph, 1, [3], bias=LOUD), 0, [3], bias=-LOUD))
    assert shapes(both_sides)[:3] == [(1, 4, 4, 5)] * 3


def test_switched_off_branch_becomes_a_number() -> None:
    before = silenced(residual(), 1, list(range(6)))
    after = pruned(before)
    assert kinds(after) == [Kind.CONV, Kind.ADD, Kind.CONV]
    assert after.tensors[after.ops[1].inputs[0]].shape == (1, 1, 1, 1)


def test_sum_of_a_number_with_itself_keeps_its_shape() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 2)
    builder.conv(builder.add(x, x), 5, kernel=3)
    after = pruned(silenced(builder.build(), 0, [0, 1], bias=LOUD))
    assert kinds(after) == [Kind.CONV, Kind.ADD, Kind.CONV]


def test_squeeze_and_excite() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6)
    builder.conv(builder.squeeze_excite(x, 4), 5)
    after = pruned(silenced(builder.build(), 0, [2]))
    squeezed = {kind: shape for kind, shape in zip(kinds(after), shapes(after), strict=True)}
    assert squeezed[Kind.MUL] == (1, 4, 4, 5)
    assert squeezed[Kind.MEAN] == squeezed[Kind.LOGISTIC] == (1, 1, 1, 5)


def test_concatenation_shifts_the_channels_behind() -> None:
    builder = NetworkBuilder()
    x = builder.input(4, 4, 3)
    parts = builder.conv(x, 4), builder.conv(x, 3)
    y = builder.pad(builder.concatenate(*parts), (0, 0), (0, 0), channels=(1, 2))
    builder.conv(y, 5)
    graph = builder.build()
    unread = ignored(silenced(graph, 1, [0]), len(graph.ops) - 1, [0, 2, 8])
    after = pruned(unread)
    last = after.tensors[after.ops[-1].inputs[0]]
    assert last.shape[-1] == 10 - 5  # three that PAD wrote, one silent, one unread


@pytest.mark.parametrize(("unread", "left", "parts"), [([0, 4], 4, 2), ([3, 4, 5], 3, 1)])
def test_constant_part_of_a_concatenation(unread: list[int], left: int, parts: int) -> None:
    """It loses channels as well, or goes altogether."""
    builder = NetworkBuilder()
    x = builder.conv(builder.input(2, 2, 2), 3)
    constant = builder.constant(builder.rng.normal(0, 1, (1, 2, 2, 3)))
    builder.conv(builder.concatenate(x, constant), 5)
    graph = fold_constants.run(builder.build())
    assert kinds(graph) == [Kind.CONV, Kind.CONCATENATION, Kind.CONV]
    after = pruned(ignored(graph, 2, unread))
    assert shapes(after)[1] == (1, 2, 2, left)
    assert len(after.ops[1].inputs) == parts


def test_refuses_to_overflow_the_bias() -> None:
    """Where the folded bias might leave int32, the channel stays in the accumulator."""
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6)
    builder.conv(x, 5)
    graph = silenced(builder.build(), 0, [1], bias=LOUD)
    biases = graph.ops[1].inputs[2]
    graph = with_tensor(graph, biases, data=np.full(5, 2**31 - 1, np.int32))
    assert shapes(dead_channels.run(graph))[0] == (1, 4, 4, 6)


def test_interface_keeps_its_channels() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 3), 6)
    graph = silenced(builder.build(x), 0, [1, 2])
    assert shapes(pruned(graph)) == [(1, 4, 4, 6)]
    builder.conv(x, 5)
    unread_input = ignored(builder.build(), 0, [0])
    after = pruned(unread_input)
    assert after.tensors[after.inputs[0]].shape == (1, 4, 4, 3)


def test_at_least_one_channel_stays() -> None:
    builder = NetworkBuilder()
    x = builder.depthwise(builder.conv(builder.input(4, 4, 3), 6))
    builder.conv(x, 5)
    after = pruned(silenced(builder.build(), 0, list(range(6))))
    assert shapes(after) == [(1, 4, 4, 1), (1, 4, 4, 1), (1, 4, 4, 5)]


@pytest.mark.parametrize(
    "model", ["mlperf_tiny/models/vww_96_int8.tflite", "models/tinyengine_vww.tflite"]
)
def test_kept_channels_keep_their_values(shared_data: Path, model: str) -> None:
    """In every tensor of a real model, not only at its two outputs."""
    before = passes.run(reader.read(shared_data / model), disabled=["dead_channels"]).graph
    kept = kept_channels(before, channel_ranges(before))
    inputs = random_inputs(before, 0)
    expected = reference.execute(before, inputs)
    got = reference.execute(dead_channels.run(before), inputs)
    for tensor in expected:
        assert (expected[tensor][..., kept[tensor]] == got[tensor]).all()


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    """With a third of all channels silent, and with whatever the network came with."""
    before = random_network(seed, max_ops=16)
    rng = np.random.default_rng(seed)
    for index, op in enumerate(before.ops):
        if op.kind in (Kind.CONV, Kind.DEPTHWISE_CONV):
            silent = np.flatnonzero(rng.random(before.tensors[op.output].shape[-1]) < 0.3)
            before = silenced(before, index, silent.tolist(), bias=int(rng.choice([0, LOUD])))
    assert total_macs(pruned(before)) <= total_macs(before)
