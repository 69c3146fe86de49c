# SPDX-License-Identifier: Apache-2.0
"""The int8 variants of a classifier: quantized after training, and trained on aware of it.

The latter begins at the former's weights, batch normalizations folded: at the network as it runs.
"""

from __future__ import annotations

from tflm_mcunet.quantize import quantize
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.learning import representative
from tflm_mcunet.search.material import Material
from tflm_mcunet.trainable import trainable

PTQ, QAT, FLOAT = "int8-ptq", "int8-qat", "fp32"

EPOCHS, RATE = 8, 3e-4
"""Of training aware of quantization."""

CLEARLY = 0.005
"""Share of right answers by which that must be better to be chosen.

A preference, no proof: of 900 examples it is hardly more than chance.
"""


def aware(ptq: bytes, made: Material, *, progress: bool = True) -> bytes:
    """An int8 network, trained on aware of quantization.

    Args:
        ptq: content of the `.tflite` file, quantized after training.
        made: what it learns from.
        progress: whether to show a bar on stderr.
    """
    network = trainable(ptq)
    size: Size = network.input_shape[1:3]
    return quantize(
        network,
        representative(made.evaluation("calibration", size)),
        qat=lambda epoch: made.train(epoch, size),
        epochs=EPOCHS,
        learning_rate=RATE,
        progress=progress,
    )


def better(validation: dict[str, float]) -> str:
    """The variant to release: the one trained aware of it only if it is clearly better."""
    return QAT if validation[QAT] > validation[PTQ] + CLEARLY else PTQ


def training() -> str:
    """How the latter is made, as text."""
    return f"{EPOCHS} epochs at {RATE:g} from int8"
