# SPDX-License-Identifier: Apache-2.0
"""Exported Arduino libraries for TensorFlow Lite Micro."""

from __future__ import annotations

import ctypes
import dataclasses
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests import c_programs
from tests.arduino import native, sketches
from tests.network_builder import NetworkBuilder
from tflm_converters import writer
from tflm_converters.errors import BudgetError, UnsupportedModelError
from tflm_converters.graph import Graph
from tflm_mcunet import boards, cli
from tflm_mcunet.arduino import export_arduino
from tflm_mcunet.arduino_library import Library
from tflm_mcunet.arduino_tflm import InTflm, _operators, export_tflm
from tflm_mcunet.arena import smallest_arena
from tflm_mcunet.comparison import Model


@pytest.fixture(scope="module")
def model(repository: Path) -> Path:
    return repository / "examples" / "vww_96_int8.tflite"


@pytest.fixture(scope="module")
def library(model: Path) -> Library:
    return export_arduino(
        model,
        library="Person",
        board="nano33ble",
        runtime="tflm",
        sensor="none",
        name="person",
        row_fed=True,
    )


@pytest.fixture(scope="module")
def fed(library: Library) -> InTflm:
    assert isinstance(library.model, InTflm)
    return library.model


def run_self_test(folder: Path) -> list[str]:
    """What it prints, with an interpreter in place of TensorFlow Lite Micro."""
    sketches.install_tflm(folder / "libraries")
    (folder / "work").mkdir()
    sketch = folder / "libraries" / "Person" / "examples" / "SelfTest" / "SelfTest.ino"
    return sketches.run(sketches.build(sketch, folder / "libraries", folder / "work")).splitlines()


def unpack(library: Library, folder: Path) -> Path:
    """The library's sources, where a user's Arduino IDE has them."""
    zipfile.ZipFile(io.BytesIO(library.zip())).extractall(folder / "libraries")
    return folder / "libraries" / library.name / "src"


# ---- It runs ----------------------------------------------------------------------------


def test_the_stored_file_is_the_model(fed: InTflm, tmp_path: Path) -> None:
    names = ("person_model.h", "person_model.c")
    c_programs.write(tmp_path, {name: fed.sources[name] for name in names})
    loaded = native.compile_library(tmp_path, [tmp_path / "person_model.c"])
    content = (ctypes.c_uint8 * len(fed.content)).in_dll(loaded, "person_model")
    assert bytes(content) == fed.content
    assert ctypes.addressof(content) % 16 == 0


def test_the_arena_suffices_here(fed: InTflm) -> None:
    header = fed.sources["person.h"].decode()
    assert f"#define PERSON_ARENA_BYTES {smallest_arena(fed.content)}\n" in header


def test_sketch_checks_itself_and_runs(library: Library, tmp_path: Path) -> None:
    unpack(library, tmp_path)
    first, *others = run_self_test(tmp_path)
    assert first == "self test passed: 0 differing bytes"
    assert len(others) == 9 and others[0].endswith(" us")  # three inferences


def test_sketch_says_that_the_arena_is_too_small(library: Library, tmp_path: Path) -> None:
    header = unpack(library, tmp_path) / "person.h"
    text = header.read_text()
    size = library.model.sram["arena"]
    header.write_text(text.replace(f"ARENA_BYTES {size}\n", f"ARENA_BYTES {size // 2}\n"))
    lines = run_self_test(tmp_path)
    assert lines == ["the arena is too small", "self test FAILED: -3 (error)"]


def test_whole_inputs_do_no_harm_if_the_operator_is_missing(model: Path, tmp_path: Path) -> None:
    library = export_arduino(
        model, library="Person", board="nano33ble", runtime="tflm", sensor="none", name="person"
    )
    operators = unpack(library, tmp_path) / "person_operators.h"
    adding = "tflm_mcunet::AddOperator(resolver) == kTfLiteOk"
    operators.write_text(operators.read_text().replace(adding, f"!({adding})"))
    assert run_self_test(tmp_path) == ["self test FAILED: -4 (error)"]


# ---- It has the operators that the model needs ------------------------------------------


def test_a_converted_model_needs_one_operator(fed: InTflm) -> None:
    assert fed.operators == ("tflm_mcunet::AddOperator(resolver)",)
    assert "#define PERSON_OPERATORS 1\n" in fed.sources["person_operators.h"].decode()


def converted(path: Path) -> Graph:
    return Model.parse(path.read_bytes(), name=path.name).graph


def test_other_operators_are_added_once_by_their_methods(tmp_path: Path) -> None:
    b = NetworkBuilder()
    y = b.depthwise(b.conv(b.conv(b.input(6, 6, 3), 4, kernel=3), 8))
    b.softmax(b.fully_connected(b.reshape(b.average_pool(y, kernel=2), 1, -1), 3))
    path = tmp_path / "network.tflite"
    path.write_bytes(writer.write(b.build()))
    assert [text.split(".")[1] for text in _operators(converted(path), "network")] == [
        "AddConv2D()",
        "AddDepthwiseConv2D()",
        "AddAveragePool2D()",
        "AddReshape()",
        "AddFullyConnected()",
        "AddSoftmax()",
    ]


def test_operators_that_no_arduino_library_has_are_refused(shared_data: Path) -> None:
    path = shared_data / "models" / "tflm_audio_preprocessor_int8.tflite"
    with pytest.raises(UnsupportedModelError, match="have no operator Signal"):
        _operators(converted(path), path.name)


def test_other_types_than_int8_are_declared(shared_data: Path) -> None:
    """int16 features to int32 scores, through operators of TensorFlow Lite Micro's own."""
    made = export_tflm(shared_data / "models" / "tflm_keyword_scrambled_8bit.tflite", name="words")
    header = made.sources["words.h"].decode()
    assert "int16_t* words_input(void);" in header and "words_quantize_input" not in header
    assert "const int32_t* words_output(void);" in header
    assert "resolver.AddSvdf()" in made.operators
    assert made.golden.bytes == 2 * 96 + 4 * 2


# ---- It fits, or is refused -------------------------------------------------------------


def test_what_does_not_fit_is_refused_with_the_numbers(model: Path) -> None:
    board = dataclasses.replace(boards.get("nano33ble"), sram_bytes=110_000)
    expected = (
        r"SRAM \(the board's software 65,536, arena 1\d,\d{3}, interpreter 4,096, "
        r"a row of the input 288, camera frame 38,400, "
    )
    with pytest.raises(BudgetError, match=expected):
        export_arduino(model, library="Big", board=board, runtime="tflm", row_fed=True)


# ---- The command ------------------------------------------------------------------------


def test_command_writes_a_zip(
    model: Path, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "Person.zip"
    command = ["export", "arduino", str(model), "--board", "nano33ble", "--out", str(out)]
    command += ["--runtime", "tflm", "--row-fed", "--name", "person", "--json"]
    assert cli.main([*command, "--sensor", "none"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["sram"]["arena"] == library.model.sram["arena"]
    assert result["operators"] == ["tflm_mcunet::AddOperator(resolver)"]
    assert out.read_bytes() == library.zip()
    assert "src/tflm/tmc_registration.cpp" in result["files"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--runtime", "tflm"], "C needs no interpreter"),
        (["--sensor", "imu"], "--sensor works with export arduino only"),
    ],
)
def test_wrong_options_are_explained(
    model: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", "c", str(model), *options]) == 2
    assert message in capsys.readouterr().err
