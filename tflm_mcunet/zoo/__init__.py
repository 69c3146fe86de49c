# SPDX-License-Identifier: Apache-2.0
"""Pretrained models: found in the installed zoos, checked, and run on this machine.

Example:
    >>> from tflm_mcunet import zoo
    >>> model = zoo.load("vww-s")
    >>> model.predict("photo.jpg").label
    'person'

A zoo is a distribution of its own, such as tflm-mcunet-zoo; see `catalogue.GROUP` for how to
publish another. Nothing is downloaded here.
"""

from __future__ import annotations

from tflm_mcunet.zoo.catalogue import entry, names
from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.model import ZooModel, load
from tflm_mcunet.zoo.outputs import Prediction

__all__ = ["Prediction", "ZooError", "ZooModel", "entry", "load", "names"]
