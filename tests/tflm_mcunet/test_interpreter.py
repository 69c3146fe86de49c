# SPDX-License-Identifier: Apache-2.0
"""The interpreter: the wheel's interface, and our operator inside it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.models import HandPacked, convolutions, hand_packed
from tflm_converters import reference, writer
from tflm_converters.emit import program_format as fmt
from tflm_converters.errors import ModelFileError, RuntimeMismatchError, UnsupportedModelError
from tflm_converters.graph import Tensor
from tflm_mcunet import inference, tflm_wheel
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.interpreter import Interpreter, InterpreterConfig

OK, NEEDS_INPUT = 0, 15


@pytest.fixture
def samples() -> list[tuple[np.ndarray, ...]]:
    shape = convolutions().tensors[0].shape
    rng = np.random.default_rng(1)
    return [(rng.integers(-128, 128, shape, np.int8),) for _ in range(3)]


def expected(samples: list[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
    graph = convolutions()
    return [reference.execute(graph, sample)[graph.outputs[0]] for sample in samples]


def refusal(model: bytes, samples: list[tuple[np.ndarray, ...]]) -> str:
    """What TFLite-Micro says of a model that it cannot run."""
    with HostProcess() as host, pytest.raises(UnsupportedModelError) as caught:
        host.call(inference.run, model, samples, subject="tampered")
    return str(caught.value)


def test_offers_and_computes_what_the_wheel_does(shared_data: Path) -> None:
    model = (shared_data / "models" / "tflm_hello_world_int8.tflite").read_bytes()
    ours = Interpreter.from_bytes(model)
    from tflite_micro import runtime  # only now: it imports TensorFlow, and shares our module

    for name, function in inspect.getmembers(runtime.Interpreter, callable):
        if not name.startswith("_"):
            mine = inspect.signature(getattr(Interpreter, name)).parameters
            options = {"custom_op_registerers", "arena_size", "intrepreter_config"}
            assert set(inspect.signature(function).parameters) - options <= set(mine)
    theirs = runtime.Interpreter.from_bytes(model)
    for value in range(-128, 128, 17):
        for interpreter in (ours, theirs):
            interpreter.set_input(np.full((1, 1), value, np.int8), 0)
            assert interpreter.invoke() == OK
        np.testing.assert_array_equal(ours.get_output(0), theirs.get_output(0))
    assert str(ours.get_input_details(0)) == str(theirs.get_input_details(0))
    assert str(ours.get_output_details(0)) == str(theirs.get_output_details(0))


def test_loading_a_model_imports_no_tensorflow(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(writer.write(convolutions()))
    program = (
        "import sys; from tflm_mcunet.interpreter import Interpreter;"
        f"Interpreter.from_file({str(path)!r}); assert 'tensorflow' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def test_preserves_all_tensors_on_request(samples: list[tuple[np.ndarray, ...]]) -> None:
    graph = convolutions(depth=2)
    interpreter = Interpreter(
        writer.write(graph), intrepreter_config=InterpreterConfig.kPreserveAllTensors
    )
    interpreter.set_input(samples[0][0], 0)
    interpreter.invoke()
    values = reference.execute(graph, samples[0])
    inner = graph.ops[0].output
    np.testing.assert_array_equal(interpreter.GetTensor(inner, 0)["tensor_data"], values[inner])


def test_rejects_what_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such model file"):
        Interpreter.from_file(tmp_path / "absent.tflite")
    with pytest.raises(ModelFileError):
        Interpreter.from_bytes(b"not a model")
    with pytest.raises(ModelFileError):
        Interpreter.from_bytes(writer.write(convolutions())[:-40])
    interpreter = Interpreter.from_bytes(writer.write(convolutions()))
    with pytest.raises(ValueError, match="Dimension mismatch"):
        interpreter.set_input(np.zeros((1, 2, 2, 3), np.int8), 0)
    with pytest.raises(ValueError, match="non-negative"):
        interpreter.get_output(-1)


def test_runs_a_program_like_the_operator_it_was_made_from(
    samples: list[tuple[np.ndarray, ...]],
) -> None:
    results = inference.run(hand_packed(convolutions()).content(), samples)
    for result, value in zip(results, expected(samples), strict=True):
        assert result is not None
        np.testing.assert_array_equal(result[0], value)


def test_row_fed_program_needs_all_rows_and_starts_anew_after_the_last(
    samples: list[tuple[np.ndarray, ...]],
) -> None:
    interpreter = Interpreter(hand_packed(convolutions(), row_fed=True).content())
    for (sample,), value in zip(samples, expected(samples), strict=True):
        for y in range(sample.shape[1]):
            interpreter.set_input(sample[:, y : y + 1], 0)
            status = interpreter.invoke()
            assert status == (OK if y == sample.shape[1] - 1 else NEEDS_INPUT)
        np.testing.assert_array_equal(interpreter.get_output(0), value)


def test_reset_forgets_the_rows_pushed_so_far(samples: list[tuple[np.ndarray, ...]]) -> None:
    interpreter = Interpreter(hand_packed(convolutions(), row_fed=True).content())
    for _ in range(4):
        assert interpreter.invoke() == NEEDS_INPUT
    interpreter.reset()
    result = inference.infer(interpreter, samples[0])
    assert result is not None
    np.testing.assert_array_equal(result[0], expected(samples)[0])


def shrink_memory(packed: HandPacked) -> None:
    memory = packed.tensors[3]
    packed.tensors[3] = dataclasses.replace(memory, shape=(memory.shape[0] - 1,))


def compute_parameters(packed: HandPacked) -> None:
    packed.tensors[1] = dataclasses.replace(packed.tensors[1], data=None)


def store_memory_in_the_file(packed: HandPacked) -> None:
    memory = packed.tensors[3]
    packed.tensors[3] = dataclasses.replace(memory, data=np.ones(memory.shape, np.int8))


def widen_input(packed: HandPacked) -> None:
    packed.tensors[0] = dataclasses.replace(packed.tensors[0], shape=(1, 9, 8, 3))


def change_input_type(packed: HandPacked) -> None:
    packed.tensors[0] = dataclasses.replace(packed.tensors[0], dtype="int16")


def cut_options(packed: HandPacked) -> None:
    packed.options = packed.options[:-4]


def change_version(packed: HandPacked) -> None:
    packed.options = packed.options[:4] + b"\x63" + packed.options[5:]


def point_outside(packed: HandPacked) -> None:
    offset = packed.options.index(np.uint32(packed.offsets[2]).tobytes())
    packed.options = packed.options[:offset] + b"\xff\xff\xff\x7f" + packed.options[offset + 4 :]


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (shrink_memory, "the memory span is too small: operand 3, expected"),
        (compute_parameters, "the parameters are not constant"),
        (store_memory_in_the_file, "the memory span is a constant"),
        (widen_input, "wrong number of int8 elements: operand 0, expected 189, got 216"),
        (change_input_type, "wrong number of int8 elements: operand 0, expected 189, got 0"),
        (cut_options, "the options are not a program of this version"),
        (change_version, "the options are not a program of this version"),
        (point_outside, "the program refers to something outside its arrays"),
    ],
)
def test_refuses_a_node_that_contradicts_its_program(
    tamper: Callable[[HandPacked], None], message: str
) -> None:
    packed = hand_packed(convolutions())
    tamper(packed)
    assert message in refusal(packed.content(), [])


def test_refuses_a_program_with_more_operands_than_the_node() -> None:
    packed = hand_packed(convolutions())
    options = np.frombuffer(bytearray(packed.options), np.uint8)
    header = options[: fmt.HEADER.itemsize].view(fmt.HEADER)
    header["input_count"], header["output_count"] = 2, 0
    packed.options = options.tobytes()
    assert "wrong number of inputs: expected 3, got 2" in refusal(packed.content(), [])


def test_refuses_to_compute_when_the_memory_plan_is_not_obeyed(
    samples: list[tuple[np.ndarray, ...]],
) -> None:
    packed = hand_packed(convolutions())
    packed.offsets[2] += 16
    said = refusal(packed.content(), samples)
    assert "did not obey the model's offline memory plan: operand 2, expected 192, got 208" in said


def test_a_second_tensor_type_is_no_obstacle() -> None:
    packed = hand_packed(convolutions())
    blob = packed.tensors[1].data
    assert blob is not None
    packed.tensors[1] = Tensor("parameters", blob.shape, "uint8", data=blob.view(np.uint8))
    assert Interpreter(packed.content()).invoke() == OK


def test_another_version_of_the_wheel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm_wheel, "VERSION", "0.dev1")
    tflm_wheel.runtime.cache_clear()
    installed = importlib.metadata.version("tflite-micro")
    with pytest.raises(RuntimeMismatchError, match=f"0.dev1, but {installed} is installed"):
        tflm_wheel.runtime()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    tflm_wheel.runtime.cache_clear()
    with pytest.raises(RuntimeMismatchError, match="pip install tflite-micro=="):
        tflm_wheel.runtime()


def test_a_missing_runtime_library_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tflm_wheel, "LIBRARY", tmp_path / "libtflm_mcunet.so")
    tflm_wheel.runtime.cache_clear()
    with pytest.raises(RuntimeMismatchError, match="pip install ."):
        tflm_wheel.runtime()
