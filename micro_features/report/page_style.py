"""How a page looks: on a bright and a dark screen, on a narrow one, and on paper."""

_SCREEN = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --soft: #595959; --line: #ccc; --head: #f3f3f3;
  --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --paper: #1b1b1b; --soft: #b0b0b0; --line: #4a4a4a; --head: #2a2a2a; --link: #8ab8ff; } }
* { box-sizing: border-box; }
body { max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1.05rem; margin-top: 1.8rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem; background: var(--paper); }
.skip:focus, nav a { color: inherit; }
p, main > ul { max-width: 48rem; }
.table { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; min-width: min(100%, 34rem); font-size: .85rem; font-variant-numeric: tabular-nums; }
caption, figcaption { text-align: left; color: var(--soft); font-size: .85rem; padding: .3rem 0; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
tbody th { font-weight: 600; overflow-wrap: break-word; }
.long { overflow-wrap: anywhere; min-width: 8rem; }
thead th { background: var(--head); border-bottom: 2px solid var(--line); }
td ul { margin: 0; padding-left: 1rem; min-width: 16rem; }
.number { text-align: right; white-space: nowrap; }
.code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
figure img { max-width: min(100%, 48rem); height: auto; background: #fff; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1.2rem;
  margin: 1.5rem 0; }
.gallery figure { margin: 0; }
.gallery img { width: 100%; max-width: 100%; }
"""
_PRINT = """
@page { size: A4; margin: 14mm 13mm; }
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #aaa; --head: #eee; --link: #000; color-scheme: light; }
  body { max-width: none; margin: 0; padding: 0; font-size: 10pt; }
  .skip { display: none; }
  p, main > ul { max-width: none; orphans: 3; widows: 3; }
  h2, h3 { break-after: avoid; }
  section.large { break-before: page; }
  .table { overflow: visible; }
  table { font-size: 8pt; max-width: 100%; }
  table.wide { font-size: 6.5pt; }
  caption { break-after: avoid; }
  thead { display: table-header-group; }
  th, td { padding: .1rem .3rem; overflow-wrap: break-word; }
  caption, figcaption { font-size: 8pt; }
  .long { min-width: 24mm; }
  td ul { min-width: 40mm; }
  figure, tr { break-inside: avoid; }
  figure img { max-width: 150mm; max-height: 215mm; }
  .gallery { display: block; margin: 0; }
  .gallery figure { display: inline-block; width: 48%; margin: 0 1% 4mm 0; vertical-align: top; }
  .many figure { width: 31.5%; } }
"""
STYLE = _SCREEN + _PRINT
"""Contrast of words is at least 4.5 : 1 on every ground; nothing is told by colour alone."""
