# SPDX-License-Identifier: Apache-2.0
"""Programs on an emulated Cortex-M4: instructions, memory, and every byte that they leave.

The board is `mps2-an386` in QEMU, with one instruction per nanosecond of virtual time; the
firmware around the program is in firmware/.
"""

from tflm_mcunet.emulator.measurement import Measurement, OperatorCost, Run, measure
from tflm_mcunet.emulator.toolchain import Build, EmulatorMissingError

__all__ = ["Build", "EmulatorMissingError", "Measurement", "OperatorCost", "Run", "measure"]
