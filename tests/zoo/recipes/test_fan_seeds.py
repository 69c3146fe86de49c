# SPDX-License-Identifier: Apache-2.0
"""Networks trained with several seeds."""

from __future__ import annotations

import functools

import numpy as np

from benchmarks import results
from tests.tflm_mcunet.tasks.made_up import examples
from tflm_mcunet.tasks.dataset import Dataset
from zoo.recipes import anomaly_fan, autoencoders, fan_seeds
from zoo.recipes.anomaly_fan import Candidate
from zoo.recipes.autoencoders import Training


def hum(hertz: float, *, seed: int, windows: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wave = 300 * np.sin(2 * np.pi * hertz * np.arange(200)[:, None] / 200)
    return (wave + rng.normal(0, 9, (windows, 200, 3))).astype(np.int16)


def test_a_fault_is_found_in_both_splits_and_a_seed_gives_the_same_figures() -> None:
    make = functools.partial(autoencoders.dense, anomaly_fan.LENGTH, hidden=8, code=2)
    candidate = Candidate(make, Training(epochs=20), "a test")
    split = np.concatenate([hum(20, seed=1), hum(50, seed=2)])
    mixed = examples(split, [0] * 40 + [1] * 40)
    train = examples(hum(20, seed=0), [0] * 40)
    blocks = Dataset(("normal", "anomaly"), train, mixed, mixed)
    found = fan_seeds.areas(candidate, 1, blocks)
    assert found["val"] == found["test"] > 0.99
    assert found == fan_seeds.areas(candidate, 1, blocks)


def test_the_page_is_made_from_the_figures_alone() -> None:
    figures = results.read("fan_seeds")
    written = (results.RESULTS / "fan_seeds.md").read_text(encoding="utf-8")
    assert written == fan_seeds.page(figures)
    assert set(figures["networks"]) == set(anomaly_fan.CANDIDATES)
