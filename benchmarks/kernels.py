# SPDX-License-Identifier: Apache-2.0
"""Instructions per multiply-accumulate of single layers, portable and DSP kernels.

    python -m benchmarks.kernels

Runs on the emulated Cortex-M4; writes results/kernels.json and results/kernels.md. The peers'
figures are for the same shapes, measured with the same method (see `PEERS`).
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np
from tqdm import tqdm

from benchmarks import results
from benchmarks.results import Json
from tests.arduino.program_builder import build_program, per_layer
from tests.network_builder import NetworkBuilder
from tflm_converters import reference
from tflm_converters.graph import Graph
from tflm_mcunet.emulator.measurement import measure
from tflm_mcunet.emulator.toolchain import Build
from tflm_mcunet.report.text import Table

VARIANTS = {"portable": ("TMC_PORTABLE",), "dsp": ()}
OPTIMIZATION = "-O2"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution on a square image; depthwise if it has no output channels of its own.

    `cmsis_nn` and `tinyengine` are instructions per multiply-accumulate of the fastest exact
    variant of each peer, for the same layer.
    """

    side: int
    depth: int
    channels: int | None
    kernel: int
    stride: int
    cmsis_nn: float
    tinyengine: float

    @property
    def title(self) -> str:
        image = f"{self.side}×{self.side}×{self.depth}"
        if self.channels is None:
            return f"depthwise {self.kernel}×{self.kernel} s{self.stride}, {image}"
        kind = "pointwise" if self.kernel == 1 else f"{self.kernel}×{self.kernel} s{self.stride}"
        return f"{kind}, {image} → {self.channels}"

    def graph(self) -> Graph:
        """The layer alone, with random weights and a scale for each channel."""
        builder = NetworkBuilder()
        image = builder.input(self.side, self.side, self.depth)
        if self.channels is None:
            builder.depthwise(image, kernel=self.kernel, stride=self.stride)
        else:
            builder.conv(image, self.channels, kernel=self.kernel, stride=self.stride)
        return builder.build()


PEERS = (
    "CMSIS-NN 99f736a63036 at -O3, and TinyEngine 47bb283ce9d7 with integer requantization at "
    "-Ofast, which is not exact, on the same emulated core"
)
LAYERS = (
    Layer(20, 16, 96, 1, 1, 3.97, 4.02),
    Layer(10, 96, 24, 1, 1, 1.88, 2.12),
    Layer(5, 240, 80, 1, 1, 1.73, 1.82),
    Layer(20, 96, None, 3, 1, 8.61, 8.78),
    Layer(20, 96, None, 3, 2, 8.61, 11.06),
    Layer(20, 96, None, 5, 1, 9.26, 4.99),
    Layer(20, 96, None, 5, 2, 9.26, 5.81),
    Layer(20, 96, None, 7, 1, 8.30, 3.81),
    Layer(20, 96, None, 7, 2, 8.30, 4.32),
    Layer(10, 144, None, 3, 1, 8.35, 9.19),
    Layer(10, 144, None, 3, 2, 8.36, 12.45),
    Layer(10, 144, None, 5, 1, 8.91, 5.15),
    Layer(10, 144, None, 5, 2, 8.92, 6.40),
    Layer(10, 144, None, 7, 1, 7.88, 3.90),
    Layer(10, 144, None, 7, 2, 7.89, 4.69),
    Layer(96, 3, 16, 3, 2, 4.82, 2.82),
)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    figures = results.provenance("benchmarks.kernels")
    figures["optimization"] = OPTIMIZATION
    figures["peers"] = PEERS
    figures["layers"] = [measured(layer) for layer in tqdm(LAYERS, desc="kernels")]
    results.write("kernels", figures, page)


def measured(layer: Layer) -> Json:
    """All figures of one layer."""
    graph = layer.graph()
    program = build_program(graph, per_layer(graph))
    rng = np.random.default_rng(0)
    image = rng.integers(-128, 128, graph.tensors[graph.inputs[0]].shape, dtype=np.int8)
    expected = reference.execute(graph, [image])[graph.outputs[0]]
    figures: Json = {"title": layer.title}
    for variant, defines in VARIANTS.items():
        build = Build(optimization=OPTIMIZATION, defines=defines, profile=True)
        result = measure(program.options, program.parameters, [[image]], build=build)
        (operator,) = result.operators
        output = result.runs[0].outputs[0]
        figures["macs"] = operator.macs
        figures[variant] = {
            "instructions": operator.instructions,
            "instructions_per_mac": operator.instructions / operator.macs,
            "stack_bytes": result.stack_bytes,
            "differing_bytes": int(np.count_nonzero(output.ravel() != expected.ravel())),
        }
    return figures | {"cmsis_nn": layer.cmsis_nn, "tinyengine": layer.tinyengine}


def page(figures: Json) -> str:
    """The figures as a page."""
    headers = ("<layer", "MACs", "portable", "DSP", "CMSIS-NN", "TinyEngine", "differing bytes")
    rows = tuple(_row(layer) for layer in figures["layers"])
    return "\n\n".join(
        (
            "# Single layers: instructions per multiply-accumulate",
            "Emulated Cortex-M4, whole layer in one call, padded taps counted as "
            f"multiply-accumulates; ours at {figures['optimization']}. Peers: "
            f"{figures['peers']}.",
            results.markdown(Table(headers, rows)),
            results.provenance_text(figures) + "\n",
        )
    )


def _row(layer: Json) -> tuple[str, ...]:
    variants = [layer[variant] for variant in VARIANTS]
    return (
        layer["title"],
        f"{layer['macs']:,}",
        *(f"{variant['instructions_per_mac']:.2f}" for variant in variants),
        f"{layer['cmsis_nn']:.2f}",
        f"{layer['tinyengine']:.2f}",
        str(sum(variant["differing_bytes"] for variant in variants)),
    )


if __name__ == "__main__":
    main()
