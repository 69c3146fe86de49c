# SPDX-License-Identifier: Apache-2.0
"""What keyword models detect in streams that they were neither trained with nor chosen by.

    python -m zoo.recipes.keyword_alarms

`recipes.evaluate` measures it, with `measure`, into the results of each model; this puts those
beside each other, into benchmarks/results/keyword_alarms.json and .md.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import results
from benchmarks.results import Json, markdown, provenance_text
from tflm_converters.errors import ConversionError
from tflm_mcunet.audio import Listening, LogMelConfig
from tflm_mcunet.report.model_card import ABOUT_LISTENING
from tflm_mcunet.report.text import Table
from tflm_mcunet.zoo.entry import CONVERTED, Entry
from tflm_mcunet.zoo.listening import NOTHING, Heard
from tflm_mcunet.zoo.results import Results
from zoo.recipes import cards, keyword_listening, keyword_streams
from zoo.recipes.keyword_tasks import WORDS

IN_NOISE = "keywords in noise"


def main() -> int:
    figures = results.provenance("zoo.recipes.keyword_alarms")
    try:
        figures["models"] = dict(_models())
    except ConversionError as error:
        print(f"keyword_alarms: {error}", file=sys.stderr)
        return 2
    results.write("keyword_alarms", figures, page)
    return 0


def measure(entry: Entry, data: Path) -> dict[str, Heard]:
    """What a model hears of the test split, by what it is; none for one without a detector.

    Args:
        entry: of the model; its first test set says which words it knows.
        data: the folder of all data sets.
    """
    if "listening" not in entry.output:
        return {}
    listening = Listening.from_json(entry.output["listening"])
    front_end = LogMelConfig.from_json(entry.input["config"])
    task = entry.test_sets[0]
    clips = data / WORDS[task].folder
    streams = {
        IN_NOISE: keyword_streams.with_keywords(task, clips, "test"),
        **keyword_streams.without_keywords(task, clips, "test"),
    }
    model, rows = entry.content(CONVERTED), front_end.frames(front_end.rate)
    posteriors = (
        keyword_listening.listen(model, front_end, stream, rows=rows, new_rows=listening.new_rows)
        for stream in streams.values()
    )
    return {
        what: keyword_listening.count(each, listening.detector)
        for what, each in zip(streams, posteriors, strict=True)
    }


def _models() -> Iterator[tuple[str, Json]]:
    for folder in cards.folders():
        entry = Entry.read(folder)
        found = Results.read(entry)
        if found is not None and found.listening:
            heard = {what: dataclasses.asdict(one) for what, one in found.listening.items()}
            settings = entry.output["listening"]
            yield (
                entry.name,
                {"sha256": entry.sha256[CONVERTED], "detector": settings, "heard": heard},
            )


def page(figures: Json) -> str:
    """The whole page."""
    parts = [
        "# Keywords in streams: detections and false alarms",
        provenance_text(figures),
        ABOUT_LISTENING,
        markdown(_table(figures["models"])),
    ]
    return "\n\n".join(parts) + "\n"


def _table(models: Json) -> Table:
    headers = (
        "<model",
        "keywords in noise",
        "found",
        "false alarms among them",
        "minutes without keywords",
        "false alarms",
        "per hour",
        "at most",
    )
    rows = tuple(
        _row(name, {w: Heard(**one) for w, one in m["heard"].items()}) for name, m in models.items()
    )
    return Table(headers, rows)


def _row(name: str, heard: dict[str, Heard]) -> tuple[str, ...]:
    words = heard.pop(IN_NOISE)
    rest = sum(heard.values(), NOTHING)
    return (
        name,
        f"{words.words:,}",
        f"{words.rate:.1%}",
        f"{words.false_alarms:,}",
        f"{60 * rest.hours:.1f}",
        f"{rest.false_alarms:,}",
        f"{rest.per_hour:.1f}",
        f"{rest.at_most_per_hour:.1f}",
    )


if __name__ == "__main__":
    sys.exit(main())
