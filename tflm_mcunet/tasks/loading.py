# SPDX-License-Identifier: Apache-2.0
"""One function that loads all kinds of data sets, and picks the kind by what is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import audio, coco, files, images, shared
from tflm_mcunet.tasks.audio import ClipFormat
from tflm_mcunet.tasks.catalogue import load_catalogued
from tflm_mcunet.tasks.dataset import Dataset
from tflm_mcunet.tasks.images import ImageFormat

CATALOGUE = "tfds:"
"""Prefix of names of tensorflow-datasets."""

NAMES = ("vww", "kws", *shared.KEYWORD_SETS, "anomaly", "vww01", "kws01")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Options:
    image: ImageFormat
    clip: ClipFormat
    keywords: Sequence[str] | None
    seed: int
    excluded: Collection[int]
    cache_folder: Path | None


def load(
    path: str | Path,
    name: str | None = None,
    *,
    resolution: int | tuple[int, int] = 96,
    channels: int = 3,
    rate: int = 16000,
    seconds: float = 1.0,
    keywords: Sequence[str] | None = None,
    seed: int = 0,
    excluded: Collection[int] = (),
    cache_folder: Path | None = None,
) -> Dataset:
    """Loads a data set.

    Args:
        path: a folder (see `images.EXPECTED`, `coco.EXPECTED`, `audio.EXPECTED`, and module
            `shared` for those with tables), or "tfds:" and a name of tensorflow-datasets.
        name: what it is, of `NAMES`: "vww" for images, "kws" for clips of words, "kws-ar",
            "kws-en" or "kws-wake" for one of a folder with tables of keywords, "anomaly" for
            vibration, "vww01" and "kws01" for MLPerf Tiny's accuracy sets. Default: by what is
            in the folder.
        resolution: of images, in pixels: a side, or height and width. For training with random
            crops, somewhat more than the model's.
        channels: of images, 3 or 1.
        rate: of clips, in samples per second.
        seconds: length of clips.
        keywords: the words to tell apart; all others are unknown. Default: all.
        seed: where silence is cut from noise.
        excluded: of COCO, numbers of photos to leave out.
        cache_folder: where decoded files are kept; default: a folder in the user's cache.

    Raises:
        DataError: there is nothing of that kind; the message says what was expected.

    Example:
        >>> photos = tasks.load("photos/", "vww", resolution=128)
        >>> photos.classes, len(photos.train), photos.train.x.shape
    """
    size = (resolution, resolution) if isinstance(resolution, int) else resolution
    image, clip = ImageFormat(*size, channels), ClipFormat(rate, seconds)
    if str(path).startswith(CATALOGUE):
        listed = str(path)[len(CATALOGUE) :]
        return load_catalogued(listed, image, clip, keyword_names=keywords)
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"'{root}' is not a folder; expected {_EXPECTED}")
    options = _Options(
        image=image,
        clip=clip,
        keywords=keywords,
        seed=seed,
        excluded=excluded,
        cache_folder=cache_folder,
    )
    return _load(root, name or _recognised(root), options)


def _load(root: Path, name: str, options: _Options) -> Dataset:
    image, clip, folder = options.image, options.clip, options.cache_folder
    match name:
        case "vww" if (root / "images.zip").is_file():
            return shared.load_vww(root, image, cache_folder=folder)
        case "vww" if (root / coco.ANNOTATIONS).is_dir():
            return coco.load_coco(root, image, excluded=options.excluded, cache_folder=folder)
        case "vww":
            return images.load_folder(root, image, cache_folder=folder)
        case "kws":
            _refuse_tables(root)
            return audio.load_folder(
                root, clip, keyword_names=options.keywords, seed=options.seed, cache_folder=folder
            )
        case "anomaly":
            return shared.load_anomaly(root)
        case "vww01":
            return shared.load_mlperf_vww(root, image, cache_folder=folder)
        case "kws01":
            return shared.load_mlperf_kws(root)
        case _ if name in shared.KEYWORD_SETS:
            return shared.load_keywords(root, name, clip, seed=options.seed, cache_folder=folder)
    raise DataError(f"'{name}' is no kind of data; expected one of {', '.join(NAMES)}")


def _recognised(root: Path) -> str:
    """The kind of data that lies in a folder."""
    for file, name in (("images.zip", "vww"), ("fan.npz", "anomaly"), ("vww01.zip", "vww01")):
        if (root / file).is_file():
            return name
    _refuse_tables(root)
    pictures, clips = (len(files.below(root, e)) for e in (images.ENDINGS, audio.ENDINGS))
    if not pictures and not clips:
        raise DataError(f"'{root}' holds neither images nor clips; expected {_EXPECTED}")
    return "vww" if pictures >= clips else "kws"


def _refuse_tables(root: Path) -> None:
    tables = [name for name, (first, *_) in shared.KEYWORD_SETS.items() if _has(root, first)]
    if tables:
        raise DataError(
            f"'{root}' holds several sets of keywords; expected a name of one: {', '.join(tables)}"
        )


def _has(root: Path, table: str) -> bool:
    return (root / f"{table}.csv").is_file()


_EXPECTED = f"{images.EXPECTED}; or {audio.EXPECTED}"
