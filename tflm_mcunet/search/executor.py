# SPDX-License-Identifier: Apache-2.0
"""Where candidates are evaluated: in this process, in several, or on a Ray cluster.

An evaluation depends on its argument alone and results come in the order of the arguments, so
that a search gives the same result wherever it runs, and however many workers are lost.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from tflm_converters.errors import ConversionError

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = 3
"""How often an evaluation whose worker died is tried again."""

KINDS = ("local", "ray")


class ExecutorError(ConversionError):
    """Workers cannot be had, or die again and again."""


class Executor(Protocol):
    """Evaluates a function on many items."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """The results, in the order of the items. The function must be picklable."""
        ...


@contextlib.contextmanager
def open_executor(
    kind: str = "local", *, workers: int | None = None, address: str | None = None
) -> Iterator[Executor]:
    """An executor while the block runs.

    Args:
        kind: "local": processes of this machine; "ray": a Ray cluster.
        workers: number of local processes; default: one per core. 1: no other process.
        address: of the Ray cluster, as for `ray.init`; default: the one of the environment, or
            a new one on this machine.

    Raises:
        ExecutorError: Ray is not installed, or there is no such kind.
    """
    if kind not in KINDS:
        raise ExecutorError(f"unknown executor '{kind}': expected one of {', '.join(KINDS)}")
    if kind == "ray":
        with _ray_cluster(address) as cluster:
            yield cluster
        return
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1:
        yield SerialExecutor()
        return
    processes = ProcessExecutor(workers)
    try:
        yield processes
    finally:
        processes.close()


class SerialExecutor:
    """Evaluates in this process, one item after the other."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        return map(function, items)


class ProcessExecutor:
    """Evaluates in processes of this machine; one that dies is replaced."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        results: dict[int, Result] = {}
        failures = 0
        while True:
            missing = [index for index in range(len(items)) if index not in results]
            futures: dict[int, Future[Result]] = {}
            try:
                for index in missing:  # a worker may die before all are submitted
                    futures[index] = self._opened().submit(function, items[index])
                for index, future in futures.items():
                    results[index] = future.result()
                    yield results[index]
                return
            except BrokenProcessPool:
                failures += 1
                if failures > RETRIES:
                    raise ExecutorError(
                        f"worker processes died {failures} times: in a script, the call must "
                        "stand below `if __name__ == '__main__':`; or, if memory ran out, use "
                        "fewer workers"
                    ) from None
                self.close()
            finally:
                _cancel(futures.values())

    def close(self) -> None:
        """Ends all processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _opened(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # A process with TensorFlow's threads must not be forked; all others fork at once.
            method = "spawn" if "tensorflow" in sys.modules else "fork"
            context = multiprocessing.get_context(method)
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context)
        return self._pool


def _cancel(futures: Any) -> None:
    future: Future[Any]
    for future in futures:
        future.cancel()


class RayExecutor:
    """Evaluates on a Ray cluster; what a lost worker or node was at, another one does again."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        ray = self._ray
        task = ray.remote(max_retries=RETRIES)(_call)
        shared = ray.put(function)
        pending = [task.remote(shared, item) for item in items]
        for reference in pending:
            try:
                yield ray.get(reference)
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
                raise ExecutorError(
                    f"workers died {RETRIES + 1} times at the same candidate: {error}"
                ) from None


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


@contextlib.contextmanager
def _ray_cluster(address: str | None) -> Iterator[RayExecutor]:
    """Joins a cluster unless the caller has already done so."""
    try:
        import ray
    except ImportError:
        raise ExecutorError(
            "the executor 'ray' needs Ray: pip install 'tflm-mcunet[ray]'"
        ) from None
    joined = ray.is_initialized()
    if not joined:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    try:
        yield RayExecutor(ray)
    finally:
        if not joined:
            ray.shutdown()
