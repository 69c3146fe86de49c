# SPDX-License-Identifier: Apache-2.0
"""The models that the figures are about, and where they come from."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@dataclasses.dataclass(frozen=True)
class KerasSource:
    """MobileNetV2 as Keras builds it: width multiplier, and side of its square input."""

    alpha: float
    side: int


@dataclasses.dataclass(frozen=True)
class BenchmarkModel:
    """A model of the memory table; `source` is a path below the data folder, or Keras."""

    key: str
    title: str
    source: str | KerasSource

    def file(self, data: Path) -> Path:
        """The `.tflite` file; a Keras model is built if it is not in the cache yet."""
        if isinstance(self.source, str):
            return data / self.source
        from benchmarks import keras_models  # late: it imports TensorFlow when it builds

        return keras_models.cached(self.key, self.source)


TABLE_MODELS = (
    BenchmarkModel("mcunet_vww1", "MCUNet vww1, 80×80", "models/tinyengine_vww.tflite"),
    BenchmarkModel("vww_96", "MLPerf Tiny vww, 96×96", "mlperf_tiny/models/vww_96_int8.tflite"),
    BenchmarkModel(
        "kws", "MLPerf Tiny KWS (DS-CNN)", "mlperf_tiny/models/kws_ref_model_int8.tflite"
    ),
    BenchmarkModel("resnet8", "MLPerf Tiny ResNet-8", "mlperf_tiny/models/resnet_ic_int8.tflite"),
    BenchmarkModel(
        "mcunetv2_large", "MCUNetV2 large, 224×224", "models/tinyengine_mcunetv2_large.tflite"
    ),
    BenchmarkModel("mobilenetv2_035_144", "MobileNetV2 0.35, 144×144", KerasSource(0.35, 144)),
    BenchmarkModel("mobilenetv2_100_224", "MobileNetV2 1.0, 224×224", KerasSource(1.0, 224)),
)
"""The models of the memory table."""

MOBILENET = TABLE_MODELS[-1]
"""The network on which MCUNetV2 reports its patches."""


def data_files(data: Path) -> list[Path]:
    """Every `.tflite` file in the data folder, sorted by path."""
    return sorted(data.rglob("*.tflite"))


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """`--data`: the folder of models that are not in this repository."""
    parser.add_argument(
        "--data",
        type=Path,
        default=SHARED_DATA,
        metavar="DIR",
        help="folder with models/ and mlperf_tiny/; default: ../shared/data",
    )
