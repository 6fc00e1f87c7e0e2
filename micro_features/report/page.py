"""One page of text, tables and figures in one file: no scripts, and nothing loaded from elsewhere."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import pandas as pd

from micro_features.report.axes import number

_CONTENTS_FROM = 4
_STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --soft: #666; --line: #ccc; --head: #f3f3f3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --paper: #1b1b1b; --soft: #a5a5a5; --line: #4a4a4a; --head: #2a2a2a; } }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
nav a { color: inherit; }
p { max-width: 46rem; }
.table { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption, figcaption { text-align: left; color: var(--soft); font-size: .85rem; padding: .3rem 0; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { background: var(--head); border-bottom: 2px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; height: auto; background: #fff; }
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #aaa; --head: #eee; }
  body { max-width: none; margin: 0; font-size: 10pt; }
  .table { overflow-x: visible; }
  table { font-size: 8pt; }
  th { overflow-wrap: anywhere; }
  th, td { padding: .1rem .3rem; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; } }
"""
# Says to the browser, too, that nothing may be loaded or run.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Section:
    """A part of a page: words, then tables, then figures.

    Attributes
    ----------
    heading : str
    paragraphs : sequence of str
        Plain text.
    tables : sequence of (caption, DataFrame)
        The index is not shown.
    figures : sequence of (caption, bytes)
        PNG files. The caption is what a reader who does not see the figure is told.
    """

    heading: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[tuple[str, pd.DataFrame]] = ()
    figures: Sequence[tuple[str, bytes]] = ()


def page(title: str, sections: Sequence[Section]) -> str:
    """A HTML page that is complete in itself.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        From four on, a list of them stands at the top.

    Returns
    -------
    str
        HTML, to be written as UTF-8. Whatever the words hold is shown as words. Numbers have three figures; what is
        not known is a dash.
    """
    body = [f"<h1>{_text(title)}</h1>"]
    if len(sections) >= _CONTENTS_FROM:
        entries = (
            f'<li><a href="#section-{place}">{_text(section.heading)}</a></li>'
            for place, section in enumerate(sections, 1)
        )
        body.append("\n".join(['<nav aria-label="Contents">', "<ol>", *entries, "</ol>", "</nav>"]))
    body.extend(_section(section, f"section-{place}") for place, section in enumerate(sections, 1))
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style>",
    ]
    return "\n".join(
        ["<!DOCTYPE html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *body, "</body>", "</html>", ""]
    )


def _section(section: Section, name: str) -> str:
    parts = [f'<section id="{name}">', f"<h2>{_text(section.heading)}</h2>"]
    parts.extend(f"<p>{_text(paragraph)}</p>" for paragraph in section.paragraphs)
    parts.extend(_table(caption, table) for caption, table in section.tables)
    for caption, png in section.figures:
        source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
        said = _text(caption)
        parts.append(f'<figure>\n<img src="{source}" alt="{said}">\n<figcaption>{said}</figcaption>\n</figure>')
    return "\n".join([*parts, "</section>"])


def _table(caption: str, table: pd.DataFrame) -> str:
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    kinds = [' class="number"' if _all_numbers(column) else "" for column in columns]
    heads = (f'<th scope="col"{kind}>{_text(name)}</th>' for name, kind in zip(table.columns, kinds, strict=True))
    rows = (
        "<tr>" + "".join(f"<td{kind}>{_cell(value)}</td>" for value, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in zip(*columns, strict=True)
    )
    return "\n".join(
        [
            # Wide tables scroll; whoever has no mouse gets there by key.
            f'<div class="table" role="region" aria-label="{_text(caption)}" tabindex="0">',
            f"<table>\n<caption>{_text(caption)}</caption>",
            f"<thead>\n<tr>{''.join(heads)}</tr>\n</thead>",
            "<tbody>",
            *rows,
            "</tbody>\n</table>",
            "</div>",
        ]
    )


def _all_numbers(column: pd.Series) -> bool:
    known = column[column.notna()]
    return len(known) > 0 and all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in known)


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
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
    """Words as words: neither markup, nor letters that no file can hold."""
    said = "".join(letter for letter in str(value) if letter in "\t\n" or ord(letter) >= 32)
    return html.escape(said.encode("utf-8", "replace").decode("utf-8"))
