# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet bench`"""

from __future__ import annotations

import argparse

from tflm_mcunet.benchmark import bench
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.emulator import Build
from tflm_mcunet.report.benchmark import benchmark_text


def execute(options: argparse.Namespace) -> int:
    """Measures a model; outputs that differ, or bytes that were spoiled, are status 1."""
    with progress_bar(options) as progress:
        result = bench(
            options.model,
            runtime=options.runtime,
            mode=options.mode,
            row_fed=options.row_fed,
            tile_slack=options.tile_slack,
            board=options.board,
            build=Build(f"-O{options.optimization}"),
            samples=options.samples,
            progress=progress,
        )
    show(options, result.to_json(), benchmark_text(result))
    return int(result.differing_bytes > 0 or bool(result.spoiled_bytes))
