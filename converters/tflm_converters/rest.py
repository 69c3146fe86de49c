# SPDX-License-Identifier: Apache-2.0
"""What a model file holds besides its main graph: kept by the reader, put back by the writer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class OpaqueSubgraph:
    """A subgraph after the first, e.g. the body of a WHILE: never interpreted.

    `opcodes` and `data` give the operator code of each of its operators and the content of
    each of its tensors, so that it does not depend on the numbering of the file.
    """

    source: Any  # the schema's SubGraphT
    opcodes: tuple[Any, ...]  # the schema's OperatorCodeT
    data: tuple[np.ndarray | None, ...]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A named entry point: pairs of an argument's name and a tensor.

    A tensor is a position in the graph's inputs or outputs, or, where `subgraph` is not 0,
    an index into that subgraph's tensors.
    """

    key: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
