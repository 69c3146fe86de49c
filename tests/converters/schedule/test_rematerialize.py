# SPDX-License-Identifier: Apache-2.0
"""Second passes: which tensors are computed twice, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs, random_network
from tflm_converters import reference
from tflm_converters.cost import total_macs
from tflm_converters.graph import Graph, Kind
from tflm_converters.schedule.rematerialize import variants

Build = Callable[[NetworkBuilder, int], object]


def graph(build: Build) -> Graph:
    """What `build` appends to an input of 8 x 8 x 2."""
    builder = NetworkBuilder(0)
    build(builder, builder.input(8, 8, 2))
    return builder.build()


def squeezed(builder: NetworkBuilder, x: int, *, expansion: int = 3) -> int:
    return builder.inverted_residual(x, 2, expansion=expansion, squeeze=2)


def names_of(graph: Graph) -> set[str]:
    return {t.name for t in graph.tensors if t.name.endswith("/second_pass")}


def test_expansion_and_window_stand_twice() -> None:
    original = graph(squeezed)
    ((held, variant),) = variants(original)
    assert held == 8 * 8 * 6
    first, second = original.ops[:2]
    assert names_of(variant) == {
        f"{original.tensors[op.output].name}/second_pass" for op in (first, second)
    }
    kinds = [op.kind for op in variant.ops]
    product = kinds.index(Kind.MUL)
    assert kinds[product - 2 : product] == [Kind.CONV, Kind.DEPTHWISE_CONV]
    assert kinds[: product - 2] == [op.kind for op in original.ops[: product - 2]]
    # The first pass still feeds the mean; the product reads the second.
    assert variant.ops[2].inputs == original.ops[2].inputs
    assert second.output not in variant.ops[product].inputs


def test_the_second_pass_costs_its_layers() -> None:
    original = graph(squeezed)
    ((_, variant),) = variants(original)
    assert total_macs(variant) - total_macs(original) == 64 * (2 * 6 + 9 * 6)


def test_larger_tensors_come_first_and_variants_grow() -> None:
    original = graph(lambda b, x: squeezed(b, squeezed(b, x), expansion=4))
    found = list(variants(original))
    assert [held for held, _ in found] == [8 * 8 * 8, 8 * 8 * 6]
    assert [len(v.ops) - len(original.ops) for _, v in found] == [2, 4]


@pytest.mark.parametrize(
    "build",
    [
        # Nothing smaller to begin again with.
        lambda b, x: b.squeeze_excite(b.relu(x), 2),
        # A third reader holds the tensor anyway.
        lambda b, x: b.add(b.squeeze_excite(y := b.conv(x, 8), 2), y),
        # The factor depends on another tensor.
        lambda b, x: b.mul(b.conv(x, 8), b.mean(b.conv(x, 8))),
        # Two operands on the way: not a chain.
        lambda b, x: b.squeeze_excite(b.add(b.conv(x, 8), b.conv(x, 8)), 2),
        lambda b, x: b.mul(x, b.constant(0.5)),
        lambda b, x: b.mul(x, x),
    ],
)
def test_what_is_held_all_the_same(build: Build) -> None:
    assert list(variants(graph(build))) == []


def test_graph_outputs_are_held() -> None:
    builder = NetworkBuilder(0)
    held = builder.conv(builder.input(8, 8, 2), 8)
    scaled = builder.squeeze_excite(held, 2)
    assert list(variants(builder.build(scaled)))
    assert not list(variants(builder.build(scaled, held)))


def test_chains_are_not_longer_than_four_layers() -> None:
    def chain(length: int) -> Graph:
        def build(b: NetworkBuilder, x: int) -> None:
            x = b.conv(x, 8)
            for _ in range(length - 1):
                x = b.relu(x)
            b.squeeze_excite(x, 2)

        return graph(build)

    assert len(list(variants(chain(4)))) == 1
    assert not list(variants(chain(5)))


@pytest.mark.parametrize("seed", range(60))
def test_outputs_stay_the_same(seed: int) -> None:
    original = random_network(seed)
    for _, variant in variants(original):
        inputs = random_inputs(original, seed)
        expected, values = reference.execute(original, inputs), reference.execute(variant, inputs)
        for tensor in original.outputs:
            np.testing.assert_array_equal(values[tensor], expected[tensor])
