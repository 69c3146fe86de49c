# SPDX-License-Identifier: Apache-2.0
"""How long inferences take, estimated from counts of instructions on an emulated Cortex-M4."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import numpy as np

from tflm_mcunet.search.layers import LayerKind, Layers

DEFAULT_CLOCK_HZ = 64_000_000
"""Of the nRF52840 on the Arduino Nano 33 BLE."""


def latency_ms(layers: Layers, clock_hz: int) -> np.ndarray:
    """Milliseconds at one instruction per cycle, float64 (networks,).

    An estimate on the low side: a core that waits for its flash takes longer.
    """
    return np.asarray(instructions(layers) / clock_hz * 1000)


def instructions(layers: Layers) -> np.ndarray:
    """Instructions of an inference on a Cortex-M4, an estimate, int64 (networks,)."""
    total = np.zeros(len(layers.kind), dtype=np.int64)
    for kind, factors in _instruction_factors().items():
        chosen = layers.is_any(LayerKind[kind.upper()])
        work = factors["per_mac"] * layers.macs + factors["per_output"] * layers.bytes
        # Whole numbers add up to the same in any order, hence in any batch.
        total += np.where(chosen, np.rint(work), 0).astype(np.int64).sum(axis=1)
    return total


@lru_cache(maxsize=1)
def _instruction_factors() -> dict[str, dict[str, float]]:
    """What benchmarks/instruction_model.py has found for each kind of layer."""
    text = (resources.files(__package__) / "instructions.json").read_text(encoding="utf-8")
    kinds: dict[str, dict[str, float]] = json.loads(text)["kinds"]
    return kinds
