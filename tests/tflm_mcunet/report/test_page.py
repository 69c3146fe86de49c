# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

from tflm_mcunet.report.page import KeyFigure, Section, render
from tflm_mcunet.report.text import Table

PICTURE = b"\x89PNG picture"
PAGE = render(
    "model <1>",
    "half & half",
    [KeyFigure("1,024", "bytes")],
    [Section("Table", table=Table(("<name", "bytes"), (("<a>", "1"),))), Section("Map", PICTURE)],
)


class Balance(HTMLParser):
    """Keeps the tags that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_all_tags_are_closed() -> None:
    parser = Balance()
    parser.feed(PAGE)
    assert parser.open == []


def test_texts_are_escaped() -> None:
    assert "<h1>model &lt;1&gt;</h1>" in PAGE
    assert "half &amp; half" in PAGE
    assert '<td class="text">&lt;a&gt;</td><td>1</td>' in PAGE


def test_the_page_needs_nothing_else() -> None:
    sources = re.findall(r'(?:src|href)="([^"]*)"', PAGE)
    assert sources == ["data:image/png;base64," + base64.b64encode(PICTURE).decode()]
    assert "url(" not in PAGE and "<script" not in PAGE
