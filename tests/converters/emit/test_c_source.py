# SPDX-License-Identifier: Apache-2.0
"""C sources made of programs compile without a warning and compute what the graph defines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import c_programs
from tests.arduino.native import RUNTIME
from tests.networks import random_inputs, random_network
from tests.schedules import random_schedule
from tflm_converters import reference
from tflm_converters.emit import c_tables
from tflm_converters.emit.c_interface import Golden, Interface, Port, c_golden, c_self_test
from tflm_converters.emit.c_source import CModel, c_sources
from tflm_converters.emit.program import Program, pack_program
from tflm_converters.emit.program_format import ProgramArrays
from tflm_converters.graph import Graph, Quantization
from tflm_converters.schedule.evaluate import evaluate
from tflm_converters.schedule.network import build_network


def scheduled(seed: int, *, row_fed: bool = False) -> tuple[Graph, Program] | None:
    """A random network as one program; None if it cannot be."""
    graph = random_network(seed)
    network = build_network(graph)
    schedule = random_schedule(network, seed, row_fed=row_fed)
    if schedule is None or any(layer.stock for layer in network.layers):
        return None
    planned = evaluate(network, schedule, steps=100)
    stages = range(len(schedule.stages))
    return graph, pack_program(network, schedule, planned.layout, planned.plan, stages)


def quantization_of(graph: Graph, tensor: int) -> Quantization:
    quantization = graph.tensors[tensor].quantization
    assert quantization is not None
    return quantization


def c_model(graph: Graph, program: Program, name: str) -> CModel:
    count = len(program.inputs)
    tensors = tuple(range(count + len(program.outputs)))
    arrays = ProgramArrays.parse(program.options)
    ports = [
        Port(arrays.shape(position), quantization_of(graph, tensor))
        for position, tensor in enumerate((*program.inputs, *program.outputs))
    ]
    interface = Interface(
        name,
        "a random network",
        tuple(ports[:count]),
        tuple(ports[count:]),
        row_fed=arrays.fed is not None,
    )
    options, parameters = program.options, program.parameters
    return CModel(interface, options, parameters, tensors[:count], tensors[count:])


def golden_of(graph: Graph, program: Program, seed: int) -> Golden:
    inputs = random_inputs(graph, seed)
    values = reference.execute(graph, inputs)
    by_tensor = dict(zip(graph.inputs, inputs, strict=True))
    return Golden(
        tuple(by_tensor[t] for t in program.inputs), tuple(values[t] for t in program.outputs)
    )


def self_test(folder: Path, model: CModel, golden: list[Golden], *, sanitize: bool = False) -> str:
    made = c_sources(model) | c_golden(model.interface, golden) | c_self_test(model.interface)
    c_programs.write(folder, made)
    sources = [*folder.glob("*.c"), *RUNTIME.glob("tmc_*.c")]
    for header in RUNTIME.glob("tmc_*.h"):
        (folder / header.name).write_bytes(header.read_bytes())
    program = c_programs.build(folder, sources, sanitize=sanitize)
    return c_programs.call([program])


@pytest.mark.parametrize("row_fed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_networks_are_exact(tmp_path: Path, seed: int, row_fed: bool) -> None:
    found = scheduled(seed, row_fed=row_fed)
    assert found is not None
    model = c_model(*found, "net")
    golden = [golden_of(*found, s) for s in (1, 2)]
    said = self_test(tmp_path, model, golden, sanitize=True)
    assert said == "net: 2 inputs, 0 differing bytes\n"


def test_a_wrong_output_is_noticed(tmp_path: Path) -> None:
    found = scheduled(0)
    assert found is not None
    golden = golden_of(*found, 1)
    wrong = golden.outputs[0].copy()
    wrong.flat[0] ^= 1
    model = c_model(*found, "net")
    with pytest.raises(AssertionError, match="net: 1 inputs, 1 differing bytes"):
        self_test(tmp_path, model, [Golden(golden.inputs, (wrong, *golden.outputs[1:]))])


@pytest.mark.parametrize("value", [1.0, 1 / 255, 0.1, 3e-30, 123456.0])
def test_reals_keep_their_bits(value: float) -> None:
    assert np.float32(c_tables.real(value).removesuffix("f")) == np.float32(value)


def test_strings_are_escaped() -> None:
    assert c_tables.strings(['a "b" \\', "é?"]) == (
        '      "a \\042b\\042 \\134",\n      "\\303\\251\\077",'
    )
