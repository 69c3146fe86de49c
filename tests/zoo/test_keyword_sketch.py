# SPDX-License-Identifier: Apache-2.0
"""What `zoo export` makes of a keyword model hears what Python hears, word for word."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.arduino import sketches
from tflm_mcunet import cli
from tflm_mcunet.audio import Detector, Listening, LogMelConfig
from tflm_mcunet.zoo import catalogue
from tflm_mcunet.zoo.entry import CONVERTED, Entry
from zoo.recipes import keyword_listening
from zoo.recipes.cards import MODELS
from zoo.recipes.keyword_streams import Stream, embedded
from zoo.recipes.keyword_tasks import WORDS

LOOPS = 60


@pytest.mark.parametrize("name", ["kws-wake-s", "kws-ar-s"])
def test_exported_sketch_hears_the_words(
    name: str,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = Entry.read(MODELS / name)
    monkeypatch.setattr(catalogue, "_zoos", lambda: [MODELS])
    archive = tmp_path / "Words.zip"
    assert cli.main(["zoo", "export", name, "--out", str(archive), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sensor"] == "microphone"
    zipfile.ZipFile(archive).extractall(tmp_path / "libraries")
    sketch = tmp_path / "libraries" / "Words" / "examples" / "Microphone" / "Microphone.ino"
    work = tmp_path / "work"
    work.mkdir()
    elf = sketches.build(sketch, tmp_path / "libraries", work, loops=LOOPS)

    loaded = WORDS[entry.test_sets[0]].load(shared_data / "kws")
    stream = embedded(loaded, "test", np.random.default_rng(1))
    first, *lines = sketches.run(elf, microphone=stream.pcm.tobytes()).splitlines()
    assert first == "self test passed: 0 differing bytes"
    heard = [re.fullmatch(r"heard (\w+): \d\.\d{4}", line) for line in lines]
    words = [match[1] for match in heard if match]
    assert words == detected(entry, stream) and len(words) == len(lines) >= 2
    spoken = [loaded.classes[word.label] for word in stream.words]
    assert words == spoken[: len(words)]


def detected(entry: Entry, stream: Stream) -> list[str]:
    """By Python, in the windows that the sketch has time for."""
    listening = Listening.from_json(entry.output["listening"])
    front_end = LogMelConfig.from_json(entry.input["config"])
    rows = front_end.frames(front_end.rate)
    windows = (LOOPS * listening.new_rows + rows) * front_end.hop + front_end.window
    short = Stream(stream.pcm[:windows], stream.rate)
    posteriors = keyword_listening.listen(
        entry.content(CONVERTED), front_end, short, rows=rows, new_rows=listening.new_rows
    )
    detector = Detector(listening.detector)
    found = [detector.push(values) for values in posteriors.values[:LOOPS]]
    return [entry.output["labels"][label] for label in found if label is not None]
