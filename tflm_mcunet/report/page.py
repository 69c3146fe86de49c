# SPDX-License-Identifier: Apache-2.0
"""One HTML page with everything in it: no other file, no network, no script."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from html import escape

from tflm_mcunet.report.text import Table

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #22272E; margin: 2rem auto;
       max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0.2rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.6rem; }
.figures { display: flex; flex-wrap: wrap; gap: 0.8rem; margin: 1.5rem 0; }
.figure { border: 1px solid #D5D9DE; border-radius: 8px; padding: 0.7rem 1rem; flex: 1 1 10rem; }
.figure b { display: block; font-size: 1.5rem; }
.figure span { color: #59626D; font-size: 0.9rem; }
img { width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #22272E; }
th, td { padding: 0.2rem 0.7rem; text-align: right; white-space: nowrap; }
th.text, td.text { text-align: left; }
tr:nth-child(even) td { background: #F5F6F8; }
"""


@dataclasses.dataclass(frozen=True)
class KeyFigure:
    """A number to see first, and what it is."""

    value: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading with a picture (the content of a PNG file), a table, or both."""

    heading: str
    picture: bytes | None = None
    table: Table | None = None


def render(
    title: str, summary: str, figures: Sequence[KeyFigure], sections: Sequence[Section]
) -> str:
    """The page as HTML; all texts are escaped here."""
    cards = "".join(_card(figure) for figure in figures)
    body = "".join(_section(section) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(summary)}</p>\n"
        f'<div class="figures">\n{cards}</div>\n{body}</body>\n</html>\n'
    )


def _card(figure: KeyFigure) -> str:
    value, meaning = escape(figure.value), escape(figure.meaning)
    return f'<div class="figure"><b>{value}</b><span>{meaning}</span></div>\n'


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.heading)}</h2>\n"]
    if section.picture is not None:
        data = base64.b64encode(section.picture).decode("ascii")
        alternative = escape(section.heading, quote=True)
        parts.append(f'<img alt="{alternative}" src="data:image/png;base64,{data}">\n')
    if section.table is not None:
        parts.append(f'<div class="scroll">\n{_table(section.table)}</div>\n')
    return "".join(parts)


def _table(table: Table) -> str:
    classes = [' class="text"' if is_text else "" for is_text in table.is_text]
    head = _row("th", table.titles, classes)
    body = "".join(_row("td", row, classes) for row in table.rows)
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _row(tag: str, cells: Sequence[str], classes: Sequence[str]) -> str:
    filled = zip(cells, classes, strict=True)
    return f"<tr>{''.join(f'<{tag}{kind}>{escape(cell)}</{tag}>' for cell, kind in filled)}</tr>\n"
