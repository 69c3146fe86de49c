# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tflm_mcunet.search.random_networks import tiny_space
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.evolution import (
    Evolution,
    RandomSearch,
    Search,
    SearchStateError,
    Settings,
)
from tflm_mcunet.search.executor import open_executor
from tflm_mcunet.search.limits import InfeasibleError, Limits

_SPACE = tiny_space()
_LIMITS = Limits(flash_bytes=30 * 1024)
_SETTINGS = Settings(seed=5, population=6, generations=3, parent_share=0.5)


def accuracy(network: Architecture) -> float:
    """Better the larger the kernels and the more the channels; a stand-in for training."""
    return sum(block.kernel[0] * block.channels for block in network.blocks) / 1e4


def _search(kind: type[Search] = Evolution, **changes: object) -> Search:
    options = {"settings": _SETTINGS} | changes
    return kind(_SPACE, _LIMITS, **options)  # type: ignore[arg-type]


def test_all_networks_fit_and_none_is_evaluated_twice() -> None:
    evaluated: list[Architecture] = []

    def counted(network: Architecture) -> float:
        evaluated.append(network)
        return accuracy(network)

    search = _search()
    best = search.run(counted)
    assert len(evaluated) == len(set(evaluated)) == len(search.records)
    assert search.generation == _SETTINGS.generations and search.finished
    for record in search.records:
        assert _LIMITS.kept(record.cost) and _SPACE.contains(record.architecture)
        assert record.accuracy == accuracy(record.architecture)
        assert record.cost == search.model.exact([record.architecture])[0]
    assert best.accuracy == max(record.accuracy for record in search.records)


def test_half_of_the_children_are_crossed_and_all_descend_from_parents() -> None:
    search = _search()
    first = search.propose()
    search.record(first, [accuracy(network) for network in first])
    parents = [record.architecture for record in search.ranked()[: _SETTINGS.parents]]
    stages = {stage for parent in parents for stage in parent.stages}
    children = search.propose()
    assert len(children) == _SETTINGS.population
    crossed = [child for child in children if set(child.stages) <= stages]
    assert len(crossed) >= _SETTINGS.population // 2


@pytest.mark.parametrize("kind", [Evolution, RandomSearch])
def test_depends_on_the_seed_alone(kind: type[Search]) -> None:
    one, same = _search(kind), _search(kind)
    other = _search(kind, settings=Settings(seed=6, population=6, generations=3, parent_share=0.5))
    for search in (one, same, other):
        search.run(accuracy)
    assert one.records == same.records
    assert one.records != other.records


def test_evolution_beats_random_search() -> None:
    settings = Settings(population=10, generations=5, parent_share=0.4)
    evolved = _search(settings=settings).run(accuracy)
    drawn = _search(RandomSearch, settings=settings).run(accuracy)
    assert evolved.accuracy > drawn.accuracy


def test_predictor_finds_more_with_as_many_evaluations() -> None:
    plain, chosen = (
        _search(settings=Settings(population=6, generations=4, parent_share=0.5, predictor=given))
        for given in (False, True)
    )
    assert chosen.run(accuracy).accuracy > plain.run(accuracy).accuracy
    assert len(chosen.records) == len(plain.records)
    assert all(_LIMITS.kept(record.cost) for record in chosen.records)


@pytest.mark.parametrize("predictor", [False, True])
def test_resumes_as_if_never_interrupted(tmp_path: Path, predictor: bool) -> None:
    settings = dataclasses.replace(_SETTINGS, predictor=predictor)
    whole = _search(settings=settings)
    whole.run(accuracy)
    state = tmp_path / "search.json"
    while True:
        search = _search(state=state, settings=settings)  # a new process would do no more
        if search.finished:
            break
        proposed = search.propose()
        search.propose()  # asking twice changes nothing
        search.record(proposed, [accuracy(network) for network in proposed])
    assert search.records == whole.records
    assert search.run(accuracy) == whole.best


def test_survives_being_killed(tmp_path: Path) -> None:
    """Killed at any moment, the search goes on from its last generation to the same result."""
    state = tmp_path / "search.json"
    code = (
        "import time, pathlib\n"
        "from tests.tflm_mcunet.search import test_evolution as t\n"
        "def slow(network):\n"
        "    time.sleep(0.02)\n"
        "    return t.accuracy(network)\n"
        f"t._search(state=pathlib.Path({str(state)!r})).run(slow)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    deadline = time.monotonic() + 60
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert json.loads(state.read_text())["records"]
    resumed = _search(state=state)
    resumed.run(accuracy)
    whole = _search()
    whole.run(accuracy)
    assert resumed.records == whole.records


def test_other_settings_cannot_be_resumed(tmp_path: Path) -> None:
    state = tmp_path / "search.json"
    search = _search(state=state)
    search.record([_SPACE.smallest()], [0.5])
    with pytest.raises(SearchStateError, match="its method is evolution, and now it is random"):
        _search(RandomSearch, state=state)
    with pytest.raises(SearchStateError, match="its settings is"):
        _search(settings=Settings(seed=1), state=state)
    state.write_text('{"search": {')
    with pytest.raises(SearchStateError, match="cannot resume from"):
        _search(state=state)


def test_impossible_limits_end_at_once() -> None:
    with pytest.raises(InfeasibleError, match="flash: .* limit is 1,000 B"):
        Evolution(_SPACE, Limits(flash_bytes=1000))


def test_limits_that_hardly_any_random_network_keeps_to() -> None:
    search = _search()
    least = search.model.exact([_SPACE.smallest()])[0]
    tight = Limits(least.sram_bytes + 800, least.flash_bytes + 3000)
    found = Evolution(_SPACE, tight, settings=_SETTINGS).propose()
    assert len(found) >= 2
    assert all(tight.kept(cost) for cost in search.model.exact(found))


def test_pareto_front_and_ranks() -> None:
    search = _search()
    search.run(accuracy)
    front = search.pareto("flash_bytes")
    flash = [record.cost.flash_bytes for record in front]
    accuracies = [record.accuracy for record in front]
    assert flash == sorted(flash) and accuracies == sorted(set(accuracies))
    for record in search.records:
        assert any(
            f.cost.flash_bytes <= record.cost.flash_bytes and f.accuracy >= record.accuracy
            for f in front
        )
    assert front[-1].accuracy == search.best.accuracy


def test_result_does_not_depend_on_the_number_of_workers() -> None:
    serial = _search()
    serial.run(accuracy)
    parallel = _search()
    with open_executor("local", workers=2) as executor:
        parallel.run(accuracy, executor=executor)
    assert parallel.records == serial.records
