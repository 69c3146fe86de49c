# SPDX-License-Identifier: Apache-2.0
"""MCUNetV2's patches on MobileNetV2 at 224: its arithmetic again, beside the paper's figures.

    python -m benchmarks.patches

Writes results/patches.json and results/patches.md.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from benchmarks import patches_page, results
from benchmarks.memory import DEAD_CHANNELS, references
from benchmarks.models import MOBILENET, SHARED_DATA
from benchmarks.results import Json
from tflm_converters import passes
from tflm_converters.emit.tflite import emit_tflite
from tflm_converters.graph import Kind
from tflm_converters.reader import read
from tflm_converters.schedule.boxes import row_needs
from tflm_converters.schedule.cost import layer_macs, stage_macs
from tflm_converters.schedule.evaluate import evaluate
from tflm_converters.schedule.grouping import layer_stage, patch_stage
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Schedule, Stage
from tflm_mcunet.conversion import convert
from tflm_mcunet.verify import verify

BLOCKS = 5
"""Blocks in the patch stage; the first convolution counts as one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=4, help="inputs of the comparison")
    options = parser.parse_args()
    path = MOBILENET.file(SHARED_DATA)
    figures = results.provenance("benchmarks.patches", packages=("tensorflow", "keras"))
    figures["paper"] = references()["patches"]
    figures["model"] = results.file_facts(path)
    network = build_network(passes.run(read(path), disabled={DEAD_CHANNELS}).graph)
    figures["analytic"] = analytic(network, figures["paper"]["patches"])
    figures["exact"] = exact(network, figures["paper"]["patches"], path, options.samples)
    figures["solver"] = [_solved(path, row_fed=row_fed) for row_fed in (False, True)]
    results.write("patches", figures, patches_page.page)


def analytic(network: Network, patches: int) -> Json:
    """What the paper computes: work with and without halos, and the largest layer."""
    last = end_of_blocks(network, BLOCKS)
    per_layer = layer_macs(network)
    stage = patch_stage(network, 0, last, (patches, patches))
    tile = full_tile(network, last, patches)
    output = network.bytes_of(network.layers[last - 1].output)
    layers = range(len(network.layers))
    return {
        "layers_in_patches": last,
        "output": list(network.layers[last - 1].extent),
        "macs": sum(per_layer),
        "stage_macs": sum(per_layer[:last]),
        "stage_macs_clipped": stage_macs(network, stage, per_layer),
        "stage_macs_full": tile.macs * patches**2,
        "patch_side": tile.sides[network.inputs[0]],
        "largest_patch_side_clipped": _largest_side(network, stage),
        "per_layer_bytes": max(whole_bytes(network, layer) for layer in layers),
        "patch_stage_bytes": tile.bytes + output,
        "behind_bytes": max(whole_bytes(network, layer) for layer in layers[last:]),
    }


def end_of_blocks(network: Network, count: int) -> int:
    """Layers in the first blocks: a convolution, then inverted residuals up to their ADD."""
    kinds = [network.graph.ops[layer.op].kind for layer in network.layers]
    projections = [i for i in range(1, len(kinds)) if kinds[i - 1] is Kind.DEPTHWISE_CONV]
    last = projections[count - 2] + 1
    return last + 1 if kinds[last] is Kind.ADD else last


# ---- The paper's arithmetic --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Tile:
    """One patch in the middle of the image: its halos are complete.

    `sides` gives rows (and columns) of each tensor, `bytes` the largest layer.
    """

    sides: dict[int, int]
    macs: int
    bytes: int


def full_tile(network: Network, last: int, patches: int) -> Tile:
    """A patch of the first layers of a network whose tensors and windows are square."""
    layers = network.layers[:last]
    sides = {layers[-1].output: layers[-1].extent.height // patches}
    for layer in reversed(layers):
        for access in layer.accesses:
            reach = (sides[layer.output] - 1) * access.rows.stride + access.rows.span
            sides[access.tensor] = max(reach, sides.get(access.tensor, 0))
    areas = {
        tensor: side**2 / (network.extents[tensor].height * network.extents[tensor].width)
        for tensor, side in sides.items()
    }
    shares = [areas[layer.output] for layer in layers]
    macs = sum(
        round(full * share) for full, share in zip(layer_macs(network), shares, strict=False)
    )
    return Tile(sides, macs, max(_layer_bytes(network, i, areas) for i in range(last)))


def whole_bytes(network: Network, layer: int) -> int:
    """Input and output of a layer; see `_layer_bytes`."""
    return _layer_bytes(network, layer, {})


def _layer_bytes(network: Network, position: int, areas: dict[int, float]) -> int:
    """Input and output of a layer, each by the share of its area that exists.

    The image is not counted, and a depthwise convolution works in place with one channel to
    spare, as in TinyEngine.
    """
    layer = network.layers[position]
    sources = {a.tensor for a in layer.accesses} - set(network.inputs)
    size = {t: network.bytes_of(t) * areas.get(t, 1.0) for t in (*sources, layer.output)}
    if network.graph.ops[layer.op].kind is Kind.DEPTHWISE_CONV:
        size[layer.output] /= layer.extent.channels
    return round(sum(size.values()))


def _largest_side(network: Network, stage: Stage) -> int:
    return row_needs(network, stage.groups[0])[network.inputs[0]].longest


# ---- The same schedule and the solver's, exactly -----------------------------------------------


def exact(network: Network, patches: int, path: Path, samples: int) -> Json:
    """The paper's schedule, planned by us and run: the image and all scratch are counted."""
    last = end_of_blocks(network, BLOCKS)
    behind = (layer_stage(network, i) for i in range(last, len(network.layers)))
    schedule = Schedule((patch_stage(network, 0, last, (patches, patches)), *behind))
    planned = evaluate(network, schedule)
    model = emit_tflite(network, planned.schedule, planned.layout, planned.plan)
    verdict = verify(path.read_bytes(), model, samples=samples)
    return {
        "peak_bytes": planned.peak,
        "macs": planned.macs,
        "samples": verdict.samples,
        "differing_bytes": verdict.differing_bytes,
    }


def _solved(path: Path, *, row_fed: bool) -> Json:
    made = convert(
        path, row_fed=row_fed, max_macs_ratio=1.1, disabled_passes=(DEAD_CHANNELS,), samples=0
    )
    return {
        "row_fed": row_fed,
        "peak_bytes": made.planned.peak,
        "macs": made.planned.macs,
    }


if __name__ == "__main__":
    main()
