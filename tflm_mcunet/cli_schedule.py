# SPDX-License-Identifier: Apache-2.0
"""Options that several commands have: the board, its runtime, and how layers may run."""

from __future__ import annotations

import argparse

from tflm_mcunet import boards


def add_board(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """`--board`."""
    known = f"one of {', '.join(boards.names())}"
    parser.add_argument(
        "--board",
        default=default,
        metavar="NAME",
        help=known if default is None else f"{known}; default: {default}",
    )


def add_runtime(parser: argparse.ArgumentParser, *, note: str = "") -> None:
    """`--runtime` of Arduino libraries; `note` begins its help."""
    parser.add_argument(
        "--runtime",
        choices=("c", "tflm"),
        default="c",
        help=f"{note}c: no interpreter; tflm: in the Arduino library of TensorFlow Lite Micro "
        "that is installed; default: c",
    )


def add_mode(parser: argparse.ArgumentParser, *, note: str = "") -> None:
    """`--mode` and `--row-fed`; `note` ends the help of the first."""
    parser.add_argument(
        "--mode",
        choices=("auto", "layer", "patch", "stream"),
        default="auto",
        help=f"how layers may run; default: auto, all ways{note}",
    )
    parser.add_argument(
        "--row-fed",
        action="store_true",
        help="the input arrives row by row, and is never held whole",
    )
