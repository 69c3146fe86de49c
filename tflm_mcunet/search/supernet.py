# SPDX-License-Identifier: Apache-2.0
"""One network that holds the weights of all networks of a search space.

Once-for-all (arXiv 1908.09791), as MCUNet uses it: the smaller networks are slices of the largest,
in kernel size, expansion, depth, width and resolution. What is sliced away is not computed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tflm_mcunet.search import keras_model
from tflm_mcunet.search.architecture import Architecture, ArchitectureError, Block
from tflm_mcunet.search.elastic import Builder, Convolution, Depthwise, Tensor
from tflm_mcunet.search.space import SearchSpace, StageSpace
from tflm_mcunet.search.tracing import Traced


class Choices(NamedTuple):
    """An architecture as tensors, all int32.

    `size`: rows and columns of the input, (2,). `blocks`: for each block of the largest network
    whether it is there, its kernel's number, expansion and output channels, (blocks, 4).
    """

    size: Tensor
    blocks: Tensor


class ElasticBlock(tf.Module):  # type: ignore[misc]
    """An inverted residual with all its choices; see `architecture.Block`."""

    def __init__(
        self, space: StageSpace, index: int, inputs: int, columns: int, builder: Builder, name: str
    ) -> None:
        """`inputs`, `columns`: most channels and columns of the input."""
        super().__init__(name=name)
        largest = space.block(index, space.kernels[-1], space.expansions[-1], space.widths[-1])
        if 1 in space.expansions and len(space.expansions) > 1:
            raise ArchitectureError(
                f"{name}: expansion 1 has no first convolution and shares no weights with "
                f"{space.expansions[1:]}; make it a stage of its own"
            )
        hidden = inputs * largest.expansion
        self.expand = None
        if largest.expansion > 1:
            self.expand = Convolution((1, 1, inputs, hidden), builder, name="expand")
        self.depthwise = Depthwise(
            space.kernels,
            hidden,
            builder,
            stride=keras_model.equal_strides(largest.stride, columns, where=name),
            name="depthwise",
        )
        self.project = Convolution((1, 1, hidden, largest.channels), builder, name="project")
        self.is_optional = index >= space.depths[0]
        self.has_residual = largest.has_residual(inputs)
        """In the largest network."""
        self._may_be_residual = largest.stride == (1, 1)

    def __call__(
        self, x: Tensor, choice: Tensor, statistics: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`choice`: a row of `Choices.blocks`. Returns the output, and as `BatchNorm` does."""
        if not self.is_optional:
            return self._run(x, choice, statistics)
        norms = (self.expand, self.depthwise, self.project)
        unused = sum(part.norm.gamma.shape[0] for part in norms if part is not None)
        return tf.cond(
            choice[0] > 0,
            lambda: self._run(x, choice, statistics),
            lambda: (x, tf.zeros([2, unused])),
        )

    def _run(self, x: Tensor, choice: Tensor, statistics: Tensor | None) -> tuple[Tensor, Tensor]:
        _, kernel, expansion, channels = tf.unstack(choice)
        inputs, used = x, []
        if self.expand is not None:
            x, seen = self.expand(x, tf.shape(x)[-1] * expansion, statistics)
            x, used = tf.nn.relu6(x), [seen]
        x, seen = self.depthwise(x, kernel, statistics)
        used.append(seen)
        x, seen = self.project(tf.nn.relu6(x), channels, statistics)
        used.append(seen)
        if self._may_be_residual:
            x = tf.cond(tf.shape(inputs)[-1] == channels, lambda: inputs + x, lambda: x)
        return x, tf.concat(used, axis=1)


class Supernet(tf.Module):  # type: ignore[misc]
    """The weights of a search space and its forward pass.

    Args:
        space: the networks that share the weights.
        seed: of the random initial weights.
        compute_dtype: of activations, such as float16 for mixed precision; weights, statistics
            and logits are float32.

    Raises:
        ArchitectureError: weights cannot be shared in this space; the message says why.

    For training on several devices, create it in the strategy's scope.
    """

    def __init__(
        self, space: SearchSpace, *, seed: int = 0, compute_dtype: tf.DType = tf.float32
    ) -> None:
        super().__init__(name="supernet")
        self.space = space
        self.compute_dtype = tf.as_dtype(compute_dtype)
        builder = Builder(seed)
        stem, channels = space.stem, space.input_shapes[-1][2]
        self.stem = Convolution(
            (*stem.kernel, channels, stem.channels),
            builder,
            stride=stem.stride,
            same=stem.same,
            name="stem",
        )
        self.blocks = self._build_blocks(builder)
        outputs = space.stages[-1].widths[-1]
        self.head = None
        if space.head_channels:
            shape = (1, 1, outputs, space.head_channels)
            self.head = Convolution(shape, builder, name="head")
            outputs = space.head_channels
        self.kernel = builder.dense((outputs, space.classes), name="logits_kernel")
        self.bias = tf.Variable(tf.zeros(space.classes), name="logits_bias")
        self.statistics_size = builder.statistics_size
        self.predict = Traced(self._predict, input_signature=self._signature(given=True))
        """Logits of (images, choices, statistics)."""
        self.observe = Traced(self._observe, input_signature=self._signature(given=False))
        """Means and variances of all channels, (2, statistics_size), of (images, choices)."""

    def choices(self, architecture: Architecture) -> Choices:
        """The architecture as arrays.

        Raises:
            ArchitectureError: it is not in the space.
        """
        if not self.space.contains(architecture):
            raise ArchitectureError(
                f"the supernet's space '{self.space.name}' does not contain {architecture}"
            )
        rows: list[tuple[int, int, int, int]] = []
        for stage, blocks in zip(self.space.stages, architecture.stages, strict=True):
            rows += (_row(stage, block) for block in blocks)
            rows += [(0, 0, 0, 0)] * (stage.depths[-1] - len(blocks))
        return Choices(np.array(architecture.input_shape[:2], np.int32), np.array(rows, np.int32))

    def __call__(
        self, images: Tensor, choices: Choices, statistics: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The forward pass of a sub-network.

        Args:
            images: float32, (batch, rows, columns, channels) of any size.
            choices: which sub-network.
            statistics: means and variances of its batch normalizations, (2, statistics_size);
                without them, those of the batch are used.

        Returns:
            Logits in float32, (batch, classes); the statistics used.
        """
        x = tf.cast(_resized(images, choices.size), self.compute_dtype)
        x, seen = self.stem(x, self.space.stem.channels, statistics)
        x, used = tf.nn.relu6(x), [seen]
        for block, choice in zip(self.blocks, tf.unstack(choices.blocks), strict=True):
            x, seen = block(x, choice, statistics)
            used.append(seen)
        if self.head is not None:
            x, seen = self.head(x, self.space.head_channels, statistics)
            x = tf.nn.relu6(x)
            used.append(seen)
        x = tf.reduce_mean(tf.cast(x, tf.float32), axis=[1, 2])
        return x @ self.kernel[: tf.shape(x)[-1]] + self.bias, tf.concat(used, axis=1)

    def _predict(self, images: Tensor, choices: Choices, statistics: Tensor) -> Tensor:
        return self(images, choices, statistics)[0]

    def _observe(self, images: Tensor, choices: Choices) -> Tensor:
        return self(images, choices)[1]

    def _signature(self, *, given: bool) -> list[Any]:
        statistics = tf.TensorSpec([2, self.statistics_size], tf.float32)
        return [*self.signature(), *([statistics] if given else [])]

    def signature(self) -> list[Any]:
        """Shapes of images and choices, for a trace that serves all sub-networks."""
        images = tf.TensorSpec([None, None, None, self.space.input_shapes[-1][2]], tf.float32)
        blocks = tf.TensorSpec([len(self.blocks), 4], tf.int32)
        return [images, Choices(tf.TensorSpec([2], tf.int32), blocks)]

    def _build_blocks(self, builder: Builder) -> list[ElasticBlock]:
        blocks = []
        channels = self.space.stem.channels
        columns = _columns_behind_stem(self.space)
        for number, stage in enumerate(self.space.stages):
            for index in range(stage.depths[-1]):
                name = keras_model.block_name(number, index)
                blocks.append(ElasticBlock(stage, index, channels, columns, builder, name))
                channels = stage.widths[-1]
            columns = -(-columns // stage.stride[1])
        return blocks


def _columns_behind_stem(space: SearchSpace) -> int:
    stem = space.stem
    cut = 0 if stem.same else stem.kernel[1] - 1
    return -(-(space.input_shapes[-1][1] - cut) // stem.stride[1])


def _row(stage: StageSpace, block: Block) -> tuple[int, int, int, int]:
    return 1, stage.kernels.index(block.kernel), block.expansion, block.channels


def _resized(images: Tensor, size: Tensor) -> Tensor:
    """Bilinear; images that have the size already stay as they are."""
    fits = tf.reduce_all(tf.shape(images)[1:3] == size)
    return tf.cond(fits, lambda: images, lambda: tf.image.resize(images, size))
