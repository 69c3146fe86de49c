# SPDX-License-Identifier: Apache-2.0
"""The smallest arena with which TFLite-Micro runs a model, found by trying."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import tempfile
from collections.abc import Callable

import numpy as np

from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.interpreter import Interpreter


@dataclasses.dataclass(frozen=True)
class ArenaUse:
    """Bytes of the smallest arena, on a 64-bit host, and what they are used for.

    `persistent` are TFLite-Micro's own structures, larger here than on a 32-bit
    microcontroller; `non_persistent` are the tensors and scratch buffers. What `total` has
    beyond their sum is needed only while memory is planned.
    """

    total: int
    persistent: int
    non_persistent: int


def smallest_arena(model: bytes, *, name: str = "model", host: HostProcess | None = None) -> int:
    """Bytes of the smallest arena that TFLite-Micro accepts; see `arena_use`."""
    return arena_use(model, name=name, host=host).total


def arena_use(model: bytes, *, name: str = "model", host: HostProcess | None = None) -> ArenaUse:
    """The smallest arena with which a model is allocated and runs; one byte less fails.

    Args:
        model: content of a `.tflite` file.
        name: the model's name, for error messages.
        host: the process to try in; by default a new one.

    Raises:
        ConversionError: as `HostProcess.call` does, if the model runs in no arena.
    """
    if host is not None:
        return host.call(_measure, model, subject=name)
    with HostProcess() as own:
        return own.call(_measure, model, subject=name)


def _measure(model: bytes) -> ArenaUse:
    non_persistent, persistent = _recorded_use(Interpreter.from_bytes(model))
    total = _search(functools.partial(_succeeds, _allocate, model), persistent + non_persistent)
    if not _succeeds(_infer, model, total):
        _infer(model, None)  # if even this fails, the arena is not the reason
        total = _search(functools.partial(_succeeds, _infer, model), total)
    return ArenaUse(total, persistent, non_persistent)


def _recorded_use(interpreter: Interpreter) -> tuple[int, int]:
    """What the interpreter says it has taken from the two ends of its arena."""
    with tempfile.TemporaryFile() as log:
        stderr = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            interpreter.print_allocations()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        log.seek(0)
        said = log.read().decode()
    sizes = dict(re.findall(r"allocation (head|tail) (\d+) bytes", said))
    return int(sizes["head"]), int(sizes["tail"])


def _search(fits: Callable[[int], bool], guess: int) -> int:
    """The least size that fits: gallops away from a good guess, then bisects."""
    step = 1
    if fits(guess):
        low, high = guess - 1, guess
        while fits(low):
            low, high, step = max(low - step, 0), low, 2 * step
    else:
        low, high = guess, guess + 1
        while not fits(high):
            low, high, step = high, high + step, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _succeeds(attempt: Callable[[bytes, int | None], None], model: bytes, size: int) -> bool:
    # In a child: TFLite-Micro does not check every allocation, and may crash instead.
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # failures are no news
            attempt(model, size)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return status == 0


def _allocate(model: bytes, size: int | None) -> None:
    Interpreter.from_bytes(model, arena_size=size)


def _infer(model: bytes, size: int | None) -> None:
    interpreter = Interpreter.from_bytes(model, arena_size=size)
    for i in range(interpreter.input_count):
        details = interpreter.get_input_details(i)
        interpreter.set_input(np.zeros(details["shape"], details["dtype"]), i)
    interpreter.invoke()
