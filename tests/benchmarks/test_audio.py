# SPDX-License-Identifier: Apache-2.0
"""The front end on the emulated core computes what the host does."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import audio
from tflm_mcunet.audio import LogMel, LogMelConfig
from tflm_mcunet.emulator import Build, EmulatorMissingError, toolchain


@pytest.mark.parametrize("defines", [(), ("TMC_PORTABLE",)])
def test_rows_are_those_of_the_host(defines: tuple[str, ...]) -> None:
    try:
        toolchain.require()
    except EmulatorMissingError as error:
        pytest.skip(str(error))
    pcm = np.random.default_rng(0).normal(0, 2000, 4800).astype(np.int16)
    pcm[-700:] = np.array([-32768, 32767], np.int16)[np.arange(700) % 2]
    front_end = LogMel(LogMelConfig(bins=30, hop=320))
    measured = audio.measured(front_end, Build("-Os", defines), pcm)
    assert measured["rows"] == 14 and measured["differing_values"] == 0
    assert 20_000 < measured["instructions"] <= measured["most_instructions"] < 100_000
    assert measured["of_them_spectrum"] < measured["instructions"]
