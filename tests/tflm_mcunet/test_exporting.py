# SPDX-License-Identifier: Apache-2.0
"""Exported C sources compile, pass their own test, and hold nothing that the model lacks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import c_programs
from tests.tflm_mcunet import models
from tflm_converters import writer
from tflm_converters.errors import ConversionError, UnsupportedModelError
from tflm_mcunet import cli
from tflm_mcunet.conversion import convert
from tflm_mcunet.exporting import Export, export_c


@pytest.fixture(scope="module")
def model(repository: Path) -> Path:
    return repository / "examples" / "vww_96_int8.tflite"


@pytest.fixture(scope="module")
def person(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    labels = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels.write_text('nobody\n"a" person\n', encoding="utf-8")
    return export_c(model, name="Person", labels=labels, samples=2)


@pytest.fixture(scope="module")
def fed(model: Path) -> Export:
    return export_c(model, name="fed", row_fed=True, samples=1)


def build(folder: Path, *exports: Export, **options: Any) -> Path:
    """The self test of the last one, with the others linked in."""
    for export in exports:
        c_programs.write(folder, export.files)
    c_programs.write(folder, exports[-1].self_test)
    return c_programs.build(folder, sorted(folder.glob("*.c")), **options)


def object_of(folder: Path, source: str) -> Path:
    compiled = folder / "object.o"
    c_programs.call(
        [c_programs.compiler(), "-std=c11", "-c", "-fno-pie", folder / source, "-o", compiled]
    )
    return compiled


# ---- It runs ----------------------------------------------------------------------------


@pytest.mark.parametrize("sanitize", [False, True])
def test_self_test_passes(person: Export, tmp_path: Path, sanitize: bool) -> None:
    program = build(tmp_path, person, sanitize=sanitize)
    assert c_programs.call([program]) == "person: 2 inputs, 0 differing bytes\n"


@pytest.mark.parametrize("optimization", ["-O0", "-O1", "-O3", "-Os"])
def test_self_test_passes_at_any_optimization(
    person: Export, tmp_path: Path, optimization: str
) -> None:
    program = build(tmp_path, person, optimization=optimization)
    assert c_programs.call([program]) == "person: 2 inputs, 0 differing bytes\n"


@pytest.mark.parametrize("sanitize", [False, True])
def test_rows_are_fed(fed: Export, tmp_path: Path, sanitize: bool) -> None:
    program = build(tmp_path, fed, sanitize=sanitize)
    assert c_programs.call([program]) == "fed: 1 inputs, 0 differing bytes\n"


def test_a_converted_model_is_exported_as_it_is(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    conversion = convert(model, mode="layer", samples=0)
    path.write_bytes(conversion.model)
    export = export_c(path, samples=1)
    assert export.arena_bytes == conversion.planned.peak
    assert c_programs.call([build(tmp_path, export)]) == "small: 1 inputs, 0 differing bytes\n"
    with pytest.raises(UnsupportedModelError, match="converted already.* leave out row-fed, mode"):
        export_c(path, row_fed=True, mode="patch")


def test_a_converted_row_fed_model_is_checked_on_all_of_its_rows(
    shared_data: Path, tmp_path: Path
) -> None:
    """Though its file shows the shape of one row alone."""
    path = tmp_path / "small.tflite"
    original = shared_data / "mlperf_tiny" / "models" / "kws_ref_model_int8.tflite"
    path.write_bytes(convert(original, row_fed=True, samples=0).model)
    export = export_c(path, samples=1)
    assert (export.interface.row_bytes, export.golden_bytes) == (10, 49 * 10 + 12)
    assert c_programs.call([build(tmp_path, export)]) == "small: 1 inputs, 0 differing bytes\n"


TWO_MODELS = """
#include <cstdio>
#include <cstring>

#include "fed_golden.h"
#include "person_golden.h"

int main() {
  person_init();
  fed_init();
  if (person_golden_check() != 0 || fed_golden_check() != 0) return 2;
  if (fed_begin() != TMC_OK || fed_finish() != TMC_NEED_ROWS) return 3;
  if (person_golden_infer(1) != TMC_OK) return 4;  // between two rows of the other one
  if (std::strcmp(person_label(1), "\\"a\\" person") != 0 || person_label(2) != NULL) return 5;
  if (person_quantize_input(0.25f) != -64 || person_quantize_input(9.0f) != 127) return 6;
  const float sum = person_dequantize_output(person_output()[0]) +
                    person_dequantize_output(person_output()[1]);
  std::printf("%.2f\\n", static_cast<double>(sum));
  return 0;
}
"""


def test_two_models_in_one_cpp_program(person: Export, fed: Export, tmp_path: Path) -> None:
    c_programs.write(tmp_path, person.files | fed.files | {"main.cc": TWO_MODELS})
    main = tmp_path / "main.o"
    c_programs.compile_cpp(tmp_path / "main.cc", main)
    program = c_programs.build(tmp_path, [*sorted(tmp_path.glob("*.c")), main])
    assert float(c_programs.call([program])) == pytest.approx(1.0, abs=0.01)


ROUNDING = """
#include <stdio.h>

#include "tmc_quantization.h"

int main(void) {
  for (float value = -3.0f; value < 3.0f; value += 0.0078125f) {
    printf("%.9g %d\\n", (double)value, tmc_quantize(value, 0.03125f, 5));
  }
  return 0;
}
"""


def test_quantize_rounds_as_tensorflow_does(person: Export, tmp_path: Path) -> None:
    c_programs.write(tmp_path, person.files | {"rounding.c": ROUNDING})
    program = c_programs.build(tmp_path, [tmp_path / "rounding.c"])
    pairs = np.array([line.split() for line in c_programs.call([program]).splitlines()], float)
    steps = pairs[:, 0] / 0.03125
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    np.testing.assert_array_equal(pairs[:, 1], np.clip(rounded + 5, -128, 127))


# ---- It holds nothing else --------------------------------------------------------------


def test_the_arena_is_all_the_memory(model: Path, person: Export, tmp_path: Path) -> None:
    build(tmp_path, person)
    table = c_programs.call(["size", "-A", object_of(tmp_path, "person.c")])
    sections = {n: int(s) for n, s in re.findall(r"^(\.\S+)\s+(\d+)", table, re.MULTILINE)}
    planned = convert(model, samples=0).planned
    assert sections[".bss"] == person.arena_bytes == planned.peak
    assert sections[".data"] == 0


def test_symbols_bear_the_name_of_the_model(person: Export, tmp_path: Path) -> None:
    build(tmp_path, person)
    for source, prefix in (("person.c", "person_"), ("person_golden.c", "person_golden_")):
        listed = c_programs.call(["nm", "--defined-only", "-g", object_of(tmp_path, source)])
        names = [line.split()[-1] for line in listed.splitlines()]
        assert names and all(name.startswith(prefix) for name in names)


def test_kernels_that_the_model_lacks_are_not_there(person: Export, tmp_path: Path) -> None:
    program = build(tmp_path, person)
    assert not {"tmc_layout.c", "tmc_elementwise.c", "tmc_kernels.c"} & set(person.files)
    assert not [name for name in person.files if "validate" in name]
    linked = c_programs.call(["nm", program])
    assert "tmc_conv_s8" in linked and "tmc_softmax_s8" in linked
    for absent in ("tmc_max_pool_s8", "tmc_average_pool_s8", "tmc_program_open"):
        assert absent not in linked


# ---- What cannot be ---------------------------------------------------------------------


def test_operators_that_are_not_ours_are_named(tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(writer.write(models.convolutions(float_io=True)))
    with pytest.raises(UnsupportedModelError, match="QUANTIZE"):
        export_c(path, disabled_passes=["strip_float_io"])


def test_labels_must_be_as_many_as_channels(model: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("one\n")
    with pytest.raises(ConversionError, match="each of the 2 output channels, got 1"):
        export_c(model, labels=labels)


# ---- The command ------------------------------------------------------------------------


def test_command_writes_a_folder_that_compiles(
    model: Path, fed: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["export", "c", str(model), "--row-fed", "--out", str(out)]) == 0
    assert f"{fed.arena_bytes:,} B of SRAM" in capsys.readouterr().out
    program = c_programs.build(out, sorted(out.glob("*.c")))
    assert c_programs.call([program]) == "vww_96_int8: 3 inputs, 0 differing bytes\n"
