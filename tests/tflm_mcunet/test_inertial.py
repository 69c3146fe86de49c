# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tflm_mcunet import boards, inertial


@pytest.mark.parametrize(
    ("library", "wanted", "rate", "code"),
    [
        ("Arduino_BMI270_BMM150", 200, "200.0f", "0x09"),
        ("Arduino_BMI270_BMM150", 1500, "1600.0f", "0x0c"),
        ("Arduino_LSM9DS1", 200, "238.0f", "0x90"),
        ("Arduino_LSM9DS1", 100, "119.0f", "0x70"),
        ("Arduino_LSM9DS1", 952, "952.0f", "0xd0"),
    ],
)
def test_the_nearest_rate_is_set(library: str, wanted: float, rate: str, code: str) -> None:
    setting = inertial.BY_LIBRARY[library].setting(wanted)
    assert setting == {"sensor_rate": rate, "rate_code": code}


def test_every_boards_sensor_can_be_set() -> None:
    libraries = {boards.get(name).sensors.get("imu") for name in boards.names()} - {None}
    assert libraries == set(inertial.BY_LIBRARY)
