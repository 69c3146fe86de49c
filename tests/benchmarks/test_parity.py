# SPDX-License-Identifier: Apache-2.0
"""The comparisons behind results/parity.json: on one network, and when they go wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import checkpoint, parity_models, parity_random
from tflm_mcunet import inference
from tflm_mcunet.host_process import HostProcess

SEED = 16


@pytest.fixture
def host() -> HostProcess:
    with HostProcess() as process:
        yield process


def test_random_network_in_every_mode(host: HostProcess) -> None:
    result = parity_random.compare(SEED, samples=2, host=host)
    assert result["failures"] == []
    assert all(count["schedules"] > 0 for count in result["modes"].values())
    assert all(count["compared_bytes"] > 0 for count in result["modes"].values())
    assert result["coverage"]["row-fed schedules"] > 0


def test_wrong_outputs_are_counted(host: HostProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original's outputs come first; here, all others are off by one."""
    calls = []

    def call(function: object, model: bytes, samples: list, *, subject: str) -> list:
        calls.append(subject)
        outputs = inference.run(model, samples)
        if len(calls) == 1:
            return outputs
        return [tuple(array + np.int8(1) for array in arrays or ()) for arrays in outputs]

    monkeypatch.setattr(host, "call", call)
    result = parity_random.compare(SEED, samples=1, host=host)
    for count in result["modes"].values():
        assert count["differing_bytes"] == count["compared_bytes"] > 0
    assert len(result["failures"]) == len(calls) - 1
    assert all(f"seed {SEED}, " in text for text in result["failures"])


def test_crashes_are_failures(host: HostProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    def emit(*arguments: object) -> bytes:
        raise AssertionError("no model")

    monkeypatch.setattr(parity_random, "emit_tflite", emit)
    result = parity_random.compare(SEED, samples=1, host=host)
    assert "no model" in result["failures"][0]
    assert len(result["failures"]) == result["coverage"]["schedules"]


def test_original_runs_once_for_all_modes(
    host: HostProcess, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    modes = {"layer": {"mode": "layer"}, "row-fed": {"row_fed": True}}
    monkeypatch.setattr(parity_models, "MODES", modes)
    model = repository / "examples" / "vww_96_int8.tflite"
    runs = []
    call = host.call

    def counting(function: object, content: bytes, *arguments: object, **options: object) -> object:
        runs.append(content == model.read_bytes())
        return call(function, content, *arguments, **options)

    monkeypatch.setattr(host, "call", counting)
    result = parity_models.compare(model, samples=1, host=host)
    assert {name: run["compared_bytes"] for name, run in result["modes"].items()} == {
        "layer": 2,
        "row-fed": 2,
    }
    assert all(run["differing_bytes"] == 0 for run in result["modes"].values())
    assert runs == [True, True, False, False]  # it loads; its outputs; those of each mode


def test_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CACHE", tmp_path)
    worked = []

    def work(item: str) -> dict[str, int]:
        if item == "c" and not worked.count("c"):
            worked.append(item)
            raise KeyboardInterrupt
        worked.append(item)
        return {"length": len(item)}

    with pytest.raises(KeyboardInterrupt):
        checkpoint.run("test", ["a", "bb", "c"], work)
    assert checkpoint.run("test", ["a", "bb", "c"], work) == {
        "a": {"length": 1},
        "bb": {"length": 2},
        "c": {"length": 1},
    }
    assert worked == ["a", "bb", "c", "c"]


def test_changed_sources_start_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CACHE", tmp_path)
    checkpoint.run("test", ["a"], lambda item: {"from": 1})
    monkeypatch.setattr(checkpoint, "_fingerprint", lambda: "other sources")
    assert checkpoint.run("test", ["a"], lambda item: {"from": 2}) == {"a": {"from": 2}}
