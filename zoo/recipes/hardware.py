# SPDX-License-Identifier: Apache-2.0
"""What a model costs: memory from the converter, the rest from an emulated Cortex-M4."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tflm_converters.errors import ConversionError
from tflm_mcunet.benchmark import bench
from tflm_mcunet.conversion import Conversion, convert
from tflm_mcunet.zoo.results import ROW_FED, WHOLE, Cost, OriginalCost

SAMPLES = 3
"""Inputs on which outputs are compared, in TensorFlow Lite Micro and on the emulated core."""

WAYS = {WHOLE: False, ROW_FED: True}


def measure(
    model: Path, conversion: dict[str, Any]
) -> tuple[OriginalCost, dict[str, Cost], dict[str, str]]:
    """The original, and the model converted in each way of feeding it.

    Args:
        model: an int8 `.tflite` file.
        conversion: options of `convert`; that for row feeding is left out.

    Returns:
        The original's cost, the converted model's by way, and why a way is not possible.

    Raises:
        ConversionError: the model cannot be converted in any way.
        EmulatorMissingError: cross compiler or emulator are not installed.
    """
    made: dict[str, Conversion] = {}
    refused: dict[str, str] = {}
    for way, row_fed in WAYS.items():
        try:
            made[way] = convert(model, samples=SAMPLES, **conversion | {"row_fed": row_fed})
        except ConversionError as error:
            refused[way] = str(error)
    if not made:
        raise ConversionError("; ".join(refused.values()))
    costs = {way: _cost(conversion) for way, conversion in made.items()}
    return _original_cost(next(iter(made.values()))), costs, refused


def _original_cost(made: Conversion) -> OriginalCost:
    assert made.arena_before is not None
    return OriginalCost(
        peak_bytes=made.before.peak_bytes,
        tflm_arena_bytes=made.arena_before.total,
        file_bytes=made.before.file_bytes,
        weight_bytes=made.before.weight_bytes,
        macs=made.before.macs,
    )


def _cost(made: Conversion) -> Cost:
    assert made.arena is not None and made.parity is not None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "converted.tflite"
        file.write_bytes(made.model)
        measured = bench(file, samples=SAMPLES)
    return Cost(
        peak_bytes=made.planned.peak,
        lower_bound_bytes=made.planned.lower_bound,
        tflm_arena_bytes=made.arena.total,
        file_bytes=len(made.model),
        macs=made.planned.macs,
        sram_bytes=measured.sram_bytes,
        row_bytes=measured.row_bytes or 0,
        stack_bytes=measured.stack_bytes or 0,
        flash_bytes=measured.flash_bytes,
        code_bytes=measured.code_bytes or 0,
        instructions=measured.instructions or 0,
        samples=SAMPLES,
        differing_bytes=made.parity.differing_bytes + measured.differing_bytes,
        spoiled_bytes=measured.spoiled_bytes or 0,
    )
