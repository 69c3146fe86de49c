# SPDX-License-Identifier: Apache-2.0
"""No model takes the caller down: crashes, hangs and refusals become one error each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.models import INPUT_SHAPE, convolutions
from tflm_converters import writer
from tflm_converters.errors import ConversionError, ModelFileError, UnsupportedModelError
from tflm_mcunet import inference
from tflm_mcunet.host_process import HostProcess


def test_one_worker_answers_many_calls() -> None:
    with HostProcess() as host:
        worker = host.call(os.getpid, subject="nothing")
        array = np.arange(12, dtype=np.int16).reshape(3, 4)
        np.testing.assert_array_equal(host.call(np.transpose, array, subject="nothing"), array.T)
        assert host.call(os.getpid, subject="nothing") == worker != os.getpid()


def test_a_crash_names_the_model_and_the_next_call_works() -> None:
    with HostProcess() as host:
        with pytest.raises(ModelFileError, match=r"bad\.tflite: .*crashed .*SIGABRT"):
            host.call(os.abort, subject="bad.tflite")
        assert host.call(len, "ok", subject="good.tflite") == 2


def test_a_worker_that_quits_is_a_crash_too() -> None:
    with HostProcess() as host, pytest.raises(ModelFileError, match="exit code 7"):
        host.call(os._exit, 7, subject="bad.tflite")


def test_a_hang_is_ended_and_names_the_model() -> None:
    with HostProcess() as host:
        worker = host.call(os.getpid, subject="start")
        begin = time.monotonic()
        with pytest.raises(UnsupportedModelError, match=r"slow\.tflite: .*within 0\.5 s"):
            host.call(time.sleep, 60, subject="slow.tflite", timeout=0.5)
        assert time.monotonic() - begin < 10
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_errors_of_the_function_arrive_with_the_worker_s_traceback() -> None:
    with HostProcess() as host, pytest.raises(ValueError, match="invalid literal") as caught:
        host.call(int, "x", subject="nothing")
    assert "host_worker.py" in str(caught.value.__cause__)


def test_a_float_model_s_refusal_quotes_the_reason(shared_data: Path) -> None:
    path = shared_data / "mlperf_tiny" / "models" / "kws_ref_model_float32.tflite"
    with HostProcess() as host, pytest.raises(UnsupportedModelError) as caught:
        host.call(inference.run, path.read_bytes(), [], subject=path.name)
    assert str(caught.value).startswith(f"{path.name}: TFLite-Micro refuses the model")
    assert "Hybrid models are not supported" in str(caught.value)


def test_damaged_models_give_one_error_each_and_never_take_the_caller_down() -> None:
    content = writer.write(convolutions(depth=2))
    sample = (np.zeros(INPUT_SHAPE, np.int8),)
    rng = np.random.default_rng(0)
    outcomes = set()
    with HostProcess(timeout=20) as host:
        for _ in range(80):
            damaged = np.frombuffer(content, np.uint8).copy()
            places = rng.integers(8, len(content), rng.integers(1, 8))
            damaged[places] = rng.integers(0, 256, places.size)
            try:
                host.call(inference.run, damaged.tobytes(), [sample], subject="damaged.tflite")
                outcomes.add("runs")
            except ConversionError as error:
                assert str(error).startswith("damaged.tflite: ")
                outcomes.add(type(error).__name__)
            except ValueError:  # the input has become one of another shape
                outcomes.add("ValueError")
    assert {"runs", "ModelFileError", "UnsupportedModelError"} <= outcomes


def test_works_from_a_script_without_a_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from tflm_mcunet.host_process import HostProcess\n"
        "with HostProcess() as host:\n"
        "    print(host.call(len, 'four', subject='text'))\n"
    )
    result = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "4\n", "")
