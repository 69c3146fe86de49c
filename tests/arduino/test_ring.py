# SPDX-License-Identifier: Apache-2.0
"""Samples on their way from an interrupt to a sketch."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tests.arduino import native

CAPACITY = 16


class CRing(ctypes.Structure):
    """`tmc_ring`."""

    _fields_ = [
        ("samples", ctypes.c_void_p),
        *((name, ctypes.c_uint32) for name in ("capacity", "written", "taken")),
    ]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return native.compile_library(tmp_path_factory.mktemp("ring"), [native.RUNTIME / "tmc_ring.c"])


class Ring:
    def __init__(self, runtime: ctypes.CDLL, *, counters: int) -> None:
        self.runtime = runtime
        self.memory = np.zeros(CAPACITY, np.int16)
        self.ring = CRing(self.memory.ctypes.data, CAPACITY, counters, counters)

    def write(self, samples: np.ndarray) -> bool:
        address = ctypes.c_void_p(samples.ctypes.data)
        return bool(self.runtime.tmc_ring_write(ctypes.byref(self.ring), address, samples.size))

    def read(self, at_most: int) -> list[int]:
        first = ctypes.POINTER(ctypes.c_int16)()
        count = self.runtime.tmc_ring_peek(ctypes.byref(self.ring), ctypes.byref(first))
        taken = first[: min(count, at_most)]
        self.runtime.tmc_ring_take(ctypes.byref(self.ring), len(taken))
        return taken


@pytest.mark.parametrize("counters", [0, 5, 2**32 - 20])
def test_samples_come_out_in_order_and_none_twice(runtime: ctypes.CDLL, counters: int) -> None:
    ring = Ring(runtime, counters=counters)
    rng = np.random.default_rng(counters)
    sent, got, refused = 0, [], 0
    for _ in range(200):
        samples = np.arange(sent, sent + rng.integers(0, 9), dtype=np.int16)
        if ring.write(samples):
            sent += samples.size
        else:
            refused += 1
            assert sent - len(got) + samples.size > CAPACITY
        got += ring.read(int(rng.integers(0, 9)))
    while rest := ring.read(CAPACITY):
        got += rest
    assert got == list(range(sent))
    assert refused


def test_a_full_ring_is_as_it_was_when_it_refuses(runtime: ctypes.CDLL) -> None:
    ring = Ring(runtime, counters=0)
    assert ring.write(np.arange(CAPACITY, dtype=np.int16))
    assert not ring.write(np.full(1, -1, np.int16))
    assert ring.read(CAPACITY) == list(range(CAPACITY))
    assert ring.read(CAPACITY) == []
