# SPDX-License-Identifier: Apache-2.0
"""The sketches of an Arduino library, and what its files say of it; the same for all runtimes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from string import Template

from tflm_converters.emit.c_interface import Interface
from tflm_mcunet.boards import Board
from tflm_mcunet.sensors import REPORT_OUTPUTS, Sensor

_TEMPLATES = Path(__file__).parent / "arduino_templates"


def fill(template: str, **values: object) -> str:
    """A template of the folder `arduino_templates` with values in it."""
    text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
    return Template(text).substitute(values)


@dataclasses.dataclass(frozen=True)
class Sketches:
    """The sketches of a library for a board.

    They call the functions of the model's `interface`, whatever runs it; `includes` are lines
    that the runtime needs in each of them.
    """

    library: str
    board: Board
    interface: Interface
    includes: str = ""

    def self_test(self) -> str:
        """Checks the model on a stored input, and times it."""
        return self.fill(
            "sketch.ino",
            purpose="Checks the model on a stored input, then runs it on that again and again, "
            "and prints what it\n// computes.",
            includes=self.includes,
            input=self.fill("self_test.ino"),
            report=self._fill_all(REPORT_OUTPUTS),
        )

    def reading(self, sensor: Sensor) -> str:
        """Feeds the model with what the sensor yields."""
        fed = "feed_rows.ino" if self.interface.row_fed else "feed_whole.ino"
        reading = self._fill_all(sensor.reading, **sensor.values)
        headers = "".join(f"#include <{header}>\n" for header in sensor.includes)
        return self.fill(
            "sketch.ino",
            purpose=f"Checks the model on a stored input, then runs it on what {sensor.title} "
            "yields.",
            includes=self.includes + headers,
            input="\n".join([self.fill("rows.ino"), reading, self.fill(fed)]),
            report=self._fill_all(sensor.report, **sensor.values),
        )

    def fill(self, template: str, **values: object) -> str:
        """A template with the names of library, board and model, and these values in it."""
        output = str(self.interface.ports("output")[0]["direction"])
        return fill(
            template,
            library=self.library,
            name=self.interface.name,
            NAME=self.interface.name.upper(),
            output=output,
            OUTPUT=output.upper(),
            title=self.interface.title,
            board=self.board.title,
            **values,
        )

    def _fill_all(self, templates: Iterable[str], **values: object) -> str:
        return "\n".join(self.fill(template, **values) for template in templates)
