# SPDX-License-Identifier: Apache-2.0
"""Compares graphs by their operators and by what they compute."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.networks import random_inputs
from tflm_converters import graph_check, reference
from tflm_converters.graph import Graph, Kind


def kinds(graph: Graph) -> list[Kind]:
    """The operators of a graph, in order."""
    return [op.kind for op in graph.ops]


def differing_bytes(before: Graph, after: Graph, *, samples: int = 5) -> int:
    """How many output bytes differ for random inputs; `after` must be consistent, too."""
    graph_check.check(after)
    count = 0
    for seed in range(samples):
        inputs = random_inputs(before, seed)
        expected, got = reference.execute(before, inputs), reference.execute(after, inputs)
        for first, second in zip(before.outputs, after.outputs, strict=True):
            assert expected[first].shape == got[second].shape
            count += int((expected[first].view(np.uint8) != got[second].view(np.uint8)).sum())
    return count


def with_tensor(graph: Graph, index: int, **changes: object) -> Graph:
    """The graph with some fields of one tensor changed."""
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **changes)  # type: ignore[arg-type]
    return graph.replace(tensors=tuple(tensors))
