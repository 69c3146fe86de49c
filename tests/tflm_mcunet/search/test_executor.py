# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from tflm_mcunet.search.executor import (
    RETRIES,
    ExecutorError,
    ProcessExecutor,
    RayExecutor,
    SerialExecutor,
    open_executor,
)


def square(x: int) -> int:
    time.sleep(0.001 * (5 - x % 5))  # later ones are often done first
    return x * x


class DieOnce:
    """Kills its own process the first time that it meets a certain number."""

    def __init__(self, marker: Path, *, always: bool = False) -> None:
        self.marker, self.always = marker, always

    def __call__(self, x: int) -> int:
        if x == 3 and (self.always or not self.marker.exists()):
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x * x


_SQUARES = [x * x for x in range(12)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_are_in_order(workers: int) -> None:
    with open_executor("local", workers=workers) as executor:
        assert list(executor.map(square, range(12))) == _SQUARES
        assert list(executor.map(square, range(3))) == _SQUARES[:3]


def test_one_worker_is_this_process() -> None:
    with open_executor("local", workers=1) as executor:
        assert isinstance(executor, SerialExecutor)
        assert list(executor.map(lambda _: os.getpid(), [0])) == [os.getpid()]


def test_a_killed_process_changes_nothing(tmp_path: Path) -> None:
    with open_executor("local", workers=2) as executor:
        assert isinstance(executor, ProcessExecutor)
        assert list(executor.map(DieOnce(tmp_path / "died"), range(12))) == _SQUARES
    assert (tmp_path / "died").exists()


def test_a_process_that_dies_while_work_is_handed_out_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit, handed_out = ProcessPoolExecutor.submit, []

    def submit_until_one_dies(pool: ProcessPoolExecutor, *work: Any) -> Any:
        handed_out.append(work)
        if len(handed_out) == 3:
            raise BrokenProcessPool
        return submit(pool, *work)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit_until_one_dies)
    with open_executor("local", workers=2) as executor:
        assert list(executor.map(square, range(12))) == _SQUARES
    assert len(handed_out) == 3 + 12


def test_processes_that_always_die_are_reported(tmp_path: Path) -> None:
    with open_executor("local", workers=2) as executor:
        with pytest.raises(ExecutorError, match=f"died {RETRIES + 1} times"):
            list(executor.map(DieOnce(tmp_path / "died", always=True), range(12)))


def test_errors_of_the_function_are_the_callers() -> None:
    with open_executor("local", workers=2) as executor, pytest.raises(ZeroDivisionError):
        list(executor.map(_reciprocal, [1, 0]))


def _reciprocal(x: int) -> float:
    return 1 / x


def test_unknown_kind() -> None:
    with pytest.raises(ExecutorError, match="expected one of local, ray"), open_executor("grid"):
        pass


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorError, match=r"pip install 'tflm-mcunet\[ray\]'"):
        with open_executor("ray"):
            pass


# ---- On a cluster of two nodes ------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray", reason="Ray is not installed (the extra 'ray')")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.connect()
    yield made
    import ray

    ray.shutdown()
    made.shutdown()


def test_ray_gives_results_in_order(cluster: Any) -> None:
    with open_executor("ray") as executor:
        assert isinstance(executor, RayExecutor)
        assert list(executor.map(square, range(12))) == _SQUARES


def test_a_killed_ray_worker_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    with open_executor("ray") as executor:
        assert list(executor.map(DieOnce(tmp_path / "died"), range(12))) == _SQUARES
    assert (tmp_path / "died").exists()


def test_a_node_that_goes_away_changes_nothing(cluster: Any) -> None:
    node = cluster.add_node(num_cpus=1)
    with open_executor("ray") as executor:
        results = executor.map(_slow_square, range(12))
        found = [next(results)]
        cluster.remove_node(node, allow_graceful=False)
        assert [*found, *results] == _SQUARES


def _slow_square(x: int) -> int:
    time.sleep(0.3)
    return x * x
