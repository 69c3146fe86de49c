# SPDX-License-Identifier: Apache-2.0
"""Stage one of the search for several budgets: MCUNet's observation again, and its time.

    python -m benchmarks.search_space

More SRAM moves the choice to a larger input, more flash to a larger width (MCUNet, figure 4 of
arXiv 2007.10319). Writes results/search_space.json, .md and .png.
"""

from __future__ import annotations

import argparse
import resource
import time

from benchmarks import results, search_space_page
from benchmarks.results import Json
from tflm_mcunet import boards
from tflm_mcunet.report import selection_picture
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.executor import open_executor
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.selection import SAMPLES, GridPoint, Selection, select_space
from tflm_mcunet.search.space import audio_spaces, image_spaces

KIB = 1024
BOARD = "nano33ble"
SRAM = (32, 64, 128, 256)
FLASH = (256, 512, 1024, 2048)
FIXED_SRAM, FIXED_FLASH = 128, 1024
"""KiB; one of the two varies, the other is fixed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=SAMPLES, help="networks of each space")
    parser.add_argument("--swept", type=int, default=100, help="the same, for each swept budget")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    figures = results.provenance("benchmarks.search_space")
    figures["board"] = boards.get(BOARD).title
    images = [GridPoint(*point) for point in image_spaces(classes=2)]
    audio = [GridPoint(*point) for point in audio_spaces(classes=12, bins=40)]
    limits = Limits.of_board(BOARD)
    whole, selection = run(images, limits, options.samples, options.workers)
    figures["whole"] = whole
    picture = selection_picture.draw(selection, limits)
    (results.RESULTS / "search_space.png").write_bytes(picture)
    sweeps = {
        "sram": [Limits(size * KIB, FIXED_FLASH * KIB) for size in SRAM],
        "flash": [Limits(FIXED_SRAM * KIB, size * KIB) for size in FLASH],
    }
    figures["sweeps"] = {
        name: [run(images, budget, options.swept, options.workers)[0] for budget in budgets]
        for name, budgets in sweeps.items()
    }
    figures["audio"] = [
        run(audio, Limits(size * KIB, 128 * KIB), options.swept, options.workers, row_fed=True)[0]
        for size in (2, 4, 8, 16)
    ]
    results.write("search_space", figures, search_space_page.page)


def run(
    points: list[GridPoint], limits: Limits, samples: int, workers: int, *, row_fed: bool = False
) -> tuple[Json, Selection]:
    """One choice among the spaces, with the time that it took."""
    begin, used = time.perf_counter(), _processor_seconds()
    with open_executor("local", workers=workers) as executor:
        model = CostModel(row_fed=row_fed)
        selection = select_space(points, limits, model=model, samples=samples, executor=executor)
    best = [selection.reports[index].to_json() for index in selection.ranked[:3]]
    figures = {
        "sram_bytes": limits.sram_bytes,
        "flash_bytes": limits.flash_bytes,
        "networks": samples * len(points),
        "workers": workers,
        "seconds": time.perf_counter() - begin,
        "processor_seconds": _processor_seconds() - used,
        "best": best,
    }
    return figures, selection


def _processor_seconds() -> float:
    """Of this process and of its workers that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
