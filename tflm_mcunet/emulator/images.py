# SPDX-License-Identifier: Apache-2.0
"""What lies where in the arena of a program: inputs, outputs, and bytes that nobody owns."""

from __future__ import annotations

import numpy as np

from tflm_converters.emit import program_format as fmt
from tflm_converters.emit.program_format import ProgramArrays

Arrays = tuple[np.ndarray, ...]


class ProgramView(ProgramArrays):
    """The arrays of a packed program, and what they say about its arena."""

    @property
    def row_bytes(self) -> int:
        """What the caller of a row-fed program holds beside the arena; 0 for others."""
        return 0 if self.fed is None else int(np.prod(self.shape(self.fed)[1:]))

    def arena(self, inputs: Arrays, garbage: np.ndarray) -> np.ndarray:
        """An arena full of garbage, with the whole inputs at their places.

        Raises:
            ValueError: number or sizes of the inputs are not the program's.
        """
        if len(inputs) != int(self.header["input_count"]):
            raise ValueError(f"expected {self.header['input_count']} inputs, got {len(inputs)}")
        arena = garbage.copy()
        for index, array in enumerate(inputs):
            if array.size != self._elements(index):
                raise ValueError(
                    f"input {index}: expected {self._elements(index)} elements, got {array.size}"
                )
            if index != self.fed:
                arena[self._place(index)] = array.view(np.uint8).ravel()
        return arena

    def outputs(self, arena: np.ndarray) -> Arrays:
        """Copies of the outputs: int8, (height, width, channels)."""
        first, count = int(self.header["input_count"]), int(self.header["output_count"])
        return tuple(
            arena[self._place(index)].view(np.int8).reshape(self.shape(index)).copy()
            for index in range(first, first + count)
        )

    def unowned(self) -> np.ndarray:
        """Which bytes of the arena belong to no tensor and to no state: bool (arena bytes,)."""
        free = np.ones(self.arena_bytes, bool)
        for tensor in self.tensors:
            free[tensor["offset"] : tensor["offset"] + tensor["bytes"]] = False
        for stage in self.stages:
            size = int(stage["group_count"]) * fmt.GROUP_STATE.itemsize
            free[stage["state_offset"] : stage["state_offset"] + size] = False
        if self.fed is not None:
            counter = self.header["fed_state_offset"]
            free[counter : counter + 2] = False
        return free

    def _elements(self, index: int) -> int:
        return int(np.prod(self.shape(index)))

    def _place(self, index: int) -> slice:
        offset = int(self.tensors[index]["offset"])
        return slice(offset, offset + self._elements(index))
