# SPDX-License-Identifier: Apache-2.0
"""Results on disk: raw figures as JSON, and a page made from them alone."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.models import REPOSITORY
from tflm_mcunet.report.text import Table

RESULTS = Path(__file__).parent / "results"
SOURCES = (
    "arduino",
    "converters",
    "tflm_mcunet",
    "benchmarks/*.py",
    "tests/*.py",
    "zoo/recipes/*.py",
)
"""What figures depend on, as git names files."""

_PACKAGES = ("ai-edge-litert", "numpy", "tflite-micro")

Json = dict[str, Any]


def write(name: str, figures: Json, page: Callable[[Json], str]) -> None:
    """Writes `results/<name>.json` and, from what it holds, `results/<name>.md`."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(page(json.loads(text)), encoding="utf-8")


def read(name: str) -> Json:
    """What `write` has written."""
    content: Json = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def provenance(module: str, *, packages: Sequence[str] = ()) -> Json:
    """How the figures were made: command, versions (of further packages, too), commit."""
    return {
        "command": " ".join(["python -m", module, *sys.argv[1:]]),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_sources": bool(_git("status", "--porcelain", "--", *SOURCES)),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in (*_PACKAGES, *packages)},
    }


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def provenance_text(made: Json) -> str:
    """The same as a paragraph."""
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    changes = " with uncommitted changes" if made["uncommitted_sources"] else ""
    return (
        f"Made by `{made['command']}` at commit {made['commit'][:12]}{changes}, "
        f"Python {made['python']}, {packages}."
    )


def file_facts(path: Path) -> Json:
    """Name, size and SHA-256 of an input file."""
    content = path.read_bytes()
    return {
        "file": path.name,
        "file_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def sha256_text(inputs: Iterable[Json]) -> str:
    """The digests of the input files, one per line."""
    return "\n".join(f"* `{i['file']}`: sha256 {i['sha256']}" for i in inputs)


def markdown(table: Table) -> str:
    """A table as GitHub shows it; text columns to the left, figures to the right."""
    return table.markdown
