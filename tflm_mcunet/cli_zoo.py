# SPDX-License-Identifier: Apache-2.0
"""The options of `tflm-mcunet zoo`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tflm_mcunet import boards
from tflm_mcunet.cli_schedule import add_board, add_runtime


def add_actions(zoo: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Adds `list`, `show`, `export` and `eval` to the parser of `zoo`, and yields theirs."""
    actions = zoo.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text, add in (
        ("list", "Lists the models of all installed zoos with what they need.", _add_list),
        ("show", "Prints the card of a model: data, accuracy, memory, limits.", _add_show),
        ("export", "Makes an Arduino library of a model.", _add_export),
        ("eval", "Evaluates a model on your own files, in TensorFlow Lite Micro.", _add_eval),
    ):
        parser = actions.add_parser(name, help=text, description=text)
        add(parser)
        yield parser


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--board",
        action="append",
        default=[],
        metavar="NAME",
        help="for whose clock latency is estimated, may be repeated; default: nano33ble; one of "
        f"{', '.join(boards.names())}",
    )


def _add_show(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for card.html, and pictures of memory and confusion; default: none",
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    add_board(parser, default="nano33ble")
    add_runtime(parser)
    parser.add_argument(
        "--sensor",
        choices=("none",),
        help="none: without a sketch that reads a sensor; default: the one that the model needs, "
        "if the board has it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.zip",
        help="the library, named like the file; default: from the model's name",
    )


def _add_eval(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="a folder with a folder for each class, named like it",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for confusion.png; default: none"
    )


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="MODEL", help="a name that `zoo list` shows")
