"""The folder that `published` writes: scores.json, words/, attributions.csv, tables, figures, report.html."""

import datetime
import os
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features import __version__
from micro_features.comparison.answers import of_rows
from micro_features.data import Attributions
from micro_features.files.figures import write_figure
from micro_features.files.outputs import png_bytes, replacing, write_json, write_png, write_text
from micro_features.files.tables import write_table
from micro_features.fitting.fold_file import fold_table
from micro_features.fitting.scores_file import finite
from micro_features.published import result_figures, scoring, wording
from micro_features.published.one_run import Run
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE
from micro_features.report.page import Section, page
from micro_features.results import versions
from micro_features.visual_words import tree as trees
from micro_features.visual_words.steps import steps_table

_WORDS_A_SHEET = 6
"""On the page, where a larger sheet would be too small to read."""


def write(found: Found) -> None:
    """Write everything that was found.

    Parameters
    ----------
    found : Found

    Raises
    ------
    OutputError
        Something can not be written.
    """
    folder, answer = found.request.output, found.answer
    write_table(folder / "folds.csv", fold_table(found.samples.dataset, found.samples.fold))
    write_table(folder / "predictions.csv", predictions(found))
    write_table(folder / "epochs.csv", result_figures.epochs_table(found))
    write_table(folder / "parameters.csv", found.samples.parameters.values.reset_index(names="micrograph_id"))
    write_table(folder / "steps.csv", all_steps(found))
    write_table(folder / "attributions.csv", attributions_table(answer.attributions, answer.groups))
    write_table(folder / "answer.csv", answer.table)
    if found.beside is not None:
        write_table(folder / "side_by_side.csv", found.beside.methods)
        write_table(folder / "agreement_of_causes.csv", found.beside.agreements)
    pictures: list[tuple[str, bytes]] = []
    for run in runs_of(found):
        _write_run(found, run, folder / "words" / run.name, pictures)
    figures = dict(result_figures.figures(found))
    for name, figure in figures.items():
        write_figure(folder / "figures" / name, figure)
    if find_spec("tensorboard"):
        _write_tensorboard(found, folder / "tensorboard")
    write_json(folder / "provenance.json", _provenance(found))
    write_json(folder / "scores.json", finite(scores_file(found)))
    shown = {name: _png(folder / "figures" / f"{name}.png") for name in figures}
    write_text(folder / "report.html", page("The published method, whole", list(_sections(found, shown, pictures))))


def runs_of(found: Found) -> list[Run]:
    """Of all protocols."""
    return [run for answers in found.answers.values() for run in answers.runs]


def scores_file(found: Found) -> dict[str, Any]:
    """What ``scores.json`` holds; what a number is worth stands before it."""
    samples, dataset = found.samples, found.samples.dataset
    grouped, own = (found.scores.get(protocol) for protocol in (GROUPED, IN_SAMPLE))
    return {
        "said": wording.sentences(found),
        "target": {"name": dataset.target.name, "unit": dataset.target.unit, "log10": dataset.target.log10},
        "classes": list(dataset.class_names),
        "cuts": list(dataset.cuts),
        "group": samples.group,
        "n_pictures": len(dataset.ids),
        "n_groups": len(np.unique(dataset.groups)),
        "folds": int(samples.fold.max()) + 1,
        "folds_run": sum(run.name != IN_SAMPLE for run in runs_of(found)),
        "grouped": grouped,
        "in_sample": own,
        "gap": scoring.gap(grouped, own) if grouped and own else None,
        "references": found.references,
        "tree_more_than_date": found.more_than_date,
        "against_the_answer": found.against,
        "parameters": {"origin": samples.parameters.origin, "left_out": samples.parameters.left_out},
        "words": {run.name: len(run.centres) for run in runs_of(found)},
        "kept_epoch": {run.name: run.kept_epoch for run in runs_of(found)},
        "excluded_pictures": dataset.excluded_rows,
        "notes": wording.notes(found),
        "settings": found.request.settings.words.model_dump(mode="json"),
        "seed": found.request.settings.seed,
        "seconds": round(found.seconds, 1),
        "seconds_of_one_core": {run.name: run.seconds for run in runs_of(found)},
    }


def predictions(found: Found) -> pd.DataFrame:
    """A line a picture: its class, and what each stage says of it in each protocol."""
    dataset = found.samples.dataset
    names = np.array(dataset.class_names)
    table = pd.DataFrame(
        {
            "micrograph_id": dataset.ids,
            "group": dataset.group_names,
            "fold": found.samples.fold,
            f"measured_{dataset.target.name}": dataset.y_native,
            "measured_class": names[dataset.classes],
        }
    )
    for protocol, answers in found.answers.items():
        short = protocol.replace("-", "_")
        for stage, given in answers.pictures.items():
            known = np.isfinite(given).all(axis=1)
            table[f"{stage}_{short}"] = [
                names[each.argmax()] if there else None for each, there in zip(given, known, strict=True)
            ]
            for code, name in enumerate(names):
                table[f"{stage}_{short}_probability_{name}"] = given[:, code]
    return table


def attributions_table(attributions: Attributions, groups: tuple[str, ...]) -> pd.DataFrame:
    """As `fit` writes SHAP values: a line a picture, a column a parameter."""
    values = pd.DataFrame(attributions.values, columns=list(attributions.names))
    first = {
        "micrograph_id": attributions.ids,
        "group": groups,
        "base": attributions.base,
        "predicted": attributions.base + attributions.values.sum(axis=1),
    }
    return pd.DataFrame(first).join(values).assign(meaningful="not meaningful" not in attributions.method)


def all_steps(found: Found) -> pd.DataFrame:
    """Every logistic step of every run."""
    names = [str(name) for name in found.samples.parameters.values.columns]
    parts = []
    for run in runs_of(found):
        table = steps_table(run.steps, names)
        hits = run.step_hits.groupby("node")[["n_windows", "told", "majority"]].sum()
        table.insert(0, "run", run.name)
        table["scored_windows"] = table["node"].map(hits["n_windows"]).fillna(0).astype(int)
        table["sent_right"] = table["node"].map(hits["told"] / hits["n_windows"])
        table["by_commoner_side"] = table["node"].map(hits["majority"] / hits["n_windows"])
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _write_run(found: Found, run: Run, folder: Path, pictures: list[tuple[str, bytes]]) -> None:
    names, dataset = found.samples.dataset.class_names, found.samples.dataset
    centres = pd.DataFrame(run.centres, columns=[f"channel_{i}" for i in range(run.centres.shape[1])])
    centres.insert(0, "word", np.arange(len(centres)))
    centres.insert(1, "training_cells", run.cells)
    write_table(folder / "centres.csv", centres)
    write_table(folder / "windows.csv", windows_table(found, run))
    of_picture = pd.DataFrame(
        of_rows(run.histograms, run.owner, len(dataset.ids)),
        columns=[f"word_{word}" for word in range(len(run.centres))],
    )
    of_picture.insert(0, "micrograph_id", list(dataset.ids))
    of_picture.insert(1, "class", np.array(names)[dataset.classes])
    write_table(folder / "pictures.csv", of_picture)
    write_table(folder / "tree.csv", trees.table(run.tree, list(names)))
    write_text(folder / "rules.txt", "".join(f"leaf {leaf}: {rule}\n" for leaf, rule in trees.rules(run.tree).items()))
    with replacing(folder / "classifier.safetensors", "wb") as file:
        file.write(run.weights)
    entries = result_figures.word_entries(found, run)
    write_png(folder / "contact_sheet.png", result_figures.contact_sheet(entries))
    for name, figure in result_figures.word_figures(found, run, entries):
        write_figure(folder / name, figure)
    if run is runs_of(found)[0]:
        for start in range(0, len(entries), _WORDS_A_SHEET):
            part = entries[start : start + _WORDS_A_SHEET]
            told = f"{run.name}: windows nearest to words {part[0].number} to {part[-1].number}; the cell is marked."
            pictures.append((told, png_bytes(result_figures.contact_sheet(part))))
        pictures += [
            (f"{run.name}: t-SNE, for looking only.", _png(folder / "tsne.png")),
            (f"{run.name}: decision tree on the words.", _png(folder / "tree.png")),
        ]


def windows_table(found: Found, run: Run) -> pd.DataFrame:
    """A line a window: where it lies, what the classifier says, its words, the leaf that it falls in."""
    dataset, reduction = found.samples.dataset, found.request.geometry.reduction
    frames = [picture.frame for picture in found.samples.pictures.values()]
    boxes = np.concatenate(found.boxes) * reduction
    offsets = np.array([(frame[0], frame[2]) for frame in frames])[run.owner]
    names = np.array(dataset.class_names)
    table = pd.DataFrame(
        {
            "micrograph_id": np.array(dataset.ids, dtype=object)[run.owner],
            "first_row_px": boxes[:, 0] + offsets[:, 0],
            "first_col_px": boxes[:, 1] + offsets[:, 1],
            "of_training": run.of_training,
            "classifier_scored": run.scored,
            "measured_class": names[dataset.classes[run.owner]],
            "predicted_class": names[run.predicted.argmax(axis=1)],
            "class_by_tree": names[run.by_tree.argmax(axis=1)],
            "leaf": run.leaf,
        }
    )
    words = pd.DataFrame(run.histograms, columns=[f"word_{word}" for word in range(run.histograms.shape[1])])
    return table.join(words)


def _write_tensorboard(found: Found, folder: Path) -> None:
    """Precision and recall of each epoch, where TensorBoard is installed."""
    from torch.utils.tensorboard import SummaryWriter

    table = result_figures.epochs_table(found)
    for (run, split), part in table.groupby(["run", "split"], sort=False):
        with SummaryWriter(str(folder / str(run) / str(split).replace(" ", "_"))) as writer:
            for row in part.to_dict("records"):
                epoch = int(row["epoch"])
                for name in ("precision", "recall"):
                    if np.isfinite(row[name]):
                        writer.add_scalar(f"{name}/{row['class']}", row[name], epoch)
            for row in part.drop_duplicates("epoch").to_dict("records"):
                for name in ("accuracy", "loss"):
                    if np.isfinite(row[name]):
                        writer.add_scalar(name, row[name], int(row["epoch"]))


def _provenance(found: Found) -> dict[str, Any]:
    ran_with = versions()
    ran_with["packages"] |= {name: metadata.version(name) for name in ("safetensors", "torch")}
    return {
        "software": f"micro-features {__version__}",
        "command": [os.fsencode(word).decode("utf-8", "backslashreplace") for word in found.request.command_line],
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(found.seconds, 1),
        "seed": found.request.settings.seed,
        "settings": found.request.settings.model_dump(mode="json"),
        "pictures_sha256": {name: each.pixels_sha256 for name, each in found.samples.pictures.items()},
        **ran_with,
    }


def _png(path: Path) -> bytes:
    return path.read_bytes()


def _sections(found: Found, shown: dict[str, bytes], pictures: list[tuple[str, bytes]]) -> Iterator[Section]:
    """The page: the answer first, and what it is worth before it."""
    yield Section("What was found", wording.sentences(found), (), [("", shown["stages_balanced_accuracy"])])
    yield Section(
        "Which parameters go with a high property",
        wording.answer_sentences(found),
        [
            (
                f"Effect of one standard deviation of each parameter, {result_figures.asked_how(found)}.",
                wording.answer_table(found),
            )
        ],
        [("", shown["answer"])],
    )
    if found.beside is not None:
        yield Section(
            "Side by side",
            found.beside.notes,
            [
                ("Accuracy on the same pictures and folds, 95 % intervals over groups.", wording.methods_table(found)),
                ("Do they name the same causes?", wording.agreements_table(found)),
            ],
            [("", shown["beside"])],
        )
    yield Section("Scores of every stage", (), [("", wording.score_table(found))], [("", shown["stages_accuracy"])])
    yield Section("Training of the classifier", (), (), [("", shown["epochs"])])
    yield Section("What the words mean", wording.about_words(found), (), pictures)
    yield Section("What a reader must know", [*wording.notes(found), *wording.METHOD])
