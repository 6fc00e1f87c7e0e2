"""The folder that `cnn train` writes: predictions, scores, a figure, the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from micro_features.explain.compare import CAPTION
from micro_features.files.figures import write_figure
from micro_features.files.outputs import write_json
from micro_features.files.tables import write_table
from micro_features.learn.target import native_values, quantity_and_unit
from micro_features.network.cnn_model import save
from micro_features.network.scoring import LEVEL, NETWORK, at_chance_said, left_out_interval, scores_file
from micro_features.network.train import Training
from micro_features.network.unfinished import MODEL, Unfinished

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ONE_PASS = "network, whole picture in one pass"  # noqa: S105


def write(training: Training, folder: Path, command_line: Sequence[str]) -> dict[str, Any]:
    """Write everything that a training found; the checkpoints go.

    Parameters
    ----------
    training : Training
    folder : Path
        That it was trained in.
    command_line : sequence of str

    Returns
    -------
    dict
        The scores, as in ``scores.json``.

    Raises
    ------
    OutputError
        Something can not be written.
    """
    with Unfinished(folder) as unfinished:
        scores = scores_of(training)
        write_table(folder / "predictions.csv", predictions(training))
        write_table(folder / "pictures.csv", pictures(training))
        write_json(folder / "scores.json", scores)
        write_figure(folder / "figures" / "predicted_against_measured", figure(training, scores))
        save(training, scores, folder / MODEL, command_line)
    unfinished.remove()
    return scores


def scores_of(training: Training) -> dict[str, Any]:
    """Every score of a training, as ``scores.json`` holds it."""
    rows = training.rows(training.windows)
    seeds = range(training.request.seed, training.request.seed + training.request.seeds)
    return scores_file(
        training.dataset,
        training.fold,
        {
            NETWORK: training.predictor(training.windows, f"mean over windows and {len(seeds)} seeds"),
            ONE_PASS: training.predictor(training.whole, "the same networks, the picture taken as one window"),
        },
        {seed: rows[i, :, 0] for i, seed in enumerate(seeds)},
        training.features,
    )


def predictions(training: Training) -> pd.DataFrame:
    """A line a row of the data set: measured, and predicted by networks that never saw its group."""
    dataset, target = training.dataset, training.dataset.target
    rows = training.rows(training.windows)
    predicted = rows.mean(axis=0)
    low, high = left_out_interval(dataset, predicted[:, 0], training.fold, LEVEL)
    single = all(len(names) == 1 for names in dataset.members.values())
    table = pd.DataFrame(
        {
            "micrograph_id" if single else "sample_id": dataset.ids,
            "group": dataset.group_names,
            "fold": training.fold,
            f"measured_{target.name}": dataset.y_native,
        }
    )
    columns = {f"predicted_{target.name}": predicted[:, 0], "interval_low": low, "interval_high": high}
    columns["predicted_in_one_pass"] = training.rows(training.whole).mean(axis=0)[:, 0]
    columns |= {f"predicted_seed_{training.request.seed + i}": each[:, 0] for i, each in enumerate(rows)}
    columns["predicted_by_feature_model"] = training.features.predicted
    for name, values in columns.items():
        table[name] = native_values(values, target.log10)
    if dataset.class_names:
        names = np.array(dataset.class_names)
        table["class"], table["predicted_class"] = names[dataset.classes], names[predicted[:, 1:].argmax(axis=1)]
        for i, name in enumerate(dataset.class_names, start=1):
            table[f"probability_{name}"] = predicted[:, i]
    return table


def pictures(training: Training) -> pd.DataFrame:
    """A line a picture: what each seed's network that did not see it says, as mean over windows and in one pass."""
    target, owner = training.dataset.target, training.owner
    table = pd.DataFrame(
        {"micrograph_id": list(training.pictures), "row": [training.dataset.ids[i] for i in owner]},
    )
    table["fold"] = training.fold[owner]
    for i in range(training.request.seeds):
        seed = training.request.seed + i
        table[f"predicted_seed_{seed}"] = native_values(training.windows[i, :, 0], target.log10)
        table[f"predicted_in_one_pass_seed_{seed}"] = native_values(training.whole[i, :, 0], target.log10)
    return table


def figure(training: Training, scores: Mapping[str, Any]) -> "Figure":
    """Predicted against measured, out of fold, as `fit` draws it."""
    from micro_features.report import prediction_figures as drawn
    from micro_features.report.axes import figure_of
    from micro_features.report.signs import captioned

    dataset, log10 = training.dataset, training.dataset.target.log10
    predicted = training.predictor(training.windows, "").predicted
    ends = left_out_interval(dataset, predicted, training.fold, LEVEL)
    own, quantity = scores["predictors"][NETWORK], quantity_and_unit(dataset.target.name)[0].replace("_", " ")
    error = "MAE (decades)" if log10 else f"MAE ({dataset.target.unit or quantity})"
    told = {"R²": own["r2"], error: own["mae"]}
    ends_known = {name: np.array(score, float) for name, score in told.items()}  # NaN for None
    plot = figure_of(
        lambda ax: drawn.predicted_against_measured(
            ax,
            dataset.y_native,
            native_values(predicted, log10),
            *(native_values(end, log10) for end in ends),
            groups=dataset.group_names,
            in_domain=np.ones(len(predicted), bool),
            name=quantity,
            unit=dataset.target.unit,
            log10=log10,
            scores={name: (low, value, high) for name, (low, value, high) in ends_known.items()},
        ),
        drawn.PREDICTED_SIZE,
    )
    none = "" if np.isfinite(ends).all() else "No interval where the other folds' groups are too few for one. "
    return captioned(plot, f"{at_chance_said(scores)}{none}{CAPTION}")
