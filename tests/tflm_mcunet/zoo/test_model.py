# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tflm_mcunet.models import convolutions
from tests.tflm_mcunet.zoo import fake_zoo
from tflm_converters import reader, reference, writer
from tflm_mcunet import zoo
from tflm_mcunet.zoo import ZooError
from tflm_mcunet.zoo.inputs import ArrayInput
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import Reconstruction


@pytest.fixture
def photo() -> np.ndarray:
    shape = (fake_zoo.HEIGHT, fake_zoo.WIDTH, 3)
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def expected_scores(model: bytes, photo: np.ndarray) -> list[float]:
    """What the NumPy executor computes from a photo of the network's own size."""
    graph = reader.read_bytes(model, name="model")
    given, got = (graph.tensors[t].quantization for t in (*graph.inputs, *graph.outputs))
    assert given is not None and got is not None
    steps = (photo * np.float64(fake_zoo.SCALE) + fake_zoo.OFFSET) / np.float32(given.scale)
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + given.zero_point
    quantized = np.clip(rounded, -128, 127).astype(np.int8)[np.newaxis]
    output = reference.execute(graph, [quantized])[graph.outputs[0]]
    return ((output.ravel().astype(np.float32) - got.zero_point) * np.float32(got.scale)).tolist()


@pytest.mark.parametrize("row_fed", [False, True])
def test_prediction_is_that_of_the_original(
    site: Path, photo: np.ndarray, row_fed: bool, tmp_path: Path
) -> None:
    folder = fake_zoo.publish(site, "one_zoo")
    fake_zoo.add_model(folder, "tiny-photo", conversion={"row_fed": row_fed})
    model = zoo.load("tiny-photo")
    Image.fromarray(photo).save(tmp_path / "photo.png")
    expected = expected_scores(model.path.read_bytes(), photo)
    for source in (photo, tmp_path / "photo.png", photo):  # twice: nothing is left of the first
        prediction = model.predict(source)
        assert list(prediction.scores.values()) == expected
        assert prediction.label == model.labels[int(np.argmax(expected))]


def test_model_can_be_trained_on(zoo_folder: Path, photo: np.ndarray) -> None:
    """What comes of it is a float network that answers as the model does, but for rounding."""
    pytest.importorskip("tf_keras")
    model = zoo.load("tiny-photo")
    pixels = (photo[np.newaxis] * fake_zoo.SCALE + fake_zoo.OFFSET).astype(np.float32)
    network = model.trainable()
    got = network(pixels).numpy()[0]
    np.testing.assert_allclose(got, list(model.predict(photo).scores.values()), atol=0.05)
    assert len(network.trainable_weights) == len(network.weights) > 0


def test_model_knows_its_files(zoo_folder: Path) -> None:
    (zoo_folder / "tiny-photo" / "card.md").write_text("# A card")
    model = zoo.load("tiny-photo")
    assert model.card == "# A card"
    assert model.path == zoo_folder / "tiny-photo" / "model.tflite"
    assert model.converted_path.read_bytes() == model.converted
    assert model.labels == fake_zoo.LABELS


@pytest.mark.parametrize("file", ["model.tflite", "converted.tflite"])
def test_changed_files_are_refused(zoo_folder: Path, file: str) -> None:
    path = zoo_folder / "tiny-photo" / file
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ZooError, match=f"{file}' is not the published file: expected sha256"):
        zoo.load("tiny-photo")


def test_wrong_number_of_labels_is_an_error(site: Path, photo: np.ndarray) -> None:
    output = {"kind": "classes", "labels": ["a", "b", "c"]}
    fake_zoo.add_model(fake_zoo.publish(site, "one_zoo"), "tiny-photo", output=output)
    with pytest.raises(ZooError, match="expected an output for each of 3 labels, got 2"):
        zoo.load("tiny-photo").predict(photo)


def test_float_networks_run_until_their_output_is_no_reconstruction() -> None:
    graph = convolutions(float_io=True)
    shape = graph.tensors[0].shape[1:]
    pipeline = Pipeline(ArrayInput(shape), writer.write(graph), Reconstruction(threshold=1.0))
    in_another_shape = dataclasses.replace(pipeline, input=ArrayInput((*shape, 1)))
    for same in (pipeline, in_another_shape):
        with pytest.raises(ZooError, match="expected as many outputs as inputs"):
            same.predict(np.zeros(same.input.shape))
    smaller = dataclasses.replace(pipeline, input=ArrayInput((1,)))
    with pytest.raises(ValueError):
        smaller.predict(np.zeros(1))
