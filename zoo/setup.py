# SPDX-License-Identifier: Apache-2.0
"""Installs tflm_mcunet_zoo: models as package data, found by tflm-mcunet."""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
PACKAGE = ROOT / "tflm_mcunet_zoo"

setup(
    name="tflm-mcunet-zoo",
    version="0.1.0",
    description="Small int8 models for microcontrollers: visual wake words, keywords, anomalies",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=["tflm_mcunet_zoo"],
    package_data={
        "tflm_mcunet_zoo": [
            "py.typed",
            *sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("models/*/*")),
        ]
    },
    # Others publish zoos of their own by the same group.
    entry_points={"tflm_mcunet.zoo": ["tflm-mcunet-zoo=tflm_mcunet_zoo:MODELS"]},
    install_requires=[
        # What reads, checks and runs the models.
        "tflm-mcunet>=0.1,<1",
        # Photos and recordings that they are asked about; the ranges of tflm-mcunet's extras.
        "Pillow>=10,<14",
        "soundfile>=0.12,<0.15",
    ],
)
