# SPDX-License-Identifier: Apache-2.0
"""How long the commands take, each in a process of its own: the best of three.

    python -m benchmarks.speed --data ../shared/data

Writes results/speed.json and results/speed.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from benchmarks import results
from benchmarks.models import TABLE_MODELS, add_data_option
from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table

REPEATS = 3
GOALS = {"help": 0.5, "profile": 1.0, "convert": 10.0, "convert_row_fed": 10.0}
"""Seconds; conversions without running the model."""

COMMANDS = {
    "profile": ("profile", "{model}"),
    "convert": ("convert", "{model}", "--out", "{out}", "--samples", "0"),
    "convert_row_fed": ("convert", "{model}", "--row-fed", "--out", "{out}", "--samples", "0"),
    "convert_and_compare": ("convert", "{model}", "--out", "{out}"),
}

_TITLES = {
    "profile": "profile",
    "convert": "convert",
    "convert_row_fed": "convert --row-fed",
    "convert_and_compare": "convert and compare 10 samples",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    options = parser.parse_args()
    figures = results.provenance("benchmarks.speed")
    figures["processor"] = processor()
    figures["goals"] = GOALS
    figures["help"] = seconds("--help")
    bar = tqdm(TABLE_MODELS, desc="speed")
    figures["models"] = {}
    for model in bar:
        bar.set_postfix_str(model.key)
        path = model.file(options.data)
        figures["models"][model.key] = {
            "title": model.title,
            **results.file_facts(path),
            "seconds": {name: _command(command, path) for name, command in COMMANDS.items()},
        }
    results.write("speed", figures, page)


def _command(command: tuple[str, ...], model: Path) -> Json:
    with tempfile.TemporaryDirectory() as out:
        return seconds(*(part.format(model=model, out=out) for part in command))


def seconds(*arguments: str) -> Json:
    """The least wall-clock and processor time of a few runs of `tflm-mcunet`."""
    runs = [_run([sys.executable, "-m", "tflm_mcunet", *arguments]) for _ in range(REPEATS)]
    wall, processor_time = zip(*runs, strict=True)
    return {"wall": min(wall), "processor": min(processor_time)}


def _run(command: list[str]) -> tuple[float, float]:
    """Wall-clock seconds, and seconds of processor time of the process and its children."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


def processor() -> str:
    """The name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def page(figures: Json) -> str:
    """results/speed.md"""
    models = figures["models"].values()
    parts = [
        "# Speed of the tool",
        provenance_text(figures),
        f"Seconds, the best of {REPEATS} runs, start of Python included; in parentheses, those "
        "of the processor, which do not depend on what else the machine does. A conversion "
        f"searches the whole Pareto front and draws the report. Processor: "
        f"{figures['processor']}.",
        f"`--help`: {_seconds_text(figures['help'])} s; goal: {figures['goals']['help']} s.",
        markdown(_table(figures)),
        "## Inputs",
        sha256_text(models),
    ]
    return "\n\n".join(parts) + "\n"


def _table(figures: Json) -> Table:
    rows = [
        (model["title"], *(_seconds_text(model["seconds"][name]) for name in COMMANDS))
        for model in figures["models"].values()
    ]
    goals = [f"{figures['goals'][name]:g}" if name in figures["goals"] else "" for name in COMMANDS]
    headers = ("<Model", *(_TITLES[name] for name in COMMANDS))
    return Table(headers, (*rows, ("goal", *goals)))


def _seconds_text(measured: Json) -> str:
    return f"{measured['wall']:.2f} ({measured['processor']:.2f})"


if __name__ == "__main__":
    main()
