"""The card of a trained model: what it is, for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CARD = """\
# {title}, by XGBoost

{what}

    micro-features extract PICTURES -o RESULTS --set {kind}.model=THIS_FOLDER

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
_TITLE = {"grains": "Grain boundaries", "pores": "Pores"}
_WHAT = {
    "grains": """\
Two classifiers by which `micro-features` finds grains. `contacts.ubj` gives the odds that a place where two basins of
the watershed touch lies on a grain boundary, `pairs.ubj` the odds that two regions are two grains.""",
    "pores": """\
A classifier by which `micro-features` finds pores: `pores.ubj` gives the odds that a pixel which is darker than its
surroundings is pore, or dark second phase where that was labelled as such.""",
}
_SCORES = """
What is found {before}, and by classifiers like these that were trained without the picture ({meaning}):

{table}
"""
_MEANING = {
    "grains": "F1 at an intersection over union of 0.5; average precision",
    "pores": "intersection over union of pore area; its error as a share of the true one",
}
_MIXED = "\nThe drawn ones together counted at least as much as the others together."
_FOREIGN = "Of the pictures that it was trained on: (fill in who made them, and under which terms)."
_OWN = "It was trained on nothing that others made; the program's licence holds."


def card(provenance: Mapping[str, Any]) -> str:
    """Card of classifiers of grain boundaries or of pores.

    Parameters
    ----------
    provenance : mapping
        Of the model, as `segmenter.train_segmenter` writes it.

    Returns
    -------
    str
        Markdown.
    """
    kind, drawn, own, scores = (provenance[name] for name in ("kind", "drawn_pictures", "own_pictures", "scores"))
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
    return _CARD.format(
        kind=kind,
        title=_TITLE[kind],
        what=_WHAT[kind],
        pictures="\n".join(pictures),
        skill=_table(("classifier", "log loss", "log loss by guessing", "area under the curve"), skill),
        scores=_SCORES.format(before=provenance["before"], meaning=_MEANING[kind], table=_scores(scores))
        if scores
        else "",
        licence=_FOREIGN if own else _OWN,
    )


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ("---",) * len(headings), *rows))


def _scores(scores: Sequence[Mapping[str, Any]]) -> str:
    numbers = list(scores[0]["before"])
    columns = [(when, name) for when in ("before", "trained") for name in numbers]
    rows = [
        (of["name"], *(f"{of[when][name]:.2f}" if of[when] else "not known" for when, name in columns)) for of in scores
    ]
    return _table(("picture", *(f"{name} before" for name in numbers), *numbers), rows)
