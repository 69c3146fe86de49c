# SPDX-License-Identifier: Apache-2.0
"""Long runs that go on where they were stopped, unless the sources have changed since."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tqdm import tqdm

from benchmarks.keras_models import CACHE
from benchmarks.models import REPOSITORY
from benchmarks.results import SOURCES, Json
from tflm_mcunet._native import LIBRARY


def run(name: str, items: Iterable[str], work: Callable[[str], Json]) -> dict[str, Json]:
    """`work` of every item, with a bar; what is done already comes from the file of `name`.

    Results are appended as they come, one JSON object per line.
    """
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"{name}-{_fingerprint()}.jsonl"
    done = _read(path)
    wanted = list(items)
    with path.open("a", encoding="utf-8") as log, tqdm(wanted, desc=name) as bar:
        for item in bar:
            bar.set_postfix_str(item, refresh=False)
            if item not in done:
                done[item] = work(item)
                log.write(json.dumps([item, done[item]]) + "\n")
                log.flush()
    return {item: done[item] for item in wanted}


def _read(path: Path) -> dict[str, Json]:
    if not path.is_file():
        return {}
    return dict(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _fingerprint() -> str:
    """Digest of all that the results depend on: our sources, and the runtime as it was built."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SOURCES]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    paths = [REPOSITORY / name for name in sorted(listed.decode().split("\0")) if name]
    digest = hashlib.sha256()
    for path in (*paths, LIBRARY):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
