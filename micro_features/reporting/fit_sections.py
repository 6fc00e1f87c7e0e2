"""How well the features predict a property, what else would predict it as well, and what the predictions rest on."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from micro_features.learn.target import quantity_and_unit
from micro_features.report.page import Section, Table
from micro_features.reporting.figure_list import listed_figures
from micro_features.reporting.learned import Learned, told
from micro_features.reporting.wording import UNKNOWN, listed, score

_MARK = "scores.json"
_HEADINGS = {
    "grouped": "groups left out",
    "grouped_5fold": "groups, 5 folds",
    "grouped_by_session": "sessions left out",
    "random": "random split",
}
_MOST_GROUPS = 12
"""Columns of a table of counts that fit on a sheet of paper."""


def headlines(fit: Learned) -> list[str]:
    """The honest score, in a sentence."""
    metric, name = _metric(fit)
    model = told(fit, _MARK, "explained_model")
    grouped, at_random = (told(fit, _MARK, "models", model, way).get(metric) for way in ("grouped", "random"))
    return [
        f"{_quantity(fit).capitalize()} from the features: {name} {score(grouped)} where whole groups "
        f"({told(fit, _MARK, 'group')}) are left out; a random split would promise {score(at_random)}.{_alone(fit)}"
    ]


def measured_otherwise(fit: Learned, digests: set[str]) -> list[str]:
    """A warning where the model learned from features that were measured with other settings.

    Parameters
    ----------
    fit : Learned
    digests : set of str
        Of the settings of the pictures that this page shows.
    """
    of_fit = fit.scores.get("settings_digests")
    if not isinstance(of_fit, list) or not of_fit or not digests or set(map(str, of_fit)) & digests:
        return []
    return [
        "Careful: the model was fitted to features that were measured with other settings than those of this page; "
        "fit it again."
    ]


def _alone(fit: Learned) -> str:
    """The condition of imaging that alone guesses most, with single rows left out."""
    found = [(each, (each.get("left_out_rows") or {}).get("r2")) for each in told(fit, _MARK, "confounders")]
    known = [(each, r2) for each, r2 in found if r2 and r2[1] is not None]
    if not known:
        return ""
    each, r2 = max(known, key=lambda one: one[1][1])
    return f" {each.get('name')} alone, without looking at a picture, reaches R² {score(r2)} with single rows left out."


def _quantity(fit: Learned) -> str:
    return quantity_and_unit(str(told(fit, _MARK, "target", "name")))[0].replace("_", " ")


def scores(fit: Learned) -> Section:
    """Scores with groups left out first, the optimism of the random split beside them, and the audit."""
    metric, name = _metric(fit)
    models = told(fit, _MARK, "models")
    ways = [way for way in told(fit, _MARK, "protocols") if way in _HEADINGS]
    error = next((key for key in ("mae_decades", "mae") if key in next(iter(models.values())).get("grouped", {})), None)
    table = pd.DataFrame(
        [
            {
                "Model": model,
                **{f"{name}, {_HEADINGS[way]}": score(each.get(way, {}).get(metric)) for way in ways},
                "Optimism gap": _gap(each, metric),
                **({_error_name(error, fit): score(each["grouped"].get(error), digits=2)} if error else {}),
            }
            for model, each in models.items()
        ]
    )
    meanings = pd.DataFrame([{"Model": model, "What it is": each.get("meaning", "")} for model, each in models.items()])
    return Section(
        "How well the features predict the property",
        list(told(fit, _MARK, "said")),
        [
            Table(
                f"{name} of {_quantity(fit)} with 95 % intervals over groups "
                f"({told(fit, _MARK, 'group')}). The gap is the random split's less that with groups left out.",
                table,
                rows_named=True,
            ),
            Table("The models.", meanings, rows_named=True),
        ],
        listed_figures(fit, ("predicted_against_measured", "optimism", "learning_curve")),
        parts=[_audit(fit)],
        large=True,
    )


def _metric(fit: Learned) -> tuple[str, str]:
    found = told(fit, _MARK, "models", told(fit, _MARK, "explained_model"), "grouped")
    return ("r2", "R²") if "r2" in found else ("balanced_accuracy", "balanced accuracy")


def _error_name(key: str, fit: Learned) -> str:
    unit = "decades" if key == "mae_decades" else told(fit, _MARK, "target").get("unit")
    return f"Mean error, groups left out{f' / {unit}' if unit else ''}"


def _gap(model: Mapping[str, Any], metric: str) -> str:
    grouped, at_random = ((model.get(way, {}).get(metric) or [None] * 3)[1] for way in ("grouped", "random"))
    return UNKNOWN if grouped is None or at_random is None else f"{at_random - grouped:+.2f}".replace("-", "−")


def _audit(fit: Learned) -> Section:
    """Each condition of imaging alone against the property, and how it lies over the groups."""
    audit = told(fit, _MARK, "confounders")
    usable = [each for each in audit if not each.get("not_usable")]
    said = [
        "What each condition of imaging predicts alone. Where one does as well as the model, the data can not tell "
        "whether the model learned the material or the day at the microscope."
    ]
    if idle := [f"{each.get('name')} ({each.get('not_usable')})" for each in audit if each.get("not_usable")]:
        said.append(f"Not in question: {listed(idle, 12)}.")
    table = pd.DataFrame(
        [
            {
                "Condition": each.get("name"),
                "Values": each.get("n_values"),
                "R² alone, single rows left out": score((each.get("left_out_rows") or {}).get("r2")),
                "R² alone, groups left out": score((each.get("left_out_groups") or {}).get("r2")),
                "Variance in rows whose value is of one group only": _share(each.get("nested_variance")),
            }
            for each in usable
        ]
    )
    tables = [Table("Audit of confounders.", table, rows_named=True)] if usable else []
    tables += [_crosstab(name, counts, str(told(fit, _MARK, "group"))) for name, counts in fit.tables.items()]
    return Section("Audit of confounders", said, tables)


def _crosstab(name: str, counts: pd.DataFrame, group: str) -> Table:
    """Groups down, values across, where that is narrower; zeros as dots, so that what is there is seen."""
    first = counts.columns[0]
    turned = counts.set_index(first).T.rename_axis(group).reset_index()
    narrow = min(counts, turned, key=lambda each: each.shape[1])
    more = narrow.shape[1] - 1 - _MOST_GROUPS
    shown = narrow.iloc[:, : _MOST_GROUPS + 1].replace("0", "·")
    cut = f" {more} more columns stand in confounders/{name}.csv." if more > 0 else ""
    return Table(f"Rows by {first} and {group}: counts; a dot is none.{cut}", shown, rows_named=True)


def _share(value: object) -> str:
    return f"{100 * value:.0f} %" if isinstance(value, int | float) else UNKNOWN


def explained_features(fit: Learned) -> Section:
    """SHAP: what the predictions rest on."""
    importance = fit.scores.get("importance") or {}
    tables = []
    for kind in ("phase", "cluster", "feature"):
        found = [row for row in importance.get(kind) or [] if isinstance(row, Mapping)][:12]
        if len(found) > 1:
            tables.append(
                Table(f"Share of the attribution by {kind}, the largest first.", _shares(found, kind), rows_named=True)
            )
    said = [
        "SHAP values divide each prediction among the features. Shares are what the model uses, not what causes the "
        "property; the last columns say what a model of exchanged targets would show."
    ]
    return Section(
        "What the predictions rest on (SHAP)",
        said,
        tables,
        listed_figures(fit, (r"importance_by_\w+", "beeswarm")),
        gallery=listed_figures(fit, (r"dependence_\d+_.+", r"waterfall_.+", "interactions")),
        large=True,
    )


def _shares(rows: list[Mapping[str, Any]], kind: str) -> pd.DataFrame:
    def ends(row: Mapping[str, Any]) -> str:
        low, high = row.get("share_low"), row.get("share_high")
        return UNKNOWN if low is None or high is None else f"{100 * low:.0f} to {100 * high:.0f}"

    return pd.DataFrame(
        [
            {
                kind.capitalize(): row.get("group"),
                "Share / %": _share(row.get("share")).removesuffix(" %"),
                "Interval / %": ends(row),
                "By chance below / %": _share(row.get("null_p95")).removesuffix(" %"),
                "Above chance": "yes" if row.get("clears_null") else "no",
            }
            for row in rows
        ]
    )
