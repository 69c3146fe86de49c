# SPDX-License-Identifier: Apache-2.0
"""Folders of recordings, one sub-folder per word, as in Speech Commands (arXiv 1804.03209)."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import cache, files, keywords, splits
from tflm_mcunet.tasks.cache import Decoder
from tflm_mcunet.tasks.dataset import Dataset, Skipped
from tflm_mcunet.tasks.images import class_of
from tflm_mcunet.tasks.keywords import Clips
from tflm_mcunet.tasks.optional import require

ENDINGS = (".wav", ".flac", ".ogg")
NOISE_FOLDER = "_background_noise_"

EXPECTED = (
    "a folder with one sub-folder of .wav or .flac clips per word (clips/yes/1.wav) and, for the "
    f"class silence, long recordings without words in {NOISE_FOLDER}"
)
_LISTS = {"validation_list.txt": "val", "testing_list.txt": "test"}  # of Speech Commands


@dataclasses.dataclass(frozen=True)
class ClipFormat:
    """What clips are made into: int16 (samples,), at `rate` samples per second."""

    rate: int = 16000
    seconds: float = 1.0

    @property
    def samples(self) -> int:
        return round(self.rate * self.seconds)


def clip_decoder(made: ClipFormat) -> Decoder:
    """Clips of one length: of a longer one the loudest part, a shorter one in the middle."""
    soundfile = require("soundfile", extra="search")

    def decode(content: bytes) -> np.ndarray:
        return fitted(_pcm(soundfile, content, made.rate), made.samples)

    return Decoder(f"clip-{made.rate}-{made.samples}", (made.samples,), "int16", decode)


def read_recording(content: bytes, *, rate: int) -> np.ndarray:
    """A whole recording, int16 (samples,), channels averaged, resampled to `rate`."""
    return _pcm(require("soundfile", extra="search"), content, rate)


def _pcm(soundfile: Any, content: bytes, rate: int) -> np.ndarray:
    recorded, its_rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    if not len(recorded):
        raise ValueError("it holds no samples")
    mono = recorded[:, 0] if recorded.shape[1] == 1 else recorded.mean(1)
    return mono if its_rate == rate else resampled(mono, its_rate, rate)


def resampled(pcm: np.ndarray, old: int, new: int) -> np.ndarray:
    """Another sampling rate, by cutting off or padding the spectrum; int16."""
    count = max(1, round(len(pcm) * new / old))
    spectrum = np.fft.rfft(pcm.astype(np.float64))[: count // 2 + 1]
    return saturated(np.fft.irfft(spectrum, count) * (count / len(pcm)))


def saturated(samples: np.ndarray) -> np.ndarray:
    """Rounded to int16."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def fitted(pcm: np.ndarray, samples: int) -> np.ndarray:
    """`samples` of them: the loudest ones, or all, between mirrored ends.

    Zeros at the ends would tell short clips from long ones.
    """
    missing = samples - len(pcm)
    if missing > 0:
        ends = missing // 2, missing - missing // 2
        return np.pad(pcm, ends, "reflect") if len(pcm) > 1 else np.pad(pcm, ends, "edge")
    energy = np.concatenate([[0.0], np.cumsum(np.square(pcm, dtype=np.float64))])
    begin = int(np.argmax(energy[samples:] - energy[:-samples]))
    return pcm[begin : begin + samples]


def load_folder(
    root: Path,
    made: ClipFormat,
    *,
    keyword_names: Sequence[str] | None = None,
    seed: int = 0,
    cache_folder: Path | None = None,
) -> Dataset:
    """Clips of words.

    Validation and test are those of the folders train, val and test, or of Speech Commands'
    lists, or of a hash of the name up to "_nohash_", which names the speaker.

    Args:
        root: the folder.
        made: rate, to which others are resampled, and length of the clips.
        keyword_names: the words to tell apart, the others are unknown; default: all of them.
        seed: where silence is cut from the noise.
        cache_folder: where decoded clips are kept.

    Raises:
        DataError: the folder is not as `EXPECTED`, or no clip can be read.
    """
    every = files.below(root, ENDINGS)
    names = [name for name in every if class_of(name) not in ("", NOISE_FOLDER)]
    words = sorted({class_of(name) for name in names})
    chosen = _chosen(root, words, keyword_names)
    source = files.Folder(root)
    decoded = cache.decoded(source, names, clip_decoder(made), folder=cache_folder)
    kept = [names[position] for position in decoded.kept]
    listed = _listed(root)
    clips = Clips(
        decoded.data,
        words=tuple(class_of(name) for name in kept),
        splits=tuple(_split(name, listed) for name in kept),
        sources=("folder",) * len(kept),
        groups=tuple(_speaker(name) for name in kept),
    )
    noise, skipped = _noise(source, [n for n in every if class_of(n) == NOISE_FOLDER], made.rate)
    return keywords.assemble_keywords(
        clips, chosen, noise, rate=made.rate, seed=seed, skipped=(*decoded.skipped, *skipped)
    )


def _chosen(root: Path, words: list[str], keyword_names: Sequence[str] | None) -> tuple[str, ...]:
    known = [word for word in words if word not in keywords.UNKNOWN_FOLDERS]
    if len(words) < 2 or not known:
        raise DataError(f"'{root}': expected {EXPECTED}; found the words: {words or 'none'}")
    if missing := sorted(set(keyword_names or ()) - set(known)):
        raise DataError(
            f"'{root}': expected keywords among {', '.join(known)}; got {', '.join(missing)}"
        )
    return tuple(keyword_names or known)


def _listed(root: Path) -> dict[str, str]:
    """The splits that Speech Commands' lists give."""
    found: dict[str, str] = {}
    for file, split in _LISTS.items():
        if (root / file).is_file():
            lines = (root / file).read_text(encoding="utf-8").split()
            found |= dict.fromkeys(lines, split)
    return found


def _split(name: str, listed: dict[str, str]) -> str:
    if listed:
        return listed.get(name, "train")
    return splits.of_folder(PurePosixPath(name).parts[0]) or splits.of_group(_speaker(name))


def _speaker(name: str) -> str:
    """What the file's name says of the speaker: all takes of one are in one split."""
    return PurePosixPath(name).stem.split("_nohash_")[0]


def _noise(
    source: files.Folder, names: list[str], rate: int
) -> tuple[dict[str, list[np.ndarray]], list[Skipped]]:
    """The recordings of noise, each cut in time: its end is for validation and test."""
    noise: dict[str, list[np.ndarray]] = {"train": [], "val": [], "test": []}
    skipped = []
    for name in names:
        try:
            pcm = read_recording(source.read(name), rate=rate)
        except (OSError, RuntimeError, ValueError) as error:
            skipped.append(Skipped(name, str(error)))
            continue
        shares = np.cumsum([1 - splits.VAL_SHARE - splits.TEST_SHARE, splits.VAL_SHARE])
        parts = np.split(pcm, np.rint(shares * len(pcm)).astype(int))
        for split, part in zip(noise, parts, strict=True):
            noise[split].append(part)
    return noise, skipped
