"""The card of a trained model: what it is, for people."""

from collections.abc import Iterable, Mapping
from typing import Any

_BOUNDARY_CARD = """\
# Grain boundaries, by XGBoost

Two classifiers by which `micro-features` finds grains. `contacts.ubj` gives the odds that a place where two basins of
the watershed touch lies on a grain boundary, `pairs.ubj` the odds that two regions are two grains.

    micro-features extract PICTURES -o RESULTS --set grains.model=THIS_FOLDER

## Trained on

{pictures}

## How good

In pictures left out of training, a third of them at a time:

{skill}
{scores}
Pictures that are unlike all of these may come out worse: look at the overlays.

## Licence

{licence}
"""
_SCORES = """
Grains found {before}, and by classifiers like these that were trained without the picture (F1 at an intersection over
union of 0.5, average precision):

{table}
"""
_MIXED = "\nThe drawn ones together counted as much as the others together."
_FOREIGN = "Of the pictures that it was trained on: (fill in who made them, and under which terms)."
_OWN = "It was trained on nothing that others made; the program's licence holds."


def boundary_card(provenance: Mapping[str, Any]) -> str:
    """Card of classifiers of grain boundaries.

    Parameters
    ----------
    provenance : mapping
        Of the model, as `segmenter.train_segmenter` writes it.

    Returns
    -------
    str
        Markdown.
    """
    drawn, own = provenance["drawn_pictures"], provenance["own_pictures"]
    pictures = [f"- {p['name']}, with {p['holds']} (SHA-256 of the picture {p['picture_sha256'][:12]}…)" for p in own]
    if drawn:
        kinds = ", ".join(f"{count} {kind}" for kind, count in drawn.items())
        pictures.insert(0, f"- {sum(drawn.values())} pictures that the program drew, with exact labels: {kinds}")
    if drawn and own:
        pictures.append(_MIXED)
    skill = [
        (name, *(f"{of[number]:.3f}" for number in ("log_loss", "base_log_loss", "area_under_curve")))
        for name, of in provenance["skill"].items()
    ]
    scores = [
        (score["name"], *_cells(score["before"]), *_cells(score["trained_without_it"]))
        for score in provenance["scores"]
    ]
    table = _table(("picture", "F1 before", "AP before", "F1", "AP"), scores)
    return _BOUNDARY_CARD.format(
        pictures="\n".join(pictures),
        skill=_table(("classifier", "log loss", "log loss by guessing", "area under the curve"), skill),
        scores=_SCORES.format(before=provenance["before"], table=table) if scores else "",
        licence=_FOREIGN if own else _OWN,
    )


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ("---",) * len(headings), *rows))


def _cells(agreement: Mapping[str, float] | None) -> tuple[str, str]:
    if agreement is None:
        return "not known", "not known"
    return f"{agreement['f1']:.2f}", f"{agreement['average_precision']:.2f}"
