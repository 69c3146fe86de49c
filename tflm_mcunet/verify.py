# SPDX-License-Identifier: Apache-2.0
"""Byte by byte: is a converted model the original? And if not, from which layer on?"""

from __future__ import annotations

import contextlib
import dataclasses

from tflm_mcunet.comparison import Comparison, Model, Parity, Progress
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.locate import Convert, Location, locate


@dataclasses.dataclass(frozen=True)
class Verdict(Parity):
    """A parity, and where a difference comes from if that was asked for."""

    location: Location | None = None


def verify(
    original: bytes,
    converted: bytes,
    *,
    samples: int = 100,
    seed: int = 0,
    progress: Progress = lambda done, wanted: None,
    convert: Convert | None = None,
    names: tuple[str, str] = ("original model", "converted model"),
    host: HostProcess | None = None,
) -> Verdict:
    """Runs both models on the same inputs and compares all bytes of all outputs.

    The original runs in TFLite-Micro's reference kernels, the converted one in the same
    interpreter with our operator.

    Args:
        original: content of a `.tflite` file.
        converted: content of the file made from it.
        samples: how many inputs to try; see `tflm_mcunet.samples`.
        seed: chooses other inputs.
        progress: called as samples are done.
        convert: makes a converted file of an original one, as `converted` was made. With
            it, a difference is traced to the layer that it comes from.
        names: of the two models, for error messages.
        host: the process to run in; by default a new one.

    Raises:
        ModelFileError: a file is damaged, or the two do not have the same inputs and outputs.
        UnsupportedModelError: TFLite-Micro refuses one of the models.
    """
    first = Model.parse(original, name=names[0])
    second = Model.parse(converted, name=names[1])
    with contextlib.nullcontext(host) if host is not None else HostProcess() as process:
        comparison = Comparison(first, second, process)
        parity = comparison.run(
            range(samples), seed=seed, progress=lambda done: progress(done, samples)
        )
        location = None
        if parity.first is not None and convert is not None:
            location = locate(first, convert, sample=parity.first.sample, seed=seed, host=process)
    return Verdict(**vars(parity), location=location)
