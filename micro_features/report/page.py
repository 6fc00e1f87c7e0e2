"""One page of text, tables and figures in one file: no scripts, and nothing loaded from elsewhere."""

import base64
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import pandas as pd

from micro_features.report.axes import number
from micro_features.report.page_style import STYLE

_CONTENTS_FROM = 4
_WIDE_FROM = 9
_MANY = 9
_LONG = 24
_JOINT = re.compile(r"([_/.])(?=[^_/.\s])")
# Says to the browser, too, that nothing may be loaded or run.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_JPEG_BEGINS = b"\xff\xd8\xff"
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # controls of the direction of writing


class Picture(NamedTuple):
    """A figure on a page.

    Attributes
    ----------
    caption : str
        Stands below it.
    content : bytes
        A PNG or JPEG file.
    alt : str
        What a reader who does not see it is told; the caption where left out.
    """

    caption: str
    content: bytes
    alt: str = ""


class Table(NamedTuple):
    """A table on a page.

    Attributes
    ----------
    caption : str
    data : DataFrame
        The index is not shown. A cell that holds a tuple is a list.
    rows_named : bool
        The first column names the rows.
    codes : tuple of str
        Columns of words of a machine, as hashes and command lines; they may be broken anywhere.
    """

    caption: str
    data: pd.DataFrame
    rows_named: bool = False
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of a page: words, then tables, then figures, then pictures side by side, then parts of it.

    Attributes
    ----------
    heading : str
    paragraphs : sequence of str, or tuple of str
        Plain text; a tuple is a list.
    tables : sequence of (caption, DataFrame) or Table
    figures : sequence of (caption, bytes) or Picture
    gallery : sequence of (caption, bytes) or Picture
        Set in columns.
    parts : sequence of Section
        With headings one level below.
    large : bool
        Begins on a new page where it is printed.
    """

    heading: str
    paragraphs: Sequence[str | tuple[str, ...]] = ()
    tables: Sequence[tuple[str, pd.DataFrame] | Table] = ()
    figures: Sequence[tuple[str, bytes] | Picture] = ()
    gallery: Sequence[tuple[str, bytes] | Picture] = ()
    parts: Sequence["Section"] = ()
    large: bool = False


def page(title: str, sections: Sequence[Section], *, generator: str = "") -> str:
    """A HTML page that is complete in itself.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        From four on, a list of them stands at the top.
    generator : str
        What wrote it; told in the page's head.

    Returns
    -------
    str
        HTML, to be written as UTF-8. Whatever the words hold is shown as words. Numbers have three figures; what is
        not known is a dash.
    """
    body = ['<a class="skip" href="#content">To the content</a>', f"<h1>{_text(title)}</h1>"]
    if len(sections) >= _CONTENTS_FROM:
        entries = (
            f'<li><a href="#section-{place}">{_text(section.heading)}</a></li>'
            for place, section in enumerate(sections, 1)
        )
        body.append("\n".join(['<nav aria-label="Contents">', "<ol>", *entries, "</ol>", "</nav>"]))
    body.append('<main id="content" tabindex="-1">')
    body.extend(_section(section, f"section-{place}") for place, section in enumerate(sections, 1))
    body.append("</main>")
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        *([f'<meta name="generator" content="{_text(generator)}">'] if generator else []),
        f"<title>{_text(title)}</title>",
        f"<style>{STYLE}</style>",
    ]
    return "\n".join(
        ["<!DOCTYPE html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>", ""]
    )


def _section(section: Section, name: str, level: int = 2) -> str:
    kind = ' class="large"' if section.large else ""
    parts = [f'<section id="{name}"{kind}>', f"<h{level}>{_text(section.heading)}</h{level}>"]
    parts.extend(_cell(each) if isinstance(each, tuple) else f"<p>{_text(each)}</p>" for each in section.paragraphs)
    parts.extend(_table(Table(*each)) for each in section.tables)
    parts.extend(_figure(Picture(*each)) for each in section.figures)
    if section.gallery:
        kind = "gallery many" if len(section.gallery) > _MANY else "gallery"
        parts.extend([f'<div class="{kind}">', *(_figure(Picture(*each)) for each in section.gallery), "</div>"])
    parts.extend(_section(part, f"{name}-{place}", level + 1) for place, part in enumerate(section.parts, 1))
    return "\n".join([*parts, "</section>"])


def _figure(picture: Picture) -> str:
    kind = "jpeg" if picture.content.startswith(_JPEG_BEGINS) else "png"
    source = f"data:image/{kind};base64,{base64.b64encode(picture.content).decode('ascii')}"
    said = f"\n<figcaption>{_text(picture.caption)}</figcaption>"
    return f'<figure>\n<img src="{source}" alt="{_text(picture.alt or picture.caption)}">{said}\n</figure>'


def _table(told: Table) -> str:
    table, caption = told.data, _text(told.caption)
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    kinds = [
        ' class="code"' if name in told.codes else ' class="number"' if _all_numbers(column) else ""
        for name, column in zip(table.columns, columns, strict=True)
    ]
    heads = (f'<th scope="col"{kind}>{_text(name)}</th>' for name, kind in zip(table.columns, kinds, strict=True))
    rows = ("<tr>" + "".join(_cells(row, kinds, told.rows_named)) + "</tr>" for row in zip(*columns, strict=True))
    wide = ' class="wide"' if len(columns) >= _WIDE_FROM else ""
    return "\n".join(
        [
            # Wide tables scroll; whoever has no mouse gets there by key.
            f'<div class="table" role="region" aria-label="{caption}" tabindex="0">',
            f"<table{wide}>\n<caption>{caption}</caption>",
            f"<thead>\n<tr>{''.join(heads)}</tr>\n</thead>",
            "<tbody>",
            *rows,
            "</tbody>\n</table>",
            "</div>",
        ]
    )


def _cells(row: Sequence[object], kinds: Sequence[str], named: bool) -> Iterator[str]:
    for place, (value, kind) in enumerate(zip(row, kinds, strict=True)):
        if named and place == 0:
            yield _row_head(_cell(value))
        else:
            yield f"<td{kind}>{_cell(value)}</td>"


def _row_head(said: str) -> str:
    """A name, broken where its parts meet; one with a long part anywhere, rather than to be cut on paper."""
    broken = _JOINT.sub(r"\1<wbr>", said)
    kind = ' class="long"' if max(map(len, broken.split("<wbr>"))) > _LONG else ""
    return f'<th scope="row"{kind}>{broken}</th>'


def _all_numbers(column: pd.Series) -> bool:
    known = column[column.notna()]
    return len(known) > 0 and all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in known)


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "<ul>" + "".join(f"<li>{_cell(each)}</li>" for each in value) + "</ul>" if value else "–"
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, Real) and np.isnan(float(value))):
        return "–"
    if isinstance(value, Integral):
        return str(int(value)).replace("-", "−")
    if isinstance(value, Real):
        return _three_figures(float(value))
    return _text(value)


def _three_figures(value: float) -> str:
    """As in figures, but thousands are written out."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}".replace("-", "−") if 1e3 <= abs(rounded) < 1e6 else number(value)


def _text(value: object) -> str:
    """Words as words: no markup, no letters that a file can not hold, none that turn the words beside them round."""
    said = "".join(letter for letter in str(value) if letter in "\t\n" or ord(letter) >= 32)
    said = _TURNING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", said)
    return html.escape(said.encode("utf-8", "replace").decode("utf-8"))
