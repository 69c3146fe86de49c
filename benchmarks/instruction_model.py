# SPDX-License-Identifier: Apache-2.0
"""Instructions per multiply-accumulate and per output of each kind of layer, for the search.

    python -m benchmarks.instruction_model

Fits what benchmarks/instructions.py has counted, layer by layer, and writes
tflm_mcunet/search/instructions.json, from which the search estimates latencies.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.models import REPOSITORY
from benchmarks.results import Json

TARGET = REPOSITORY / "tflm_mcunet" / "search" / "instructions.json"


def main() -> None:
    counted = results.read("instructions")
    samples: dict[str, list[tuple[int, int, int]]] = {}
    for model in counted["models"].values():
        for variant in model["variants"].values():
            for layer in variant["layers"]:
                kind = kind_of(layer)
                if kind is not None:
                    row = (
                        layer["macs"],
                        int(np.prod(layer["output_shape"])),
                        layer["instructions"],
                    )
                    samples.setdefault(kind, []).append(row)
    kinds = {kind: fit(rows) for kind, rows in sorted(samples.items())}
    made = {
        "provenance": results.provenance("benchmarks.instruction_model"),
        "counted": {key: counted[key] for key in ("command", "commit")},
        "kinds": kinds,
    }
    TARGET.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def kind_of(layer: Json) -> str | None:
    """The kind of layer that the search tells apart; None of those that it does not use."""
    kernel, operator = layer["kernel"], layer["operator"]
    if operator == "CONV":
        if layer["output_shape"][:2] == [1, 1]:
            return "fully_connected"
        return "pointwise" if kernel == [1, 1] else "conv"
    if operator == "DEPTHWISE":
        return "depthwise"
    if operator == "MEAN":
        return "mean"
    return "add" if operator == "ADD" else None


def fit(rows: list[tuple[int, int, int]]) -> dict[str, Any]:
    """Least relative squares of instructions = per_mac * macs + per_output * outputs.

    Both factors are at least 0. `median_error` is that of a single layer, relative.
    """
    macs, outputs, instructions = np.array(rows, dtype=float).T
    features = np.stack([macs, outputs], axis=1) / instructions[:, None]
    used = features.any(axis=0)
    factors = np.zeros(2)
    while True:
        found = np.linalg.lstsq(features[:, used], np.ones(len(rows)), rcond=None)[0]
        factors[used] = found
        if (found >= 0).all():
            break
        used &= factors > 0
        factors[:] = 0
    error = np.abs(features @ factors - 1)
    return {
        "per_mac": round(float(factors[0]), 4),
        "per_output": round(float(factors[1]), 4),
        "layers": len(rows),
        "median_error": round(float(np.median(error)), 3),
    }


if __name__ == "__main__":
    main()
