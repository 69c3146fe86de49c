# SPDX-License-Identifier: Apache-2.0
"""The adapter to TensorFlow Lite Micro, in each shape that its interface has had."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from tests import c_programs
from tests.arduino import native
from tests.tflm_mcunet.models import HandPacked, convolutions, hand_packed
from tflm_converters import reference

FOLDER = Path(__file__).parent / "tflm"
ADAPTER = native.RUNTIME / "tflm" / "tmc_registration.cpp"
OK, ERROR, NEEDS_ROWS = 0, 1, 15
INT8, FLOAT32 = 9, 1
ENOUGH = 256


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    native.compile_library(folder, sorted(native.RUNTIME.rglob("*.c")))
    return folder / "runtime.so"


@pytest.fixture(scope="module", params=[1, 2, 3], ids=lambda number: f"generation {number}")
def library(
    request: pytest.FixtureRequest, runtime: Path, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """Adapter and interpreter, compiled as C++11 with warnings as errors."""
    out = tmp_path_factory.mktemp("adapter") / "adapter.so"
    options = ["-fPIC", "-shared", f"-DTFLM_GENERATION={request.param}", f"-I{FOLDER / 'include'}"]
    sources = [ADAPTER, FOLDER / "interpreter.cpp", runtime, f"-Wl,-rpath,{runtime.parent}"]
    c_programs.call([*c_programs.cpp_compiler(native.RUNTIME), *options, *sources, "-o", out])
    loaded = ctypes.CDLL(str(out))
    loaded.message.restype = ctypes.c_char_p
    return loaded


class Interpreter:
    """A model of one operator with its tensors in an arena of bytes."""

    def __init__(
        self, library: ctypes.CDLL, packed: HandPacked, *, persistent: int = ENOUGH
    ) -> None:
        self.library, self.packed = library, packed
        self.arena = np.zeros(4096, np.int8)
        self.parameters = packed.tensors[1].data
        self.added = library.add(ctypes.c_size_t(persistent))
        assert self.parameters is not None
        self._set(1, self.parameters)
        for index in (0, 2, 3):
            library.set_tensor(index, None, packed.tensors[index].byte_count, INT8)

    def prepare(self, options: bytes | None = None) -> int:
        self.options = ctypes.create_string_buffer(options or self.packed.options)
        return self.library.prepare(self.options, len(self.options.raw) - 1)

    def place(self) -> None:
        """Gives every tensor its place, as an interpreter does after preparation."""
        for index in (0, 2, 3):
            self._set(index, self.tensor(index))

    def tensor(self, index: int) -> np.ndarray:
        begin = self.packed.offsets[index]
        return self.arena[begin : begin + self.packed.tensors[index].byte_count]

    def invoke(self, values: np.ndarray) -> int:
        self.tensor(0)[:] = values.ravel()
        return self.library.invoke()

    @property
    def message(self) -> str:
        return self.library.message().decode()

    def _set(self, index: int, values: np.ndarray) -> None:
        pointer = ctypes.c_void_p(values.ctypes.data)
        self.library.set_tensor(index, pointer, values.size, INT8)


def sample() -> tuple[np.ndarray, np.ndarray]:
    """An input of `convolutions()` and the right output."""
    graph = convolutions()
    values = np.random.default_rng(1).integers(-128, 128, graph.tensors[0].shape, np.int8)
    return values, reference.execute(graph, (values,))[graph.outputs[0]]


def test_runs_a_model(library: ctypes.CDLL) -> None:
    values, expected = sample()
    interpreter = Interpreter(library, hand_packed(convolutions()))
    assert interpreter.prepare() == OK, interpreter.message
    interpreter.place()
    assert interpreter.invoke(values) == OK, interpreter.message
    np.testing.assert_array_equal(interpreter.tensor(2), expected.ravel())


def test_takes_rows_until_the_input_is_complete(library: ctypes.CDLL) -> None:
    values, expected = sample()
    interpreter = Interpreter(library, hand_packed(convolutions(), row_fed=True))
    assert interpreter.prepare() == OK, interpreter.message
    interpreter.place()
    assert interpreter.invoke(values[0, 5]) == NEEDS_ROWS
    library.reset()  # forgets that row
    states = [interpreter.invoke(row) for row in values[0]]
    assert states == [NEEDS_ROWS] * (len(states) - 1) + [OK]
    np.testing.assert_array_equal(interpreter.tensor(2), expected.ravel())


def test_is_added_once(library: ctypes.CDLL) -> None:
    assert Interpreter(library, hand_packed(convolutions())).added == 1


def test_says_what_is_wrong(library: ctypes.CDLL) -> None:
    packed = hand_packed(convolutions())
    interpreter = Interpreter(library, packed)
    assert interpreter.prepare(b"XXXX" + packed.options[4:]) == ERROR
    assert interpreter.message.startswith("TFLM_MCUNET: the options are not a program")
    library.set_tensor(0, None, packed.tensors[0].byte_count, FLOAT32)
    assert interpreter.prepare() == ERROR
    expected = f"operand 0, expected {packed.tensors[0].byte_count}, got 0"
    assert interpreter.message.endswith(expected)


def test_needs_the_offline_memory_plan(library: ctypes.CDLL) -> None:
    interpreter = Interpreter(library, hand_packed(convolutions()))
    assert interpreter.prepare() == OK
    interpreter.packed.offsets[2] += 16
    interpreter.place()
    assert interpreter.invoke(sample()[0]) == ERROR
    assert "did not obey the model's offline memory plan" in interpreter.message


def test_says_that_the_arena_is_too_small(library: ctypes.CDLL) -> None:
    interpreter = Interpreter(library, hand_packed(convolutions()), persistent=8)
    assert interpreter.prepare() == ERROR
    assert "the arena is too small" in interpreter.message


def test_is_empty_without_tensorflow_lite_micro(tmp_path: Path) -> None:
    compiled = tmp_path / "adapter.o"
    c_programs.call([*c_programs.cpp_compiler(native.RUNTIME), "-c", ADAPTER, "-o", compiled])
    assert c_programs.call(["nm", compiled]).strip() == ""
