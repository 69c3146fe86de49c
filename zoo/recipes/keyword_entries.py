# SPDX-License-Identifier: Apache-2.0
"""What `entry.json` of keyword models and of their references says; digests follow when sealed."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_TITLES = {
    "kws-ar": "Ten commands spoken in Arabic",
    "kws-wake": "Six wake words: alexa, computer, jarvis, smart mirror, snowboy, view glass",
    "kws-commands": "Ten English commands of Speech Commands",
}

_ARABIC = {
    "name": "Arabic Speech Commands (Ghandoura, Hjabo, Al Dakkak 2021)",
    "licence": "CC BY 4.0",
}
_ENGLISH = {"name": "Speech Commands v0.01 (Warden 2017), 3,000 words", "licence": "CC BY 4.0"}
_WAKE = {"name": "Picovoice wake-word-benchmark", "licence": "Apache-2.0"}
_NOISE = {"name": "noise of both Speech Commands", "licence": "CC BY 4.0"}

_DATA = {
    "kws-ar": [
        _ARABIC | {"use": "training, validation, test"},
        _NOISE | {"use": "augmentation, silence, test"},
        _ENGLISH | {"use": "unknown words: training; false alarms"},
        _WAKE | {"use": "false alarms only"},
    ],
    "kws-wake": [
        _WAKE
        | {"use": "training, validation, test; backwards and in halves: unknown words in training"},
        _ENGLISH | {"use": "unknown words: training, validation, test"},
        _NOISE | {"use": "augmentation, silence, test"},
        _ARABIC | {"use": "commands: unknown words in training; all words: false alarms"},
    ],
    "kws-commands": [
        {
            "name": "Speech Commands (Warden 2018)",
            "licence": "CC BY 4.0",
            "use": "training, validation, test",
        }
    ],
}

_SPLITS = {
    "kws-ar": (
        "By speaker, as published: 18 for training, 5 for validation, 5 for test. The folders' "
        "English names are translations of the words spoken. Each recording of noise is cut in "
        "time into three parts. "
    ),
    "kws-wake": (
        "The wake words' speakers are not published, so they are split by clip, and a voice of the "
        "test split may have been heard in training: the accuracy is optimistic. The unknown words "
        "are split by speaker. Each recording of noise is cut in time into three parts. "
    ),
    "kws-commands": "By the lists of the set, by speaker. ",
}
_CHOSEN = (
    "Network, quantization and detector were chosen by the validation split, the detector by "
    "streams of keywords in noise, of noise, and of other words."
)

_USE = {
    "kws-ar": (
        "hands-free control of small devices in Arabic, with a PDM microphone near the speaker, "
        "such as that of the Nano 33 BLE Sense; as a start for words of your own, with the recipe."
    ),
    "kws-wake": (
        "waking a device by one of six English words, with a PDM microphone near the speaker, such "
        "as that of the Nano 33 BLE Sense; as a start for words of your own, with the recipe."
    ),
    "kws-commands": "hands-free control of small devices in English, with a PDM microphone.",
}
_LIMITS = {
    "kws-ar": (
        "It has learned from 18 speakers and knows about as many ways to say a word. Words that "
        "sound like a command are taken for it. "
    ),
    "kws-wake": (
        "More than 50 people have spoken the wake words, once or twice each, and nobody from far "
        "away. Words that sound like a wake word may wake it: of English it has learned thirty "
        "words, of Arabic the ten commands, and of other languages none. The commands that it "
        "listens to below are those words by other speakers; the thirty other words of kws-ar were "
        "neither trained with nor used to choose a threshold, though most of their speakers were "
        "heard saying commands. How strictly thresholds are chosen, by words made of clips, too, "
        "was decided when the first false alarms of kws-wake-s on these thirty words were known: "
        "those of kws-wake-s flatter a little. "
    ),
    "kws-commands": "Words that sound like a command are taken for it. ",
}
_HEARD = (
    "How often it raises a false alarm is known from the speech and noise that were listened to, "
    "and not better than that: see the upper bound. Rooms, music and distant speech were not "
    "measured, nor was a board's own microphone."
)


_SPEED = (
    " By the estimates below a board of 64 MHz has computed an inference before the next one is "
    "due, new_rows of 20 ms later; slower boards need a greater new_rows, or sound is lost."
)


def model(name: str, facts: Json, listening: Json) -> Json:
    """The entry of a model of the zoo.

    Args:
        name: of the model.
        facts: of its quantization: which was chosen, classes, front end.
        listening: of its detector.
    """
    task = name.rpartition("-")[0]
    detector = listening["listening"]
    output = {} if detector is None else {"listening": detector}
    made = _entry(name, task, _TITLES[task], facts, output)
    return made | {
        "limits": made["limits"] + _SPEED,
        "recipe": f"python -m zoo.recipes.keywords {name} --data ../shared/data",
    }


def reference(name: str, task: str, facts: Json) -> Json:
    """The entry of MLPerf Tiny's network for the same words."""
    title = "MLPerf Tiny's DS-CNN, trained on the same clips; 10 bins instead of 40"
    return _entry(name, task, title, facts, {})


def _entry(name: str, task: str, title: str, facts: Json, output: Json) -> Json:
    return {
        "name": name,
        "version": "1.0",
        "task": "keyword spotting",
        "title": title,
        "input": {"kind": "log-mel", "config": facts["config"], "seconds": 1.0},
        "output": {"kind": "classes", "labels": facts["classes"], **output},
        "quantization": facts["chosen"],
        "conversion": {"row_fed": True},
        "data": _DATA[task],
        "weights_licence": "Apache-2.0",
        "splits": _SPLITS[task] + _CHOSEN,
        "intended_use": _USE[task],
        "limits": _LIMITS[task] + _HEARD,
        "recipe": f"python -m zoo.recipes.keywords {task}-s --data ../shared/data",
        "test_sets": [task],
        "sha256": {},
    }
