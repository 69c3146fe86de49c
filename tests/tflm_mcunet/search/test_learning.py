# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.tflm_mcunet.search import tiny_run
from tflm_mcunet.search import learning
from tflm_mcunet.search.effort import LEAST_EPOCHS, Effort
from tflm_mcunet.search.request import Request


def test_plan_measures_this_machine_and_says_what_will_be_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = Request(task="vww", data=".", flash=tiny_run.FLASH, hours=1e-6)
    effort = learning.plan_effort(request, tiny_run.material(), tiny_run.SPACE, progress=True)
    assert effort.epochs == LEAST_EPOCHS
    said = capsys.readouterr().err
    assert said.startswith(f"plan: {LEAST_EPOCHS} epochs of the supernet")
    assert said.endswith("hours, not 1e-06: less is not worth the name\n")


def test_effort_asked_for_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    request = Request(task="vww", data=".", flash=tiny_run.FLASH, effort=Effort(epochs=7))
    effort = learning.plan_effort(request, tiny_run.material(), tiny_run.SPACE, progress=True)
    assert effort == request.effort
    assert capsys.readouterr().err == ""
