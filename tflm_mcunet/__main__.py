# SPDX-License-Identifier: Apache-2.0
"""`python -m tflm_mcunet` is the command `tflm-mcunet`."""

import sys

from tflm_mcunet.cli import main

sys.exit(main())
