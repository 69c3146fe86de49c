# SPDX-License-Identifier: Apache-2.0
"""anomaly-fan as a sketch would run it: front end, network and score in C, without Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import c_programs
from tflm_mcunet import runtime_sources, tasks
from tflm_mcunet.audio import LogSpectrumConfig, c_source
from tflm_mcunet.audio.anomaly import AnomalySettings, anomaly_settings
from tflm_mcunet.exporting import export_c
from tflm_mcunet.interpreter import Interpreter
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.model import ZooModel
from tflm_mcunet.zoo.outputs import Reconstruction, make_output
from zoo.recipes.cards import MODELS

PROGRAM = """
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fan.h"
#include "fan_anomaly.h"
#include "fan_log_spectrum.h"

static int16_t block[200 * 3];
static int32_t scratch[256];
static int8_t features[FAN_ANOMALY_LENGTH];

int main(void) {
  fan_init();
  while (fread(block, sizeof block, 1, stdin) == 1) {
    tmc_log_spectrum(&fan_log_spectrum, block, scratch, features);
    memcpy(fan_input(), features, sizeof features);
    if (fan_invoke() != TMC_OK) {
      return 1;
    }
    const uint64_t score = tmc_anomaly_score(&fan_anomaly, features, fan_output());
    printf("%" PRIu64 " %d\\n", score, score > fan_anomaly.threshold);
  }
  return 0;
}
"""


@pytest.fixture(scope="module")
def model() -> ZooModel:
    return ZooModel(Entry.read(MODELS / "anomaly-fan"))


@pytest.fixture(scope="module")
def settings(model: ZooModel) -> AnomalySettings:
    network = Interpreter.from_bytes(model.converted)
    quantized = (
        (float(of_one["scales"][0]), int(of_one["zero_points"][0]))
        for details in (network.get_input_details(0), network.get_output_details(0))
        for of_one in (details["quantization_parameters"],)
    )
    output = make_output(model.entry.output)
    assert isinstance(output, Reconstruction) and output.weights is not None
    config = output.config(length=len(output.weights))
    given, got = quantized
    return anomaly_settings(config, given=given, got=got)


@pytest.mark.parametrize("sanitize", [False, True])
def test_c_says_what_the_zoo_predicts(
    model: ZooModel, settings: AnomalySettings, shared_data: Path, tmp_path: Path, sanitize: bool
) -> None:
    c_programs.write(tmp_path, export_c(model.converted_path, name="fan", samples=1).files)
    config = LogSpectrumConfig.from_json(model.entry.input["config"])
    for files in (
        c_source.c_log_spectrum(config, name="fan", title="a test"),
        c_source.c_anomaly(settings, name="fan", title="a test"),
        {"main.c": PROGRAM},
    ):
        c_programs.write(tmp_path, files)
    functions = c_source.LOG_SPECTRUM_FUNCTIONS | c_source.ANOMALY_FUNCTIONS
    for path in runtime_sources.needed(functions):
        c_programs.write(tmp_path, {path.name: path.read_bytes()})
    program = c_programs.build(tmp_path, sorted(tmp_path.glob("*.c")), sanitize=sanitize)

    windows = tasks.load(shared_data / "anomaly", "anomaly").test.x[::25]
    said = c_programs.call([program], given=windows.tobytes()).split()
    scores, alarms = (list(map(int, said[part::2])) for part in (0, 1))
    predictions = [model.predict(window) for window in windows]
    assert [settings.real(score) for score in scores] == [p.scores["anomaly"] for p in predictions]
    assert alarms == [int(p.label == "anomaly") for p in predictions]
    assert set(alarms) == {0, 1} and np.unique(scores).size == len(windows)
