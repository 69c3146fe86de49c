# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo list`"""

from __future__ import annotations

import argparse

from tflm_mcunet import boards, zoo
from tflm_mcunet.commands.show import show
from tflm_mcunet.report.zoo_list import ABOUT_LIST, listed_json, models_table
from tflm_mcunet.zoo.results import Results

_DEFAULT_BOARD = "nano33ble"


def execute(options: argparse.Namespace) -> int:
    """Prints a row for each model of the installed zoos."""
    shown = [boards.get(name) for name in options.board or [_DEFAULT_BOARD]]
    entries = [zoo.entry(name) for name in zoo.names()]
    models = [(entry, Results.read(entry)) for entry in entries]
    found = [listed_json(entry, results, shown) for entry, results in models]
    text = f"{models_table(models, shown)}\n\n{ABOUT_LIST}"
    show(options, {"models": found}, text if models else "The installed zoos hold no models.")
    return 0
