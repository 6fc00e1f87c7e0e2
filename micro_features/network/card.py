"""The card of a model of networks: what it predicts, how good it is beside the date and the features, for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from micro_features.files.artefacts import OPEN_PART
from micro_features.fitting.card import span
from micro_features.network.scoring import NETWORK, said, score_columns

_CARD = """\
# {title}, by small networks on the pictures

Predicts `{target}`{log}{classes} from the grey levels of a micrograph. {verdict}

    micro-features cnn predict PICTURES --model THIS_FOLDER -o predictions.csv

What it says is association within these imaging sessions: it has seen {n} pictures of {n_groups} groups, and whatever
goes with the property in them, the day at the microscope among it, may be what it reads.

## How good

Whole groups ({group}) left out in {folds} folds; each score with its 95 % interval over groups. The first row is this
model. The last rows need no picture: a score that the date reaches, too, shows nothing about the material.

{scores}

{sentences}

## How it was made

{made}

## Limits

{limits}

{open_part}

## Where the pictures come from, and licence

Of the pictures and measurements that it was trained on: (fill in who made them, and under which terms). The program's
licence holds for the program alone.
"""


def card(schema: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """Card of a model of networks.

    Parameters
    ----------
    schema, scores : mapping
        As `cnn_model.save` writes them.

    Returns
    -------
    str
        Markdown. What stands below `OPEN_PART` is for people to complete.
    """
    target, names = schema["target"], schema["class_names"]
    columns = score_columns(scores)
    rows = [
        (name, *(said(each[key]) if key in each else "" for key in columns))
        for name, each in scores["predictors"].items()
    ]
    return _CARD.format(
        title=target["name"],
        target=target["name"],
        log=" (its decadic logarithm is modelled)" if target["log10"] else "",
        classes=f" and its class ({', '.join(names)})" if names else "",
        verdict=f"With whole groups left out: R² {said(scores['predictors'][NETWORK]['r2'])}.",
        n=scores["n_micrographs"],
        n_groups=scores["n_groups"],
        group=schema["group"],
        folds=scores["folds"],
        scores=_table(("", *columns.values()), rows),
        sentences="\n".join(f"- {line}" for line in scores["said"]),
        made="\n".join(f"- {line}" for line in _made(schema, scores)),
        limits="\n".join(f"- {line}" for line in _limits(schema, scores)),
        open_part=OPEN_PART,
    )


def _made(schema: Mapping[str, Any], scores: Mapping[str, Any]) -> list[str]:
    shape, plan, training = schema["architecture"], schema["plan"], schema["training"]
    seeds = sorted({each["seed"] for each in schema["networks"]})
    geometry = schema["geometry"]
    in_um, share = geometry["window_um"], geometry["overlap_px"] / geometry["window_px"]
    wide = f"{in_um:g} µm" if in_um else f"{geometry['window_px']} px, reduced by {geometry['reduction']}"
    # A model trained before this was noted has no such word.
    parts = [each["windows_at_a_time"] for each in schema["networks"] if each.get("windows_at_a_time")]
    short = f", computed {min(parts)} at a time in {len(parts)} networks, where memory ran short" if parts else ""
    if parts and shape["normalised"] == "set":
        short += " (normalised over those alone)"
    told = [
        f"{len(schema['networks'])} residual networks, channels {shape['stem_channels']}, "
        f"{', '.join(map(str, shape['channels']))}: one for each of {scores['folds']} folds and each seed "
        f"({', '.join(map(str, seeds))}). A new picture gets the mean of all, one of the training that of the networks "
        "that did not see it.",
        f"Windows of {wide}: {plan['window']} network pixels, {share:.0%} overlap; those at the edges lie flush with "
        "them.",
        f"Normalised {'in each picture' if shape['normalised'] == 'picture' else 'over the training windows'}.",
        f"Epochs: {plan['epochs']}; learning rate {plan['learning_rate']:g}; batches of {plan['batch']}{short}; "
        "nothing was chosen on the pictures left out.",
        f"Trained on {scores['n_rows']} rows of {scores['n_groups']} groups"
        + (f" (means over {scores['n_micrographs']} micrographs)" if training["of_samples"] else "")
        + f", table {training['table']} (SHA-256 {training['table_sha256'][:12]}…); hashes of the pictures in "
        "`schema.json`.",
    ]
    return told + list(scores["notes"])


def _limits(schema: Mapping[str, Any], scores: Mapping[str, Any]) -> list[str]:
    known, size = scores["intervals"], schema["pixel_um"]
    limits = [
        "Nothing here tells how it does on other materials, other laboratories or other microscopes; their pictures "
        "may look alike, and then no flag tells.",
        "Intervals of new pictures are conformal over groups (CV+): they hold for groups that resemble these. How many "
        "measured numbers lie inside was not checked, which would take networks without each pair of folds. "
        + (
            "Nor could intervals be tried on left-out groups, which leave too few others."
            if known["coverage"][1] is None
            else "Checked were intervals made from errors in the other folds, by networks that have seen the group: at "
            f"{100 * known['level']:g} %, {said(known['coverage'])} of a left-out group lay inside, in the mean over "
            "groups."
        ),
    ]
    if size is None:
        limits.append("Its pictures had no pixel size: nothing tells whether a new one is at their magnification.")
    elif schema["geometry"]["window_um"] is None:
        limits.append(f"It knows pixels of {span(size)} µm: at another magnification it is of no use, and says so.")
    if schema["training"]["of_samples"]:
        limits.append("A training row is the mean over the pictures of a sample; a single picture scatters more.")
    if scores["at_chance"]:
        limits.append("It did no better than chance: its predictions, and maps of where it looks, mean nothing.")
    return limits


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (headings, *rows)]
    lines = [escaped[0], ["---"] * len(headings), *escaped[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
