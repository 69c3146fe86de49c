# SPDX-License-Identifier: Apache-2.0
"""How often anomaly-fan raises an alarm: over several windows, and after the sensor was moved.

    python -m zoo.recipes.fan_alarms --data ../shared/data

Thresholds are chosen on normal data only: of the validation split, or of the first windows after
the sensor was attached again. Writes benchmarks/results/fan_alarms.json and .md.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import results
from benchmarks.models import add_data_option
from benchmarks.results import Json, markdown, provenance_text
from tflm_converters.errors import ConversionError
from tflm_mcunet import tasks
from tflm_mcunet.report.text import Table
from tflm_mcunet.tasks import Examples
from tflm_mcunet.zoo.entry import CONVERTED, Entry
from tflm_mcunet.zoo.evaluation import area_under_curve
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import make_output
from zoo.recipes.anomaly_fan import FALSE_ALARMS, NAME
from zoo.recipes.cards import MODELS

AVERAGED = (1, 3, 10)
"""Windows whose mean score is judged."""

RECALIBRATION = 60
"""First windows after the sensor was attached again, on which a threshold is chosen anew."""

AFTER_MOVE = "test_session"


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Of windows in the order of time; `y` is 1 for anomalies."""

    values: np.ndarray
    y: np.ndarray
    recording: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        return self.values[self.y == 0]

    @property
    def faulty(self) -> np.ndarray:
        return self.values[self.y == 1]

    def averaged(self, windows: int) -> Scores:
        """The means of so many windows in succession, none across recordings."""
        means, y, names = [], [], []
        for name in np.unique(self.recording):
            of_one = self.recording == name
            mean = np.convolve(self.values[of_one], np.full(windows, 1 / windows), "valid")
            means.append(mean)
            y.append(self.y[of_one][windows - 1 :])
            names.append(self.recording[of_one][windows - 1 :])
        return Scores(*map(np.concatenate, (means, y, names)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    options = parser.parse_args()
    figures = results.provenance("zoo.recipes.fan_alarms")
    try:
        figures |= measure(options.data / "anomaly")
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    results.write("fan_alarms", figures, page)
    return 0


def measure(data: Path) -> Json:
    """All figures.

    Raises:
        ConversionError: model or data are not there.
    """
    entry = Entry.read(MODELS / NAME)
    content = entry.content(CONVERTED)
    model = Pipeline(make_input(entry.input), content, make_output(entry.output))
    splits = tasks.load(data, "anomaly").splits
    scored = {name: score(model, splits[name], name) for name in ("val", "test", AFTER_MOVE)}
    return {
        "sha256": entry.sha256[CONVERTED],
        "false_alarms": FALSE_ALARMS,
        "recalibration": RECALIBRATION,
        "averaged": {str(windows): alarms(scored, windows) for windows in AVERAGED},
    }


def score(model: Pipeline, examples: Examples, name: str) -> Scores:
    """Each window's, in TensorFlow Lite Micro."""
    label = model.output.labels[1]
    bar = tqdm(examples.x, desc=name, leave=False)
    values = np.array([model.predict(block).scores[label] for block in bar])
    return Scores(values, examples.y, examples.group)


def alarms(scored: dict[str, Scores], windows: int) -> Json:
    """What means of so many windows tell."""
    val, test, moved = (scored[name].averaged(windows) for name in ("val", "test", AFTER_MOVE))
    first, rest = moved.values[:RECALIBRATION], moved.values[RECALIBRATION + windows - 1 :]
    before, anew = (float(np.quantile(v, 1 - FALSE_ALARMS)) for v in (val.normal, first))
    return {
        "auc": area_under_curve(test.values, test.y == 1),
        "threshold": rates(before, normal=test.normal, faulty=test.faulty, moved=moved.values),
        "anew": rates(anew, normal=test.normal, faulty=test.faulty, moved=rest),
    }


def rates(threshold: float, **scores: np.ndarray) -> Json:
    """The shares above a threshold."""
    return {name: float((values > threshold).mean()) for name, values in scores.items()}


def page(figures: Json) -> str:
    """The whole page."""
    share = f"{figures['false_alarms']:.0%}"
    parts = [
        "# anomaly-fan: alarms",
        provenance_text(figures),
        f"Thresholds are those that {share} of normal scores exceed: those of the validation "
        f"split, or of the first {figures['recalibration']} scores after the sensor was attached "
        "again; those are not judged. A score is the mean of several windows, which are four "
        "seconds apart.",
        markdown(_table(figures)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(figures: Json) -> Table:
    headers = (
        "windows",
        "AUC",
        "<threshold of",
        "faults found",
        "false alarms",
        "false alarms after moving the sensor",
    )
    rows = (
        (windows, f"{of_one['auc']:.3f}", title, *_shares(of_one[which]))
        for windows, of_one in figures["averaged"].items()
        for which, title in (("threshold", "validation split"), ("anew", "the moved sensor"))
    )
    return Table(headers, tuple(rows))


def _shares(found: Json) -> tuple[str, ...]:
    return tuple(f"{found[which]:.1%}" for which in ("faulty", "normal", "moved"))


if __name__ == "__main__":
    sys.exit(main())
