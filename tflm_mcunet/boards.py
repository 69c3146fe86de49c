# SPDX-License-Identifier: Apache-2.0
"""Microcontroller boards: how much memory they have. To add one, add a row to the table."""

from __future__ import annotations

import dataclasses

from tflm_converters.errors import ConversionError

_K = 1024
_M = 1024 * 1024
_MHZ = 1_000_000

SENSORS = ("camera", "microphone", "imu")
"""What sketches can read; see `tflm_mcunet.sensors`."""


class UnknownBoardError(ConversionError):
    """No board bears the name that was given."""


@dataclasses.dataclass(frozen=True)
class ArduinoCore:
    """What Arduino's own software takes of a board before the sketch gets its share.

    Estimates on the safe side: an empty sketch with USB and Serial, rounded up, with room for
    stacks and heap in SRAM, and the bootloader in flash. Libraries for sensors come on top:
    `sensors` names those that read the board's, for each of SENSORS that it has.
    """

    sram_bytes: int
    flash_bytes: int
    sensors: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Board:
    """A board as its data sheet describes it.

    `sram_bytes` is the largest piece of on-chip memory with consecutive addresses, since an
    arena cannot be split. What the board's own software needs has to come out of it, too:
    `arduino`, if it is known, for sketches.
    """

    name: str
    title: str
    core: str
    clock_hz: int
    sram_bytes: int
    flash_bytes: int
    arduino: ArduinoCore | None = None

    @property
    def sensors(self) -> dict[str, str]:
        """Arduino libraries that read the board's sensors, for each of SENSORS that it has."""
        return {} if self.arduino is None else self.arduino.sensors


# Mbed OS: about 44 KB of variables, 8 KB and more of heap for its threads; 84 KB of code and a
# bootloader of 64 KB.
_NRF52 = ArduinoCore(
    64 * _K,
    160 * _K,
    {"camera": "Arduino_OV767X", "microphone": "PDM", "imu": "Arduino_LSM9DS1"},
)
_NRF52_REV2 = dataclasses.replace(_NRF52, sensors=_NRF52.sensors | {"imu": "Arduino_BMI270_BMM150"})
# As above, with a file system and a second core's stack; no bootloader in flash.
_RP2040 = ArduinoCore(64 * _K, 128 * _K)
# Renesas FSP: about 4 KB of variables, 1 KB of stack and some heap; 48 KB of code and a
# bootloader of 16 KB.
_RA4M1 = ArduinoCore(8 * _K, 64 * _K)

_BOARDS = (
    Board("nano33ble", "Arduino Nano 33 BLE", "Cortex-M4F", 64 * _MHZ, 256 * _K, _M, _NRF52),
    Board(
        "nano33ble-rev2",
        "Arduino Nano 33 BLE Rev2",
        "Cortex-M4F",
        64 * _MHZ,
        256 * _K,
        _M,
        _NRF52_REV2,
    ),
    Board("microbit-v2", "BBC micro:bit V2", "Cortex-M4F", 64 * _MHZ, 128 * _K, 512 * _K),
    Board("uno-r4", "Arduino UNO R4", "Cortex-M4F", 48 * _MHZ, 32 * _K, 256 * _K, _RA4M1),
    Board("rp2040", "Raspberry Pi Pico", "Cortex-M0+", 133 * _MHZ, 264 * _K, 2 * _M, _RP2040),
    Board("stm32f412", "STM32F412 (1 MB)", "Cortex-M4F", 100 * _MHZ, 256 * _K, 1 * _M),
    Board("stm32f446", "STM32F446 (512 KB)", "Cortex-M4F", 180 * _MHZ, 128 * _K, 512 * _K),
    Board("stm32f746", "STM32F746 (1 MB)", "Cortex-M7F", 216 * _MHZ, 320 * _K, 1 * _M),
    Board("stm32h743", "STM32H743 (2 MB)", "Cortex-M7F", 480 * _MHZ, 512 * _K, 2 * _M),
    Board("esp32-s3", "ESP32-S3 (8 MB)", "Xtensa LX7", 240 * _MHZ, 480 * _K, 8 * _M),
)


def names() -> list[str]:
    """Names of all known boards."""
    return [board.name for board in _BOARDS]


def get(board: str | Board) -> Board:
    """The board of that name; a `Board`, such as one of your own, is returned as it is.

    Raises:
        UnknownBoardError: no board has this name.
    """
    if isinstance(board, Board):
        return board
    for known in _BOARDS:
        if known.name == board:
            return known
    raise UnknownBoardError(f"unknown board '{board}'; the boards are {', '.join(names())}")
