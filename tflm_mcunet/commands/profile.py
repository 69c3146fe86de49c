# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet profile`"""

from __future__ import annotations

import argparse

from tflm_mcunet.commands.show import show
from tflm_mcunet.files import staged
from tflm_mcunet.profiling import profile
from tflm_mcunet.report import terminal


def execute(options: argparse.Namespace) -> int:
    """Prints the profile of a model; draws it into a folder if asked to."""
    result = profile(options.model, board=options.board)
    if options.out is not None:
        from tflm_mcunet.report import profile_picture  # matplotlib takes a third of a second

        with staged(options.out) as stage:
            (stage / "profile.png").write_bytes(profile_picture.draw(result))
    show(options, result.to_json(), terminal.profile_text(result))
    return 0
