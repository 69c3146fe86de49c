# SPDX-License-Identifier: Apache-2.0
"""The whole search: what comes out, and that neither kill -9 nor a wrong option loses it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from tests.tflm_mcunet.search import tiny_run
from tests.tflm_mcunet.search.spaces import tiny_image_space
from tests.tflm_mcunet.tasks.made_up import save_image
from tflm_converters import reader
from tflm_converters.errors import BudgetError, DataError, SettingsError
from tflm_mcunet import convert, search
from tflm_mcunet.search import pipeline
from tflm_mcunet.search.result import Result
from tflm_mcunet.search.selection import GridPoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return tiny_run.run(folder)


def test_best_network_keeps_to_the_limits_and_has_learned(result: Result) -> None:
    best = result.best
    assert tiny_run.SPACE.contains(best.architecture)
    assert best.cost.flash_bytes <= tiny_run.FLASH
    assert best.accuracy > 0.9
    assert best.test is not None and best.test.ptq > 0.9
    assert len(result.records) == tiny_run.EFFORT.population * tiny_run.EFFORT.generations
    assert max(record.accuracy for record in result.records) == result.pareto[-1].accuracy


def test_files_hold_what_was_found(result: Result, folder: Path) -> None:
    import tf_keras

    written = json.loads((folder / "result.json").read_text())
    assert written == json.loads(json.dumps(result.to_json()))
    model = tf_keras.models.load_model(folder / "model.keras")
    inputs = tiny_run.material().evaluation("test", result.best.architecture.input_shape[:2])[0][0]
    np.testing.assert_allclose(
        model(inputs, training=False), result.best.model(inputs, training=False), atol=1e-6
    )
    assert (folder / "search.png").read_bytes().startswith(b"\x89PNG")


def test_int8_model_needs_the_memory_that_the_search_reckoned_with(
    result: Result, folder: Path
) -> None:
    converted = convert(folder / "model.tflite", samples=2)
    assert converted.parity is not None and converted.parity.identical
    assert converted.planned.peak == result.best.cost.sram_bytes
    graph = reader.read_bytes(result.best.int8, name="int8")
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    assert (quantization.scale, quantization.zero_point) == (pytest.approx(1 / 128), 0)


def test_killed_run_finds_the_same_network(result: Result, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.tflm_mcunet.search.tiny_run", str(tmp_path)]
    root = Path(__file__).parents[3]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    killed = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": path})
    state = tmp_path / "evolution.json"
    deadline = time.monotonic() + 240
    while not state.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "result.json").exists()
    resumed = tiny_run.run(tmp_path)
    assert resumed.to_json() == result.to_json()
    for one, other in zip(
        resumed.best.model.get_weights(), result.best.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_finished_run_is_not_done_again(result: Result, folder: Path) -> None:
    before = (folder / "evolution.json").stat().st_mtime_ns
    assert tiny_run.run(folder).to_json() == result.to_json()
    assert (folder / "evolution.json").stat().st_mtime_ns == before


def test_other_options_in_the_same_folder_are_refused(result: Result, folder: Path) -> None:
    with pytest.raises(SettingsError, match="another seed"):
        tiny_run.run(folder, seed=1)


def test_nothing_is_written_for_data_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        pipeline.run(out=tmp_path / "run", task="vww", data=tmp_path / "none", sram=1 << 16)
    assert not (tmp_path / "run").exists()


def test_one_supernet_serves_other_limits(result: Result, folder: Path, tmp_path: Path) -> None:
    weights = (folder / "evaluation" / "weights.index").stat().st_mtime_ns
    flash = result.best.cost.flash_bytes - 1
    smaller = tiny_run.run(tmp_path, flash=flash, supernet=folder)
    assert smaller.best.cost.flash_bytes <= flash
    assert smaller.best.accuracy > 0.9
    assert not (tmp_path / "supernet").exists() and not (tmp_path / "evaluation").exists()
    assert (folder / "evaluation" / "weights.index").stat().st_mtime_ns == weights
    again = tiny_run.run(tmp_path, flash=flash, supernet=folder)
    assert again.to_json() == smaller.to_json()


def test_supernet_of_other_data_is_refused(result: Result, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="trained on other data: expected the same validation"):
        tiny_run.run(tmp_path, made=tiny_run.material(seed=4), supernet=folder)
    assert not (tmp_path / "evolution.json").exists()


def test_supernet_of_another_space_is_refused(result: Result, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is of another space: expected .*head_channels=8"):
        tiny_run.run(tmp_path, space=tiny_image_space(head_channels=8), supernet=folder)


def test_folder_without_a_supernet_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected the folder of a search"):
        tiny_run.run(tmp_path / "run", supernet=tmp_path / "none")
    assert not (tmp_path / "run").exists()


def test_stage_one_compares_spaces_of_as_many_classes_as_the_data_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for breed in range(13):
        save_image(tmp_path / "pets" / f"breed{breed:02}" / "a.png")
    compared: list[int] = []

    def select(points: list[GridPoint], *_: object, **__: object) -> NoReturn:
        compared.extend(point.space.classes for point in points)
        raise BudgetError("seen enough")

    monkeypatch.setattr(pipeline, "select_space", select)
    with pytest.raises(BudgetError, match="seen enough"):
        search.run(task="vww", data=tmp_path / "pets", out=tmp_path / "run", flash=100_000)
    assert len(compared) == 108 and set(compared) == {13}


def test_a_teacher_has_its_say(tmp_path: Path) -> None:
    """It is sure of another class than the right one, and the labels say nothing."""
    teacher = tmp_path / "teacher.tflite"
    teacher.write_bytes(_liar())
    effort = dataclasses.replace(tiny_run.EFFORT, fine_tuning=30)
    found = tiny_run.run(
        tmp_path / "run",
        effort=effort,
        teacher=str(teacher),
        teacher_range=[-1, 127 / 128],
        teacher_share=1.0,
    )
    assert found.best.accuracy < 0.1
    (answers,) = (tmp_path / "run").glob("answers-*")
    assert len(list(answers.iterdir())) == effort.fine_tuning


def _liar() -> bytes:
    """A network that takes the brightest of three channels for the next one."""
    import tf_keras

    from zoo.recipes.float_network import float_file

    source = tf_keras.layers.Input(tiny_run.SPACE.input_shapes[-1])
    answer = tf_keras.layers.Dense(3, "softmax")
    network = tf_keras.Model(source, answer(tf_keras.layers.GlobalAveragePooling2D()(source)))
    answer.set_weights([100 * np.roll(np.eye(3), 1, axis=1), np.zeros(3)])
    return float_file(network)
