# SPDX-License-Identifier: Apache-2.0
"""Exported Arduino libraries: the real builder compiles their sketch, the emulator runs it."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests import c_programs
from tests.arduino import native, sketches
from tflm_converters.errors import BudgetError, ConversionError
from tflm_mcunet import arduino, boards, cli
from tflm_mcunet.arduino import InC, export_arduino
from tflm_mcunet.arduino_library import Library
from tflm_mcunet.exporting import Export

CPU = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")


@pytest.fixture(scope="module")
def model(repository: Path) -> Path:
    return repository / "examples" / "vww_96_int8.tflite"


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    labels = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels.write_text("nobody\nperson\n")
    return export_arduino(
        model, library="Vww Model", board="nano33ble", name="whole", labels=labels
    )


@pytest.fixture(scope="module")
def fed(model: Path) -> Library:
    return export_arduino(model, library="FedModel", board="nano33ble", name="fed", row_fed=True)


def export_of(library: Library) -> Export:
    assert isinstance(library.model, InC)
    return library.model.export


def install(folder: Path, *libraries: Library) -> Path:
    """Unpacks them where a user's Arduino IDE does."""
    for library in libraries:
        zipfile.ZipFile(io.BytesIO(library.zip())).extractall(folder / "libraries")
    return folder / "libraries"


def sketch_output(sketch: Path, libraries: Path, folder: Path) -> list[str]:
    work = folder / "work"
    work.mkdir()
    return sketches.run(sketches.build(sketch, libraries, work)).splitlines()


# ---- It runs ----------------------------------------------------------------------------


def test_sketch_checks_itself_and_runs(whole: Library, tmp_path: Path) -> None:
    libraries = install(tmp_path, whole)
    sketch = libraries / "Vww_Model" / "examples" / "SelfTest" / "SelfTest.ino"
    first, *others = sketch_output(sketch, libraries, tmp_path)
    assert first == "self test passed: 0 differing bytes"
    times, nobody, person = others[0::3], others[1::3], others[2::3]
    assert len(times) == 3 and all(int(time.removesuffix(" us")) > 0 for time in times)
    assert {line.split(": ")[0] for line in nobody} == {"nobody"}
    (probability,) = {float(line.removeprefix("person: ")) for line in person}
    expected = export_of(whole).golden[0].outputs[0].ravel()[1]
    assert probability == pytest.approx((int(expected) + 128) / 256, abs=0.006)


def test_sketch_feeds_rows(fed: Library, tmp_path: Path) -> None:
    libraries = install(tmp_path, fed)
    sketch = libraries / "FedModel" / "examples" / "SelfTest" / "SelfTest.ino"
    assert sketch_output(sketch, libraries, tmp_path)[0] == "self test passed: 0 differing bytes"


def test_sketch_says_when_the_model_computes_something_else(whole: Library, tmp_path: Path) -> None:
    libraries = install(tmp_path, whole)
    source = libraries / "Vww_Model" / "src" / "whole_golden.c"
    before, table = source.read_text().split("kOutput[][WHOLE_OUTPUT_BYTES] = {\n{\n")
    value = int(table.split(",")[0])
    source.write_text(
        f"{before}kOutput[][WHOLE_OUTPUT_BYTES] = {{\n{{\n{value ^ 1}{table[len(str(value)) :]}"
    )
    sketch = libraries / "Vww_Model" / "examples" / "SelfTest" / "SelfTest.ino"
    assert sketch_output(sketch, libraries, tmp_path) == ["self test FAILED: 1 differing bytes"]


TWO_LIBRARIES = """
#include <fed_golden.h>
#include <whole_golden.h>

void setup() {
  Serial.begin(115200);
  whole_init();
  fed_init();
  Serial.println(whole_golden_check());
  Serial.println(fed_golden_check());
}

void loop() {}
"""


def test_two_libraries_in_one_sketch(whole: Library, fed: Library, tmp_path: Path) -> None:
    libraries = install(tmp_path, whole, fed)
    sketch = tmp_path / "Two" / "Two.ino"
    sketch.parent.mkdir()
    sketch.write_text(TWO_LIBRARIES)
    assert sketch_output(sketch, libraries, tmp_path) == ["0", "0"]


def test_code_takes_less_than_is_reckoned(tmp_path: Path) -> None:
    sketches.require_builder()
    every = native.RUNTIME.glob("tmc_*.c")
    sources = sorted(path for path in every if "validate" not in path.name)
    compiled = tmp_path / "all.o"
    options = ["-O2", "-std=c11", "-r", "-nostdlib"]
    c_programs.call(["arm-none-eabi-gcc", *CPU, *options, *sources, "-o", compiled])
    sizes = c_programs.call(["arm-none-eabi-size", compiled]).splitlines()[1].split()
    text, data, bss = (int(size) for size in sizes[:3])
    assert 8 * 1024 < text < arduino.RUNTIME_CODE_BYTES
    assert data == bss == 0


# ---- It fits, or is refused -------------------------------------------------------------


def test_same_model_same_file(fed: Library) -> None:
    assert fed.zip() == dataclasses.replace(fed).zip()


@pytest.mark.parametrize(
    ("sram", "flash", "short"), [(90_000, 1 << 20, "SRAM"), (1 << 18, 200_000, "flash")]
)
def test_what_does_not_fit_is_refused_with_the_numbers(
    model: Path, whole: Library, sram: int, flash: int, short: str
) -> None:
    core = boards.ArduinoCore(64 * 1024, 160 * 1024)
    board = boards.Board("own", "My board", "Cortex-M4F", 64_000_000, sram, flash, core)
    with pytest.raises(BudgetError) as refusal:
        export_arduino(model, library="Big", board=board)
    message = str(refusal.value)
    assert f"of {short} (the board's software" in message
    if short == "SRAM":
        activations = export_of(whole).arena_bytes
        assert f"needs {64 * 1024 + activations:,} bytes" in message
        assert f"activations {activations:,}" in message
        assert "there are 90,000" in message


def test_boards_without_a_known_core_are_refused(model: Path) -> None:
    with pytest.raises(BudgetError, match="not known; the boards where it is are nano33ble"):
        export_arduino(model, library="Model", board="stm32f746")


# ---- The command ------------------------------------------------------------------------


def test_command_writes_a_zip(
    model: Path, fed: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "VwwModel.zip"
    command = ["export", "arduino", str(model), "--board", "nano33ble", "--out", str(out)]
    assert cli.main([*command, "--row-fed", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["library"] == "VwwModel"
    assert result["sram"]["activations"] == export_of(fed).arena_bytes
    assert result["sram"]["a row of the input"] == 288
    names = zipfile.ZipFile(out).namelist()
    assert {f"VwwModel/{path}" for path in result["files"]} == set(names)
    assert not any("validate" in name or "tmc_layout" in name for name in names)


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "needs --board"), (["--board", "nano33ble", "--out", "x.tar"], "expected a .zip file")],
)
def test_wrong_options_are_explained(
    model: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", "arduino", str(model), *options]) == 2
    assert message in capsys.readouterr().err


def test_folder_names_are_arduinos(whole: Library) -> None:
    assert whole.name == "Vww_Model"
    with pytest.raises(ConversionError):
        export_arduino("absent.tflite", library="x", board="nano33ble")
