# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo`: one module for each action, imported when it is called."""

from __future__ import annotations

import argparse
import importlib


def execute(options: argparse.Namespace) -> int:
    """Lists, shows, exports or evaluates models of the installed zoos."""
    action = importlib.import_module(f"tflm_mcunet.commands.zoo.{options.action}")
    status: int = action.execute(options)
    return status
