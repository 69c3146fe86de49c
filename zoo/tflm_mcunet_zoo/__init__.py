# SPDX-License-Identifier: Apache-2.0
"""Models for `tflm_mcunet.zoo`, as data: one folder each."""

from pathlib import Path

MODELS = Path(__file__).parent / "models"
"""A folder for each model; `tflm_mcunet.zoo.entry` says what is in it."""
