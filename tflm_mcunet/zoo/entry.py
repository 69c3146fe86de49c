# SPDX-License-Identifier: Apache-2.0
"""An entry of a zoo: the folder of one model, with files that belong together.

model.tflite       int8, as it was trained and quantized
converted.tflite   the same network in less SRAM, with the same outputs
entry.json         what the model is and how to feed it: an `Entry`
results.json       figures, written by the zoo's evaluation script alone
card.md            the model card, rendered from the two files above
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from tflm_converters.errors import ConversionError, SettingsError

ORIGINAL = "model.tflite"
CONVERTED = "converted.tflite"
ENTRY = "entry.json"
RESULTS = "results.json"
CARD = "card.md"

QUANTIZATIONS = ("int8-ptq", "int8-qat")
"""After training, or by training that knows of it."""

TASKS = ("visual wake words", "keyword spotting", "anomaly detection")

Json = dict[str, Any]


class ZooError(ConversionError):
    """No zoo is installed, a model is not in it, or its files are damaged."""


@dataclasses.dataclass(frozen=True)
class DataSource:
    """Data that a model was made from, or is judged by."""

    name: str
    licence: str
    use: str


@dataclasses.dataclass(frozen=True)
class Entry:
    """What `entry.json` holds; `folder` is where it lies.

    `input` and `output` are of the kinds that `tflm_mcunet.zoo.inputs` and `.outputs` know.
    `quantization` says how the weights became int8. `conversion` are options of
    `tflm_mcunet.convert`. `recipe` is the command that makes the model from data, `test_sets`
    the names of the sets that judge it. `sha256` gives the digests of `model.tflite` and
    `converted.tflite` by file name.
    """

    folder: Path
    name: str
    version: str
    task: str
    title: str
    input: Json
    output: Json
    quantization: str
    conversion: Json
    data: tuple[DataSource, ...]
    weights_licence: str
    splits: str
    intended_use: str
    limits: str
    recipe: str
    test_sets: tuple[str, ...]
    sha256: Json

    @classmethod
    def read(cls, folder: Path) -> Entry:
        """The entry in a folder that bears the model's name.

        Raises:
            ZooError: `entry.json` is missing or is not what it should be.
        """
        values = _fields(folder / ENTRY)
        values["data"] = tuple(_source(source, folder / ENTRY) for source in values["data"])
        values["test_sets"] = tuple(map(str, values["test_sets"]))
        made = cls(folder=folder, **values)
        for what, allowed in (
            ("name", (folder.name,)),
            ("task", TASKS),
            ("quantization", QUANTIZATIONS),
        ):
            if getattr(made, what) not in allowed:
                raise ZooError(
                    f"'{folder / ENTRY}': expected as {what} {' or '.join(allowed)}, "
                    f"got '{getattr(made, what)}'"
                )
        return made

    def content(self, file: str) -> bytes:
        """The content of a `.tflite` file of this entry, whose digest is checked.

        Raises:
            ZooError: it is missing, or is not the file that was published.
        """
        content = read_bytes(self.folder / file)
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.sha256.get(file):
            raise ZooError(
                f"'{self.folder / file}' is not the published file: expected sha256 "
                f"{self.sha256.get(file)}, got {digest}; reinstall the zoo"
            )
        return content

    def to_json(self) -> Json:
        """What `entry.json` holds."""
        content = dataclasses.asdict(self)
        del content["folder"]
        return content


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises ZooError."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ZooError(f"cannot read '{path}': {reason}; reinstall the zoo") from None


def read_json(path: Path) -> Json:
    """The object in a JSON file; raises ZooError."""
    try:
        content = json.loads(read_bytes(path))
    except ValueError as error:
        raise ZooError(f"'{path}' is not JSON: {error}; reinstall the zoo") from None
    if not isinstance(content, dict):
        raise ZooError(f"'{path}': expected an object, got {type(content).__name__}")
    return content


def build(content: Json, kinds: dict[str, type[Any]], what: str) -> Any:
    """The object that an entry describes: its `kind`, and the fields of that.

    Args:
        content: `kind` and fields.
        kinds: the classes by kind.
        what: the field of the entry, for messages.

    Raises:
        ZooError: it is of an unknown kind, or its fields are not those of its kind.
    """
    fields = dict(content)
    kind = str(fields.pop("kind", None))
    if kind not in kinds:
        raise ZooError(
            f"unknown kind of {what} '{kind}', expected one of {', '.join(kinds)}; a newer "
            "tflm-mcunet may know it"
        )
    try:
        return kinds[kind](**fields)
    except (TypeError, ValueError, SettingsError) as error:
        raise ZooError(f"{what} of kind '{kind}' cannot be made from {fields}: {error}") from None


_TYPES = {"tuple[DataSource, ...]": list, "tuple[str, ...]": list, "str": str, "Json": dict}
"""What stands in the file for a field of this type."""


def _fields(path: Path) -> Json:
    """The content of `entry.json`, with all fields there and of the right type."""
    content = read_json(path)
    expected = {
        f.name: _TYPES[str(f.type)] for f in dataclasses.fields(Entry) if f.name != "folder"
    }
    if content.keys() != expected.keys():
        missing = ", ".join(sorted(expected.keys() - content.keys())) or "none"
        unknown = ", ".join(sorted(content.keys() - expected.keys())) or "none"
        raise ZooError(f"'{path}': fields that are missing: {missing}; not known: {unknown}")
    for name, kind in expected.items():
        if not isinstance(content[name], kind):
            got = type(content[name]).__name__
            raise ZooError(f"'{path}': expected a {kind.__name__} as '{name}', got a {got}")
    return content


def _source(content: Any, path: Path) -> DataSource:
    try:
        return DataSource(**content)
    except TypeError:
        names = ", ".join(field.name for field in dataclasses.fields(DataSource))
        raise ZooError(f"'{path}': expected {names} of each data source, got {content}") from None
