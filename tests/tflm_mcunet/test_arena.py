# SPDX-License-Identifier: Apache-2.0
"""The smallest arena: it is enough, and one byte less is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflm_mcunet.models import HandPacked, convolutions, hand_packed
from tflm_converters import writer
from tflm_converters.errors import UnsupportedModelError
from tflm_mcunet.arena import arena_use, smallest_arena
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.interpreter import Interpreter


def runs(model: bytes, size: int) -> bool:
    with HostProcess() as host:
        try:
            return host.call(invoke_once, model, size, subject="model")
        except Exception:
            return False


def invoke_once(model: bytes, size: int) -> bool:
    return Interpreter.from_bytes(model, arena_size=size).invoke() in (0, 15)


MODELS = {
    "one layer": writer.write(convolutions()),
    "eight layers": writer.write(convolutions(depth=8)),
    "program": hand_packed(convolutions()).content(),
    "row-fed program": hand_packed(convolutions(), row_fed=True).content(),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_is_enough_and_one_byte_less_is_not(model: bytes) -> None:
    size = smallest_arena(model)
    assert runs(model, size)
    assert not runs(model, size - 1)


def test_real_models_need_what_was_measured_independently(shared_data: Path) -> None:
    """To 16 bytes: 103,680 for vww_96 and 24,272 for the keyword model, by other means."""
    models = shared_data / "mlperf_tiny" / "models"
    for name, size in (("vww_96_int8", 103_680), ("kws_ref_model_int8", 24_272)):
        found = smallest_arena((models / f"{name}.tflite").read_bytes(), name=name)
        assert size - 32 <= found <= size


def test_breakdown_tells_tensors_from_structures() -> None:
    packed = hand_packed(convolutions())
    use = arena_use(packed.content())
    memory = packed.tensors[3].byte_count
    assert use.non_persistent == -(-memory // 16) * 16
    assert 0 < use.persistent <= use.total - use.non_persistent + 16


def test_a_model_that_runs_in_no_arena_is_refused_by_name() -> None:
    packed: HandPacked = hand_packed(convolutions())
    packed.offsets[2] += 16  # the operator finds out when it runs
    with pytest.raises(UnsupportedModelError, match=r"^unplanned\.tflite: .*offline memory plan"):
        arena_use(packed.content(), name="unplanned.tflite")
