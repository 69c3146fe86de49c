# SPDX-License-Identifier: Apache-2.0
"""Reading: attributes, what stays pass-through, and every refusal with its message."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tflite

from tests.converters.model_files import edited
from tests.networks import NetworkBuilder
from tflm_converters import reader, writer
from tflm_converters.errors import ModelFileError, UnsupportedModelError
from tflm_converters.graph import (
    ABSENT,
    Activation,
    Kind,
    MeanAttributes,
    PadAttributes,
    Padding,
    PassThroughAttributes,
    Window,
)

Edit = Callable[[Any], None]


def network() -> bytes:
    """CONV, DEPTHWISE_CONV, PAD, MEAN, FULLY_CONNECTED, SOFTMAX on 9 x 8 x 3."""
    builder = NetworkBuilder(1)
    x = builder.conv(
        builder.input(9, 8, 3), 4, kernel=(4, 3), stride=2, activation=Activation.RELU6
    )
    x = builder.depthwise(x, kernel=3, dilation=2, multiplier=2)
    x = builder.mean(builder.pad(x, (1, 2), (0, 3), value=5))
    builder.softmax(builder.fully_connected(x, 5), beta=0.5)
    return writer.write(builder.build())


MODEL = network()
CONV, DEPTHWISE, PAD, MEAN, FULLY_CONNECTED, SOFTMAX = range(6)


def main(model: Any) -> Any:
    return model.subgraphs[0]


def operator(model: Any, index: int) -> Any:
    return main(model).operators[index]


def operand(model: Any, op: int, position: int) -> Any:
    """The TensorT at an operator's input position."""
    return main(model).tensors[operator(model, op).inputs[position]]


def output(model: Any, op: int) -> Any:
    return main(model).tensors[operator(model, op).outputs[0]]


def refuse(edit: Edit, error: type[Exception], *fragments: str) -> None:
    """Reading the edited model must fail with one line that names the file and says all this."""
    with pytest.raises(error) as caught:
        reader.read_bytes(edited(MODEL, edit), name="edited.tflite")
    message = str(caught.value)
    assert message.startswith("edited.tflite: ") and "\n" not in message
    for fragment in fragments:
        assert fragment in message


def set_fields(path: Callable[[Any], Any], **fields: Any) -> Edit:
    """An edit that sets fields of the schema object that `path` finds."""

    def edit(model: Any) -> None:
        for name, value in fields.items():
            assert hasattr(path(model), name)
            setattr(path(model), name, value)

    return edit


class TestAttributes:
    graph = reader.read_bytes(MODEL, name="model")

    def test_same_becomes_explicit_padding(self) -> None:
        attributes = self.graph.ops[CONV].attributes
        assert attributes.window == Window(2, 2, 1, 1, Padding(1, 2, 0, 1))
        assert attributes.activation is Activation.RELU6

    def test_depthwise(self) -> None:
        attributes = self.graph.ops[DEPTHWISE].attributes
        assert attributes.window == Window(1, 1, 2, 2, Padding(2, 2, 2, 2))
        assert attributes.depth_multiplier == 2

    def test_operands_become_attributes(self) -> None:
        pads = ((0, 0), (1, 2), (0, 3), (0, 0))
        assert self.graph.ops[PAD].attributes == PadAttributes(pads, 5)
        assert self.graph.ops[MEAN].attributes == MeanAttributes((1, 2), True)
        assert len(self.graph.ops[PAD].inputs) == len(self.graph.ops[MEAN].inputs) == 1
        assert self.graph.ops[SOFTMAX].attributes.beta == 0.5

    def test_constants_are_views_of_the_file(self) -> None:
        weights = self.graph.tensors[self.graph.ops[CONV].inputs[1]]
        assert weights.data.shape == (4, 4, 3, 3) and weights.data.dtype == np.int8
        assert not weights.data.flags.owndata and not weights.data.flags.writeable
        assert weights.quantization.scales.shape == (4,)


def read_edited(edit: Edit) -> Any:
    return reader.read_bytes(edited(MODEL, edit), name="edited.tflite")


def test_operator_number_in_the_deprecated_field() -> None:
    def edit(model: Any) -> None:
        for opcode in model.operatorCodes:
            opcode.builtinCode = 0

    assert [op.kind for op in read_edited(edit).ops][:2] == [Kind.CONV, Kind.DEPTHWISE_CONV]


def test_absent_bias() -> None:
    def edit(model: Any) -> None:
        inputs = operator(model, FULLY_CONNECTED).inputs
        operator(model, FULLY_CONNECTED).inputs = np.array([*inputs[:2], ABSENT], np.int32)

    op = read_edited(edit).ops[FULLY_CONNECTED]
    assert op.kind is Kind.FULLY_CONNECTED and op.inputs[2] == ABSENT


def test_buffers_behind_the_flatbuffer() -> None:
    weights = reader.read_bytes(MODEL, name="model")
    weights = weights.tensors[weights.ops[CONV].inputs[1]].data

    def edit(model: Any) -> None:
        buffer = model.buffers[operand(model, CONV, 1).buffer]
        buffer.data, buffer.offset, buffer.size = None, 1, 1

    def move(model: Any) -> None:
        buffer = model.buffers[operand(model, CONV, 1).buffer]
        buffer.offset, buffer.size = len(front), weights.size

    front = edited(MODEL, edit)
    moved = edited(front, move)
    assert len(moved) == len(front)
    graph = reader.read_bytes(moved + weights.tobytes(), name="large")
    assert np.array_equal(graph.tensors[graph.ops[CONV].inputs[1]].data, weights)
    with pytest.raises(ModelFileError, match="buffer .* the file is cut short"):
        reader.read_bytes(moved, name="large")


def _compute_operand(op: int, position: int) -> Edit:
    """Turn a constant operand into an input of the model."""

    def edit(model: Any) -> None:
        operand(model, op, position).buffer = 0
        index = operator(model, op).inputs[position]
        main(model).inputs = np.append(main(model).inputs, np.int32(index))

    return edit


def _change_type(tensor: Callable[[Any], Any], tensor_type: int) -> Edit:
    return set_fields(tensor, type=tensor_type)


def _grouped(model: Any) -> None:
    """A convolution whose weights see one of the three input channels."""
    weights = operand(model, CONV, 1)
    weights.shape = np.array([4, 4, 3, 1], np.int32)
    model.buffers[weights.buffer].data = np.ones(48, np.uint8)


@pytest.mark.parametrize(
    ("op", "edit"),
    [
        (MEAN, _compute_operand(MEAN, 1)),
        (PAD, _compute_operand(PAD, 1)),
        (CONV, _compute_operand(CONV, 1)),
        (CONV, _grouped),
        (SOFTMAX, _change_type(lambda model: output(model, SOFTMAX), tflite.TensorType.UINT8)),
        (CONV, set_fields(lambda model: operator(model, CONV).builtinOptions,
                          fusedActivationFunction=tflite.ActivationFunctionType.TANH)),
    ],
    ids=["axes", "pads", "weights", "groups", "uint8", "tanh"],
)  # fmt: skip
def test_passes_through(op: int, edit: Edit) -> None:
    ops = read_edited(edit).ops
    assert [i for i, other in enumerate(ops) if other.kind is Kind.PASS_THROUGH] == [op]
    attributes = ops[op].attributes
    assert isinstance(attributes, PassThroughAttributes) and not attributes.is_custom
    assert attributes.source.builtinOptions is not None


def test_batches_pass_through() -> None:
    builder = NetworkBuilder()
    x = builder.input(8, 8, 3)
    builder.relu(x)
    graph = builder.build()
    batch = [dataclasses.replace(tensor, shape=(2, 8, 8, 3)) for tensor in graph.tensors]
    model = writer.write(graph.replace(tensors=tuple(batch)))
    assert reader.read_bytes(model, name="batch").ops[0].kind is Kind.PASS_THROUGH


# Contradictions


def scales(model: Any) -> Any:
    return output(model, CONV).quantization


CONTRADICTIONS: dict[str, tuple[Edit, list[str]]] = {
    "schema version": (set_fields(lambda m: m, version=2), ["schema version is 2, not 3"]),
    "no graph": (set_fields(lambda m: m, subgraphs=[]), ["holds no graph"]),
    "no operators": (set_fields(main, operators=[]), ["none of its 0 operators computes"]),
    "no outputs": (set_fields(main, outputs=None), ["one of its 0 outputs"]),
    "only the input comes out": (
        lambda m: setattr(main(m), "outputs", main(m).inputs),
        ["none of its 6 operators computes one of its 1 outputs"],
    ),
    "tensor index": (
        set_fields(lambda m: operator(m, MEAN), inputs=np.array([99], np.int32)),
        ["operator 3", "tensor 99"],
    ),
    "output index": (set_fields(main, outputs=np.array([-1], np.int32)), ["tensor -1"]),
    "buffer index": (
        set_fields(lambda m: operand(m, CONV, 1), buffer=500),
        ["weights_1", "buffer 500"],
    ),
    "operator code": (
        set_fields(lambda m: operator(m, PAD), opcodeIndex=40),
        ["operator 2", "operator code 40"],
    ),
    "options": (
        set_fields(
            lambda m: operator(m, CONV),
            builtinOptions=tflite.AddOptionsT(),
            builtinOptionsType=tflite.BuiltinOptions.AddOptions,
        ),
        ["operator 0 CONV_2D", "AddOptionsT", "Conv2DOptionsT"],
    ),
    "stride": (
        set_fields(lambda m: operator(m, CONV).builtinOptions, strideH=0),
        ["operator 0 CONV_2D (output tensor 'conv_2d_3')", "strides (0, 2)", "must be positive"],
    ),
    "dilation": (
        set_fields(lambda m: operator(m, DEPTHWISE).builtinOptions, dilationWFactor=-1),
        ["DEPTHWISE_CONV_2D", "dilations (2, -1)"],
    ),
    "padding": (
        set_fields(lambda m: operator(m, CONV).builtinOptions, padding=7),
        ["padding 7 is neither SAME"],
    ),
    "depth multiplier": (
        set_fields(lambda m: operator(m, DEPTHWISE).builtinOptions, depthMultiplier=3),
        ["weights of shape (1, 3, 3, 8)", "depth multiplier 3"],
    ),
    "axis": (
        lambda m: _set_constant(m, MEAN, np.array([1, 4], np.int32)),
        ["operator 3 MEAN", "axis 4"],
    ),
    "pads": (
        lambda m: _set_constant(m, PAD, np.array([[0, 0], [-1, 0], [0, 0], [0, 0]], np.int32)),
        ["operator 2 PAD", "[-1, 0]"],
    ),
    "beta": (
        set_fields(lambda m: operator(m, SOFTMAX).builtinOptions, beta=float("nan")),
        ["operator 5 SOFTMAX", "beta is nan"],
    ),
    "constant size": (
        set_fields(lambda m: operand(m, CONV, 1), shape=np.array([4, 4, 3, 4], np.int32)),
        ["constant 'weights_1' of shape [4, 4, 3, 4]", "needs 192 bytes, its buffer has 144"],
    ),
    "bias length": (
        lambda m: _resize_bias(m, 7),
        ["CONV_2D", "bias has shape [7], expected [4]"],
    ),
    "output shape": (
        set_fields(lambda m: output(m, CONV), shape=np.array([1, 5, 5, 4], np.int32)),
        ["CONV_2D", "output has shape [1, 5, 5, 4], expected [1, 5, 4, 4]"],
    ),
    "units": (
        set_fields(lambda m: output(m, FULLY_CONNECTED), shape=np.array([1, 6], np.int32)),
        ["FULLY_CONNECTED", "output has shape [1, 6], expected 5 elements"],
    ),
    "scale": (
        set_fields(scales, scale=np.array([0], np.float32)),
        ["activation 'conv_2d_3' has scales [0.0]"],
    ),
    "tiny scale": (
        set_fields(scales, scale=np.array([1e-40], np.float32)),
        ["operator 0 CONV_2D", "too small for its activation RELU6"],
    ),
    "infinite scale": (
        set_fields(scales, scale=np.array([np.inf], np.float32)),
        ["tensor 'conv_2d_3' has a scale that is negative or not finite"],
    ),
    "zero point": (
        set_fields(scales, zeroPoint=np.array([128], np.int64)),
        ["zero points [128]", "one int8 zero point"],
    ),
    "zero point beyond 32 bits": (
        set_fields(scales, zeroPoint=np.array([2**40], np.int64)),
        ["'conv_2d_3' has a zero point beyond 32 bits"],
    ),
    "zero points": (
        set_fields(scales, zeroPoint=np.zeros(3, np.int64)),
        ["1 scales but 3 zero points"],
    ),
    "scales": (
        set_fields(
            lambda m: operand(m, CONV, 1).quantization,
            scale=np.ones(3, np.float32),
            zeroPoint=None,
        ),
        ["'weights_1' of shape [4, 4, 3, 3] has 3 scales, but 4 channels along axis 0"],
    ),
    "channel axis": (
        set_fields(lambda m: operand(m, CONV, 1).quantization, quantizedDimension=1),
        ["CONV_2D", "quantized along axis 1, expected 0"],
    ),
    "no input": (
        set_fields(lambda m: operator(m, SOFTMAX), inputs=None),
        ["operator 5 SOFTMAX", "it has inputs () and outputs (12,)"],
    ),
    "order": (
        lambda m: main(m).operators.reverse(),
        ["operator 0 SOFTMAX", "before any operator writes it"],
    ),
    "written twice": (
        lambda m: setattr(operator(m, MEAN), "outputs", operator(m, PAD).outputs),
        ["operator 3 MEAN", "written by an earlier operator"],
    ),
    "unwritten output": (
        lambda m: _lose_the_last_operator(m),
        ["no operator writes 'softmax", "an output of the model"],
    ),
    "signature": (
        lambda m: setattr(m, "signatureDefs", [_signature(3)]),
        ["signature 'serve' names a tensor that is not an input or output"],
    ),
    "memory plan": (
        lambda m: _add_metadata(m, "OfflineMemoryAllocation", np.array([1, 0, 2, 0, 0], np.int32)),
        ["memory plan has 20 bytes"],
    ),
}  # fmt: skip


def _lose_the_last_operator(model: Any) -> None:
    """The model still names its output, and another one that is written."""
    lost = main(model).operators.pop()
    written = operator(model, MEAN).outputs[0]
    main(model).outputs = np.array([written, lost.outputs[0]], np.int32)


def _set_constant(model: Any, op: int, values: np.ndarray) -> None:
    model.buffers[operand(model, op, 1).buffer].data = values.ravel().view(np.uint8)


def _resize_bias(model: Any, size: int) -> None:
    bias = operand(model, CONV, 2)
    bias.shape, bias.quantization = np.array([size], np.int32), None
    model.buffers[bias.buffer].data = np.zeros(4 * size, np.uint8)


def _signature(tensor: int) -> Any:
    return tflite.SignatureDefT([tflite.TensorMapT("x", tensor)], [], "serve", 0)


def _add_metadata(model: Any, name: str, values: np.ndarray) -> None:
    model.buffers.append(tflite.BufferT(values.view(np.uint8)))
    model.metadata = [tflite.MetadataT(name, len(model.buffers) - 1)]


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_contradiction(case: str) -> None:
    edit, fragments = CONTRADICTIONS[case]
    refuse(edit, ModelFileError, *fragments)


# Models that are sound, but cannot be run


def test_float_model() -> None:
    def edit(model: Any) -> None:
        for tensor in main(model).tensors:
            is_activation = tensor.buffer == 0
            tensor.type = tflite.TensorType.FLOAT32 if is_activation else tensor.type

    refuse(
        edit, UnsupportedModelError, "float32 model", "operator 0 CONV_2D", "quantize it to int8"
    )


def test_float_borders_are_fine() -> None:
    builder = NetworkBuilder()
    x = builder.quantize(builder.input(6, 6, 2, dtype="float32"))
    builder.dequantize(builder.conv(x, 3))
    graph = reader.read_bytes(writer.write(builder.build()), name="model")
    assert [op.kind for op in graph.ops] == [Kind.QUANTIZE, Kind.CONV, Kind.DEQUANTIZE]


@pytest.mark.parametrize(
    "fields",
    [
        {"shapeSignature": np.array([1, -1, 8, 3], np.int32)},
        {"shape": np.array([1, 0, 8, 3], np.int32)},
        {"shape": np.array([1, 9, -1, 3], np.int32)},
    ],
)
def test_dynamic_shape(fields: dict[str, Any]) -> None:
    edit = set_fields(lambda m: main(m).tensors[0], **fields)
    refuse(edit, UnsupportedModelError, "tensor 'input'", "known only at run time", "fixed shape")


def test_open_batch_size_is_fine() -> None:
    signature = np.array([-1, 9, 8, 3], np.int32)
    edit = set_fields(lambda m: main(m).tensors[0], shapeSignature=signature)
    assert read_edited(edit).tensors[0].shape == (1, 9, 8, 3)


def _opcode(index: int) -> Callable[[Any], Any]:
    return lambda model: model.operatorCodes[operator(model, index).opcodeIndex]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"builtinCode": 32, "deprecatedBuiltinCode": 32, "customCode": "Mystery"}, "'Mystery'"),
        ({"builtinCode": 69, "deprecatedBuiltinCode": 69}, "'TILE'"),
        ({"builtinCode": 4000, "deprecatedBuiltinCode": 127}, "'4000'"),
    ],
)
def test_unknown_operator(fields: dict[str, Any], name: str) -> None:
    edit = set_fields(_opcode(MEAN), **fields)
    refuse(edit, UnsupportedModelError, "operator 3", "output tensor 'mean", name, "replace it")


def test_unknown_operator_in_another_subgraph() -> None:
    def edit(model: Any) -> None:
        model.operatorCodes.append(tflite.OperatorCodeT(69, None, 1, 69))
        code = len(model.operatorCodes) - 1
        model.subgraphs.append(tflite.SubGraphT(operators=[tflite.OperatorT(code)]))

    refuse(edit, UnsupportedModelError, "operator TILE of subgraph 1")


@pytest.mark.parametrize(
    ("fields", "fragment"),
    [
        ({"type": tflite.TensorType.STRING}, "has type STRING"),
        ({"shape": np.ones(7, np.int32)}, "has 7 dimensions"),
        ({"externalBuffer": 1}, "stored outside the file"),
    ],
)
def test_unusable_tensor(fields: dict[str, Any], fragment: str) -> None:
    edit = set_fields(lambda m: output(m, MEAN), **fields)
    refuse(edit, UnsupportedModelError, "tensor 'mean", fragment)


# Files


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot read '.*none.tflite': No such file"):
        reader.read(tmp_path / "none.tflite")
    with pytest.raises(ModelFileError, match="Is a directory"):
        reader.read(tmp_path)


def _pass_through_names(path: Path) -> list[str]:
    ops = reader.read(path).ops
    return [op.attributes.operator_name for op in ops if op.kind is Kind.PASS_THROUGH]


def test_real_models(shared_data: Path) -> None:
    """Every int8 network is understood whole; float ones are refused."""
    models = shared_data / "models"
    for name in ("tinyengine_vww", "tinyengine_mcunetv2_large", "mltk_keyword_pacman_v3"):
        assert _pass_through_names(models / f"{name}.tflite") == []
    for path in (shared_data / "mlperf_tiny" / "models").glob("*.tflite"):
        if "float" in path.name or "fp32" in path.name:
            with pytest.raises(UnsupportedModelError, match="float32 model: operator 0"):
                reader.read(path)
        else:
            assert _pass_through_names(path) == []


def test_real_models_with_operators_of_tflm_only(shared_data: Path) -> None:
    models = shared_data / "models"
    lstm = _pass_through_names(models / "tflm_mnist_lstm_int8.tflite")
    assert lstm == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert _pass_through_names(models / "tinyengine_mnist_lenet.tflite") == ["LOG_SOFTMAX"]
    signal = _pass_through_names(models / "tflm_audio_preprocessor_int8.tflite")
    assert len(signal) == 22 and "SignalPCAN" in signal
