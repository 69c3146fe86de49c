# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tflm_converters import reader, writer
from tflm_mcunet import cli


@pytest.fixture
def model(repository: Path) -> Path:
    return repository / "examples" / "vww_96_int8.tflite"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((1, 96, 96, 3), np.int8))
    return path


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on stderr of a command that fails."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("\n") and captured.err.count("\n") == 1
    return captured.err


def result_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    """The JSON object on stdout of a command that succeeds."""
    assert cli.main([*map(str, arguments), "--json"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


# ---- options ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["profile"], ["convert", "m", "--sram", "lots"], ["verify", "a", "b", "--samples", "-1"], []],
)
def test_wrong_options_are_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["profile", "convert", "run", "verify"])
def test_help_names_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert "--json" in capsys.readouterr().out


# ---- profile ---------------------------------------------------------------------------


def test_profile_prints_a_row_per_layer(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", str(model), "--board", "uno-r4"]) == 0
    text = capsys.readouterr().out
    assert text.count("DEPTHWISE_CONV_2D") == 13
    assert "55,296  ████████████████████████ ◀ peak" in text
    assert "SRAM does NOT fit: 55,296 of 32,768 bytes, 22,528 too many" in text


def test_profile_json_has_the_layers(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(capsys, "profile", model, "--board", "nano33ble")
    assert (result["peak_sram_bytes"], result["macs"]) == (55_296, 7_489_664)
    assert result["fits_sram"] is True
    layers = result["layers"]
    assert isinstance(layers, list) and len(layers) == 31
    assert layers[0]["input_shapes"] == [[1, 96, 96, 3]]
    assert layers[0]["output_shape"] == [1, 48, 48, 8]


def test_profile_draws_into_a_new_folder(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result_of(capsys, "profile", model, "--out", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "profile.png").read_bytes().startswith(b"\x89PNG")


def test_profile_errors(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nano33ble" in error_of(capsys, "profile", model, "--board", "nano")
    assert "none.tflite" in error_of(capsys, "profile", tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("not a model")
    assert "text.tflite" in error_of(capsys, "profile", tmp_path / "text.tflite", "--json")
    in_the_way = tmp_path / "text.tflite" / "out"
    assert "cannot write to" in error_of(capsys, "profile", model, "--out", in_the_way)


# ---- run -------------------------------------------------------------------------------


def test_run_gives_and_saves_the_outputs(
    model: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(capsys, "run", model, "--input", image, "--out", tmp_path / "out")
    saved = np.load(tmp_path / "out" / "output_0.npy")
    assert saved.shape == (1, 2) and saved.dtype == np.int8
    assert int(saved.sum()) == 0  # a softmax of two classes: p and 1 - p, zero point -128
    assert result["outputs"] == [
        {
            "name": "Identity_int8",
            "dtype": "int8",
            "shape": [1, 2],
            "values": saved.ravel().tolist(),
        }
    ]


def test_run_says_which_inputs_a_model_wants(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "'input_1_int8' int8 [1, 96, 96, 3]" in error_of(capsys, "run", model)
    np.save(tmp_path / "f.npy", np.zeros((96, 96, 3)))
    message = error_of(capsys, "run", model, "--input", tmp_path / "f.npy")
    assert "expected int8 [1, 96, 96, 3]" in message and "got float64 [96, 96, 3]" in message
    assert "none.npy" in error_of(capsys, "run", model, "--input", tmp_path / "none.npy")
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    assert "o.npy" in error_of(capsys, "run", model, "--input", tmp_path / "o.npy")


# ---- verify ----------------------------------------------------------------------------


def test_verify_a_model_with_itself(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = result_of(capsys, "verify", model, model, "--samples", 2)
    assert (result["differing_bytes"], result["samples"]) == (0, 2)
    assert result["identical"] is True


def test_verify_finds_one_changed_bias(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = reader.read(model)
    bias = next(op for op in graph.ops if op.kind.value == "FULLY_CONNECTED").inputs[2]
    tensors = list(graph.tensors)
    data = tensors[bias].data
    assert data is not None
    tensors[bias] = dataclasses.replace(tensors[bias], data=data + np.int32([20_000, 0]))
    (tmp_path / "other.tflite").write_bytes(writer.write(graph.replace(tensors=tuple(tensors))))
    arguments = ["verify", str(model), str(tmp_path / "other.tflite"), "--samples", "4"]
    assert cli.main(arguments) == 1
    assert "DIFFERENT" in capsys.readouterr().out


# ---- the process -----------------------------------------------------------------------


def test_ctrl_c_is_one_line(
    monkeypatch: pytest.MonkeyPatch, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tflm_mcunet.commands.profile.execute", interrupted)
    assert cli.main(["profile", str(model)]) == 130
    assert capsys.readouterr().err == "tflm-mcunet: interrupted; nothing was written\n"


@pytest.mark.parametrize(
    ("redirection", "status", "complaint"),
    [("| head -n 1", 0, ""), ("> /dev/full", 2, "standard output: No space left on device")],
)
def test_stdout_that_cannot_take_it(
    model: Path, redirection: str, status: int, complaint: str
) -> None:
    command = f"set -o pipefail; '{sys.executable}' -m tflm_mcunet profile '{model}' {redirection}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.returncode == status
    assert complaint in result.stderr
    assert result.stderr.count("\n") == bool(complaint)


# ---- convert ---------------------------------------------------------------------------


def test_convert_writes_everything_and_says_the_verdict(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "build"
    assert cli.main(["convert", str(model), "--samples", "2", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "Identical: 0 of 4 bytes differ in 2 samples" in text
    assert "◀ chosen" in text and "dead_channels" in text
    pictures = ["arena.png", "memory.png", "pareto.png"]
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted([*pictures, "model.tflite", "plan.json", "report.html"])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(pictures)
    assert "Identical: 0 of 4 bytes differ" in page
    assert cli.main(["verify", str(model), str(out / "model.tflite"), "--samples", "2"]) == 0


def test_convert_json_and_plan_agree(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(
        capsys, "convert", model, "--row-fed", "--samples", 0, "--out", tmp_path / "b"
    )
    plan = json.loads((tmp_path / "b" / "plan.json").read_text(encoding="utf-8"))
    assert plan["row_fed"] is True
    assert plan["peak_sram_bytes"] == result["peak_sram_bytes"]
    assert plan["peak_sram_bytes"] == max(b["offset"] + b["bytes"] for b in plan["buffers"])
    layers = [
        layer
        for stage in plan["stages"]
        for group in stage["groups"]
        for layer in range(group["first"], group["last"])
    ]
    assert layers == list(range(len(plan["layers"])))


def test_convert_errors_write_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    truncated = tmp_path / "truncated.tflite"
    truncated.write_bytes(model.read_bytes()[:1000])
    message = error_of(capsys, "convert", model, "--sram", "9k", "--samples", 0, "--out", out)
    assert "9,216 bytes cannot be met" in message and "input_1_int8" in message
    assert "truncated.tflite" in error_of(capsys, "convert", truncated, "--out", out)
    assert "nano33ble" in error_of(capsys, "convert", model, "--board", "x", "--out", out)
    assert "absorb_pad" in error_of(capsys, "convert", model, "--disable", "x", "--out", out)
    assert not out.exists()
    assert "cannot write to" in error_of(capsys, "convert", model, "--out", truncated / "x")


@pytest.mark.parametrize("signal_after", [0.3, 1.0, 2.0])
def test_ctrl_c_leaves_nothing(model: Path, tmp_path: Path, signal_after: float) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tflm_mcunet", "convert", str(model), "--samples", "2000"]
    with subprocess.Popen(
        [*command, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        # Jobs in the background ignore it, and so do their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:
        deadline = time.monotonic() + 30
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(signal_after)
        run.send_signal(signal.SIGINT)
        _, complaint = run.communicate(timeout=30)
    assert run.returncode == 130
    assert complaint == "tflm-mcunet: interrupted; nothing was written\n"
    assert not out.exists()
