# SPDX-License-Identifier: Apache-2.0
"""The command line: its options, and how its errors look. What they do is in commands/."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tflm_converters.errors import ConversionError
from tflm_mcunet import boards, cli_search, cli_zoo
from tflm_mcunet.cli_schedule import add_board, add_mode, add_runtime
from tflm_mcunet.option_types import byte_count, count, patch_grid, positive, ratio

PROGRAM = "tflm-mcunet"

_FAILED = 2
_INTERRUPTED = 130  # as the shell has it: 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status.

    0: done. 1: `verify` or `convert` found a difference. 2: the user's files or options do
    not allow it, which one line on stderr explains. 130: interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except ConversionError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", _INTERRUPTED)
    except BrokenPipeError:  # the reader of our output, such as `head`, had enough
        _silence_stdout()
        return 0
    except OSError as error:
        _silence_stdout()
        return _fail(f"cannot write to standard output: {error.strerror or error}")


def _run(options: argparse.Namespace) -> int:
    # Imported late, so that --help and wrong options are answered at once.
    command = importlib.import_module(f"tflm_mcunet.commands.{options.command}")
    status: int = command.execute(options)
    return status


def _fail(message: str, status: int = _FAILED) -> int:
    print(f"{PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return status


def _silence_stdout() -> None:
    """Python flushes stdout once more at its end, and would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """Wrong options are answered in one line, like all other errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(_FAILED, f"{PROGRAM}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="Makes int8 .tflite models fit microcontrollers.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        _add_profile,
        _add_convert,
        _add_run,
        _add_verify,
        _add_export,
        _add_bench,
    ):
        _add_json(add(commands))
    for parser_of_search in cli_search.add_parsers(commands):
        _add_json(parser_of_search)
    text = "Pretrained models: what there is, what it needs, how right it is."
    zoo = commands.add_parser("zoo", help=text, description=text)
    for action in cli_zoo.add_actions(zoo):
        _add_json(action)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object; all else goes to stderr"
    )


_Commands = argparse._SubParsersAction  # its public name does not exist


def _add_profile(commands: _Commands[_Parser]) -> argparse.ArgumentParser:
    text = "Shows where SRAM, work and flash go, layer by layer, and whether the model fits."
    parser = commands.add_parser("profile", help=text, description=text)
    parser.add_argument("model", type=Path, metavar="MODEL", help="int8 .tflite file")
    add_board(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the plot, profile.png; default: none"
    )
    return parser


def _add_convert(commands: _Commands[_Parser]) -> argparse.ArgumentParser:
    text = "Rewrites a model so that it needs less SRAM, and proves that its outputs are the same."
    parser = commands.add_parser("convert", help=text, description=text)
    parser.add_argument("model", type=Path, metavar="MODEL", help="int8 .tflite file")
    _add_schedule(parser)
    parser.add_argument(
        "--float-io", action="store_true", help="keep float inputs and outputs; default: int8"
    )
    _add_samples(parser, 10)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build"),
        metavar="DIR",
        help="folder for model.tflite, plan.json, report.html and pictures; default: build",
    )
    return parser


def _add_run(commands: _Commands[_Parser]) -> argparse.ArgumentParser:
    text = "Runs a model, converted or not, in TensorFlow Lite Micro on this machine."
    parser = commands.add_parser("run", help=text, description=text)
    parser.add_argument("model", type=Path, metavar="MODEL", help=".tflite file")
    parser.add_argument(
        "--input",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.npy",
        help="array for an input of the model; repeat it for each input, in order",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for output_0.npy and so on; default: none"
    )
    return parser


def _add_verify(commands: _Commands[_Parser]) -> argparse.ArgumentParser:
    text = "Compares the outputs of two models byte by byte, in TensorFlow Lite Micro."
    parser = commands.add_parser("verify", help=text, description=text)
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help=".tflite file")
    parser.add_argument("converted", type=Path, metavar="CONVERTED", help="the file made from it")
    _add_samples(parser, 100)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="chooses other inputs")
    return parser


def _add_bench(commands: _Commands[_Parser]) -> argparse.ArgumentParser:
    text = "Counts what an inference costs on an emulated Cortex-M4, and compares its outputs."
    parser = commands.add_parser("bench", help=text, description=text)
    parser.add_argument("model", type=Path, metavar="MODEL", help=".tflite file, converted or not")
    parser.add_argument(
        "--runtime",
        choices=("c", "tflm-host"),
        default="c",
        help="c: emulated core, no interpreter; tflm-host: TensorFlow Lite Micro on this machine; "
        "default: c",
    )
    _add_mode(parser)
    add_board(parser, default="nano33ble")
    parser.add_argument(
        "--optimization",
        choices=("2", "3", "s"),
        default="2",
        help="the compiler's level for the emulated core; default: 2",
    )
    parser.add_argument(
        "--samples", type=positive, default=3, metavar="N", help="inputs to run; default: 3"
    )
    return parser


def _add_export(commands: _Commands[_Parser]) -> argparse.ArgumentParser:
    text = "Writes a model as C that needs no interpreter, with stored inputs to check it."
    parser = commands.add_parser("export", help=text, description=text)
    parser.add_argument(
        "target",
        choices=("c", "arduino"),
        help="c: sources for any board; arduino: a library for the Arduino IDE, needs --board",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help=".tflite file, converted or not")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="c: folder, default build; arduino: the library's .zip file, which names it, "
        "default build/Model.zip",
    )
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="prefix of all names; default: from the file's name",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="text file with a line for each output channel; default: none",
    )
    add_runtime(parser, note="arduino: ")
    parser.add_argument(
        "--sensor",
        choices=(*boards.SENSORS, "none"),
        help="arduino: what a second sketch reads; default: camera or imu where the shape of the "
        "input tells it, what --front-end is for, else none",
    )
    parser.add_argument(
        "--front-end",
        type=Path,
        metavar="FILE",
        help="arduino: JSON file of the front end that the model was trained with: log-mel for the "
        "microphone, log spectra for the inertial sensor",
    )
    parser.add_argument(
        "--anomaly",
        type=Path,
        metavar="FILE",
        help="arduino: JSON file of weights and threshold by which an auto-encoder is judged",
    )
    parser.add_argument(
        "--detector",
        type=Path,
        metavar="FILE",
        help="arduino: JSON file with thresholds, by which the microphone's sketch says what it "
        "hears instead of all outputs",
    )
    _add_schedule(parser)
    return parser


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    add_board(parser)
    parser.add_argument(
        "--sram",
        type=byte_count,
        metavar="SIZE",
        help="budget in bytes, or 64k, 1M; default: that of the board",
    )
    parser.add_argument(
        "--objective",
        choices=("sram", "macs"),
        default="sram",
        help="least SRAM, or least multiply-accumulates within the budget; default: sram",
    )
    parser.add_argument(
        "--max-macs",
        type=ratio,
        metavar="RATIO",
        help="with --objective sram: multiply-accumulates allowed, relative to the layers' own; "
        "default: 1.0, and any number with --mode patch",
    )
    _add_mode(parser)
    parser.add_argument(
        "--patches", type=patch_grid, metavar="RxC", help="grid of patches, such as 3x3"
    )
    parser.add_argument(
        "--disable",
        action="append",
        default=[],
        metavar="PASS",
        help="leave out a pass; may be repeated",
    )


def _add_mode(parser: argparse.ArgumentParser) -> None:
    add_mode(parser)
    parser.add_argument(
        "--tile-slack",
        type=byte_count,
        default=0,
        metavar="SIZE",
        help="bytes above the least SRAM for wider tiles, which run faster; default: 0",
    )


def _add_samples(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "--samples",
        type=count,
        default=default,
        metavar="N",
        help=f"inputs to compare the outputs on; default: {default}",
    )
