# SPDX-License-Identifier: Apache-2.0
"""Real models, converted in every mode, against the originals in TFLite-Micro."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.results import Json
from tflm_converters.errors import ConversionError
from tflm_mcunet import inference
from tflm_mcunet.comparison import Model
from tflm_mcunet.conversion import convert
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.samples import sample
from tflm_mcunet.verify import verify

MODES: dict[str, dict[str, Any]] = {
    "layer": {"mode": "layer"},
    "patch": {"mode": "patch", "max_macs_ratio": math.inf},
    "stream": {"mode": "stream"},
    "auto": {},
    "auto, any MACs": {"max_macs_ratio": math.inf},
    "row-fed": {"row_fed": True},
    "row-fed, any MACs": {"row_fed": True, "max_macs_ratio": math.inf},
}
"""Options of `convert`."""


def compare(path: Path, *, samples: int, host: HostProcess) -> Json:
    """Converts one model in every mode and compares the outputs.

    Returns:
        `file`, `file_bytes`, `sha256`; `error`: why TFLite-Micro or the converter does not
        take the model, or None; `modes`: for each mode, an error or the figures.
    """
    facts = results.file_facts(path)
    try:
        content = path.read_bytes()
        original = Model.parse(content, name=path.name)
        inputs = sample([original.graph.tensors[t] for t in original.graph.inputs], 0)
        host.call(inference.run, content, [inputs], subject=path.name)
        convert(path, samples=0)
    except ConversionError as error:
        return {**facts, "error": str(error), "modes": {}}
    once = _OriginalOnce(original, host)
    modes = {name: _compare(path, options, samples, once) for name, options in MODES.items()}
    return {**facts, "error": None, "modes": modes}


def _compare(path: Path, options: dict[str, Any], samples: int, host: HostProcess) -> Json:
    try:
        made = convert(path, **options, samples=0)
    except ConversionError as error:
        return {"error": str(error)}
    verdict = verify(path.read_bytes(), made.model, samples=samples, host=host)
    return {
        "peak_bytes": made.planned.peak,
        "macs_ratio": made.planned.macs / max(made.solution.layer_macs, 1),
        "samples": verdict.samples,
        "compared_bytes": verdict.compared_bytes,
        "differing_bytes": verdict.differing_bytes,
    }


class _OriginalOnce(HostProcess):
    """A host that keeps what the original computes: it is the same for every mode."""

    def __init__(self, original: Model, host: HostProcess) -> None:
        super().__init__()
        self._original, self._host = original, host
        self._known: dict[bytes, Any] = {}

    def call(
        self, function: Any, *arguments: Any, subject: str, timeout: float | None = None
    ) -> Any:
        if function is not inference.run or arguments[0] != self._original.content:
            return self._host.call(function, *arguments, subject=subject, timeout=timeout)
        samples = pickle.dumps(arguments[1])
        if samples not in self._known:
            self._known[samples] = self._host.call(function, *arguments, subject=subject)
        return self._known[samples]
