# SPDX-License-Identifier: Apache-2.0
"""Models beside others: all figures come from results, and a verdict from figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tflm_mcunet.zoo import fake_zoo, figures
from tflm_converters.errors import ConversionError
from tflm_mcunet.zoo.entry import Entry
from zoo.recipes import comparison, comparison_page


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    return fake_zoo.add_model(models, "tiny-photo")


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reference, for which nothing is measured."""
    folder = tmp_path / "baselines" / "tiny-photo"
    folder.mkdir(parents=True)
    fake_zoo.add_model(folder, "reference", title="A reference")
    monkeypatch.setattr(comparison, "evaluate_entry", lambda *_: figures.results())
    return folder


def test_figures_are_those_of_results(ours: Path, others: Path, tmp_path: Path) -> None:
    expected = figures.write(ours)
    found = comparison.compare(ours, others, tmp_path)
    assert list(found["others"]) == ["reference"]
    entry = Entry.read(ours)
    cost, evaluation = expected.shipped(entry), expected.main_set(entry)
    assert found["zoo"]["sets"]["a set"] == {
        "samples": evaluation.samples,
        "accuracy": evaluation.accuracy,
        "auc": evaluation.auc,
    }
    assert found["zoo"]["sram_bytes"] == cost.sram_bytes + cost.row_bytes
    assert found["zoo"]["original_arena_bytes"] == expected.original.tflm_arena_bytes
    assert found["zoo"]["model"]["sha256"] == entry.sha256["model.tflite"]


def test_what_cannot_be_compared_is_said(ours: Path, others: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="'tiny-photo' has no results; python -m zoo.recipes"):
        comparison.compare(ours, others, tmp_path)
    figures.write(ours)
    with pytest.raises(ConversionError, match="expected networks to compare with in .*; python -m"):
        comparison.compare(ours, tmp_path / "nothing", tmp_path)
    fake_zoo.write_entry(others / "reference", name="reference", test_sets=["another"])
    with pytest.raises(
        ConversionError, match="expected the test sets of tiny-photo, a set, got an"
    ):
        comparison.compare(ours, others, tmp_path)


def test_known_others_are_taken_as_they_were_measured(ours: Path) -> None:
    figures.write(ours)
    others = {"reference": summary(0.5, arena=1, sram=1) | {"commit": "early"}}
    known = {
        "bigger": {"zoo": summary(0.9, arena=2, sram=2), "others": others, "commit": "early"},
        "deaf": {"zoo": summary(0.9, arena=2, sram=2) | {"sets": {"sounds": {}}}, "others": {}},
    }
    found = comparison.beside_known(ours, known, "bigger")
    assert found["others"] == others
    assert found["zoo"]["model"]["sha256"] == Entry.read(ours).sha256["model.tflite"]
    for wrong in ("deaf", "unknown"):
        with pytest.raises(ConversionError, match=f"on a set, such as bigger; got {wrong}"):
            comparison.beside_known(ours, known, wrong)


def test_known_others_stay_beside_a_new_one(
    ours: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures.write(ours)
    gone = summary(0.5, arena=1, sram=1) | {"commit": "early"}
    known = {"zoo": summary(0.9, arena=2, sram=2), "others": {"gone": gone, "reference": gone}}
    monkeypatch.setattr(comparison.results, "read", lambda name: {"models": {ours.name: known}})
    monkeypatch.setattr(comparison.cards, "folders", lambda: [ours])
    monkeypatch.setattr(comparison, "BASELINES", others.parent)
    written: dict[str, Any] = {}
    monkeypatch.setattr(comparison.results, "write", lambda _, made, page: written.update(made))
    monkeypatch.setattr(sys, "argv", ["comparison", ours.name])
    assert comparison.main() == 0
    found = written["models"][ours.name]["others"]
    assert found["gone"] == gone and found["reference"]["title"] == "A reference"
    assert found["reference"]["commit"] == written["commit"]
    text = comparison_page.page(written)
    at = written["commit"][:12]
    assert f"as it was then: `gone` at commit early, `reference` at commit {at}." in text


def test_known_others_are_for_models_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["comparison", "--others-of", "vww-s"])
    with pytest.raises(SystemExit):
        comparison.main()


def summary(score: float, arena: int, sram: int) -> dict[str, Any]:
    return {
        "title": "a model",
        "task": "anomaly detection",
        "model": {"file": "model.tflite", "sha256": "abcd"},
        "sets": {"a set": {"samples": 9, "accuracy": 0.1, "auc": score}},
        "original_arena_bytes": 4 * arena,
        "arena_bytes": arena,
        "sram_bytes": sram,
        **dict.fromkeys(("flash_bytes", "macs", "instructions"), 12_345),
    }


def test_a_verdict_needs_both_a_better_score_and_a_quarter_of_the_memory() -> None:
    other = summary(0.8, arena=1_000, sram=400)
    better = comparison_page.verdict(summary(0.9, arena=1_000, sram=101), "x", other)
    assert "AUC 0.900 against AUC 0.800: yes" in better
    assert "25% of the SRAM, reached" in better and better.count("missed") == 1
    worse = comparison_page.verdict(summary(0.8, arena=10, sram=10), "x", other)
    assert ": no)" in worse and "reached" not in worse


def test_verdicts_are_about_references_alone() -> None:
    model = summary(0.9, arena=1, sram=1)
    others = {"mlperf-x": model, "another": model}
    made = {"command": "x", "commit": "0", "uncommitted_sources": False, "python": "3"}
    figures = {**made, "packages": {}, "models": {"ours": {"zoo": model, "others": others}}}
    text = comparison_page.page(figures)
    assert "| another |" in text and text.count("* Better than `") == 1
    assert "* Better than `mlperf-x`" in text


def test_the_page_is_made_from_the_figures_alone() -> None:
    content = json.loads((comparison.results.RESULTS / "zoo_comparison.json").read_text())
    written = (comparison.results.RESULTS / "zoo_comparison.md").read_text()
    assert written == comparison_page.page(content)
    for name, compared in content["models"].items():
        model = Entry.read(comparison.cards.MODELS / name)
        assert compared["zoo"]["model"]["sha256"] == model.sha256["model.tflite"]
