# SPDX-License-Identifier: Apache-2.0
"""The log-mel front end on an emulated Cortex-M4, and against real arithmetic.

    python -m benchmarks.audio [--data ../shared/data]

Writes results/audio.json and results/audio.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import results
from benchmarks.models import REPOSITORY
from benchmarks.results import Json
from tests.tflm_mcunet.audio import reference
from tflm_mcunet import runtime_sources
from tflm_mcunet.audio import LogMel, LogMelConfig, c_source
from tflm_mcunet.emulator import Build, toolchain
from tflm_mcunet.emulator.measurement import INSTRUCTIONS_PER_TICK
from tflm_mcunet.report.text import Table
from tflm_mcunet.tasks.audio import read_recording

CONFIGS = {
    "40 bins, 30 ms every 20 ms (default)": LogMelConfig(),
    "40 bins, 32 ms every 16 ms": LogMelConfig(window=512, hop=256, high_hz=7600.0),
    "10 bins, 40 ms every 20 ms": LogMelConfig(window=640, hop=320, bins=10),
    "128 bins, 64 ms every 32 ms": LogMelConfig(window=1024, hop=512, bins=128, high_hz=8000.0),
}
OPTIMIZATIONS = ("-Os", "-O2", "-O3")
CLIPS = 200
_HARNESS = Path(__file__).parent / "front_end" / "harness.c"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    data = parser.parse_args().data
    archive = data / "kws" / "en.zip"
    clips = _clips(archive)
    figures = results.provenance("benchmarks.audio", packages=("soundfile",))
    figures["input"] = results.file_facts(archive)
    figures["speed"] = {
        title: _speed(config, clips[:2]) for title, config in tqdm(CONFIGS.items(), "emulating")
    }
    figures["clips_per_minute"] = _clips_per_minute(clips)
    figures["accuracy"] = _accuracy(clips)
    results.write("audio", figures, page)


def _clips(archive: Path) -> list[np.ndarray]:
    """Clips spread over the archive."""
    with zipfile.ZipFile(archive) as members:
        names = [name for name in members.namelist() if name.endswith(".flac")]
        chosen = names[:: len(names) // CLIPS][:CLIPS]
        return [read_recording(members.read(name), rate=LogMelConfig().rate) for name in chosen]


# ---- Speed and size ----


def _speed(config: LogMelConfig, clips: list[np.ndarray]) -> Json:
    front_end = LogMel(config)
    tables = front_end.tables
    arrays = (tables.spectrum.window, tables.spectrum.sine, tables.edges, tables.falling)
    return {
        "rate": config.rate,
        "hop": config.hop,
        "sram_bytes": 2 * config.window + 4 * config.fft_size + 8,
        "table_bytes": sum(array.nbytes for array in arrays),
        "builds": {
            f"{'portable' if defines else 'DSP'} {optimization}": measured(
                front_end, Build(optimization, defines), np.concatenate(clips)
            )
            for defines in ((), ("TMC_PORTABLE",))
            for optimization in OPTIMIZATIONS
        },
    }


def measured(front_end: LogMel, build: Build, pcm: np.ndarray) -> Json:
    """All figures of one build, on int16 (samples,)."""
    config = front_end.config
    pcm = pcm[: pcm.size // config.hop * config.hop]
    sources = runtime_sources.needed(c_source.LOG_MEL_FUNCTIONS)
    parts = tuple(path for path in sources if path.suffix == ".c")
    build = dataclasses.replace(build, sources=parts)
    with tempfile.TemporaryDirectory(prefix="tflm-mcunet-") as name:
        folder = Path(name)
        made = c_source.c_log_mel(config, name="bench", title="a benchmark")
        for file, text in made.items():
            (folder / file).write_text(text, encoding="utf-8")
        (folder / toolchain.INPUT).write_bytes(pcm.tobytes())
        firmware = toolchain.link_program(
            _HARNESS, build, folder, tables=[folder / "bench_log_mel.c"]
        )
        output = toolchain.run(firmware)
    return _figures(front_end, pcm, output, firmware)


def _figures(
    front_end: LogMel, pcm: np.ndarray, output: bytes, firmware: toolchain.Firmware
) -> Json:
    record = np.dtype(
        [("row_ticks", "<u4"), ("spectrum_ticks", "<u4"), ("row", "i1", front_end.config.bins)],
        align=True,
    )
    rows = np.frombuffer(output, record)
    expected = front_end.features(pcm)[: len(rows)]
    return {
        "rows": len(rows),
        "instructions": round(float(rows["row_ticks"].mean()) * INSTRUCTIONS_PER_TICK),
        "most_instructions": int(rows["row_ticks"].max()) * INSTRUCTIONS_PER_TICK,
        "of_them_spectrum": round(float(rows["spectrum_ticks"].mean()) * INSTRUCTIONS_PER_TICK),
        "flash_bytes": firmware.sections[".text"] + firmware.sections[".rodata"],
        "differing_values": int(np.count_nonzero(rows["row"] != expected)),
    }


def _clips_per_minute(clips: list[np.ndarray]) -> int:
    """On this machine, one thread, in the best of five rounds."""
    front_end = LogMel()
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        for pcm in clips:
            front_end.features(pcm)
        seconds.append(time.perf_counter() - begin)
    return int(round(60 * len(clips) / min(seconds), -3))


# ---- Accuracy ----


def _accuracy(clips: list[np.ndarray]) -> Json:
    front_end = LogMel()
    loudness = [_dbfs(pcm) for pcm in clips]
    order = np.argsort(loudness)
    groups = {"quietest tenth": order[: len(order) // 10], "all": order}
    groups["loudest tenth"] = order[-(len(order) // 10) :]
    return {
        name: _errors(front_end, [clips[i] for i in members])
        | {"median_dbfs": float(np.median([loudness[i] for i in members]))}
        for name, members in groups.items()
    }


def _errors(front_end: LogMel, clips: list[np.ndarray]) -> Json:
    """Of int8 features and, with a scale in which nothing saturates, of levels in decibels."""
    features = np.concatenate([front_end.features(pcm) for pcm in clips])
    exact = np.concatenate([reference.float_log_mel(front_end.config, pcm) for pcm in clips])
    error = np.abs(features - np.clip(exact, -128, 127))
    unrounded = np.abs(features - np.clip(np.rint(exact), -128, 127))
    return {
        "clips": len(clips),
        "values": int(error.size),
        "mean_error": float(error.mean()),
        "greatest_error": float(error.max()),
        "other_after_rounding": float((unrounded > 0).mean()),
        "off_by_more_than_one": int((unrounded > 1).sum()),
    }


def _dbfs(pcm: np.ndarray) -> float:
    return float(10 * np.log10(np.mean((pcm / 32768.0) ** 2) + 1e-12))


# ---- Page ----


def page(figures: Json) -> str:
    """The figures as a page."""
    return "\n\n".join(
        (
            "# The log-mel front end",
            "## On an emulated Cortex-M4",
            _ABOUT_SPEED,
            results.markdown(_speed_table(figures["speed"])),
            f"From Python, one thread of the machine that made this page: "
            f"{figures['clips_per_minute']:,} clips of a second per minute.",
            "## Against real arithmetic",
            _ABOUT_ACCURACY,
            results.markdown(_accuracy_table(figures["accuracy"])),
            results.provenance_text(figures),
            results.sha256_text([figures["input"]]) + "\n",
        )
    )


_ABOUT_SPEED = """\
Instructions of a row: taking a hop of samples, window, FFT, filters, logarithms; mean and most of
all rows of two clips, and the part of the transform. Differing values: against the same code on the
host. SRAM is stream and scratch, flash code and tables; tables are part of it. Load: instructions
per second, in shares of 64 million."""

_ABOUT_ACCURACY = """\
int8 features against the same definition in double precision, unrounded, in steps of int8: an
error of 0.5 at most and 0.25 on average is what rounding alone makes. Behind it: the share of
values that are not the nearest integer, and how many are further off."""


def _speed_table(speed: Json) -> Table:
    headers = (
        *("<front end", "<build", "instructions", "most", "transform", "load", "SRAM", "flash"),
        *("tables", "differing values"),
    )
    rows = (_speed_row(*item) for item in speed.items())
    return Table(headers, tuple(row for part in rows for row in part))


def _speed_row(title: str, measured: Json) -> list[tuple[str, ...]]:
    rows_per_second = measured["rate"] / measured["hop"]
    return [
        (
            title,
            build,
            f"{figures['instructions']:,}",
            f"{figures['most_instructions']:,}",
            f"{figures['of_them_spectrum']:,}",
            f"{figures['instructions'] * rows_per_second / 64e6:.1%}",
            f"{measured['sram_bytes']:,}",
            f"{figures['flash_bytes']:,}",
            f"{measured['table_bytes']:,}",
            f"{figures['differing_values']:,}",
        )
        for build, figures in measured["builds"].items()
    ]


def _accuracy_table(accuracy: Json) -> Table:
    headers = ("<clips", "median dBFS", "values", "mean error", "greatest", "not nearest", "> 1")
    rows = (
        (
            f"{name} ({group['clips']})",
            f"{group['median_dbfs']:.1f}",
            f"{group['values']:,}",
            f"{group['mean_error']:.3f}",
            f"{group['greatest_error']:.2f}",
            f"{group['other_after_rounding']:.2%}",
            f"{group['off_by_more_than_one']:,}",
        )
        for name, group in accuracy.items()
    )
    return Table(headers, tuple(rows))


if __name__ == "__main__":
    main()
