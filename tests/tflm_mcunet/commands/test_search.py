# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tflm_mcunet import cli
from tflm_mcunet.search.limits import Limits

_FAST = ("--samples", "3", "--workers", "1")


def _error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["search", "space", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_space_of_a_board(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["search", "space", "--board", "uno-r4", *_FAST, "--json", "--out", str(out)]
    assert cli.main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    limits = Limits.of_board("uno-r4")
    assert result["limits"]["sram_bytes"] == limits.sram_bytes
    assert len(result["spaces"]) == 108 and result["spaces"][0] == result["chosen"]
    assert json.loads((out / "spaces.json").read_text()) == result
    assert (out / "spaces.png").read_bytes().startswith(b"\x89PNG")


def test_text_names_the_chosen_space(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["search", "space", "--kind", "audio", "--classes", "12", "--sram", "6k"]
    assert cli.main([*arguments, "--flash", "64k", "--row-fed", *_FAST]) == 0
    text = capsys.readouterr().out
    assert "mean MMACs" in text and "Of 40 spaces: input size" in text
    assert "within SRAM 6,144 B and flash 65,536 B" in text


def test_limits_of_options_replace_those_of_the_board(capsys: pytest.CaptureFixture[str]) -> None:
    error = _error(capsys, "--board", "nano33ble", "--sram", "1k")
    assert "exceeds SRAM: " in error and "the limit is 1,024 B" in error


def test_no_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert "something to keep to: a board, or a limit on sram" in _error(capsys)


def test_impossible_latency(capsys: pytest.CaptureFixture[str]) -> None:
    error = _error(capsys, "--latency-ms", "1")
    assert "48x48x3" in error and "latency: " in error and "limit is 1.0 ms" in error


def test_data_or_a_stage_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["search", "--board", "nano33ble"]) == 2
    error = capsys.readouterr().err
    assert "--task and --data" in error and "`search space`" in error
