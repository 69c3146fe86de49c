# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tflm_mcunet.zoo import fake_zoo
from tflm_converters import writer
from tflm_converters.errors import ConversionError
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.verify import verify
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.model import ZooModel
from zoo.recipes.seal import check, seal


def test_a_sealed_entry_can_be_loaded(folder: Path) -> None:
    entry = seal(folder)
    model = ZooModel(entry)
    assert model.labels == fake_zoo.LABELS
    assert verify(model.original, model.converted, samples=5).identical


def test_sealing_again_changes_nothing(folder: Path) -> None:
    seal(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    seal(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": {"kind": "classes", "labels": ["a"]}}, "has 2 outputs, the entry 1 labels"),
        ({"input": {"kind": "array", "dimensions": [3]}}, r"takes \[1, 9, 7, 3\], .* gives \[3\]"),
    ],
)
def test_entries_that_do_not_suit_the_model(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    fake_zoo.write_entry(folder, **changes)
    with pytest.raises(ConversionError, match=message):
        seal(folder)
    assert not (folder / "converted.tflite").exists()


def test_two_inputs_are_refused(folder: Path) -> None:
    graph = fake_zoo.network()
    two = graph.replace(outputs=(graph.ops[0].output, *graph.outputs))
    (folder / "model.tflite").write_bytes(writer.write(two))
    with pytest.raises(ConversionError, match="expected one input and one output, got 1 and 2"):
        seal(folder)


def test_front_end_and_model_must_be_quantized_alike(folder: Path) -> None:
    """9 x 7 x 3 = 189 features: 27 frames of 7 bins."""
    graph = fake_zoo.network()
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    config = LogMelConfig(bins=7)
    seconds = (config.window + 26 * config.hop) / config.rate
    for_model = config.for_input(scale=quantization.scale, zero_point=quantization.zero_point)
    sound = {"kind": "log-mel", "config": for_model.to_json(), "seconds": seconds}
    fake_zoo.write_entry(folder, input=sound)
    check(Entry.read(folder))
    fake_zoo.write_entry(folder, input=sound | {"config": config.to_json()})
    with pytest.raises(ConversionError, match="for_input"):
        check(Entry.read(folder))
