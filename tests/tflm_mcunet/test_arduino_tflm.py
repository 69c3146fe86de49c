# SPDX-License-Identifier: Apache-2.0
"""Exported Arduino libraries for TensorFlow Lite Micro."""

from __future__ import annotations

import ctypes
import dataclasses
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests import c_programs
from tests.arduino import native, sketches
from tests.network_builder import NetworkBuilder
from tflm_converters import writer
from tflm_converters.errors import BudgetError, UnsupportedModelError
from tflm_mcunet import boards, cli, inference
from tflm_mcunet.arduino_tflm import TflmLibrary, _operators, export_arduino_tflm
from tflm_mcunet.arena import smallest_arena
from tflm_mcunet.comparison import Model
from tflm_mcunet.host_process import HostProcess

STAND_IN = Path(__file__).parents[1] / "arduino" / "tflm" / "include"


@pytest.fixture(scope="module")
def model(repository: Path) -> Path:
    return repository / "examples" / "vww_96_int8.tflite"


@pytest.fixture(scope="module")
def fed(model: Path) -> TflmLibrary:
    return export_arduino_tflm(
        model, library="Person", board="nano33ble", name="person", row_fed=True
    )


class CTensor(ctypes.Structure):
    """`person_golden_tensor`."""

    _fields_ = [("data", ctypes.POINTER(ctypes.c_uint8)), ("bytes", ctypes.c_uint32)]

    @property
    def values(self) -> np.ndarray:
        return np.ctypeslib.as_array(self.data, (self.bytes,)).view(np.int8)


def test_arrays_are_the_model_and_what_it_computes(fed: TflmLibrary, tmp_path: Path) -> None:
    c_programs.write(tmp_path, {n: c for n, c in fed.sources.items() if n.startswith("person")})
    loaded = native.compile_library(tmp_path, sorted(tmp_path.glob("*.c")))
    content = (ctypes.c_uint8 * len(fed.content)).in_dll(loaded, "person_model")
    assert bytes(content) == fed.content
    assert ctypes.addressof(content) % 16 == 0
    stored = CTensor.in_dll(loaded, "person_golden_inputs").values
    with HostProcess() as host:
        sample = (stored.reshape(96, 96, 3),)
        (outputs,) = host.call(inference.run, bytes(content), [sample], subject="person")
    expected = CTensor.in_dll(loaded, "person_golden_outputs").values
    np.testing.assert_array_equal(outputs[0].ravel(), expected)


def test_the_arena_suffices_here(fed: TflmLibrary) -> None:
    header = fed.sources["person_model.h"].decode()
    assert f"#define PERSON_ARENA_BYTES {smallest_arena(fed.content)}\n" in header


def test_sketch_compiles_and_says_why_it_fails(fed: TflmLibrary, tmp_path: Path) -> None:
    """With declarations in place of TensorFlow Lite Micro, and an arena that never suffices."""
    zipfile.ZipFile(io.BytesIO(fed.zip())).extractall(tmp_path / "libraries")
    shutil.copytree(STAND_IN, tmp_path / "libraries" / "TensorFlowLite")
    (tmp_path / "work").mkdir()
    sketch = tmp_path / "libraries" / "Person" / "examples" / "SelfTest" / "SelfTest.ino"
    elf = sketches.build(sketch, tmp_path / "libraries", tmp_path / "work")
    assert sketches.run(elf).splitlines() == [
        "error: the tensors could not be allocated; the lines above say why"
    ]


def test_a_converted_model_needs_one_operator(fed: TflmLibrary) -> None:
    assert fed.operators == ("tflm_mcunet::AddOperator(resolver)",)
    assert "#define PERSON_OPERATORS 1\n" in fed.sources["person_operators.h"].decode()


def test_other_operators_are_added_once_by_their_methods(tmp_path: Path) -> None:
    b = NetworkBuilder()
    y = b.depthwise(b.conv(b.conv(b.input(6, 6, 3), 4, kernel=3), 8))
    b.softmax(b.fully_connected(b.reshape(b.average_pool(y, kernel=2), 1, -1), 3))
    graph = b.build()
    graph = Model.parse(writer.write(graph), name="network").graph
    assert [text.split(".")[1] for text in _operators(graph, "network")] == [
        "AddConv2D()",
        "AddDepthwiseConv2D()",
        "AddAveragePool2D()",
        "AddReshape()",
        "AddFullyConnected()",
        "AddSoftmax()",
    ]


def test_operators_that_no_arduino_library_has_are_refused(shared_data: Path) -> None:
    path = shared_data / "models" / "tflm_audio_preprocessor_int8.tflite"
    graph = Model.parse(path.read_bytes(), name=path.name).graph
    with pytest.raises(UnsupportedModelError, match="have no operator Signal"):
        _operators(graph, path.name)


def test_what_does_not_fit_is_refused_with_the_numbers(model: Path) -> None:
    board = dataclasses.replace(boards.get("nano33ble"), sram_bytes=80_000)
    with pytest.raises(BudgetError, match=r"SRAM \(the board's software 65,536, arena 1\d,\d"):
        export_arduino_tflm(model, library="Big", board=board, row_fed=True)


def test_command_writes_a_zip(
    model: Path, fed: TflmLibrary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "Person.zip"
    command = ["export", "arduino", str(model), "--board", "nano33ble", "--out", str(out)]
    command += ["--runtime", "tflm", "--row-fed", "--name", "person", "--json"]
    assert cli.main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["sram"]["arena"] == fed.arena.total
    assert out.read_bytes() == fed.zip()
    assert "src/tflm/tmc_registration.cpp" in result["files"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["arduino", "--board", "nano33ble", "--sensor", "camera"], "--sensor works with"),
        (["arduino", "--board", "nano33ble", "--labels", "x"], "--labels works with"),
        (["c"], "C needs no interpreter"),
        (["c", "--runtime", "c", "--sensor", "imu"], "--sensor works with export arduino only"),
    ],
)
def test_wrong_options_are_explained(
    model: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, *others = options
    assert cli.main(["export", target, str(model), "--runtime", "tflm", *others]) == 2
    assert message in capsys.readouterr().err
