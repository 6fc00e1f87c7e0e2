"""The folder that `fit` writes: scores, predictions, attributions, figures, the model."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from micro_features.errors import OutputError
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
from micro_features.fitting.result_figures import figures, plain
from micro_features.learn.confounders import crosstab
from micro_features.learn.target import native_values


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something or can not be made, before anything is computed; OutputError.

    Nothing stays of the trial: a run that ends without results leaves no empty folder.
    """
    check_new_model(folder)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in made:
            each.rmdir()
    except OSError as error:
        raise OutputError(f"{folder}: can not be made ({error.strerror or error}); name another folder.") from None


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
            write_table(folder / "confounders" / f"{plain(each.name)}.csv", counts)
    save(fit, folder / "model", command_line)
    write_json(folder / "scores.json", scores_file.scores(fit))
    for name, figure in figures(fit):
        write_figure(folder / "figures" / name, figure)


def predictions(fit: Fit) -> pd.DataFrame:
    """A line a row of the data set: measured, and predicted by a model that never saw its group."""
    dataset, target = fit.dataset, fit.dataset.target
    table = pd.DataFrame(
        {_id_column(fit): dataset.ids, "group": dataset.group_names, f"measured_{target.name}": dataset.y_native}
    )
    if fit.problem.n_classes:
        names = np.array(dataset.class_names)
        table["measured_class"], table["predicted_class"] = (
            names[dataset.classes],
            names[fit.run.predicted.argmax(axis=1)],
        )
        for number, name in enumerate(dataset.class_names):
            table[f"probability_{name}"] = fit.run.predicted[:, number]
        table["in_domain"] = fit.left_out.in_domain
        return table
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


def _id_column(fit: Fit) -> str:
    """What the rows of the data set are."""
    return "micrograph_id" if all(len(names) == 1 for names in fit.dataset.members.values()) else "sample_id"


def attribution_tables(fit: Fit) -> dict[str, pd.DataFrame]:
    """Attributions and their bands, importance of features and of groups of them, interactions of pairs."""
    found, explained = fit.explained.attributions, fit.explained
    ids = {_id_column(fit): found.ids, "group": fit.dataset.group_names}
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
    tables["importance"]["assumed"] = [
        assumed_among(fit, explained.members[str(kind)][str(group)])
        for kind, group in tables["importance"][["of", "group"]].itertuples(index=False)
    ]
    names = list(explained.interactions.columns)
    cells = explained.interactions.to_numpy(float)
    pairs = [(names[i], names[j], 2 * cells[i, j]) for i in range(len(names)) for j in range(i) if cells[i, j] > 0]
    pairs.sort(key=lambda pair: -pair[2])
    tables["interactions"] = pd.DataFrame(pairs, columns=["feature", "with", "mean_abs"])
    tables["interactions"]["assumed"] = [assumed_among(fit, pair[:2]) for pair in pairs]
    for name in ("attributions", "attribution_bands"):
        if fit.assumed and name in tables:
            tables[name]["assumed"] = assumed_among(fit, found.names)
    return tables


def assumed_among(fit: Fit, names: Iterable[str]) -> str:
    """Features among these whose sign was assumed, ``"porosity falling"``; empty where all were learned."""
    signs = {1: "rising", -1: "falling"}
    return ", ".join(f"{name} {signs[fit.assumed[name]]}" for name in names if name in fit.assumed)
