# SPDX-License-Identifier: Apache-2.0
"""Hostile files: whatever the bytes, reading ends in a graph or in one clear error, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as tflite

from tests.converters.model_files import damaged
from tests.networks import random_network
from tflm_converters import flatbuffer_check, reader, writer
from tflm_converters.errors import ConversionError, ModelFileError

MUTATIONS = 1000
SECONDS_PER_FILE = 10
SMALL_FILE = 400_000


def outcome(model: bytes) -> str:
    """ "read" or the name of the error; anything else than a ConversionError fails the test."""
    start = time.monotonic()
    try:
        reader.read_bytes(model, name="model")
        result = "read"
    except ConversionError as error:
        assert str(error).startswith("model: ") and "\n" not in str(error)
        result = type(error).__name__
    assert time.monotonic() - start < SECONDS_PER_FILE
    return result


def test_damaged_networks() -> None:
    models = [writer.write(random_network(seed)) for seed in range(20)]
    outcomes = {outcome(damaged(models[seed % 20], seed)) for seed in range(MUTATIONS)}
    assert {"read", "ModelFileError", "UnsupportedModelError"} <= outcomes


def test_damaged_real_models(shared_data: Path) -> None:
    files = sorted(shared_data.glob("**/*.tflite"))
    models = [file.read_bytes() for file in files if file.stat().st_size < SMALL_FILE]
    outcomes = {outcome(damaged(models[seed % len(models)], seed)) for seed in range(MUTATIONS)}
    assert {"read", "ModelFileError"} <= outcomes


def test_every_truncation_is_an_error() -> None:
    model = writer.write(random_network(1, max_ops=3))
    flatbuffer_check.check_model(model)
    for size in range(0, len(model) - 16, 7):
        assert outcome(model[:size]) != "read", f"{size} of {len(model)} bytes"


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL4" + bytes(64), bytes(1000)])
def test_other_files_are_not_models(content: bytes) -> None:
    with pytest.raises(ModelFileError, match="not a TensorFlow Lite model"):
        flatbuffer_check.check_model(content)


def test_root_outside_the_file() -> None:
    with pytest.raises(ModelFileError, match="breaks at byte 4294967295 of 104"):
        flatbuffer_check.check_model(b"\xff\xff\xff\xffTFL3" + bytes(96))


def test_vector_longer_than_the_file() -> None:
    model = bytearray(writer.write(random_network(2, max_ops=2)))
    root = tflite.Model.GetRootAs(bytes(model), 0)
    buffers = root._tab.Vector(root._tab.Offset(12)) - 4  # where the vector's length is
    model[buffers : buffers + 4] = (2**31).to_bytes(4, "little")
    with pytest.raises(ModelFileError, match=f"breaks at byte {buffers + 4} "):
        flatbuffer_check.check_model(bytes(model))


def _tables(builder: flatbuffers.Builder, table: int, count: int) -> int:
    """A vector that refers `count` times to one table."""
    builder.StartVector(4, count, 4)
    for _ in range(count):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _shared_model(subgraphs: int, tensors: int, name: str = "t") -> bytes:
    """A small file whose subgraphs are all one, whose tensors too: a large model if unpacked."""
    builder = flatbuffers.Builder(1 << 16)
    text = builder.CreateString(name)
    tflite.TensorStart(builder)
    tflite.TensorAddName(builder, text)
    vector = _tables(builder, tflite.TensorEnd(builder), tensors)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, vector)
    vector = _tables(builder, tflite.SubGraphEnd(builder), subgraphs)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddSubgraphs(builder, vector)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    "model",
    [_shared_model(2000, 2000), _shared_model(1, 200_000), _shared_model(1, 300, "t" * 100_000)],
    ids=["nested tables", "many tables", "one long name"],
)
def test_sharing_cannot_blow_a_file_up(model: bytes) -> None:
    with pytest.raises(ModelFileError, match="structure breaks"):
        flatbuffer_check.check_model(model)


def test_moderate_sharing_is_fine() -> None:
    flatbuffer_check.check_model(_shared_model(1, 8, "t" * 1000))
