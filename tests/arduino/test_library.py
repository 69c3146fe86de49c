# SPDX-License-Identifier: Apache-2.0
"""The Arduino library is one: the real builder compiles its examples, and they run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.arduino import sketches

LIBRARY = Path(__file__).parents[2] / "arduino" / "TFLM_MCUNet"
EXAMPLES = sorted(LIBRARY.glob("examples/*/*.ino"))
REQUIRED = set(
    "name version author maintainer sentence paragraph category url architectures".split()
)


def test_properties_are_complete() -> None:
    lines = (LIBRARY / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert set(properties) >= REQUIRED
    assert properties["name"] == LIBRARY.name
    assert (LIBRARY / "src" / properties["includes"]).is_file()


def test_keywords_exist() -> None:
    sources = "".join(path.read_text() for path in LIBRARY.glob("src/*.h"))
    for line in (LIBRARY / "keywords.txt").read_text().splitlines():
        word, kind = line.split("\t")
        assert word in sources
        assert kind in {"KEYWORD1", "KEYWORD2", "LITERAL1"}


LOOPS = 3  # of a sketch before the test platform ends


def printed(example: str, folder: Path, **recordings: bytes) -> list[str]:
    """What an example prints, line by line, when sensors measure what is recorded."""
    sketch = LIBRARY / "examples" / example / f"{example}.ino"
    elf = sketches.build(sketch, LIBRARY.parent, folder)
    return sketches.run(elf, **recordings).splitlines()


def test_self_test(tmp_path: Path) -> None:
    assert printed("SelfTest", tmp_path) == ["6 7 14 -11", "self test passed"] * LOOPS


def test_camera(shared_data: Path, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(shared_data / "mlperf_tiny" / "vww01.zip")
    shown, sent = [], b""
    for name in sorted(archive.namelist())[:LOOPS]:
        photo = Image.open(io.BytesIO(archive.read(name))).convert("L").resize((160, 120))
        frame = np.asarray(photo)
        sent += frame.tobytes()
        blocks = frame[:, 20:140].astype(float).reshape(24, 5, 24, 5).mean((1, 3))
        shades = np.floor(blocks + 0.5).astype(int) * 9 // 256
        shown += ["".join("@%#*+=-. "[shade] for shade in row) for row in shades]
    assert printed("Camera", tmp_path, camera=sent) == shown


def test_microphone(shared_data: Path, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(shared_data / "kws" / "en.zip")
    names = sorted(archive.namelist())[:LOOPS]
    clips = [soundfile.read(io.BytesIO(archive.read(name)), dtype="int16")[0] for name in names]
    samples = np.concatenate(clips)
    blocks = samples[: LOOPS * 8000].astype(float).reshape(LOOPS, 8000)
    expected = 10 * np.log10((blocks**2).mean(1) / 2**29)
    lines = printed("Microphone", tmp_path, microphone=samples.tobytes())
    got = [float(line.removesuffix(" dB")) for line in lines]
    np.testing.assert_allclose(got, expected, atol=0.502)  # printed as whole numbers
    assert len(set(got)) > 1


def test_imu(shared_data: Path, tmp_path: Path) -> None:
    recorded = np.load(shared_data / "anomaly" / "fan.npz")
    fast = recorded["x"][recorded["speed"] == "high"][:LOOPS, :100] * recorded["lsb_g"]
    sent = np.concatenate([fast, np.zeros_like(fast)], -1).astype(np.float32)
    steps = fast.astype(np.float32) * np.float32(32)
    values = np.clip(np.trunc(steps + np.copysign(np.float32(0.5), steps)), -128, 127)
    expected = np.ptp(values, axis=1) / 32
    lines = printed("Imu", tmp_path, imu=sent.tobytes())
    got = [[float(axis) for axis in line.removesuffix(" g").split()] for line in lines]
    np.testing.assert_allclose(got, expected, atol=6e-5)
    assert expected.any()


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        ("Camera", "no OV7675 camera found: is it connected?"),
        ("Microphone", "the microphone does not start: is this the right board?"),
        ("Imu", "no inertial sensor found: is this the right board?"),
    ],
)
def test_missing_sensors_are_told(example: str, reason: str, tmp_path: Path) -> None:
    assert printed(example, tmp_path) == [reason]


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES} == {"SelfTest", "Camera", "Microphone", "Imu"}
