"""The card of a model of a property: what it predicts, how good it is and where it must not be used, for people."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from micro_features.files.artefacts import OPEN_PART
from micro_features.fitting.explaining import BAND_LEVEL
from micro_features.fitting.wording import CHANCE

WAYS = {
    "grouped": "whole groups left out",
    "grouped_5fold": "groups left out in 5 folds",
    "grouped_by_session": "whole imaging sessions left out",
    "random": "random split (optimistic)",
}
"""Ways of leaving out, the honest ones first."""

_CARD = """\
# {title}, by XGBoost

Predicts {what} from {n_used} features of a micrograph. {verdict}

    micro-features predict features.csv --model THIS_FOLDER

## How good

Each score with its 95 % interval over groups ({group}); the first column counts.

{scores}

{said}

## Beside it

R² with {first} first{mae}. The last ones are dummies: what needs no picture.

{models}
{references}{by_group}{rests_on}{confounders}
## Limits

{limits}

## Features

{features}

## Trained on

{trained}

{open_part}

## Where the pictures come from, and licence

{licence}
"""
_LICENCE = """\
Of the pictures and measurements that it was trained on: (fill in who made them, and under which terms). The program's
licence holds for the program alone."""
_PIXEL_SCALE = re.compile(r"\dpx(_|$)")
_SCORES = {"r2": "R²", "mae_decades": "MAE, decades", "mae": "MAE", "spearman": "Spearman", "accuracy": "accuracy"}


def in_pixel_scales(column: str) -> bool:
    """Whether a feature is measured at a scale of so many pixels, so that it changes with magnification.

    >>> in_pixel_scales("texture_gradient_cv_2px"), in_pixel_scales("pore_area_mean_um2")
    (True, False)
    """
    return _PIXEL_SCALE.search(column) is not None


def card(schema: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """Card of a model of a property.

    Parameters
    ----------
    schema, scores : mapping
        As `property_model.save` writes them.

    Returns
    -------
    str
        Markdown. What stands below `OPEN_PART` is for people to complete.
    """
    target, classes = schema["target"], schema["task"] == "classes"
    if classes:
        what = f"the class of `{target['name']}` ({', '.join(schema['class_names'])})"
    else:
        what = f"`{target['name']}`" + (" (its decadic logarithm is modelled)" if target["log10"] else "")
    ways = [way for way in WAYS if way in scores["protocols"]]
    used = schema["boosters"]["model.ubj"]["columns"]
    columns = [feature for feature in schema["features"] if feature["name"] in used]
    return _CARD.format(
        title=("Classes of " if classes else "") + target["name"],
        what=what,
        n_used=len(used),
        verdict=_verdict(scores, ways[0], classes),
        group=schema["group"],
        scores=_own_scores(scores, ways),
        said="\n".join(f"- {line}" for line in scores["said"]),
        first=WAYS[ways[0]],
        mae="" if classes else ", and the mean absolute error under it",
        models=_models(scores, ways, classes),
        references=_references(scores),
        by_group=_by_group(scores, target["unit"]),
        rests_on=_rests_on(scores),
        confounders=_confounders(scores),
        limits="\n".join(f"- {line}" for line in _limits(schema, scores)),
        features=_table(
            ("feature", "unit", "phase", "training range", "missing in training", "assumed sign"),
            [
                (
                    f"`{f['name']}`",
                    f["unit"],
                    f["phase"],
                    f"{f['lowest']:.4g} to {f['highest']:.4g}",
                    str(f["missing"] or ""),
                    f["assumed_sign"],
                )
                for f in columns
            ],
        ),
        trained=_trained(schema, scores),
        open_part=OPEN_PART,
        licence=_LICENCE,
    )


def _verdict(scores: Mapping[str, Any], way: str, classes: bool) -> str:
    """The number that counts, in the first lines."""
    own = scores["models"][scores["explained_model"]]
    key, name = ("balanced_accuracy", "balanced accuracy") if classes else ("r2", "R²")
    random = f", {said_score(own['random'][key])} at a random split" if "random" in own else ""
    return f"With {WAYS[way]}: {name} {said_score(own[way][key])}{random}."


def _own_scores(scores: Mapping[str, Any], ways: Sequence[str]) -> str:
    own = scores["models"][scores["explained_model"]]
    cuts, unit = scores["target"]["cuts"], scores["target"]["unit"]
    names = dict(_SCORES)
    for i, cut in enumerate(cuts, start=1):
        names[f"balanced_accuracy_below_{i}"] = f"balanced accuracy, below {cut:.3g} {unit} or not".replace("  ", " ")
    names["balanced_accuracy"] = "balanced accuracy"
    known = [key for key in names if key in own[ways[0]]]
    rows = [(names[key], *(said_score(own[way][key]) for way in ways)) for key in known]
    return _table(("", *(WAYS[way] for way in ways)), rows)


def _models(scores: Mapping[str, Any], ways: Sequence[str], classes: bool) -> str:
    key = "balanced_accuracy" if classes else "r2"
    mae = next((name for name in ("mae_decades", "mae") if name in _SCORES and _has(scores, ways[0], name)), None)
    rows = [
        (
            name,
            *(said_score(model[way][key]) for way in ways if way in model),
            *([said_score(model[ways[0]][mae])] if mae else []),
        )
        for name, model in scores["models"].items()
    ]
    return _table(("model", *(WAYS[way] for way in ways), *([_SCORES[mae]] if mae else [])), rows)


def _has(scores: Mapping[str, Any], way: str, name: str) -> bool:
    return name in scores["models"][scores["explained_model"]][way]


def _references(scores: Mapping[str, Any]) -> str:
    meaning = {
        "training_mean": "the mean of the other groups",
        "perfect_class": "perfect knowledge of the lowest class and no other",
        "no_extrapolation": "the truth, but never beyond the range of the other groups (the most that trees can reach)",
    }
    said = [f"- {meaning[name]}: {_number(value)}" for name, value in scores["reference_r2"].items() if name in meaning]
    return "\nR² to hold these against:\n\n" + "\n".join(said) + "\n" if said else ""


def _by_group(scores: Mapping[str, Any], unit: str) -> str:
    rows = [
        (row["group"], str(row["n"]), f"{row['measured']:.3g}", f"{row['predicted']:.3g}", f"{row['mae']:.2g}")
        for row in scores["by_group"]
    ]
    if not rows:
        return ""
    named = f", {unit}" if unit else ""
    error = "MAE, decades" if scores["target"]["log10"] else f"MAE{named}"
    table = _table(("group", "rows", f"measured{named}", f"predicted without it{named}", error), rows)
    return f"\n## Group by group\n\nFrom the lowest; means{' of logarithms' * scores['target']['log10']}.\n\n{table}\n"


def _rests_on(scores: Mapping[str, Any]) -> str:
    """Shares of the attribution by phase, where there are several, and by clusters of correlated features."""
    phases = scores["importance"]["phase"]
    rows = [
        (
            row["group"],
            _percent(row["share"]),
            f"{_percent(row['share_low'])} to {_percent(row['share_high'])}" if row["share_low"] is not None else "",
            _percent(row["null_p95"]),
            "yes" if row["clears_null"] else "no",
        )
        for row in [*(phases if len(phases) > 1 else []), *scores["importance"]["cluster"]]
    ]
    if not rows:
        return ""
    interval = f"{100 * BAND_LEVEL:g} % interval"
    table = _table(("features that go together", "share", interval, "chance stays below", "above chance"), rows)
    return f"""
## What it rests on

Shares of the attribution (TreeSHAP, out of fold). {CHANCE} Features that go together can stand for each other, or for
something that was not measured.

{table}
"""


def _confounders(scores: Mapping[str, Any]) -> str:
    rows = [
        (
            f"`{row['name']}`",
            said_score(row["left_out_rows"]["r2"]),
            said_score(row["left_out_groups"]["r2"]),
            _percent(row["nested_variance"]),
        )
        for row in scores["confounders"]
        if not row["not_usable"]
    ]
    if not rows:
        return ""
    heading = ("alone", "R², single rows left out", "R², groups left out", "variance where it occurs in one group only")
    return f"""
## How the pictures were taken

What these tell of the property by themselves. Where one is nested in the groups, leaving groups out can not acquit it.

{_table(heading, rows)}
"""


def _limits(schema: Mapping[str, Any], scores: Mapping[str, Any]) -> Iterator[str]:
    extraction, training, target = schema["extraction"], schema["training"], scores["target"]
    used = schema["boosters"]["model.ubj"]["columns"]
    yield (
        f"It has seen {scores['n_groups']} groups. Nothing here tells how it does on other materials, other "
        "laboratories or other microscopes; their pictures may look alike, and then no flag tells."
    )
    if schema["task"] != "classes":
        yield (
            f"Trees answer with what they have seen, {target['lowest']:.3g} to {target['highest']:.3g} {target['unit']}"
            ": they never predict beyond it. Predictions at the lower end are flagged: the truth may lie lower."
        )
        known = scores["intervals"]
        yield (
            f"Intervals are conformal over groups (CV+): at {_percent(known['level'])} "
            f"{said_score(known['coverage'])} of left-out rows lay inside; {scores['n_groups']} groups allow "
            f"levels up to {_percent(known['highest_level'], floor=True)}. They hold for groups that resemble these."
        )
    digests = extraction["settings_digests"]
    if digests:
        models = ", ".join(f"{what} by {digest}" for what, digest in (extraction["models_digest"] or {}).items())
        yield (
            f"Features must be measured as in training: settings {', '.join(digests)}"
            + (f", segmentation models {models}" if models else "")
            + ". Tables that were measured otherwise are refused."
        )
        if len(digests) > 1:
            yield "The training rows themselves were measured with different settings."
    in_px = [name for name in used if in_pixel_scales(name)]
    if in_px:
        size = extraction["pixel_um"]
        yield (
            f"{len(in_px)} of its {len(used)} features are measured at scales of pixels"
            + (f" of {span(size)} µm" if size else "")
            + ": it is of no use at another magnification."
        )
    if any(re.search(r"_px2?(_|$)", name) for name in used):
        yield "Lengths are in pixels: it is of no use at another magnification."
    if training["of_samples"]:
        yield (
            "A training row is the mean over the pictures of a sample. A single picture scatters more, and more than "
            "the intervals say."
        )
    surfaces = training["surfaces"]
    if set(surfaces) - {"polished"}:
        kinds = ", ".join(f"{name} {count}" for name, count in surfaces.items())
        yield f"Surfaces: {kinds}. Stereology holds for polished sections alone; elsewhere features are apparent."


def _trained(schema: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    training = schema["training"]
    rows = f"{scores['n_rows']} rows" + (
        f" (means over {scores['n_micrographs']} micrographs)" if training["of_samples"] else ""
    )
    told = sum(value is not None for value in training["pictures_sha256"].values())
    lines = [
        f"- {rows} of {scores['n_groups']} groups ({schema['group']}), table {training['table']} "
        f"(SHA-256 {training['table_sha256'][:12]}…); ids"
        + (f" and hashes of {told} pictures" if told else "")
        + " in `schema.json`",
        f"- {len(scores['features']['offered'])} features were offered, the model took the "
        f"{len(scores['features']['used'])} of the set `{scores['chosen']['subset']}`; hyper-parameters "
        f"{_variant(scores['chosen']['variant'])}, chosen with groups left out",
    ]
    lines += [f"- {note}" for note in scores["notes"]]
    return "\n".join(lines)


def _variant(variant: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in variant.items())


def span(ends: Sequence[float]) -> str:
    """Two ends in words; one number where they are the same."""
    low, high = (f"{end:.4g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def said_score(score: Sequence[float | None]) -> str:
    """A score of ``scores.json`` with its interval."""
    low, value, high = score
    if value is None:
        return "not defined"
    return f"{value:.2f}" + (f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else "")


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.2f}"


def _percent(share: float | None, *, floor: bool = False) -> str:
    if share is None:
        return ""
    return f"{math.floor(100 * share + 1e-9) if floor else 100 * share:.0f} %"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (headings, *rows)]
    lines = [escaped[0], ["---"] * len(headings), *escaped[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
