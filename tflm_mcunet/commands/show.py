# SPDX-License-Identifier: Apache-2.0
"""Results on stdout, progress on stderr."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from tflm_mcunet.conversion import Progress


def show(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    """Prints a result: as one JSON object, or as text for people."""
    print(json.dumps(result, ensure_ascii=False) if options.json else text)


@contextmanager
def progress_bar(options: argparse.Namespace) -> Iterator[Progress]:
    """A bar on stderr, where that is a terminal."""
    form = "{desc} {percentage:3.0f}% {bar:40} {elapsed}"
    with tqdm(total=1.0, bar_format=form, file=sys.stderr, disable=None, leave=False) as bar:

        def advance(what: str, share: float) -> None:
            bar.set_description_str(f"{options.command}: {what}", refresh=False)
            bar.n = share
            bar.refresh()

        yield advance
