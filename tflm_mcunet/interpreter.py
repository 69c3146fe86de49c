# SPDX-License-Identifier: Apache-2.0
"""TFLite-Micro on the host, with the operator TFLM_MCUNET."""

from __future__ import annotations

import enum
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tflm_converters import flatbuffer_check
from tflm_mcunet import model_facts, tflm_wheel


class InterpreterConfig(enum.Enum):
    """What the interpreter keeps; same names as in `tflite_micro.runtime`."""

    kAllocationRecording = 0  # noqa: N815 - TFLite-Micro's name
    kPreserveAllTensors = 1  # noqa: N815


class Interpreter:
    """Runs a model, converted or not, in the real TFLite-Micro interpreter.

    Interface and behaviour are those of `tflite_micro.runtime.Interpreter`; converted
    models run as well, and nothing is printed. Offsets outside the file are caught, but a
    model that TFLite-Micro does not expect can still crash the process: run files of unknown
    origin through `tflm_mcunet.host_process`.

    A row-fed model has an input of one row, shape (1, 1, width, channels): each
    `set_input`, `invoke` pushes a row, and the outputs are valid after the last.
    """

    def __init__(
        self,
        model_data: bytes,
        custom_op_registerers: Sequence[str] = (),
        arena_size: int | None = None,
        intrepreter_config: enum.Enum = InterpreterConfig.kAllocationRecording,
    ) -> None:
        """Loads a model and allocates its tensors.

        Args:
            model_data: content of a `.tflite` file.
            custom_op_registerers: names of further exported functions that register
                custom operators; ours is always registered.
            arena_size: bytes for tensors and TFLite-Micro's own structures; by default
                more than enough.
            intrepreter_config: what to keep (the spelling is TFLite-Micro's).

        Raises:
            RuntimeMismatchError: the tflite-micro wheel is missing or another version.
            ModelFileError: `model_data` is not a model, or is damaged.
            RuntimeError: TFLite-Micro refuses the model, or the arena is too small; it
                says why on stderr.
        """
        runtime = tflm_wheel.runtime()
        model = bytes(model_data)
        flatbuffer_check.check_model(model)
        self.input_count = model_facts.input_count(model)
        self.output_count = model_facts.output_count(model)
        self._arena_size = model_facts.ample_arena(model) if arena_size is None else arena_size
        self._wrapper = runtime.InterpreterWrapper(
            model,
            [tflm_wheel.REGISTERER, *custom_op_registerers],
            self._arena_size,
            model_facts.resource_variable_count(model),
            getattr(runtime.PythonInterpreterConfig, intrepreter_config.name),
        )

    @classmethod
    def from_file(cls, model_path: str | os.PathLike[str], **options: Any) -> Interpreter:
        """An interpreter of the model in a file; `options` as for the constructor."""
        path = pathlib.Path(model_path)
        if not path.is_file():
            raise ValueError(f"no such model file: {path}")
        return cls(path.read_bytes(), **options)

    @classmethod
    def from_bytes(cls, model_data: bytes, **options: Any) -> Interpreter:
        """An interpreter of a model in memory; `options` as for the constructor."""
        return cls(model_data, **options)

    @property
    def arena_size(self) -> int:
        """Bytes of the arena; `tflm_mcunet.arena.smallest_arena` gives the least possible."""
        return self._arena_size

    def print_allocations(self) -> None:
        """Writes to stderr what the arena is used for."""
        self._wrapper.PrintAllocations()

    def invoke(self) -> int:
        """Runs one inference, or pushes one row of a row-fed model.

        Returns:
            TFLite-Micro's status: 0 when the outputs are valid, 15 (kTfLiteAbort) when a
            streaming model, ours or TFLite-Micro's own, needs more input first.

        Raises:
            RuntimeError: an operator failed; TFLite-Micro says which on stderr.
        """
        status: int = self._wrapper.Invoke()
        return status

    def reset(self) -> int:
        """Clears the model's state: variable tensors, and the rows pushed so far."""
        status: int = self._wrapper.Reset()
        return status

    def set_input(self, input_data: np.ndarray, index: int) -> None:
        """Copies an array into input `index`; shape and dtype must be the input's own.

        Raises:
            ValueError: they are not, or there is no such input.
        """
        self._wrapper.SetInputTensor(input_data, _checked(index))

    def get_output(self, index: int) -> np.ndarray:
        """A copy of output `index` after the most recent `invoke`."""
        output: np.ndarray = self._wrapper.GetOutputTensor(_checked(index))
        return output

    def GetTensor(self, tensor_index: int, subgraph_index: int) -> dict[str, Any]:  # noqa: N802
        """Any tensor by its index in the file; needs kPreserveAllTensors."""
        tensor: dict[str, Any] = self._wrapper.GetTensor(tensor_index, subgraph_index)
        return tensor

    def get_input_details(self, index: int) -> dict[str, Any]:
        """`shape`, `dtype` and `quantization_parameters` of input `index`."""
        details: dict[str, Any] = self._wrapper.GetInputTensorDetails(_checked(index))
        return details

    def get_output_details(self, index: int) -> dict[str, Any]:
        """`shape`, `dtype` and `quantization_parameters` of output `index`."""
        details: dict[str, Any] = self._wrapper.GetOutputTensorDetails(_checked(index))
        return details


def _checked(index: int) -> int:
    if index is None or index < 0:
        raise ValueError(f"index must be a non-negative integer, got {index}")
    return index
