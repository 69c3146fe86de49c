# SPDX-License-Identifier: Apache-2.0
"""Layers whose kernel size and channels are chosen by tensors, when they run.

A smaller layer's weights are a slice of the largest one's, and only the slice is computed with:
once-for-all (arXiv 1908.09791). Sizes are tensors, so one trace serves all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tflm_mcunet.search.architecture import ArchitectureError, Size
from tflm_mcunet.search.keras_model import BATCH_NORM_EPSILON

Tensor = Any
"""A tf.Tensor; TensorFlow has no type information."""


class Builder:
    """Makes layers one after the other: from one seed, and with places for their statistics."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.statistics_size = 0
        """Channels of all batch normalizations so far."""

    def kernel(self, shape: Sequence[int], *, name: str) -> Tensor:
        """A variable with He's initialization by the number of outputs."""
        return self._variable("fan_out", 2.0, shape, name)

    def dense(self, shape: Sequence[int], *, name: str) -> Tensor:
        """A variable with Glorot's initialization."""
        return self._variable("fan_avg", 1.0, shape, name)

    def norm(self, channels: int, *, name: str) -> BatchNorm:
        """A batch normalization of at most so many channels."""
        offset = self.statistics_size
        self.statistics_size += channels
        return BatchNorm(channels, offset, name=name)

    def _variable(self, mode: str, scale: float, shape: Sequence[int], name: str) -> Tensor:
        seed = int(self._rng.integers(2**31))
        initializer = tf_keras.initializers.VarianceScaling(scale, mode, seed=seed)
        return tf.Variable(initializer(shape), name=name)


class BatchNorm(tf.Module):  # type: ignore[misc]
    """Batch normalization of the first channels.

    Mean and variance belong to a sub-network, not to the weights that all share: they are those
    of the batch, or given.
    """

    def __init__(self, channels: int, offset: int, *, name: str) -> None:
        super().__init__(name=name)
        self.gamma = tf.Variable(tf.ones(channels), name="gamma")
        self.beta = tf.Variable(tf.zeros(channels), name="beta")
        self.span = slice(offset, offset + channels)
        """Where its statistics stand among those of all layers."""

    def __call__(self, x: Tensor, statistics: Tensor | None) -> tuple[Tensor, Tensor]:
        """The normalized `x`, and the mean and variance used, (2, channels at most).

        `statistics`: of all layers, (2, all channels); those of the batch if there are none.
        """
        channels = tf.shape(x)[-1]
        mean = variance = tf.constant([], tf.float32)
        if statistics is not None:
            mean, variance = tf.unstack(statistics[:, self.span][:, :channels])
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.gamma[:channels],
            offset=self.beta[:channels],
            mean=mean,
            variance=variance,
            epsilon=BATCH_NORM_EPSILON,
            is_training=statistics is None,
        )
        full = self.gamma.shape[0]
        used = tf.pad(tf.stack([mean, variance]), [[0, 0], [0, full - channels]])
        return y, tf.stop_gradient(tf.ensure_shape(used, [2, full]))

    def permute(self, order: np.ndarray) -> None:
        """Channel `order[i]` becomes channel i."""
        permute(self.gamma, order, axis=0)
        permute(self.beta, order, axis=0)


class Convolution(tf.Module):  # type: ignore[misc]
    """Convolution and batch normalization; the first channels of input and output."""

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        builder: Builder,
        *,
        stride: Size = (1, 1),
        same: bool = True,
        name: str,
    ) -> None:
        """`shape`: kernel rows, columns, most input and output channels."""
        super().__init__(name=name)
        self.kernel = builder.kernel(shape, name="kernel")
        self.norm = builder.norm(shape[-1], name="norm")
        self._stride = [1, *stride, 1]
        self._padding = "SAME" if same else "VALID"

    def __call__(
        self, x: Tensor, channels: Tensor, statistics: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`channels`: of the output. Returns the output, and as `BatchNorm` does."""
        kernel = tf.cast(self.kernel_of(tf.shape(x)[-1], channels), x.dtype)
        return self.norm(tf.nn.conv2d(x, kernel, self._stride, self._padding), statistics)

    def kernel_of(self, inputs: Tensor, channels: Tensor) -> Tensor:
        """The kernel for so many channels."""
        return self.kernel[:, :, :inputs, :channels]

    def input_importance(self) -> np.ndarray:
        """The L1 norm of the weights of each input channel."""
        return np.abs(self.kernel.numpy()).sum(axis=(0, 1, 3))

    def permute_inputs(self, order: np.ndarray) -> None:
        """Channel `order[i]` becomes channel i."""
        permute(self.kernel, order, axis=2)

    def permute_outputs(self, order: np.ndarray) -> None:
        """Channel `order[i]` becomes channel i."""
        permute(self.kernel, order, axis=3)
        self.norm.permute(order)


class Depthwise(tf.Module):  # type: ignore[misc]
    """Depthwise convolution with a choice of kernels, and batch normalization.

    The next smaller kernel is the centre of the greater one, multiplied by a learned matrix
    that all channels share.
    """

    def __init__(
        self, kernels: Sequence[Size], channels: int, builder: Builder, *, stride: int, name: str
    ) -> None:
        """Raises ArchitectureError if a kernel is not the centre of the next."""
        super().__init__(name=name)
        check_nested(kernels)
        self._kernels = tuple(kernels)
        self.kernel = builder.kernel((*kernels[-1], channels, 1), name="kernel")
        self.matrices = [
            tf.Variable(tf.eye(rows * columns), name=f"to_{rows}x{columns}")
            for rows, columns in kernels[:-1]
        ]
        self.norm = builder.norm(channels, name="norm")
        self._stride = stride

    def __call__(
        self, x: Tensor, kernel: Tensor, statistics: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`kernel`: which one, from 0. Returns the output, and as `BatchNorm` does."""
        y = tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=tf.cast(self.kernel_of(kernel, tf.shape(x)[-1]), x.dtype),
            strides=[1, self._stride, self._stride, 1],
            padding="SAME",
        )
        return self.norm(y, statistics)

    def kernel_of(self, index: Tensor, channels: Tensor) -> Tensor:
        """Kernel number `index` for so many channels."""
        kernel = self.kernel[:, :, :channels, :]
        for smaller in reversed(range(len(self.matrices))):
            kernel = tf.cond(
                index <= smaller,
                _later(self._shrunk, kernel, smaller),
                _later(_of_any_size, kernel),
            )
        return kernel

    def input_importance(self) -> np.ndarray:
        """The L1 norm of each channel's weights."""
        return np.abs(self.kernel.numpy()).sum(axis=(0, 1, 3))

    def permute(self, order: np.ndarray) -> None:
        """Channel `order[i]` becomes channel i."""
        permute(self.kernel, order, axis=2)
        self.norm.permute(order)

    def _shrunk(self, kernel: Tensor, smaller: int) -> Tensor:
        """Kernel number `smaller` from the next one."""
        rows, columns = self._kernels[smaller]
        top = (self._kernels[smaller + 1][0] - rows) // 2
        left = (self._kernels[smaller + 1][1] - columns) // 2
        centre = kernel[top : top + rows, left : left + columns]
        taps = tf.matmul(self.matrices[smaller], tf.reshape(centre, [rows * columns, -1]))
        return _of_any_size(tf.reshape(taps, [rows, columns, -1, 1]))


def check_nested(kernels: Sequence[Size]) -> None:
    """Raises ArchitectureError if a kernel is not the centre of the next."""
    for small, large in itertools.pairwise(kernels):
        margins = [wide - narrow for narrow, wide in zip(small, large, strict=True)]
        if any(margin < 0 or margin % 2 for margin in margins):
            raise ArchitectureError(
                f"kernel {small} is not the centre of {large}; list kernels from small to large, "
                "all odd or all even"
            )


def permute(variable: Tensor, order: np.ndarray, *, axis: int) -> None:
    """Puts slice `order[i]` in place i."""
    variable.assign(np.take(variable.numpy(), order, axis=axis))


def _of_any_size(kernel: Tensor) -> Tensor:
    """Forgets the size while tracing: TensorFlow wants both branches of a condition alike."""
    return tf.raw_ops.PlaceholderWithDefault(input=kernel, shape=[None, None, None, 1])


def _later(function: Callable[..., Tensor], *arguments: Any) -> Callable[[], Tensor]:
    """A branch of a condition; a lambda in a loop would see the loop's last values."""
    return lambda: function(*arguments)
