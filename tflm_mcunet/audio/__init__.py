# SPDX-License-Identifier: Apache-2.0
"""Fixed-point front ends and detectors: what the device computes around a model.

Everything here runs the device's own C code, so that training sees its very bytes.
"""

from tflm_mcunet.audio.anomaly import AnomalyConfig, AnomalyScorer
from tflm_mcunet.audio.config import LogMelConfig, LogSpectrumConfig
from tflm_mcunet.audio.detector import Detector, DetectorConfig, Listening
from tflm_mcunet.audio.log_mel import LogMel
from tflm_mcunet.audio.log_spectrum import LogSpectrum

__all__ = [
    "AnomalyConfig",
    "AnomalyScorer",
    "Detector",
    "DetectorConfig",
    "Listening",
    "LogMel",
    "LogMelConfig",
    "LogSpectrum",
    "LogSpectrumConfig",
]
