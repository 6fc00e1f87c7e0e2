"""The network, its maps beside SHAP, the published method, and what the thresholds move."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from micro_features.report.page import Section, Table
from micro_features.reporting.figure_list import listed_figures
from micro_features.reporting.learned import Learned, told
from micro_features.reporting.wording import counted, readable, score
from micro_features.rows import in_pixels
from micro_features.sensitivity.numbers import MAIN_FEATURES

MOST_MAPS = 6
"""Figures of single pictures on the page; the folder has all."""
MOST_TORNADOES = 12
MOST_ROWS = 40
"""Rows of a table of thresholds."""
_ANSWER = 22


def headlines_of_explained(found: Learned) -> list[str]:
    """What the comparison of both models is worth."""
    verdict = (found.scores.get("primary") or {}).get("verdict", "not told")
    return [f"Whether network and features lean on the same phases of the pictures: {verdict}."]


def headlines_of_published(found: Learned) -> list[str]:
    """Whether the published method gives an answer."""
    against = told(found, "scores.json", "against_the_answer")
    return [f"Published method: {f'its answer is withheld, {against[0]}' if against else 'an answer is given'}."]


def network(cnn: Learned) -> Section:
    """Scores of the network beside what needs no picture, in the same folds."""
    predictors = told(cnn, "scores.json", "predictors")
    error = next((key for key in ("mae_decades", "mae") if any(key in each for each in predictors.values())), "mae")
    unit = "decades" if error == "mae_decades" else (cnn.scores.get("target") or {}).get("unit") or ""
    table = pd.DataFrame(
        [
            {
                "Predictor": name,
                "R², groups left out": score(each.get("r2")),
                f"Mean error{f' / {unit}' if unit else ''}": score(each.get(error), digits=2),
                "Rank correlation": score(each.get("spearman")),
                "What it is": each.get("meaning", ""),
            }
            for name, each in predictors.items()
        ]
    )
    return Section(
        "The network beside the features",
        _paragraphs(told(cnn, "scores.json", "said")),
        [Table("In the same folds, 95 % intervals over groups.", table, rows_named=True)],
        listed_figures(cnn, ("predicted_against_measured",)),
        large=True,
    )


def explained(found: Learned) -> Section:
    """Grad-CAM beside SHAP."""
    said = _paragraphs(told(found, "comparison.json", "said"))
    n_maps = sum(name.startswith("pictures/") for name in found.figures)
    if n_maps > MOST_MAPS:
        said.append(f"{MOST_MAPS} of {n_maps} pictures are shown, spread over the set; {_in(found.folder)} has all.")
    return Section(
        "Where the network looks, beside what the features say (Grad-CAM and SHAP)",
        said,
        figures=[
            *listed_figures(found, ("leans", "enrichment", "maps", "sanity", "perturbation")),
            *listed_figures(found, ("pictures/.+",), most=MOST_MAPS),
        ],
        large=True,
    )


def published(found: Learned) -> Section:
    """The published method: scores both ways, its answer, and the other methods beside it."""
    said = _paragraphs(told(found, "scores.json", "said"))
    against = told(found, "scores.json", "against_the_answer")
    if against:
        said.append(
            f"Its answer is withheld, and the table of parameters means nothing: {'; '.join(map(str, against))}."
        )
    tables = []
    stages = _stages(found.scores)
    if len(stages):
        tables.append(Table("Accuracy of every stage, 95 % intervals over groups.", stages, rows_named=True))
    for name, caption in (
        ("answer", "Effect of one standard deviation of each parameter."),
        ("side_by_side", "The methods on the same pictures and folds."),
        ("agreement_of_causes", "Do the methods name the same causes?"),
    ):
        if name in found.tables and not (name == "answer" and against):
            tables.append(Table(caption, _plain(found.tables[name], _ANSWER), rows_named=True))
    return Section(
        "The published method (visual words) side by side",
        said,
        tables,
        listed_figures(found, ("stages_.+", "beside", *(() if against else ("answer",)))),
        large=True,
    )


def _stages(scores: Mapping[str, object]) -> pd.DataFrame:
    """Every stage with groups left out, and as the study scored it."""
    ways = {"grouped": "groups left out", "in_sample": "in the study's own protocol"}
    rows: dict[str, dict[str, str]] = {}
    for way, called in ways.items():
        stages = scores.get(way)
        for stage, each in stages.items() if isinstance(stages, Mapping) else ():
            if isinstance(each, Mapping) and isinstance(each.get("balanced_accuracy"), list):
                row = rows.setdefault(str(stage), {"Stage": readable(str(stage))})
                row[f"Accuracy, {called}"] = score(each.get("accuracy"))
                row[f"Balanced, {called}"] = score(each["balanced_accuracy"])
    return pd.DataFrame(list(rows.values())).fillna("")


def sensitivity(found: Learned) -> Section:
    """How far the main numbers hang on the choice of thresholds, and which drives them."""
    table = _main_ranges(found.tables["ranges"])
    said = [
        "Each threshold was moved through the range that careful people might choose, all others as they were. A "
        "number without its sensitivity to the threshold is not a measurement; what every threshold misses is not in "
        "these ranges."
    ]
    if "joint_low" in table:
        said.append("Joint low and high are those of all thresholds moved together.")
    tables = []
    if len(set(table["micrograph_id"])) > 1:
        caption = "Over all pictures: width of the range beside the value, and the setting that drives it most often."
        tables.append(Table(caption, _plain(_over_pictures(table), MOST_ROWS), rows_named=True))
    if len(table) > MOST_ROWS:
        said.append(
            f"Of single pictures the first {MOST_ROWS} of {counted(len(table), 'row')}; {_in(found.folder)} has all."
        )
    if len(found.figures) > MOST_TORNADOES:
        said.append(f"{MOST_TORNADOES} of {counted(len(found.figures), 'figure')} are shown.")
    caption = "Range of each result, and the setting that drives it."
    tables.append(Table(caption, _plain(table, MOST_ROWS), rows_named=True))
    return Section(
        "How much the thresholds matter",
        said,
        tables,
        listed_figures(found, (".+",), most=MOST_TORNADOES),
        large=True,
    )


def _main_ranges(table: pd.DataFrame) -> pd.DataFrame:
    """The numbers that people ask for first, without the counts that few do."""
    names = table["number"].astype(str)
    main = names.isin([*MAIN_FEATURES, *map(in_pixels, MAIN_FEATURES)])
    table = table[main | names.str.startswith(("predicted_", "probability_"))]
    shown = ["micrograph_id", "number", "base", "low", "high", "joint_low", "joint_high", "setting", "share"]
    there = table[[name for name in shown if name in table.columns]]
    return there.rename(columns={"setting": "driven_by", "share": "share_of_the_range"})


def _over_pictures(ranges: pd.DataFrame) -> pd.DataFrame:
    """One row a number: how wide its range is in the median picture, and what drives it in most of them."""
    values = ranges[["base", "low", "high"]].apply(pd.to_numeric, errors="coerce")
    # A logarithm has no width beside its value.
    relative = ((values["high"] - values["low"]) / values["base"].abs()).where(~ranges["number"].str.contains("log10"))
    rows = []
    for number, of_it in ranges.groupby("number", sort=False):
        drivers = of_it["driven_by"].dropna()
        most = drivers.mode().iloc[0] if len(drivers) else ""
        rows.append(
            {
                "number": number,
                "pictures": len(of_it),
                "median_width": values["high"][of_it.index].sub(values["low"][of_it.index]).median(),
                "median_width_beside_value": relative[of_it.index].median(),
                "driven_by": most,
                "in_pictures": int((drivers == most).sum()),
            }
        )
    return pd.DataFrame(rows)


def _plain(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """The first rows of a table of text, numbers as numbers, headings as words."""
    shown = table.head(most).rename(columns=lambda name: readable(str(name)))
    for place in range(shown.shape[1]):
        column = shown.iloc[:, place]
        read = pd.to_numeric(column, errors="coerce")
        if read.notna().any() and (read.notna() | column.isna()).all():
            whole = bool((read.dropna() % 1 == 0).all())
            shown.isetitem(place, list(read.astype("Int64") if whole else read))
    return shown


def _paragraphs(lines: Iterable[object]) -> list[str | tuple[str, ...]]:
    """Lines for a terminal as paragraphs; those set in below one are a list, blank ones are none."""
    told: list[str | tuple[str, ...]] = []
    for line in map(str, lines):
        words = re.sub(r" {2,}", ": ", line.strip(), count=1)
        last = told[-1] if told else ""
        if not words:
            continue
        if not line.startswith(" "):
            told.append(words)
        elif isinstance(last, tuple):
            told[-1] = (*last, words)
        else:
            told.append((words,))
    return told


def _in(folder: Path) -> str:
    return f"folder {folder.name}"
