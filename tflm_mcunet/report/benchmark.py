# SPDX-License-Identifier: Apache-2.0
"""What a benchmark looks like on a terminal."""

from __future__ import annotations

from tflm_mcunet.benchmark import CYCLES_PER_INSTRUCTION, Benchmark
from tflm_mcunet.emulator import OperatorCost
from tflm_mcunet.report.text import Table, shape_text


def benchmark_text(result: Benchmark) -> str:
    """The layers, if they were measured, and the sums."""
    if result.runtime == "tflm-host":
        return "\n".join([*_host_lines(result), _parity_line(result)])
    lines = [str(operators_table(result.layers)), "", *_core_lines(result), _parity_line(result)]
    return "\n".join(lines)


def operators_table(operators: tuple[OperatorCost, ...]) -> Table:
    """One row per operator of the program."""
    headers = (
        "#",
        "<operator",
        "<output",
        "MACs",
        "calls",
        "instructions",
        "per MAC",
        "per output",
    )
    return Table(headers, tuple(_operator_row(cost) for cost in operators))


def _operator_row(cost: OperatorCost) -> tuple[str, ...]:
    height, width, channels = cost.output_shape
    return (
        str(cost.index),
        cost.operator,
        shape_text(cost.output_shape),
        f"{cost.macs:,}" if cost.macs else "",
        f"{cost.calls:,}",
        f"{cost.instructions:,}",
        f"{cost.instructions / cost.macs:.2f}" if cost.macs else "",
        f"{cost.instructions / (height * width * channels):.1f}",
    )


def _core_lines(result: Benchmark) -> list[str]:
    assert result.instructions is not None and result.code_bytes is not None
    inside = sum(cost.instructions for cost in result.layers)
    model = result.flash_bytes - result.code_bytes
    row = f", and a row of {result.row_bytes:,} that the caller holds" if result.row_bytes else ""
    return [
        f"Instructions: {result.instructions:,} per inference, {inside:,} of them in the "
        "operators above",
        f"SRAM: {result.sram_bytes:,} bytes{row}; stack: {result.stack_bytes:,} bytes",
        f"Flash: {result.flash_bytes:,} bytes, {result.code_bytes:,} code and {model:,} model",
        f"Estimate, not a measurement: {result.estimated_ms:,.1f} ms on {result.board.title}, at "
        f"{CYCLES_PER_INSTRUCTION} cycles per instruction",
    ]


def _host_lines(result: Benchmark) -> list[str]:
    return [
        f"TensorFlow Lite Micro on this machine: {result.host_ms:.3f} ms per inference",
        f"Arena: {result.sram_bytes:,} bytes; model file: {result.flash_bytes:,} bytes",
    ]


def _parity_line(result: Benchmark) -> str:
    samples = f"{result.samples} sample" + ("" if result.samples == 1 else "s")
    text = f"{result.differing_bytes:,} bytes of the outputs differ in {samples}"
    if result.spoiled_bytes is None:
        return text
    return f"{text}; {result.spoiled_bytes:,} bytes written outside of buffers"
