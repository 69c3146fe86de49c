# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tflm_converters.errors import ConversionError, OutputError, SettingsError
from tflm_mcunet import boards
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.request import Request

_REQUEST = Request(task="vww", data="photos", board="nano33ble", effort=Effort(epochs=3))
_TAUGHT = dataclasses.replace(_REQUEST, teacher="large.tflite", teacher_range=(0, 1))


def test_limits_are_the_boards_unless_given() -> None:
    board = Limits.of_board("nano33ble")
    assert _REQUEST.limits == board
    changed = dataclasses.replace(_REQUEST, sram=32768, latency_ms=100.0)
    assert changed.limits == Limits(32768, board.flash_bytes, None, 100.0)


def test_costs_are_for_the_boards_clock() -> None:
    model = dataclasses.replace(_REQUEST, mode="stream", row_fed=True).cost_model
    assert model.clock_hz == boards.get("nano33ble").clock_hz
    assert (model.mode, model.row_fed) == ("stream", True)


def test_nothing_to_keep_to_is_refused() -> None:
    with pytest.raises(SettingsError, match="a board, or a limit on sram"):
        dataclasses.replace(_REQUEST, board=None).limits  # noqa: B018


@pytest.mark.parametrize(
    ("change", "message"),
    [({"task": "chess"}, "unknown task 'chess'; expected one of vww"), ({"hours": 0}, "hours")],
)
def test_wrong_values_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        dataclasses.replace(_REQUEST, **change)  # type: ignore[arg-type]


def test_keywords_are_for_folders_of_clips(tmp_path: Path) -> None:
    request = Request(task="kws", data="clips", sram=1 << 13, keywords=("yes", "no"))
    request.keep(tmp_path)
    assert Request.read(tmp_path) == request
    with pytest.raises(SettingsError, match="for the task kws, .*; kws-ar has its own"):
        dataclasses.replace(request, task="kws-ar")


@pytest.mark.parametrize("request_", [_REQUEST, _TAUGHT])
def test_kept_and_read(tmp_path: Path, request_: Request) -> None:
    request_.keep(tmp_path / "run")
    request_.keep(tmp_path / "run")
    assert Request.read(tmp_path / "run") == request_


def test_another_search_in_the_folder_is_refused(tmp_path: Path) -> None:
    _REQUEST.keep(tmp_path)
    with pytest.raises(SettingsError, match="another seed: 0, expected 1"):
        dataclasses.replace(_REQUEST, seed=1).keep(tmp_path)


def test_folder_without_a_search(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"cannot read .*run\.json"):
        Request.read(tmp_path)
    (tmp_path / "run.json").write_text('{"task": "vww"}')
    with pytest.raises(ConversionError, match="is no search"):
        Request.read(tmp_path)


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        _REQUEST.keep(tmp_path / "file" / "run")
