# SPDX-License-Identifier: Apache-2.0
"""At what rates the inertial sensors of boards can measure, and how a sketch sets one.

Arduino's libraries measure at one rate, about 100 Hz, which is too slow for most machines.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class InertialSensor:
    """What an Arduino library reads.

    `template`: of what begins it. `codes`: what its register takes for each rate in Hz.
    """

    template: str
    codes: dict[float, int]

    def setting(self, rate: float) -> dict[str, object]:
        """What fills the template for the rate nearest to that many samples per second."""
        nearest = min(self.codes, key=lambda possible: abs(possible - rate))
        return {"sensor_rate": f"{nearest:.1f}f", "rate_code": f"0x{self.codes[nearest]:02x}"}


_BMI270 = InertialSensor("bmi270.ino", {0.390625 * 2**code: code for code in range(6, 13)})
"""ACC_CONF.acc_odr of Bosch's data sheet: 25 to 1,600 Hz."""

_FOUR_G = 0b10 << 3  # the range that Arduino's library reckons with
_LSM9DS1 = InertialSensor(
    "lsm9ds1.ino",
    {rate: code << 5 | _FOUR_G for rate, code in ((119.0, 3), (238.0, 4), (476.0, 5), (952.0, 6))},
)
"""CTRL_REG6_XL of ST's data sheet, without the gyroscope."""

BY_LIBRARY = {"Arduino_BMI270_BMM150": _BMI270, "Arduino_LSM9DS1": _LSM9DS1}
