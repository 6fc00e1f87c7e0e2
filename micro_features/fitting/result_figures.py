"""The figures that `fit` writes."""

import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from micro_features.data import Attributions
from micro_features.fitting import evaluate
from micro_features.fitting.evaluate import EXPLAINED
from micro_features.fitting.fit import Fit
from micro_features.learn.target import Target, native_values, quantity_and_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DEPENDENCE_PLOTS = 6
_LONGEST_NAME = 80  # of a part of a file's name
_REFERENCES = {
    "training_mean": "training mean",
    "perfect_class": "lowest class known",
    "no_extrapolation": "no extrapolation",
}


def figures(fit: Fit) -> Iterator[tuple[str, "Figure"]]:
    """Every figure with its name, one at a time."""
    from micro_features.report import attribution_figures as drawn
    from micro_features.report.axes import figure_of

    unit = _decades(fit)
    values, names = fit.explained.attributions.values, list(fit.explained.attributions.names)
    features = fit.dataset.X[names].to_numpy(float)
    if not fit.problem.n_classes:
        yield from _prediction_figures(fit)
    for kind in ("cluster", "phase"):
        table = fit.explained.importance[kind]
        if len(table) > 1:
            labels = {name: _marked_group(fit, name, kind) for name in table["group"]}
            table = table.assign(group=table["group"].map(labels))
            bars = functools.partial(drawn.importance_bars, table=table, target_unit=unit)
            yield f"importance_by_{kind}", figure_of(bars, drawn.BARS_SIZE)
    yield (
        "beeswarm",
        figure_of(
            lambda ax: drawn.beeswarm(ax, values, features, _marked(fit, names), target_unit=unit), drawn.BEESWARM_SIZE
        ),
    )
    for rank, column in enumerate(np.argsort(-np.abs(values).mean(axis=0))[:MOST_DEPENDENCE_PLOTS], start=1):
        if np.abs(values[:, column]).max() > 0:
            yield f"dependence_{rank}_{plain(names[column])}", _dependence(fit, int(column), unit)
    if len(fit.explained.interactions) > 1:
        cells = fit.explained.interactions
        yield (
            "interactions",
            figure_of(
                lambda ax: drawn.interaction_heat(
                    ax, cells.to_numpy(float), _marked(fit, cells.columns), target_unit=unit
                ),
                drawn.HEAT_SIZE,
            ),
        )
    for what, row in _told_rows(fit):
        yield f"waterfall_{what}_{plain(fit.dataset.ids[row])}", _waterfall(fit, row, names, features)


def _prediction_figures(fit: Fit) -> Iterator[tuple[str, "Figure"]]:
    from micro_features.report import prediction_figures as drawn
    from micro_features.report.axes import figure_of

    dataset, known, log10 = fit.dataset, fit.left_out, fit.dataset.target.log10
    found = fit.models[EXPLAINED].scores[fit.first.name]
    ends = [native_values(np.where(np.isfinite(end), end, np.nan), log10) for end in (known.low, known.high)]
    error = "MAE (decades)" if log10 else f"MAE ({dataset.target.unit or _quantity(fit)})"
    yield (
        "predicted_against_measured",
        figure_of(
            lambda ax: drawn.predicted_against_measured(
                ax,
                dataset.y_native,
                native_values(fit.run.predicted, log10),
                *ends,
                groups=dataset.group_names,
                in_domain=known.in_domain,
                name=_quantity(fit),
                unit=dataset.target.unit,
                log10=log10,
                scores={"R²": found["r2"], error: found["mae"]},
            ),
            drawn.PREDICTED_SIZE,
        ),
    )
    lines = evaluate.reference_lines(dataset, fit.first.fold)
    yield (
        "optimism",
        figure_of(
            lambda ax: drawn.optimism(
                ax,
                {name: (m.scores[fit.first.name]["r2"], m.scores["random"]["r2"]) for name, m in fit.models.items()},
                references={_REFERENCES[name]: value for name, value in lines.items()},
                left_out=fit.request.data.group,
            ),
            drawn.OPTIMISM_SIZE,
        ),
    )
    if fit.learning_curve:
        n_folds = len(np.unique(fit.first.fold))
        yield (
            "learning_curve",
            figure_of(
                lambda ax: drawn.learning_curve(ax, fit.learning_curve, whole=(n_folds - 1, found["r2"][1])),
                drawn.CURVE_SIZE,
            ),
        )


def _dependence(fit: Fit, column: int, unit: str) -> "Figure":
    from micro_features.report import attribution_figures as drawn
    from micro_features.report.axes import figure_of, with_unit

    found = fit.explained.attributions
    name = found.names[column]
    partner = fit.explained.partners.get(name)
    band: dict[str, Any] = {}
    if found.low is not None and found.high is not None:
        band = {"low": found.low[:, column], "high": found.high[:, column]}
    if partner is not None:
        band |= {
            "partner": fit.dataset.X[partner].to_numpy(float),
            "partner_name": with_unit(partner, fit.dataset.units[partner]),
        }
    return figure_of(
        lambda ax: drawn.dependence(
            ax,
            fit.dataset.X[name].to_numpy(float),
            found.values[:, column],
            name=name,
            unit=fit.dataset.units[name],
            target_unit=unit,
            assumed_sign=fit.assumed.get(name, 0),
            **band,
        ),
        drawn.DEPENDENCE_SIZE,
    )


def _told_rows(fit: Fit) -> list[tuple[str, int]]:
    """Rows whose prediction is told step by step: the lowest, the highest, the one that fails worst."""
    y = fit.dataset.y
    rows = [("lowest", int(y.argmin())), ("highest", int(y.argmax()))]
    if not fit.problem.n_classes:
        worst = int(np.abs(fit.run.predicted - y).argmax())
        rows += [("worst", worst)] if worst not in [row for _, row in rows] else []
    return rows


def _waterfall(fit: Fit, row: int, names: list[str], features: np.ndarray) -> "Figure":
    dataset = fit.dataset
    if fit.problem.n_classes:
        title = f"{dataset.ids[row]}: measured {dataset.class_names[dataset.classes[row]]}"
    else:
        told = fit.explained.attributions
        answered = float(native_values(told.base[row] + told.values[row].sum(), dataset.target.log10))
        title = (
            f"{dataset.ids[row]}: predicted {answered:.3g}, measured {dataset.y_native[row]:.3g} {dataset.target.unit}"
        )
    found = dataclasses.replace(fit.explained.attributions, names=tuple(_marked(fit, names)))
    units = [dataset.units[name] for name in names]
    return waterfall(found, row, features[row], units=units, target=dataset.target, title=title)


def waterfall(
    found: Attributions, row: int, features: np.ndarray, *, units: Sequence[str], target: Target, title: str
) -> "Figure":
    """How one prediction comes about.

    Parameters
    ----------
    found : Attributions
    row : int
        Which of its rows.
    features : (k,) float array
        Of this row, in the order of its names.
    units : sequence of k str
    target : Target
    title : str
    """
    from micro_features.report import attribution_figures as drawn
    from micro_features.report.axes import figure_of

    quantity = quantity_and_unit(target.name)[0].replace("_", " ")
    axis = found.unit
    if axis.startswith("log10 "):
        axis = f"log10({quantity} / ({target.unit}))"
    elif not axis.startswith("log odds"):
        axis = f"{quantity} / {target.unit}" if target.unit else quantity
    return figure_of(
        lambda ax: drawn.waterfall(
            ax,
            found.values[row],
            float(found.base[row]),
            features,
            names=found.names,
            units=units,
            target=axis,
            title=title,
        ),
        drawn.WATERFALL_SIZE,
    )


def _marked(fit: Fit, names: Iterable[str]) -> list[str]:
    """Names of features; where a sign was assumed, not learned, with that word."""
    return [
        f"{name} (assumed {'rising' if fit.assumed[name] > 0 else 'falling'})" if name in fit.assumed else name
        for name in names
    ]


def _marked_group(fit: Fit, label: str, kind: str) -> str:
    """The label of a group of features, marked where the sign of one of them was assumed."""
    members = fit.explained.members[kind][label]
    return f"{label} (a sign assumed)" if set(members) & set(fit.assumed) else label


def _quantity(fit: Fit) -> str:
    return quantity_and_unit(fit.dataset.target.name)[0].replace("_", " ")


def _decades(fit: Fit) -> str:
    if fit.problem.n_classes:
        return fit.explained.attributions.unit
    return f"decades of {_quantity(fit)}" if fit.dataset.target.log10 else fit.dataset.target.unit or _quantity(fit)


def plain(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", name).strip("._")[:_LONGEST_NAME] or "unnamed"
