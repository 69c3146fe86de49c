// SPDX-License-Identifier: Apache-2.0
#include "Arduino_LSM9DS1.h"

LSM9DS1Class IMU_LSM9DS1;
