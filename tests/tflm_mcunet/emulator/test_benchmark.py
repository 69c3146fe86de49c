# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet bench`: what it says, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tflm_mcunet.models import convolutions
from tflm_converters import writer
from tflm_converters.errors import UnsupportedModelError
from tflm_mcunet import cli, convert
from tflm_mcunet.benchmark import CYCLES_PER_INSTRUCTION, bench
from tflm_mcunet.emulator import EmulatorMissingError
from tflm_mcunet.emulator.toolchain import Build


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(writer.write(convolutions(3)))
    return path


def test_json_has_what_scripts_need(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", str(model), "--json", "--samples", "2"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["differing_bytes"], result["spoiled_bytes"], result["samples"]) == (0, 0, 2)
    assert result["sram_bytes"] == convert(model, samples=0).planned.peak
    inside = sum(layer["instructions"] for layer in result["layers"])
    assert 0.8 * result["instructions"] < inside < 1.05 * result["instructions"]
    assert sum(layer["macs"] for layer in result["layers"]) == 9 * (5 * 4 * 4 * (3 + 4 + 4))
    assert 0 < result["code_bytes"] < result["flash_bytes"]
    cycles = result["instructions"] * CYCLES_PER_INSTRUCTION
    assert result["estimated_ms"] == pytest.approx(cycles / 64e6 * 1000)


def test_text_labels_the_estimate(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", str(model), "--row-fed"]) == 0
    text = capsys.readouterr().out
    assert "Estimate, not a measurement" in text
    assert "a row of 21 that the caller holds" in text
    assert "0 bytes of the outputs differ in 3 samples" in text


def test_a_converted_file_costs_the_same(model: Path, tmp_path: Path) -> None:
    converted = tmp_path / "converted.tflite"
    converted.write_bytes(convert(model, row_fed=True, samples=0).model)
    direct, from_file = bench(model, row_fed=True), bench(converted)
    assert from_file.differing_bytes == 0
    assert from_file.instructions == pytest.approx(direct.instructions, abs=80)
    assert (from_file.sram_bytes, from_file.row_bytes) == (direct.sram_bytes, 21)


def test_on_the_host(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = bench(model, runtime="tflm-host")
    assert (result.instructions, result.layers, result.differing_bytes) == (None, (), 0)
    assert result.host_ms is not None and result.host_ms > 0
    assert cli.main(["bench", str(model), "--runtime", "tflm-host"]) == 0
    assert "TensorFlow Lite Micro on this machine" in capsys.readouterr().out


def test_other_cores_are_refused(model: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="rp2040 has a Cortex-M0.; choose .*nano33ble"):
        bench(model, board="rp2040")


def test_layers_of_others_are_refused(model: Path) -> None:
    model.write_bytes(writer.write(convolutions(1, float_io=True)))
    converted = convert(model, float_io=True, samples=0)
    model.write_bytes(converted.model)
    with pytest.raises(UnsupportedModelError, match="left to TensorFlow Lite Micro: QUANTIZE, DEQ"):
        bench(model)


def test_missing_tools_are_one_line(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EmulatorMissingError, match="apt-get install --no-install-recommends qemu"):
        bench(model)


def test_kernels_are_fast_where_all_else_is_small(repository: Path) -> None:
    """The cores of Arduino boards compile with -Os, which would cost a third more."""
    model = repository / "examples" / "vww_96_int8.tflite"
    fast, small = (bench(model, samples=1, build=Build(level)) for level in ("-O2", "-Os"))
    assert fast.instructions is not None and small.instructions is not None
    assert small.differing_bytes == 0
    assert small.instructions < 1.1 * fast.instructions
