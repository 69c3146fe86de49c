# SPDX-License-Identifier: Apache-2.0
"""A small model of random weights, evaluated as those of the zoo are."""

from __future__ import annotations

import argparse
import copy
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import checkpoint
from tests.tflm_mcunet.zoo import fake_zoo
from tflm_converters import writer
from tflm_mcunet.report import model_card
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.evaluation import LabelledSample
from tflm_mcunet.zoo.model import ZooModel
from tflm_mcunet.zoo.results import Results
from zoo.recipes import evaluate, test_sets
from zoo.recipes.seal import seal
from zoo.recipes.test_sets import TestSet

SAMPLES = 8


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[LabelledSample]:
    """What 'a set' holds, with classes in another order than the model's labels."""
    rng = np.random.default_rng(0)
    shape = (fake_zoo.HEIGHT, fake_zoo.WIDTH, 3)
    samples = [
        LabelledSample(rng.integers(0, 256, shape, np.uint8), i % 2, {"source": f"s{i % 3}"})
        for i in range(SAMPLES)
    ]
    made = TestSet(tuple(reversed(fake_zoo.LABELS)), samples)
    monkeypatch.setattr(test_sets, "load", lambda name, data, model_input: made)
    monkeypatch.setattr(checkpoint, "CACHE", tmp_path / "cache")
    return samples


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> int:
    monkeypatch.setattr(evaluate, "MODELS", folder.parent)
    monkeypatch.setattr(sys, "argv", ["evaluate", folder.name, *arguments])
    return evaluate.main()


def test_evaluation_writes_what_an_entry_needs(
    emulator: None, folder: Path, photos: list[LabelledSample], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = folder.parent / "other.tflite"
    other.write_bytes((folder / "model.tflite").read_bytes())
    assert run(monkeypatch, folder, "--compare", f"int8-qat={other}") == 0
    entry = Entry.read(folder)
    results = Results.read(entry)
    assert results is not None

    model = ZooModel(entry)
    right = sum(
        model.predict(photo.source).label == fake_zoo.LABELS[1 - photo.label] for photo in photos
    )
    evaluation = results.main_set(entry)
    assert (evaluation.samples, evaluation.accuracy) == (SAMPLES, right / SAMPLES)
    assert sum(count.samples for count in evaluation.groups["source"].values()) == SAMPLES
    assert results.sets["a set"]["int8-qat"].to_json() == evaluation.to_json()
    assert results.variants["int8-qat"]["file"] == "other.tflite"

    assert set(results.costs) == {"whole input", "row-fed"}
    for cost in results.costs.values():
        assert (cost.differing_bytes, cost.spoiled_bytes) == (0, 0)
        assert cost.instructions > 0 and cost.flash_bytes > cost.code_bytes > 0
        assert cost.tflm_arena_bytes > cost.peak_bytes >= cost.lower_bound_bytes
    assert results.costs["row-fed"].row_bytes == fake_zoo.WIDTH * 3
    assert results.original.peak_bytes > results.costs["whole input"].peak_bytes

    assert (folder / "card.md").read_text() == model_card.markdown(entry, results)


def test_cost_alone_needs_answers_to_keep(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    for option in (["--cost"], ["--add", "fp32=x.tflite"]):
        assert run(monkeypatch, folder, *option) == 2
        assert "has no answers of its model to keep; leave out --cost" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == before
    with pytest.raises(SystemExit):
        run(monkeypatch, folder, "--cost", "--compare", "fp32=x.tflite")


def test_what_a_model_costs_is_measured_again_alone(
    emulator: None, folder: Path, photos: list[LabelledSample], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, folder) == 0
    path = folder / "results.json"
    known = json.loads(path.read_text())
    old = copy.deepcopy(known)
    old["made"]["commit"] = "an older one"
    old["costs"]["row-fed"]["instructions"] += 1000
    path.write_text(json.dumps(old))
    monkeypatch.setattr(test_sets, "load", None)  # nobody is asked
    assert run(monkeypatch, folder, "--cost") == 0
    again = json.loads(path.read_text())
    assert again["costs"] == known["costs"] and again["sets"] == known["sets"]
    assert again["made"]["answers_commit"] == "an older one"
    assert "Asked at commit an older one." in (folder / "card.md").read_text()


def test_another_variant_is_added_and_stays(
    emulator: None, folder: Path, photos: list[LabelledSample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is the model asked again for it, nor the variant when the model is."""
    assert run(monkeypatch, folder) == 0
    path, other = folder / "results.json", folder.parent / "float.tflite"
    known = json.loads(path.read_text())
    other.write_bytes(writer.write(fake_zoo.network(float_io=True)))
    assert run(monkeypatch, folder, "--add", f"fp32={other}") == 0
    added = json.loads(path.read_text())
    assert added["sets"]["a set"].keys() == {*known["sets"]["a set"], "fp32"}
    assert added["variants"]["fp32"].items() >= {"file": "float.tflite"}.items()
    assert added["variants"]["fp32"]["commit"] == added["made"]["commit"]
    changed = ("sets", "variants")
    assert all(added[key] == known[key] for key in known if key not in changed)

    other.unlink()
    assert run(monkeypatch, folder) == 0
    again = json.loads(path.read_text())
    assert (again["sets"], again["variants"]) == (added["sets"], added["variants"])


def test_a_variant_becomes_the_model(
    emulator: None, folder: Path, photos: list[LabelledSample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others stay, and what was the model becomes one of them; of a new model none does."""
    assert run(monkeypatch, folder) == 0
    path, model = folder / "results.json", folder / "model.tflite"
    other = folder.parent / "other.tflite"
    other.write_bytes(writer.write(fake_zoo.network().replace(name="trained on")))
    for name in ("int8-qat", "int8-later"):
        assert run(monkeypatch, folder, "--add", f"{name}={other}") == 0
        other.write_bytes(writer.write(fake_zoo.network().replace(name=name)))
    known = json.loads(path.read_text())
    entry = json.loads((folder / "entry.json").read_text())
    earlier = entry["quantization"]

    model.write_bytes(writer.write(fake_zoo.network().replace(name="trained on")))
    (folder / "entry.json").write_text(json.dumps(entry | {"quantization": "int8-qat"}))
    assert run(monkeypatch, folder) == 0
    swapped = json.loads(path.read_text())
    assert swapped["sets"] == known["sets"]
    assert set(swapped["variants"]) == {earlier, "int8-later"}
    assert swapped["variants"][earlier]["sha256"] == known["sha256"]["model.tflite"]

    path.write_text(json.dumps(known))  # as if it had been stopped when the entry was sealed
    assert run(monkeypatch, folder) == 0
    assert json.loads(path.read_text())["sets"] == known["sets"]

    model.write_bytes(writer.write(fake_zoo.network().replace(name="another")))
    assert run(monkeypatch, folder) == 0
    assert json.loads(path.read_text())["variants"] == {}


def test_errors_are_one_line_and_write_no_results(
    folder: Path,
    photos: list[LabelledSample],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(test_sets, "load", lambda *_: TestSet(("cat",), photos))
    assert run(monkeypatch, folder) == 2
    assert "classes that the model has not: cat" in capsys.readouterr().err
    assert not (folder / "results.json").exists()


def test_other_variants_are_named() -> None:
    assert evaluate.variant("fp32=a/b.tflite") == ("fp32", Path("a/b.tflite"))
    for text in ("fp32", "=a.tflite", "fp32="):
        with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=FILE"):
            evaluate.variant(text)


def test_a_float_network_answers_as_the_quantized_one_does(
    folder: Path, photos: list[LabelledSample]
) -> None:
    """Float borders around the int8 network: what TFLite computes, TensorFlow Lite Micro does."""
    entry = seal(folder)
    content = writer.write(fake_zoo.network(float_io=True))
    assert evaluate.is_float(content) and not evaluate.is_float(entry.content("model.tflite"))
    network = evaluate._network(entry, content)
    model = ZooModel(entry)
    for photo in photos:
        expected, got = model.predict(photo.source), network.predict(photo.source)
        for label in fake_zoo.LABELS:
            assert got.scores[label] == pytest.approx(expected.scores[label], abs=3 / 256)
