# SPDX-License-Identifier: Apache-2.0
"""A graph as the scheduler sees it: layers in order, and who reads which tensor."""

from __future__ import annotations

import dataclasses
from functools import cached_property

from tflm_converters.graph import Graph, Kind
from tflm_converters.schedule.layers import Access, Extent, Layer, build_layer, flat_extent


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """Layers in execution order over tensors with a height, a width and channels.

    A RESHAPE that changes no byte and no extent is no layer: `alias` maps its output to
    the tensor that it renames. Tensor indices are those of the graph.
    """

    graph: Graph
    layers: tuple[Layer, ...]
    extents: dict[int, Extent]
    alias: dict[int, int]

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        return tuple(t for t in self.graph.inputs if not self.graph.tensors[t].is_constant)

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Graph outputs, by the tensor that holds them."""
        return tuple(dict.fromkeys(self.resolve(t) for t in self.graph.outputs))

    @cached_property
    def producer(self) -> dict[int, int]:
        """Tensor to the layer that writes it; graph inputs are absent."""
        return {t: i for i, layer in enumerate(self.layers) for t in layer.outputs}

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """Tensor to the layers that read it, in order."""
        found: dict[int, list[int]] = {t: [] for t in self.extents}
        for i, layer in enumerate(self.layers):
            for tensor in dict.fromkeys(a.tensor for a in layer.accesses):
                found.setdefault(tensor, []).append(i)
        return {t: tuple(layers) for t, layers in found.items()}

    @cached_property
    def last_use(self) -> dict[int, int]:
        """Tensor to the last layer that reads it; the layer count for graph outputs."""
        uses = {t: layers[-1] if layers else -1 for t, layers in self.consumers.items()}
        for tensor, layer in self.producer.items():
            uses[tensor] = max(uses.get(tensor, -1), layer)
        return {**uses, **{t: len(self.layers) for t in self.outputs}}

    @cached_property
    def variable_bytes(self) -> int:
        """Bytes of variable tensors (the state of an LSTM), which live from run to run."""
        return sum(t.byte_count for t in self.graph.tensors if t.is_variable)

    def resolve(self, tensor: int) -> int:
        """The tensor that really holds a value, behind renaming RESHAPEs."""
        return self.alias.get(tensor, tensor)

    def bytes_of(self, tensor: int) -> int:
        """Bytes of a whole tensor."""
        return self.graph.tensors[tensor].byte_count

    def name_of(self, tensor: int) -> str:
        return self.graph.tensors[tensor].name


def build_network(graph: Graph) -> Network:
    """Sees a graph as layers; operators that the runtime cannot execute become stock layers."""
    extents: dict[int, Extent] = {}
    for tensor in (*graph.inputs, *_state(graph)):
        extents[tensor] = flat_extent(graph, tensor)
    layers: list[Layer] = []
    alias: dict[int, int] = {}
    for i, op in enumerate(graph.ops):
        layer = build_layer(graph, i, extents)
        layer = _through_alias(layer, alias)
        if op.kind is Kind.RESHAPE and _is_renaming(graph, layer):
            alias[op.output] = layer.accesses[0].tensor
        else:
            layers.append(layer)
    return Network(graph, tuple(layers), extents, alias)


def _state(graph: Graph) -> list[int]:
    """Variable tensors, which nobody writes before they are read; TFLite-Micro places them."""
    return [i for i, tensor in enumerate(graph.tensors) if tensor.is_variable]


def _through_alias(layer: Layer, alias: dict[int, int]) -> Layer:
    if not any(a.tensor in alias for a in layer.accesses):
        return layer
    accesses: tuple[Access, ...] = tuple(
        dataclasses.replace(a, tensor=alias.get(a.tensor, a.tensor)) for a in layer.accesses
    )
    return dataclasses.replace(layer, accesses=accesses)


def _is_renaming(graph: Graph, layer: Layer) -> bool:
    """Whether a RESHAPE needs no layer; an input that is renamed to an output must be copied."""
    is_copy = layer.accesses[0].tensor in graph.inputs and layer.output in graph.outputs
    return not (layer.stock or is_copy) and layer.extent == layer.accesses[0].extent
