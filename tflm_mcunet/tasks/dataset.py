# SPDX-License-Identifier: Apache-2.0
"""What every loader returns: examples in arrays, split into train, val and test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Some rows of an array, with what is known about each.

    The array may be a file mapped into memory, of which only what is used is read.

    Attributes:
        data: all examples: uint8 (n, height, width, channels) for images, int16 (n, samples) for
            clips, int16 (n, window, axes) for blocks of a sensor.
        rows: which of them, int64 (m,).
        y: class of each, int32 (m,).
        source: where each is from, str (m,): sources may be sampled evenly.
        group: speaker, recording or scene, str (m,): no group is in two splits.
    """

    data: np.ndarray
    rows: np.ndarray
    y: np.ndarray
    source: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def x(self) -> np.ndarray:
        """The examples as one array (m, ...), copied."""
        return np.asarray(self.data[self.rows])

    def take(self, indices: np.ndarray) -> Examples:
        """Some of the examples, by position or mask; nothing is copied."""
        return dataclasses.replace(
            self,
            rows=self.rows[indices],
            y=self.y[indices],
            source=self.source[indices],
            group=self.group[indices],
        )

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Examples:
        """The examples with `function` of each in its place, such as a front end's features."""
        mapped = [function(self.data[row]) for row in self.rows]
        data = np.stack(mapped) if mapped else self.data[:0]
        return dataclasses.replace(self, data=data, rows=np.arange(len(mapped)))


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file that could not be used, and why."""

    name: str
    reason: str


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Examples of some classes.

    Attributes:
        classes: names; a label is a position in them.
        train: may be empty, as val and test, if the set is for evaluation only.
        others: further splits by name, such as recordings of another day.
        noise: for keywords, long recordings without them by split, int16 (samples,) each.
        rate: samples per second, of clips and of a sensor; 0 for images.
        skipped: files that could not be read.
    """

    classes: tuple[str, ...]
    train: Examples
    val: Examples
    test: Examples
    others: Mapping[str, Examples] = dataclasses.field(default_factory=dict)
    noise: Mapping[str, Sequence[np.ndarray]] = dataclasses.field(default_factory=dict)
    rate: int = 0
    skipped: tuple[Skipped, ...] = ()

    @property
    def splits(self) -> dict[str, Examples]:
        """All splits by name."""
        return {"train": self.train, "val": self.val, "test": self.test, **self.others}

    @property
    def example_shape(self) -> tuple[int, ...]:
        return tuple(self.train.data.shape[1:])

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Dataset:
        """The set with `function` of each example in its place.

        Example:
            >>> features = tasks.load("clips/", "kws").map(LogMel().features)
        """
        mapped = {name: examples.map(function) for name, examples in self.splits.items()}
        train, val, test = (mapped.pop(name) for name in SPLITS)
        return dataclasses.replace(self, train=train, val=val, test=test, others=mapped)

    def summary(self) -> dict[str, Any]:
        """Counts for a table or for JSON."""
        return {
            "classes": list(self.classes),
            "examples": {name: len(examples) for name, examples in self.splits.items()},
            "per_class": {
                name: np.bincount(examples.y, minlength=len(self.classes)).tolist()
                for name, examples in self.splits.items()
            },
            "skipped": len(self.skipped),
        }


@dataclasses.dataclass(frozen=True)
class Label:
    """What is known about a file before it is read."""

    y: int
    split: str
    source: str = ""
    group: str = ""


def assemble(
    classes: Sequence[str],
    data: np.ndarray,
    labels: Sequence[Label],
    **others: Any,
) -> Dataset:
    """A set from one array and a label for each of its examples.

    Args:
        classes: names.
        data: (n, ...).
        labels: n.
        others: further fields of the set.
    """
    everything = Examples(
        data,
        np.arange(len(data)),
        np.array([label.y for label in labels], np.int32),
        np.array([label.source for label in labels], str),
        np.array([label.group for label in labels], str),
    )
    split = np.array([label.split for label in labels], str)
    names = (*SPLITS, *sorted(set(split.tolist()) - set(SPLITS)))
    parts = {name: everything.take(split == name) for name in names}
    train, val, test = (parts.pop(name) for name in SPLITS)
    return Dataset(tuple(classes), train, val, test, others=parts, **others)
