"""Figures of the published method: what words mean, the tree, the training, the scores, the answer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd

from micro_features.published import scoring
from micro_features.published.one_run import Run
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE
from micro_features.report.published_figures import answer_figure, beside_figure, epochs_figure, stages_figure
from micro_features.report.tree_figure import tree_figure
from micro_features.report.word_figures import WordEntry, tsne_figure, word_sheet
from micro_features.visual_words.tree import table as tree_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_THUMB_PX = 64
_SHOWN_RANGE = (1, 99)  # percentiles of grey levels that become black and white


def figures(found: Found) -> Iterator[tuple[str, "Figure"]]:
    """Figures over all runs, by name."""
    names = found.samples.dataset.class_names
    yield "epochs", epochs_figure(epochs_table(found), names, caption=_epochs_caption(found))
    for metric in scoring.METRICS:
        references = {name: tuple(told[metric]) for name, told in found.references.items()}
        yield (
            f"stages_{metric}",
            stages_figure(
                scoring.stages_table(found.scores, metric),
                chance=_chance(found, metric),
                references=references,
                metric=metric.replace("_", " "),
                caption=_stages_caption(found),
            ),
        )
    unit = found.answer.attributions.unit
    yield "answer", answer_figure(found.answer.table, unit=decades(unit), caption=_answer_caption(found))
    if found.beside is not None:
        yield (
            "beside",
            beside_figure(
                found.beside.methods,
                # Why stands in the table and on the page.
                found.beside.agreements.assign(said=found.beside.agreements["said"].str.partition(":")[0]),
                chance=_chance(found, "accuracy"),
                caption=f"The same {int(found.first.asked.sum())} pictures and folds. Run time: of the published "
                "method of one core, of the others as their commands took. " + found.beside.notes[1],
            ),
        )


def _chance(found: Found, metric: str) -> float:
    """What the tree would get if classes changed places between groups; without groups left out, of classes alike."""
    told = found.scores[found.first.protocol]["tree"].get("chance", {})
    return float(told.get(metric, 1 / len(found.samples.dataset.class_names)))


def decades(unit: str) -> str:
    """Differences of a logarithm are decades."""
    return "decades" if unit.startswith("log10") else unit


def asked_how(found: Found) -> str:
    """Whether the answer is of pictures that the runs had not seen."""
    return "in the study's own protocol" if found.first.protocol == IN_SAMPLE else "out of fold"


def epochs_table(found: Found) -> pd.DataFrame:
    """Precision and recall of every run, epoch, split and class."""
    names = found.samples.dataset.class_names
    parts = []
    for answers in found.answers.values():
        for run in answers.runs:
            part = run.epochs.assign(run=run.name)
            part["class"] = [names[code] for code in part["class"]]
            parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table[["run", "epoch", "split", "class", "precision", "recall", "accuracy", "loss"]]


def word_entries(found: Found, run: Run) -> list[WordEntry]:
    """What to show of each word: the windows whose cells lie nearest to its centre."""
    samples, names = found.samples, found.samples.dataset.class_names
    pictures = list(samples.pictures.values())
    cut = _Cut(found)
    shares = run.cells / run.cells.sum()
    of_class = _class_shares(run, samples.dataset.classes, len(names))
    entries = []
    for word in range(len(run.centres)):
        rows = run.nearest[run.nearest["word"] == word].sort_values("rank")
        windows, cells, of = [], [], []
        for window, position in rows[["window", "position"]].to_numpy(int).tolist():
            owner = int(run.owner[window])
            windows.append(cut.grey(pictures[owner].x, owner, window - int(cut.first[owner])))
            cells.append(cut.cell(position))
            of.append(samples.dataset.ids[owner])
        by_class = ", ".join(f"{name} {100 * share:.0f} %" for name, share in zip(names, of_class[word], strict=True))
        caption = f"word {word}: {100 * shares[word]:.1f} % of cells; by class, weighted alike: {by_class}"
        entries.append(WordEntry(word, caption, windows, cells, of))
    return entries


def word_figures(found: Found, run: Run, entries: list[WordEntry]) -> Iterator[tuple[str, "Figure"]]:
    """t-SNE picture and tree of one run."""
    names = found.samples.dataset.class_names
    yield (
        "tsne",
        tsne_figure(
            run.projected,
            run.projected_word,
            run.projected_class,
            names,
            caption=f"{_run_name(run)}: {len(run.projected)} class-activation vectors of all pictures, drawn by the "
            "seed. For looking only; nothing is computed from it.",
        ),
    )
    thumbs = {entry.number: _thumb(entry.windows[0], entry.cells[0]) for entry in entries if entry.windows}
    yield (
        "tree",
        tree_figure(
            tree_table(run.tree, list(names)),
            names,
            word_thumbs=thumbs,
            caption=f"{_run_name(run)}: decision tree on the shares of words in windows. Bars: training windows by "
            "class.",
        ),
    )


def contact_sheet(entries: list[WordEntry]) -> np.ndarray:
    """What words mean, as a picture."""
    return word_sheet(entries)


class _Cut:
    """Windows as a person sees them."""

    def __init__(self, found: Found) -> None:
        self.boxes, self.window = found.boxes, found.request.geometry.window
        self.first = np.cumsum([0, *(len(each) for each in found.boxes)])
        self.run = found.first.runs[0]

    def grey(self, x: np.ndarray, owner: int, number: int) -> np.ndarray:
        """(window, window) uint8."""
        row, col = self.boxes[owner][number]
        part = x[row : row + self.window, col : col + self.window]
        low, high = np.percentile(part, _SHOWN_RANGE)
        return np.round(255 * np.clip((part - low) / max(high - low, 1e-6), 0, 1)).astype(np.uint8)

    def cell(self, position: int) -> tuple[int, int, int, int]:
        """First and last row and column of a cell in its window, pixels."""
        row, col = (
            self.run.cell_origin + self.run.stride * place for place in divmod(position, self.run.cells_abreast)
        )
        ends = (row, row + self.run.stride, col, col + self.run.stride)
        return tuple(int(np.clip(round(end), 0, self.window)) for end in ends)  # type: ignore[return-value]


def _class_shares(run: Run, classes: np.ndarray, n_classes: int) -> np.ndarray:
    """(k, c): of which classes the training windows are that hold a word, by its share; classes weigh alike."""
    of_class = [run.of_training & (classes[run.owner] == code) for code in range(n_classes)]
    held = np.array([run.histograms[each].mean(axis=0) if each.any() else 0 * run.histograms[0] for each in of_class]).T
    total = held.sum(axis=1, keepdims=True)
    return held / np.where(total > 0, total, 1)


def _thumb(window: np.ndarray, cell: tuple[int, int, int, int]) -> np.ndarray:
    """The surroundings of a cell, three cells wide where the window is."""
    row, last_row, col, last_col = cell
    edge = min(3 * (last_row - row), len(window))
    top, left = (
        int(np.clip((first + last) // 2 - edge // 2, 0, len(window) - edge))
        for first, last in ((row, last_row), (col, last_col))
    )
    part = window[top : top + edge, left : left + edge]
    return cv2.resize(part, (_THUMB_PX, _THUMB_PX), interpolation=cv2.INTER_AREA)


def _run_name(run: Run) -> str:
    return "The study's protocol" if run.name == IN_SAMPLE else f"Trained without {run.name.replace('-', ' ')}"


def _epochs_caption(found: Found) -> str:
    told = []
    if GROUPED in found.answers:
        told.append("Of each fold the last epoch is used: nothing is chosen on the windows that are left out.")
    if IN_SAMPLE in found.answers:
        (own,) = found.answers[IN_SAMPLE].runs
        told.append(
            "In sample, windows are split at random, and as in the study the best epoch on the reported part is kept "
            f"({own.kept_epoch})."
        )
    return " ".join(told)


def _stages_caption(found: Found) -> str:
    told = ["95 % intervals over groups."]
    if GROUPED in found.answers:
        groups = len(np.unique(found.samples.dataset.groups))
        told.append(f"Grouped: {found.samples.group} left out ({groups} groups).")
    if IN_SAMPLE in found.answers:
        told.append("In sample: the study's own protocol, tree and logistic steps scored on what they were trained on.")
    return " ".join(told)


def _answer_caption(found: Found) -> str:
    told = f"Change of the predicted property with one standard deviation of a parameter, {asked_how(found)}. "
    if found.against:
        told = f"NOT MEANINGFUL: {'; '.join(found.against)}. {told}"
    return f"{told}Association within these pictures; not shown to be a cause."
