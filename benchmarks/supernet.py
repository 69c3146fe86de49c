# SPDX-License-Identifier: Apache-2.0
"""What sharing weights costs: a supernet's steps beside those of the same networks by themselves.

    python -m benchmarks.supernet

Both are timed in turns in one process. Also extracts 50 random networks and compares their outputs
with those inside the supernet. Writes results/supernet.json and results/supernet.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import results
from benchmarks.results import Json
from tflm_mcunet.report.text import Table
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.space import SearchSpace, image_space

SPACE = image_space(classes=2, resolutions=(64, 80, 96), width_multiplier=0.5)
BATCH = 32
NETWORKS_PER_STEP = 4
EXTRACTED = 50
SEED = 0

Step = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=12, help="random networks, by fours")
    parser.add_argument("--rounds", type=int, default=4, help="timings of each network")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    rng = np.random.default_rng(SEED)
    networks = [SPACE.sample(rng) for _ in range(options.networks)]
    figures = results.provenance("benchmarks.supernet", packages=("tensorflow", "tf_keras"))
    figures |= {"space": SPACE.name, "batch": BATCH, "cores": os.cpu_count()}
    figures["speed"] = speed(networks, options.rounds)
    figures["extraction"] = extraction(EXTRACTED)
    results.write("supernet", figures, page)


def speed(networks: Sequence[Architecture], rounds: int) -> Json:
    """Seconds and processor seconds of a round over all networks, by both ways."""
    images = np.random.default_rng(SEED).normal(size=(BATCH, *SPACE.input_shapes[-1]))
    labels = np.arange(BATCH, dtype=np.int32) % SPACE.classes
    shared = shared_steps(networks, images.astype(np.float32), labels)
    alone, macs = zip(
        *(step_alone(network, images, labels) for network in tqdm(networks, desc="tracing")),
        strict=True,
    )
    figures: Json = {"networks": len(networks), "mean_macs": float(np.mean(macs))}
    figures["shared_unseen"] = timed(shared)
    for _ in tqdm(range(rounds), desc="timing"):
        for name, steps in (("alone", alone), ("shared", shared)):
            figures.setdefault(name, []).append(timed(steps))
    return figures


def timed(steps: Sequence[Step]) -> Json:
    """What it takes to run all steps."""
    wall, processor = time.perf_counter(), time.process_time()
    for step in steps:
        step()
    return {
        "seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor,
    }


def shared_steps(
    networks: Sequence[Architecture], images: np.ndarray, labels: np.ndarray
) -> list[Step]:
    """Steps of a supernet, each for some networks; traced, but with none of these."""
    import tensorflow as tf

    from tflm_mcunet.search.shared_step import SharedStep
    from tflm_mcunet.search.supernet import Supernet

    supernet = Supernet(SPACE, seed=SEED)
    optimizer = _optimizer(supernet.trainable_variables)
    strategy = tf.distribute.get_strategy()
    step = SharedStep(supernet, optimizer, strategy, label_smoothing=0.1, distillation=1.0)
    step(images, labels, [supernet.choices(SPACE.smallest())] * NETWORKS_PER_STEP)
    chosen = [supernet.choices(network) for network in networks]
    groups = [chosen[i : i + NETWORKS_PER_STEP] for i in range(0, len(chosen), NETWORKS_PER_STEP)]
    return [lambda group=group: step(images, labels, group) for group in groups]  # type: ignore


def step_alone(
    architecture: Architecture, images: np.ndarray, labels: np.ndarray
) -> tuple[Step, int]:
    """A traced step of a network by itself, on images of its size, and its MACs."""
    import tensorflow as tf

    from tflm_mcunet.search import keras_model

    model = keras_model.build(architecture)
    variables = model.trainable_variables
    optimizer = _optimizer(variables)
    inputs = tf.cast(tf.image.resize(images, architecture.input_shape[:2]), tf.float32)

    def step() -> Any:
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(loss)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    traced = tf.function(step)
    traced()
    return lambda: traced().numpy(), multiply_accumulates(model)


def multiply_accumulates(model: Any) -> int:
    """Of the convolutions and the classifier, for one image."""
    total = 0
    for layer in model.layers:
        pixels = int(np.prod(layer.output_shape[1:-1], dtype=int))
        if hasattr(layer, "depthwise_kernel"):
            total += pixels * int(np.prod(layer.depthwise_kernel.shape))
        elif hasattr(layer, "kernel"):
            total += pixels * int(np.prod(layer.kernel.shape))
    return total


def _optimizer(variables: Sequence[Any]) -> Any:
    import tf_keras

    optimizer = tf_keras.optimizers.SGD(0.01, momentum=0.9, jit_compile=False)
    optimizer.build(variables)
    return optimizer


def extraction(count: int, space: SearchSpace = SPACE) -> Json:
    """The greatest difference between logits of random networks inside and outside."""
    import tensorflow as tf

    from tflm_mcunet.search.extraction import calibrate, extract
    from tflm_mcunet.search.supernet import Supernet

    supernet, rng = Supernet(space, seed=SEED), np.random.default_rng(SEED + 1)
    images = rng.normal(size=(8, *space.input_shapes[-1])).astype(np.float32)
    differences, magnitudes = [], []
    for _ in tqdm(range(count), desc="extracting"):
        architecture = space.sample(rng)
        statistics = calibrate(supernet, architecture, [(images, None)])
        expected = supernet.predict(images, supernet.choices(architecture), statistics).numpy()
        model = extract(supernet, architecture, statistics)
        got = model(tf.image.resize(images, architecture.input_shape[:2]), training=False)
        differences.append(float(np.abs(got - expected).max()))
        magnitudes.append(float(np.abs(expected).max()))
    return {
        "networks": count,
        "greatest_difference": max(differences),
        "greatest_logit": max(magnitudes),
        "traces": supernet.predict.traces,
    }


def ratio(speed: Json, unit: str) -> float:
    """Time of the supernet's steps relative to the same networks by themselves, in all rounds."""
    shared, alone = (sum(r[unit] for r in speed[name]) for name in ("shared", "alone"))
    return float(shared / alone)


def page(figures: Json) -> str:
    """The figures as a page."""
    speed, extracted = figures["speed"], figures["extraction"]
    rows = tuple(
        _row(title, speed, unit)
        for title, unit in (("elapsed", "seconds"), ("processor", "processor_seconds"))
    )
    headers = ("<time", "alone", "in the supernet", "ratio", "networks not seen before")
    return "\n\n".join(
        (
            "# Supernet: speed and extraction",
            f"{speed['networks']} random networks of the space {figures['space']}, "
            f"{speed['mean_macs'] / 1e6:.1f}M MACs on average, batches of {figures['batch']}: "
            "forward and backward pass and update, seconds per network and step, in turns in one "
            f"process, {len(speed['shared'])} rounds on {figures['cores']} cores. Alone: a plain "
            "Keras model of its own, traced, on images that have its size already.",
            results.markdown(Table(headers, rows)),
            f"{extracted['networks']} random networks extracted: logits differ from the "
            f"supernet's by at most {extracted['greatest_difference']:.1e}, where the greatest "
            f"is {extracted['greatest_logit']:.2f}; {extracted['traces']} trace.",
            results.provenance_text(figures) + "\n",
        )
    )


def _row(title: str, speed: Json, unit: str) -> tuple[str, ...]:
    alone, shared = (
        np.mean([r[unit] for r in speed[name]]) / speed["networks"] for name in ("alone", "shared")
    )
    unseen = speed["shared_unseen"][unit] / speed["networks"]
    return title, f"{alone:.3f}", f"{shared:.3f}", f"{ratio(speed, unit):.2f}", f"{unseen:.3f}"


if __name__ == "__main__":
    main()
