# SPDX-License-Identifier: Apache-2.0
"""Archives with tables: photos of persons, keywords, vibration, MLPerf Tiny's accuracy sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import cache, files, keywords
from tflm_mcunet.tasks.audio import ClipFormat, clip_decoder, read_recording
from tflm_mcunet.tasks.dataset import Dataset, Label, Skipped, assemble
from tflm_mcunet.tasks.images import ImageFormat, image_decoder
from tflm_mcunet.tasks.keywords import Clips

VWW_CLASSES = ("no_person", "person")
ANOMALY_CLASSES = ("normal", "anomaly")
KEYWORD_SETS = {"kws-ar": ("ar",), "kws-en": ("en",), "kws-wake": ("wake", "en")}
"""Tables of each set; of those after the first all words are unknown."""

_KEYWORD = "keyword"
_COLUMNS = ("file", "word", "role", "source", "speaker", "split")


def load_vww(root: Path, made: ImageFormat, *, cache_folder: Path | None = None) -> Dataset:
    """images.zip with labels.csv: file, label, split, source, group.

    Raises:
        DataError: a file is missing, or is something else.
    """
    rows = files.table(root / "labels.csv", ("file", "label", "split", "source", "group"))
    decoded = _images(root / "images.zip", rows, made, cache_folder)
    labels = [
        Label(int(row["label"]), row["split"], row["source"], row["group"])
        for row in _kept(decoded, rows)
    ]
    return assemble(VWW_CLASSES, decoded.data, labels, skipped=decoded.skipped)


def load_keywords(
    root: Path, name: str, made: ClipFormat, *, seed: int = 0, cache_folder: Path | None = None
) -> Dataset:
    """One of `KEYWORD_SETS` from <table>.zip with <table>.csv, and noise from noise.zip.

    Raises:
        DataError: a file is missing, or is something else.
    """
    tables = [files.table(root / f"{part}.csv", _COLUMNS) for part in KEYWORD_SETS[name]]
    words = sorted({row["word"] for row in tables[0] if row["role"] == _KEYWORD})
    parts: list[Clips] = []
    skipped: list[Skipped] = []
    for part, rows in zip(KEYWORD_SETS[name], tables, strict=True):
        archive, names = files.Archive(root / f"{part}.zip"), [row["file"] for row in rows]
        decoded = cache.decoded(archive, names, clip_decoder(made), folder=cache_folder)
        parts.append(_clips(decoded.data, _kept(decoded, rows)))
        skipped += decoded.skipped
    noise = _noise(root, made.rate)
    return keywords.assemble_keywords(
        _joined(parts), words, noise, rate=made.rate, seed=seed, skipped=tuple(skipped)
    )


def _kept(decoded: cache.Decoded, rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The rows whose files could be decoded."""
    return [rows[position] for position in decoded.kept]


def _images(
    archive: Path, rows: Sequence[dict[str, str]], made: ImageFormat, folder: Path | None
) -> cache.Decoded:
    names = [row["file"] for row in rows]
    return cache.decoded(files.Archive(archive), names, image_decoder(made), folder=folder)


def _clips(data: np.ndarray, rows: Sequence[dict[str, str]]) -> Clips:
    return Clips(
        data,
        words=tuple(row["word"] if row["role"] == _KEYWORD else keywords.UNKNOWN for row in rows),
        splits=tuple(row["split"] for row in rows),
        sources=tuple(row["source"] for row in rows),
        groups=tuple(row["speaker"] or row["file"] for row in rows),
    )


def _joined(parts: Sequence[Clips]) -> Clips:
    if len(parts) == 1:
        return parts[0]
    return Clips(
        np.concatenate([part.data for part in parts]),
        words=tuple(word for part in parts for word in part.words),
        splits=tuple(split for part in parts for split in part.splits),
        sources=tuple(source for part in parts for source in part.sources),
        groups=tuple(group for part in parts for group in part.groups),
    )


def _noise(root: Path, rate: int) -> dict[str, list[np.ndarray]]:
    archive = files.Archive(root / "noise.zip")
    noise: dict[str, list[np.ndarray]] = {"train": [], "val": [], "test": []}
    for row in files.table(root / "noise.csv", ("file", "split")):
        recording = read_recording(archive.read(row["file"]), rate=rate)
        noise.setdefault(row["split"], []).append(recording)
    return noise


def load_anomaly(root: Path, *, file: str = "fan.npz") -> Dataset:
    """Blocks of an accelerometer from an .npz: x int16 (n, window, axes), label, split, rate_hz.

    `speed` is the source and `recording` the group. Training blocks are all normal.

    Raises:
        DataError: the file is missing, or is something else.
    """
    arrays = _npz(root / file, ("x", "label", "split", "rate_hz", "speed", "recording"))
    facts = (arrays[key].tolist() for key in ("label", "split", "speed", "recording"))
    labels = [Label(*fact) for fact in zip(*facts, strict=True)]
    return assemble(ANOMALY_CLASSES, arrays["x"], labels, rate=round(float(arrays["rate_hz"])))


def load_mlperf_vww(root: Path, made: ImageFormat, *, cache_folder: Path | None = None) -> Dataset:
    """MLPerf Tiny's visual wake words accuracy set: test alone, never to be trained on.

    Raises:
        DataError: vww01.zip or vww01_labels.csv is missing, or is something else.
    """
    rows = files.table(root / "vww01_labels.csv", ("file", "label"))
    decoded = _images(root / "vww01.zip", rows, made, cache_folder)
    labels = [
        Label(int(row["label"]), "test", "mlperf_tiny", row["file"]) for row in _kept(decoded, rows)
    ]
    return assemble(VWW_CLASSES, decoded.data, labels, skipped=decoded.skipped)


def load_mlperf_kws(root: Path) -> Dataset:
    """MLPerf Tiny's keyword accuracy set: test alone, int8 MFCC (49, 10, 1) of its own front end.

    Raises:
        DataError: kws01.npz is missing, or is something else.
    """
    arrays = _npz(root / "kws01.npz", ("x", "y", "name", "classes"))
    facts = zip(arrays["y"].tolist(), arrays["name"].tolist(), strict=True)
    labels = [Label(y, "test", "mlperf_tiny", name) for y, name in facts]
    return assemble([str(name) for name in arrays["classes"]], arrays["x"], labels)


def _npz(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as stored:
            missing = sorted(set(keys) - set(stored.files))
            arrays = {key: stored[key] for key in keys if key in stored.files}
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read '{path}': {error}; expected an .npz file") from None
    if missing:
        raise DataError(f"'{path}': expected the arrays {', '.join(missing)}, too")
    return arrays
