# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet verify`"""

from __future__ import annotations

import argparse
import dataclasses

from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import rewrite_bytes
from tflm_mcunet.files import read_file
from tflm_mcunet.report import terminal
from tflm_mcunet.verify import verify


def execute(options: argparse.Namespace) -> int:
    """Compares two models; a difference is status 1."""
    with progress_bar(options) as progress:
        verdict = verify(
            read_file(options.original),
            read_file(options.converted),
            samples=options.samples,
            seed=options.seed,
            progress=lambda done, wanted: progress("comparing outputs", done / wanted),
            convert=rewrite_bytes,
            names=(str(options.original), str(options.converted)),
        )
    result = {"identical": verdict.identical, **dataclasses.asdict(verdict)}
    show(options, result, terminal.verdict_text(verdict))
    return int(not verdict.identical)
