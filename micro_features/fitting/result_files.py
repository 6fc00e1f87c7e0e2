"""The folder that `fit` writes: scores, predictions, attributions, figures, the model."""

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from micro_features.files.artefacts import check_new_model
from micro_features.files.figures import write_figure
from micro_features.files.outputs import write_json
from micro_features.files.tables import write_table
from micro_features.fitting import scores_file
from micro_features.fitting.choosing import meaning_of
from micro_features.fitting.evaluate import EXPLAINED
from micro_features.fitting.fit import Fit
from micro_features.fitting.fold_file import fold_table
from micro_features.fitting.property_model import BELOW_RANGE, save
from micro_features.learn.confounders import crosstab
from micro_features.learn.target import native_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DEPENDENCE_PLOTS = 6
_REFERENCES = {
    "training_mean": "training mean",
    "perfect_class": "lowest class known",
    "no_extrapolation": "no extrapolation",
}


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something, before anything is computed; OutputError."""
    check_new_model(folder)


def write(fit: Fit, folder: Path, command_line: Sequence[str]) -> None:
    """Write everything that a fit found.

    Parameters
    ----------
    fit : Fit
    folder : Path
        New or empty.
    command_line : sequence of str

    Raises
    ------
    OutputError
        The folder holds something, or can not be written.
    """
    check_new(folder)
    write_table(folder / "folds.csv", fold_table(fit.dataset, fit.file_folds))
    write_table(folder / "predictions.csv", predictions(fit))
    for name, table in attribution_tables(fit).items():
        write_table(folder / f"{name}.csv", table)
    for each in fit.audit:
        if not each.reason:
            counts = crosstab(fit.dataset.confounders[each.name], fit.dataset.group_names).reset_index()
            write_table(folder / "confounders" / f"{_plain(each.name)}.csv", counts)
    for name, figure in figures(fit):
        write_figure(folder / "figures" / name, figure)
    save(fit, folder / "model", command_line)
    # Last, so that a folder with scores.json is complete.
    write_json(folder / "scores.json", scores_file.scores(fit))


def predictions(fit: Fit) -> pd.DataFrame:
    """A line a row of the data set: measured, and predicted by a model that never saw its group."""
    dataset, target = fit.dataset, fit.dataset.target
    id_name = "micrograph_id" if all(len(names) == 1 for names in dataset.members.values()) else "sample_id"
    table = pd.DataFrame(
        {id_name: dataset.ids, "group": dataset.group_names, f"measured_{target.name}": dataset.y_native}
    )
    if fit.problem.n_classes:
        names = np.array(dataset.class_names)
        table["measured_class"], table["predicted_class"] = (
            names[dataset.classes],
            names[fit.run.predicted.argmax(axis=1)],
        )
        for number, name in enumerate(dataset.class_names):
            table[f"probability_{name}"] = fit.run.predicted[:, number]
        return table
    assert fit.left_out is not None
    runs = fit.models[EXPLAINED].runs
    for column, values in (
        (f"predicted_{target.name}", fit.run.predicted),
        ("interval_low", fit.left_out.low),
        ("interval_high", fit.left_out.high),
        *((f"predicted_{name}", run.predicted) for name, run in runs.items() if name != fit.first.name),
    ):
        table[column] = native_values(values, target.log10)
    table["in_domain"] = fit.left_out.in_domain
    table["range"] = np.where(fit.left_out.at_or_below_range, BELOW_RANGE, "")
    if dataset.class_names:
        table["class"] = np.array(dataset.class_names)[dataset.classes]
    return table


def attribution_tables(fit: Fit) -> dict[str, pd.DataFrame]:
    """Attributions and their bands, importance of features and of groups of them, interactions of pairs."""
    found, explained = fit.explained.attributions, fit.explained
    ids = {"id": found.ids, "group": fit.dataset.group_names}
    values = pd.DataFrame({**ids, "base": found.base}).join(pd.DataFrame(found.values, columns=list(found.names)))
    values.insert(3, "predicted", found.base + found.values.sum(axis=1))
    tables = {"attributions": values}
    if found.low is not None and found.high is not None:
        ends = [
            pd.DataFrame({**ids, "end": end}).join(pd.DataFrame(part, columns=list(found.names)))
            for end, part in (("low", found.low), ("high", found.high))
        ]
        tables["attribution_bands"] = pd.concat(ends, ignore_index=True)
    tables["importance"] = pd.concat(
        [table.assign(of=kind) for kind, table in explained.importance.items()], ignore_index=True
    )[["of", *next(iter(explained.importance.values())).columns]]
    tables["importance"]["meaning"] = [meaning_of(str(group)) for group in tables["importance"]["group"]]
    assumed = {name: "rising" if sign > 0 else "falling" for name, sign in fit.assumed.items()}
    tables["importance"]["assumed_sign"] = [assumed.get(str(group), "") for group in tables["importance"]["group"]]
    names = list(explained.interactions.columns)
    cells = explained.interactions.to_numpy(float)
    pairs = [(names[i], names[j], 2 * cells[i, j]) for i in range(len(names)) for j in range(i) if cells[i, j] > 0]
    pairs.sort(key=lambda pair: -pair[2])
    tables["interactions"] = pd.DataFrame(pairs, columns=["feature", "with", "mean_abs"])
    return tables


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
            bars = functools.partial(drawn.importance_bars, table=table, target_unit=unit)
            yield f"importance_by_{kind}", figure_of(bars, drawn.BARS_SIZE)
    yield (
        "beeswarm",
        figure_of(lambda ax: drawn.beeswarm(ax, values, features, names, target_unit=unit), drawn.BEESWARM_SIZE),
    )
    for rank, column in enumerate(np.argsort(-np.abs(values).mean(axis=0))[:MOST_DEPENDENCE_PLOTS], start=1):
        if np.abs(values[:, column]).max() > 0:
            yield f"dependence_{rank}_{_plain(names[column])}", _dependence(fit, int(column), unit)
    if len(fit.explained.interactions) > 1:
        cells = fit.explained.interactions
        yield (
            "interactions",
            figure_of(
                lambda ax: drawn.interaction_heat(ax, cells.to_numpy(float), list(cells.columns), target_unit=unit),
                drawn.HEAT_SIZE,
            ),
        )
    for what, row in _told_rows(fit):
        yield f"waterfall_{what}_{_plain(fit.dataset.ids[row])}", _waterfall(fit, row, names, features)


def _prediction_figures(fit: Fit) -> Iterator[tuple[str, "Figure"]]:
    from micro_features.report import prediction_figures as drawn
    from micro_features.report.axes import figure_of

    assert fit.left_out is not None
    dataset, known, log10 = fit.dataset, fit.left_out, fit.dataset.target.log10
    found = fit.models[EXPLAINED].scores[fit.first.name]
    ends = [native_values(np.where(np.isfinite(end), end, np.nan), log10) for end in (known.low, known.high)]
    error = "MAE (decades)" if log10 else f"MAE ({dataset.target.unit})"
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
    lines = scores_file.scores(fit)["reference_r2"]
    yield (
        "optimism",
        figure_of(
            lambda ax: drawn.optimism(
                ax,
                {name: (m.scores[fit.first.name]["r2"], m.scores["random"]["r2"]) for name, m in fit.models.items()},
                references={_REFERENCES[name]: value for name, value in lines.items()},
                left_out=fit.request.group,
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
        rows.append(("worst", int(np.abs(fit.run.predicted - y).argmax())))
    return rows


def _waterfall(fit: Fit, row: int, names: list[str], features: np.ndarray) -> "Figure":
    from micro_features.report import attribution_figures as drawn
    from micro_features.report.axes import figure_of

    found, dataset = fit.explained.attributions, fit.dataset
    if fit.problem.n_classes:
        target, title = found.unit, f"{dataset.ids[row]}: measured {dataset.class_names[dataset.classes[row]]}"
    else:
        answered = float(native_values(fit.run.predicted[row], dataset.target.log10))
        target = f"log10({_quantity(fit)} / ({dataset.target.unit}))" if dataset.target.log10 else dataset.target.name
        title = (
            f"{dataset.ids[row]}: predicted {answered:.3g}, measured {dataset.y_native[row]:.3g} {dataset.target.unit}"
        )
    return figure_of(
        lambda ax: drawn.waterfall(
            ax,
            found.values[row],
            float(found.base[row]),
            features[row],
            names=names,
            units=[dataset.units[name] for name in names],
            target=target,
            title=title,
        ),
        drawn.WATERFALL_SIZE,
    )


def _quantity(fit: Fit) -> str:
    from micro_features.learn.target import quantity_and_unit

    return quantity_and_unit(fit.dataset.target.name)[0].replace("_", " ")


def _decades(fit: Fit) -> str:
    if fit.problem.n_classes:
        return fit.explained.attributions.unit
    return f"decades of {_quantity(fit)}" if fit.dataset.target.log10 else fit.dataset.target.unit


def _plain(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", name).strip("._") or "unnamed"
