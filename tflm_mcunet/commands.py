# SPDX-License-Identifier: Apache-2.0
"""What each command of the command line does. Results go to stdout, all else to stderr."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tflm_mcunet.output import staged
from tflm_mcunet.profiling import profile as profile_model
from tflm_mcunet.report import terminal


def profile(options: argparse.Namespace) -> int:
    """`tflm-mcunet profile`"""
    result = profile_model(options.model, board=options.board)
    if options.out is not None:
        from tflm_mcunet.report import profile_picture

        with staged(options.out) as stage:
            (stage / "profile.png").write_bytes(profile_picture.draw(result))
    _show(options, result.to_json(), terminal.profile_text(result))
    return 0


def _show(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    print(json.dumps(result, ensure_ascii=False) if options.json else text)
