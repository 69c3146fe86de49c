# SPDX-License-Identifier: Apache-2.0
"""Models of Keras 3, rebuilt in tf_keras (Keras 2) from what `get_config` says of them."""

from __future__ import annotations

import inspect
from typing import Any

import tf_keras

_INITIAL = ("_initializer", "_regularizer", "_constraint")
"""Ends of the names of options that matter before training alone; the two do not agree on them."""


def rebuilt(model: Any) -> tf_keras.Model:
    """The model with its weights.

    Args:
        model: a functional or sequential model of Keras 3.

    Raises:
        ValueError, TypeError, KeyError: tf_keras does not know a layer or one of its options, or a
            layer is used twice.
    """
    config = model.get_config()
    tensors: dict[str, Any] = {}
    previous: list[str] = []
    for entry in config["layers"]:
        name = entry["config"]["name"]
        sources = _sources(entry["inbound_nodes"]) if "inbound_nodes" in entry else previous
        tensors[name] = _output(entry, [tensors[source] for source in sources])
        previous = [name]
    inputs, outputs = ([_layer_of(spec) for spec in _ends(config, end, tensors)] for end in (0, 1))
    built = tf_keras.Model(
        [tensors[name] for name in inputs], [tensors[name] for name in outputs], name=model.name
    )
    for layer in model.layers:
        built.get_layer(layer.name).set_weights(layer.get_weights())
    return built


def _output(entry: dict[str, Any], inputs: list[Any]) -> Any:
    """What a layer of tf_keras makes of its inputs."""
    config, kind = entry["config"], entry["class_name"]
    if kind == "InputLayer":
        return tf_keras.Input(config["batch_shape"][1:], name=config["name"])
    if kind not in vars(tf_keras.layers):
        raise ValueError(f"tf_keras has no layer {kind}")
    layer = vars(tf_keras.layers)[kind](**_options(vars(tf_keras.layers)[kind], config))
    return layer(inputs[0] if len(inputs) == 1 else inputs)


def _options(layer: type, config: dict[str, Any]) -> dict[str, Any]:
    """Of a layer's options those that tf_keras has, too; others must be unset."""
    known = {name for base in layer.__mro__ for name in inspect.signature(base).parameters}
    known |= {"name", "trainable"}
    kept = {
        name: value
        for name, value in config.items()
        if name != "dtype" and not name.endswith(_INITIAL)
    }
    for name in [name for name in kept if name not in known]:
        if kept.pop(name):
            raise ValueError(f"layer {config['name']}: tf_keras knows no option {name}")
    return kept


def _sources(nodes: list[dict[str, Any]]) -> list[str]:
    """Names of the layers whose outputs a layer reads."""
    if len(nodes) > 1:
        raise ValueError("a layer is used more than once")
    if not nodes:
        return []
    (argument, *_) = nodes[0]["args"]
    many = argument if isinstance(argument, list) else [argument]
    return [_layer_of(tensor["config"]["keras_history"]) for tensor in many]


def _ends(config: dict[str, Any], end: int, tensors: dict[str, Any]) -> list[Any]:
    """Input (0) or output (1) layers; a sequential model names none."""
    specs = config.get(("input_layers", "output_layers")[end])
    if specs is None:
        return [[list(tensors)[-end]]]
    return specs if isinstance(specs[0], list) else [specs]


def _layer_of(history: list[Any]) -> str:
    return str(history[0])
