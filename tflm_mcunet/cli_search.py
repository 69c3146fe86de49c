# SPDX-License-Identifier: Apache-2.0
"""The options of `tflm-mcunet search`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tflm_mcunet.cli_schedule import add_board, add_mode
from tflm_mcunet.option_types import byte_count, count, hours, names, positive, share

TASKS = ("vww", "kws", "kws-ar", "kws-en", "kws-wake")
"""What networks can be searched for; see `search.request`, which takes a third of a second."""


def add_parsers(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds `search` to the parsers of commands and `space` to its own; yields both."""
    text = "Searches and trains a network for a board; `search space` is its first stage alone."
    parser = commands.add_parser("search", help=text, description=text)
    parser.add_argument(
        "--task", choices=TASKS, help="what the data are: images, or clips of words"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with a sub-folder for each class"
    )
    parser.add_argument(
        "--keywords",
        type=names,
        metavar="WORD,...",
        help="with --task kws, the words to tell apart; all others are unknown; default: all",
    )
    _add_limits(parser)
    parser.add_argument(
        "--max-resolution", type=positive, metavar="N", help="largest side of images; default: 224"
    )
    parser.add_argument(
        "--hours", type=hours, default=2.0, metavar="H", help="time to take; default: 2"
    )
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="of all that is random")
    parser.add_argument(
        "--supernet",
        type=Path,
        metavar="DIR",
        help="folder of another run on the same data, whose trained supernet is searched; default: "
        "train one",
    )
    _add_teacher(parser)
    _add_executor(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("run"), metavar="DIR", help="folder; default: run"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with the run of that folder"
    )
    stages = parser.add_subparsers(dest="stage", metavar="STAGE")
    yield parser
    yield _add_space(stages)


def _add_teacher(parser: argparse.ArgumentParser) -> None:
    """A trained network whose answers are learned beside the labels."""
    parser.add_argument(
        "--teacher",
        metavar="FILE",
        help="a float32 .tflite that gives probabilities, to learn from; default: labels alone",
    )
    parser.add_argument(
        "--teacher-range",
        type=float,
        nargs=2,
        default=argparse.SUPPRESS,
        metavar=("LOW", "HIGH"),
        help="what the teacher takes for black and white pixels; default: -1 and 127/128",
    )
    parser.add_argument(
        "--teacher-share",
        type=share,
        default=argparse.SUPPRESS,
        metavar="S",
        help="of its answer in what is learned, the rest is the label; default: 0.7",
    )


def _add_space(stages: Any) -> argparse.ArgumentParser:
    text = "Chooses input size and width: the space whose networks that fit have the most work."
    parser = stages.add_parser("space", help=text, description=text)
    parser.add_argument(
        "--kind",
        choices=("image", "audio"),
        default="image",
        help="square images, or spectrograms, whose networks are one-dimensional; default: image",
    )
    parser.add_argument(
        "--classes", type=positive, default=2, metavar="N", help="outputs; default: 2"
    )
    parser.add_argument(
        "--channels",
        type=positive,
        metavar="N",
        help="of images, default 3; bins of spectrograms, default 40",
    )
    _add_limits(parser)
    parser.add_argument(
        "--samples",
        type=positive,
        default=1000,
        metavar="N",
        help="networks drawn from each space; default: 1000",
    )
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="draws other networks")
    _add_executor(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for spaces.json and spaces.png; default: none",
    )
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """What the networks of a search must keep to; at least one is needed."""
    add_board(parser)
    for option, what in (("--sram", "activations"), ("--flash", "weights and tables")):
        parser.add_argument(
            option,
            type=byte_count,
            metavar="SIZE",
            help=f"bytes for {what}, or 64k, 1M; default: what the board leaves",
        )
    parser.add_argument(
        "--macs", type=positive, metavar="N", help="most multiply-accumulates; default: any"
    )
    parser.add_argument(
        "--latency-ms",
        type=positive,
        metavar="N",
        help="most milliseconds, an estimate for the board's clock; default: any",
    )
    add_mode(parser, note=". patch takes seconds for each network")


def _add_executor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help="processes of this machine, or a Ray cluster; default: local",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="local processes; default: one per core"
    )
