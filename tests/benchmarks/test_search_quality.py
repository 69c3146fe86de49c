# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import search_quality_figures as figures
from benchmarks import search_quality_page
from benchmarks.results import Json
from benchmarks.search_quality import spread
from benchmarks.search_quality_run import Run
from benchmarks.search_quality_task import TASKS
from tflm_converters.errors import SettingsError
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.space import audio_space

_VIEWS = 5


def _digits(probability: float, count: int, views: int, seed: int) -> str:
    right = np.random.default_rng(seed).binomial(views, probability, count)
    return "".join(map(str, right))


def _ranking(inherited: list[float], alone: list[float]) -> Json:
    networks = [
        {
            "description": f"network {i}",
            "macs": 1000 * (i + 1),
            "sram_bytes": 100,
            "flash_bytes": 1000,
            "inherited": _digits(one, 400, _VIEWS, i),
            "alone": [_digits(other, 400, _VIEWS, 100 * seed + i) for seed in (1, 2)],
        }
        for i, (one, other) in enumerate(zip(inherited, alone, strict=True))
    ]
    return {"views": _VIEWS, "networks": networks}


def _runs(test: float, seeds: int = 3) -> list[Json]:
    facts: dict[str, Any] = {"sram_bytes": 1, "flash_bytes": 2, "macs": 3, "parameters": 4}
    splits = {"val": 0.5, "test": test, "test_int8": test}
    return [
        {name: _digits(share, 300, 1, 10 * seed + i) for i, (name, share) in enumerate(of)} | facts
        for seed, of in itertools.product(range(seeds), [list(splits.items())])
    ]


def test_shares_are_of_views() -> None:
    np.testing.assert_array_equal(figures.shares("0525", 5), [0, 1, 0.4, 1])


@pytest.mark.parametrize(
    ("one", "other", "tau"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4], [1, 2, 4, 3], 4 / 6),
        ([1, 1, 2, 3], [1, 2, 3, 4], 5 / np.sqrt(5 * 6)),
        ([1, 1, 1], [1, 2, 3], 0.0),
    ],
)
def test_kendall_tau(one: list[int], other: list[int], tau: float) -> None:
    assert figures.kendall_tau(np.array(one), np.array(other)) == pytest.approx(tau)


def test_tau_of_accuracies_and_its_interval() -> None:
    rising = [0.3, 0.4, 0.5, 0.6, 0.7]
    agreed, reversed_ = _ranking(rising, rising), _ranking(rising, rising[::-1])
    assert figures.tau(agreed) == pytest.approx(1) and figures.tau(reversed_) == pytest.approx(-1)
    alike = _ranking([0.5] * 5, [0.5] * 5)
    low, high = figures.tau_interval(alike)
    assert low < figures.tau(alike) < high and high - low > 0.5


def test_pairs_are_clear_where_examples_tell_them_apart() -> None:
    apart = [0.2, 0.5, 0.8]
    assert figures.clear_pairs(_ranking(apart, apart)) == (3, 3, 3)
    assert figures.clear_pairs(_ranking(apart[::-1], apart)) == (3, 3, 0)
    same = _ranking(apart, [0.5] * 3)
    for network in same["networks"]:
        network["alone"] = same["networks"][0]["alone"]
    assert figures.clear_pairs(same) == (3, 0, 0)


def test_best_so_far_never_falls() -> None:
    runs = [{"accuracies": [0.2, 0.1, 0.4]}, {"accuracies": [0.3, 0.5, 0.1, 0.9]}]
    np.testing.assert_array_equal(figures.best_so_far(runs), [[0.2, 0.2, 0.4], [0.3, 0.5, 0.5]])


def test_small_differences_are_noise() -> None:
    value, error = figures.difference(_runs(0.9), _runs(0.6), "test")
    assert value == pytest.approx(0.3, abs=0.05) and value > figures.CLEAR * error
    value, error = figures.difference(_runs(0.9), _runs(0.9, seeds=2), "test")
    assert abs(value) < figures.CLEAR * error


SUPERNET = {"epochs": 16, "warm_up": 5, "optimizer": "adam", "learning_rate": 0.02}


def _measured(found: float, other: float) -> Json:
    return {
        **{"command": "c", "commit": "f" * 40, "uncommitted_sources": False, "python": "3"},
        "packages": {},
        "made_at": ["e" * 40],
        "task": {
            "name": "made-up",
            "sram": 1000,
            "flash": 2000,
            "ranked": 2,
            "ranked_epochs": 3,
            "evaluations": [2, 2],
            "epochs": 4,
            "seeds": 3,
        },
        "search": {
            "space": {"resolution": 49, "width": 1.5},
            "supernet": {"borrowed": False, **SUPERNET},
            "description": "network",
            "cost": {"sram_bytes": 1, "flash_bytes": 2, "macs": 3},
            "evaluated": 4,
        },
        "ranking": _ranking([0.3, 0.9], [0.3, 0.9]),
        "methods": {
            name: [{"accuracies": [0.1, 0.2, 0.3, best]}] for name, best in (("a", 0.9), ("b", 0.8))
        },
        "comparison": {
            "other": {"title": "Other", "runs": _runs(other)},
            "found": {"title": "found", "runs": _runs(found)},
            "slow": {"title": "Slow", "runs": []},
        },
    }


def test_page_says_what_is_better_and_what_is_not() -> None:
    better = search_quality_page.page(_measured(0.9, 0.6))
    assert "Kendall's tau 1.00**, wanted 0.5: reached" in better
    assert "| a | 1 |" in better and "90.0%" in better
    assert "* Other: +" in better and ", better" in better
    assert "Not trained for want of time: Slow." in better
    assert "16 epochs with Adam at 0.02 (5 of them the largest network alone)" in better
    assert "**worse**" in search_quality_page.page(_measured(0.6, 0.9))
    assert "within noise" in search_quality_page.page(_measured(0.9, 0.9))


def test_page_says_how_fast_networks_learned_if_that_was_noted() -> None:
    measured = _measured(0.9, 0.6)
    assert "by itself for 3 epochs, with" in search_quality_page.page(measured)
    measured["task"]["rate"] = 0.005
    assert "by itself for 3 epochs with Adam at 0.005, with" in search_quality_page.page(measured)


def test_page_says_which_networks_were_ranked() -> None:
    measured = _measured(0.9, 0.6)
    assert "2 of 1,000 random networks of the space, spread" in search_quality_page.page(measured)
    measured["ranking"]["sample"] = "all sizes"
    assert "2 of 1,000 networks of all sizes in the" in search_quality_page.page(measured)


def test_ranked_networks_are_of_all_sizes() -> None:
    space = audio_space(classes=12, frames=(49,), bins=40, width_multiplier=0.5)
    networks = [space.smallest(), *spread(space, 8), space.largest()]
    macs = np.log([cost.macs for cost in CostModel(row_fed=True).exact(networks)])
    steps = np.diff(macs)
    assert macs[-1] - macs[0] > np.log(8)
    assert len(set(networks[1:-1])) == 8
    assert steps[[0, -1]] == pytest.approx(0, abs=0.1)  # from the one end to the other,
    assert steps[1:-1] == pytest.approx(steps[1:-1].mean(), rel=0.2)  # evenly by ratio


@pytest.mark.parametrize("setting", ["rate", "sample"])
def test_folder_of_a_run_that_knew_fewer_settings_is_refused(tmp_path: Path, setting: str) -> None:
    task = TASKS["kws-ar-32k"]
    Run(task, tmp_path, tmp_path / "run")
    path = tmp_path / "run" / "settings.json"
    kept = json.loads(path.read_text())
    del kept["figures"][setting]
    path.write_text(json.dumps(kept))
    with pytest.raises(SettingsError, match="holds a run of other settings"):
        Run(task, tmp_path, tmp_path / "run")


def test_page_leaves_out_what_was_not_measured() -> None:
    measured = _measured(0.9, 0.6) | {"methods": {}}
    for made in measured["comparison"].values():
        made["runs"] = []
    page = search_quality_page.page(measured)
    assert "Do shared weights" in page
    assert "Is evolution" not in page and "Is the network found" not in page


def test_mobilenet_v2_is_that_of_keras() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    from benchmarks.mobilenet_v2 import mobilenet_v2
    from tflm_mcunet.search import keras_model

    published = tf_keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, classes=7)
    built = keras_model.build(mobilenet_v2((96, 96, 3), 7, width=0.35, scales_head=False))
    assert built.count_params() == published.count_params()
    kinds = ("Conv2D", "DepthwiseConv2D")
    shapes = [
        [layer.output_shape[1:] for layer in model.layers if type(layer).__name__ in kinds]
        for model in (built, published)
    ]
    assert shapes[0] == shapes[1]


def test_reference_is_mlperfs_with_logits() -> None:
    pytest.importorskip("tf_keras")
    from benchmarks.search_quality_networks import cost, reference
    from tflm_mcunet.quantize import quantize

    model = reference("kws", (49, 10, 1), 12, width=1)
    inputs = np.random.default_rng(0).normal(size=(2, 49, 10, 1)).astype(np.float32)
    assert not np.allclose(model(inputs).numpy().sum(axis=1), 1)
    found = cost(quantize(model, [inputs], progress=False))
    # The published file's, row-fed; with random weights a channel may be always zero, and is cut.
    assert found.sram_bytes == pytest.approx(4368, rel=0.01)
    assert found.macs == pytest.approx(2656768, rel=0.02)


def test_page_of_the_zoos_supernet_says_whose_it_is() -> None:
    measured = _measured(0.9, 0.6)
    task = measured["task"] | {"name": "vww-zoo", "flash": None, "macs": 3_000_000}
    zoo = {"ranking": measured["ranking"], "methods": {}, "task": task}
    facts = {k: measured[k] for k in ("command", "commit", "uncommitted_sources", "made_at")}
    page = search_quality_page.page(
        zoo | facts | {"python": "3", "packages": {}, "supernet": SUPERNET}
    )
    assert "16 epochs with Adam at 0.02, 5 of them the largest network alone" in page
    assert "Kendall's tau" in page and "Limits of the searches" not in page
    assert "Is the network found better" not in page and "Is evolution" not in page


def test_networks_see_images_of_their_own_resolution(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    import tf_keras

    from benchmarks import search_quality_training as training
    from tflm_mcunet.search.material import Material

    images = np.random.default_rng(0).normal(size=(8, 12, 12, 1)).astype(np.float32)
    labels = np.arange(8, dtype=np.int32) % 2
    batches = tf.data.Dataset.from_tensors((images, labels))
    made = Material(("a", "b"), lambda epoch, size: batches, lambda split, size: [], {})

    def build() -> tf_keras.Model:
        pixels = tf_keras.layers.Input((6, 6, 1))  # a flattened image is of no other size
        return tf_keras.Model(pixels, tf_keras.layers.Dense(2)(tf_keras.layers.Flatten()(pixels)))

    epochs = training.Epochs(made, (12, 12), keeps=True)
    model = training.trained(build, epochs, count=1, seed=0, folder=tmp_path, learning_rate=1e-3)
    assert training.predictor(model)(images).shape == (8, 2)
    assert len(training.digits([[(images, labels)]], training.predictor(model))) == 8
