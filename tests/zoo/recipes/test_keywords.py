# SPDX-License-Identifier: Apache-2.0
"""The recipe of keyword models on a few made-up clips; the search itself has tests of its own."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tf_keras

from tests.tflm_mcunet.tasks.made_up import save_clip, words
from tflm_mcunet.audio import Listening
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, Entry, read_json
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import make_output
from zoo.recipes import (
    int8_variants,
    keyword_int8,
    keyword_pace,
    keyword_search,
    keywords,
    test_sets,
)
from zoo.recipes.cards import MODELS
from zoo.recipes.keyword_tasks import WORDS
from zoo.recipes.seal import seal

NAME = "kws-commands-s"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Laid out as the public set is: a folder for each word, long noise, and its lists."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = words(tmp_path / "data" / "speech_commands", ("yes", "no", "bed"), speakers=40)
    noise = np.random.default_rng(0).normal(0, 500, 60 * 16000).astype(np.int16)
    save_clip(root / "_background_noise_" / "fan.wav", noise)
    for split, speakers in (("validation", range(10)), ("testing", range(10, 20))):
        names = [
            f"{word}/s{speaker:02}_nohash_0.flac"
            for word in ("yes", "no", "bed")
            for speaker in speakers
        ]
        (root / f"{split}_list.txt").write_text("\n".join(names) + "\n")
    return root.parent


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Where entries are written; two words are told apart, networks are small, training short."""
    quick = Effort(epochs=1, warm_up=0, population=4, generations=1, fine_tuning=1)
    two = dataclasses.replace(WORDS["kws-commands"], keywords=("yes", "no"), effort=quick)
    monkeypatch.setitem(WORDS, "kws-commands", two)
    monkeypatch.setattr(int8_variants, "EPOCHS", 1)
    monkeypatch.setattr(keyword_search, "find", lambda *_, **__: found())
    monkeypatch.setattr(keywords, "MODELS", tmp_path / "zoo")
    monkeypatch.setattr(keywords, "BASELINES", tmp_path / "baselines")
    return {
        NAME: tmp_path / "zoo" / NAME,
        keywords.REFERENCE: tmp_path / "baselines" / NAME / keywords.REFERENCE,
    }


def found() -> Any:
    """As a search gives it: a network that has learned pitches, by its weights alone."""
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    source = layers.Input((49, 40, 1))
    x = layers.Conv2D(8, (3, 40), use_bias=False)(source)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    logits = layers.Dense(4)(layers.Flatten()(layers.AveragePooling2D((47, 1))(x)))
    return SimpleNamespace(best=SimpleNamespace(model=tf_keras.Model(source, logits)))


def run(monkeypatch: pytest.MonkeyPatch, data: Path, *names: str) -> int:
    build = data.parent / "build"
    monkeypatch.setattr(sys, "argv", ["x", *names, "--data", str(data), "--build", str(build)])
    return keywords.main()


def test_entries_are_complete_and_nothing_is_done_twice(
    data: Path, homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, data, NAME) == 0
    for name, home in homes.items():
        entry = seal(home)
        assert (entry.name, entry.test_sets) == (name, ("kws-commands",))
        output = make_output(entry.output)
        assert output.labels == ("yes", "no", "unknown", "silence")
        model = Pipeline(make_input(entry.input), entry.content(ORIGINAL), output)
        clip = WORDS["kws-commands"].load(data / "speech_commands").val.x[0]
        assert sum(model.predict(clip).scores.values()) == pytest.approx(1, abs=0.02)
    settings = Listening.from_json(Entry.read(homes[NAME]).output["listening"])
    assert settings.new_rows == keyword_pace.LEAST_ROWS
    assert settings.detector.thresholds[2:] == (127, 127)
    before = {home: (home / ENTRY).read_bytes() for home in homes.values()}
    monkeypatch.setattr(keyword_int8, "quantized", lambda *_: pytest.fail("quantized again"))
    monkeypatch.setattr(keyword_int8, "reference", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(keywords, "convert", lambda *_, **__: pytest.fail("listened again"))
    assert run(monkeypatch, data, NAME) == 0
    assert {home: (home / ENTRY).read_bytes() for home in homes.values()} == before


def test_test_set_of_the_public_words_is_that_of_its_list(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        test_sets,
        "_KINDS",
        {"kws-commands": dataclasses.replace(test_sets._KINDS["kws-commands"], keywords=("no",))},
    )
    entry = {"kind": "log-mel", "config": keywords.FRONT_END.to_json(), "seconds": 1.0}
    found = test_sets.load("kws-commands", data, make_input(entry))
    assert found.classes == ("no", "unknown", "silence")
    speakers = {sample.groups["speaker"] for sample in found.samples if sample.label < 2}
    assert speakers == {f"s{number}" for number in range(10, 20)}
    assert sum(sample.label == 0 for sample in found.samples) == 10


def test_sizes_share_a_supernet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(keyword_search.search, "run", lambda **options: asked.append(options))
    keyword_search.find("kws-ar", "m", tmp_path, tmp_path / "build")
    first, second = asked
    assert first["supernet"] is None
    assert second["supernet"] == first["out"] == tmp_path / "build" / "kws-ar" / "s"
    assert (first["sram"], second["sram"]) == (8192, 24576)


def test_what_is_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "nowhere", "kws-ar-s") == 2
    assert "nowhere/kws' is not a folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path, "kws-xl")
    assert "got kws-xl" in capsys.readouterr().err


@pytest.mark.parametrize("name", keywords.DEFAULT)
def test_the_models_of_the_zoo_are_what_the_recipe_describes(name: str) -> None:
    """Texts of the entries are those of the recipe; the rest is learned."""
    written = read_json(MODELS / name / ENTRY)
    facts = {
        "chosen": written["quantization"],
        "classes": written["output"]["labels"],
        "config": written["input"]["config"],
    }
    listening = {"listening": written["output"]["listening"]}
    assert written | {"sha256": {}} == keywords.entries.model(name, facts, listening)
