"""An A4 sheet to draw on: fonts, colours, text in a place, a line. Lengths are millimetres, type is points.

Inter has the Latin, Greek and Cyrillic letters and the rupee sign, Noto Sans Devanagari what Inter lacks of Hindi and
Marathi names; harfbuzz joins their letters. Other scripts come out as empty boxes.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

from fpdf import FPDF
from fpdf.enums import MethodReturnValue

Align = Literal["L", "R", "C"]
Colour = tuple[int, int, int]

INK: Colour = (27, 37, 51)
GREY: Colour = (94, 106, 122)
HAIR: Colour = (227, 231, 236)
SHADE: Colour = (247, 248, 250)
ACCENT: Colour = (194, 65, 12)
GREEN: Colour = (21, 128, 61)
RED: Colour = (185, 28, 28)

LEFT, RIGHT, TOP, BOTTOM = 17.0, 193.0, 16.0, 275.0
WIDTH = RIGHT - LEFT
_FONTS = Path(__file__).parents[1] / "fonts"
_STYLES = {"": "400Regular", "B": "600SemiBold"}
# Devanagari with its extensions.
_INDIC = re.compile("[\u0900-\u097f\u1cd0-\u1cff\ua8e0-\ua8ff]")


class Sheet(FPDF):
    """Pages with a foot; what is drawn keeps count of the height itself."""

    def __init__(self, *, title: str, author: str, moment: datetime, foot: str) -> None:
        super().__init__(format="A4")
        self._add_family("Inter", "Inter")
        self._has_indic = False
        self.set_auto_page_break(auto=False)
        self.set_margin(0)
        self.c_margin = 0
        self.foot_text = foot
        self.set_title(title)
        self.set_author(author)
        self.set_lang("en-IN")
        # The moment of issue and not of drawing: the same document is the same bytes.
        self.set_creation_date(moment)
        self.add_page()

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page; it knows the number of pages only afterwards."""
        self.rule(BOTTOM + 6)
        self.write_at(LEFT, BOTTOM + 9, self.foot_text, size=7.5, colour=GREY)
        number = self.page_no()
        x = RIGHT - self.get_string_width(f"Page {number} of {number}")
        self.write_at(x, BOTTOM + 9, f"Page {number} of {{nb}}", size=7.5, colour=GREY)

    def write_at(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        colour: Colour = INK,
        width: float = 0,
        align: Align = "L",
        even: bool = False,
    ) -> None:
        """One line of text with its top at y; what is wider than `width` is set smaller.

        `even` gives digits one width, so that columns of amounts stand in line.
        """
        self._ready(text, size, bold=bold, colour=colour, even=even)
        wide = self.get_string_width(text)
        if width and wide > width:
            self.set_font_size(size * width / wide)
        self.set_xy(x, y)
        self.cell(width or wide, size * 0.45, text, align=align)

    def paragraph(
        self,
        x: float,
        y: float,
        text: str,
        *,
        width: float,
        size: float = 9,
        bold: bool = False,
        colour: Colour = INK,
    ) -> float:
        """Wrapped text; the answer is where it ends."""
        self._ready(text, size, bold=bold, colour=colour)
        self.set_xy(x, y)
        self.multi_cell(width, size * 0.49, text, align="L")
        return y + self.height_of(text, width=width, size=size, bold=bold)

    def height_of(self, text: str, *, width: float, size: float = 9, bold: bool = False) -> float:
        """How high a paragraph would be."""
        self._ready(text, size, bold=bold, colour=INK)
        height = self.multi_cell(
            width, size * 0.49, text, align="L", dry_run=True, output=MethodReturnValue.HEIGHT
        )
        assert isinstance(height, float | int)
        return float(height)

    def rule(self, y: float, *, x: float = LEFT, right: float = RIGHT, colour: Colour = HAIR) -> None:
        """A thin line across."""
        self.set_draw_color(*colour)
        self.set_line_width(0.25)
        self.line(x, y, right, y)

    def panel(self, x: float, y: float, width: float, height: float, colour: Colour = SHADE) -> None:
        """A filled box with soft corners."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F", round_corners=True, corner_radius=1.6)

    def stamp(self, x: float, y: float, word: str, below: str, colour: Colour) -> None:
        """A word in a frame, set askew like a rubber stamp."""
        with self.rotation(7, x + 21, y + 9):
            self.set_draw_color(*colour)
            self.set_line_width(0.7)
            self.rect(x, y, 42, 18, round_corners=True, corner_radius=2.4)
            self.write_at(x, y + 3, word, size=18, bold=True, colour=colour, width=42, align="C")
            self.write_at(x, y + 12.2, below, size=7.5, colour=colour, width=42, align="C")

    def _ready(self, text: str, size: float, *, bold: bool, colour: Colour, even: bool = False) -> None:
        # Reading a font and taking its letters out is most of the work of an invoice, and few need this one.
        if not self._has_indic and _INDIC.search(text):
            self._add_family("Devanagari", "NotoSansDevanagari")
            self.set_fallback_fonts(["Devanagari"])
            self._has_indic = True
        self.set_text_shaping(use_shaping_engine=True, features={"tnum": even})
        self.set_font("Inter", "B" if bold else "", size)
        self.set_text_color(*colour)

    def _add_family(self, family: str, file: str) -> None:
        for style, weight in _STYLES.items():
            self.add_font(family, style, _FONTS / f"{file}_{weight}.ttf")
