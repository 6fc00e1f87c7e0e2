"""What the published method found, in plain words."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from micro_features.network.beside import DATE_ALONE, DATE_SINGLE
from micro_features.published import scoring
from micro_features.published.answer import FALSE_DISCOVERY
from micro_features.published.published import Found
from micro_features.published.result_figures import asked_how, decades
from micro_features.published.samples import GROUPED, IN_SAMPLE
from micro_features.published.scoring import STAGES, said, said_p

METHOD = (
    "Class-activation vectors: the activations of the last layer at each cell of a window, times the class map there. "
    "The class map is the sum of activations weighted by the output weights of the class that the network predicts, "
    "never of the true one, and runs from 0 at the lowest cell of a window to 1 at its highest. The study does not say "
    "how it is scaled.",
    "The study's code trains ResNet18 for 1600 epochs on crops that are resized at random, which destroy the absolute "
    "size of grains, and keeps the epoch that is best on the part that it reports; how windows were split is not "
    "recorded; tree and logistic steps are scored on what they were trained on. Here windows keep their scale, "
    "pictures are standardised one by one, and with groups left out no stage sees what it is scored on. Numbers of "
    "words, depth of the tree and C are those of the study.",
)
_SHOWN = 5
BELOW = "balanced_accuracy_below_1"


def lines(found: Found) -> Iterator[str]:
    """For a terminal."""
    yield from notes(found)
    yield ""
    table = score_table(found)
    width = max(map(len, table["stage"])) + 2
    yield f"{'':{width}}" + "".join(f"{name:>24}" for name in table.columns[1:])
    for row in table.itertuples(index=False):
        yield f"{row[0]:{width}}" + "".join(f"{cell:>24}" for cell in row[1:])
    yield ""
    yield from sentences(found)
    yield ""
    yield from answer_sentences(found)
    if found.beside is not None:
        yield ""
        yield from _beside_lines(found)


def notes(found: Found) -> list[str]:
    """What a reader must know of the samples, and of the runs."""
    of_runs: dict[str, list[str]] = {}
    for answers in found.answers.values():
        for run in answers.runs:
            for note in run.notes:
                of_runs.setdefault(note, []).append(run.name)
    return [*found.samples.notes, *(f"{', '.join(names)}: {note}" for note, names in of_runs.items())]


def score_table(found: Found) -> pd.DataFrame:
    """Accuracy and balanced accuracy of all stages, protocols side by side, and the gap; as text."""
    rows: list[dict[str, str]] = []
    both = {GROUPED, IN_SAMPLE} <= set(found.scores)
    gaps = scoring.gap(found.scores[GROUPED], found.scores[IN_SAMPLE]) if both else {}
    for stage, called in STAGES.items():
        row = {"stage": called}
        for metric in scoring.METRICS:
            name = metric.replace("_", " ").replace("balanced accuracy", "balanced")
            for protocol, told in found.scores.items():
                row[f"{name}, {protocol}"] = said(told[stage][metric])
            if both:
                row[f"{name}, gap"] = f"{gaps[stage][metric]:+.2f}"
        rows.append(row)
    for name, told in found.references.items():
        row = {"stage": name}
        for metric in scoring.METRICS:
            short = metric.replace("_", " ").replace("balanced accuracy", "balanced")
            row[f"{short}, {found.first.protocol}"] = said(told[metric])
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def sentences(found: Found) -> list[str]:
    """What the scores mean."""
    told: list[str] = []
    first = found.first.protocol
    scores = found.scores[first]
    n_asked, n_all = int(found.first.asked.sum()), len(found.samples.dataset.ids)
    if first == GROUPED:
        if n_asked < n_all:
            told.append(f"Only {len(found.first.runs)} fold was run: scores are of {n_asked} of {n_all} pictures.")
        if found.against:
            told.append(f"Nothing follows about parameters: {'; '.join(found.against)}.")
        tree, steps = scores["tree"], scores["steps"]
        told.append(
            f"With {found.samples.group} left out, the tree of words gets {said(tree['accuracy'])} of the pictures "
            f"right (balanced {said(tree['balanced_accuracy'])}), the parameters by logistic steps "
            f"{said(steps['accuracy'])} (balanced {said(steps['balanced_accuracy'])}). By chance, where classes change "
            f"places between groups, {tree['chance']['accuracy']:.2f} (balanced "
            f"{tree['chance']['balanced_accuracy']:.2f}); p = {said_p(tree['exchange_p'])} of the tree and "
            f"{said_p(steps['exchange_p'])} of the steps."
        )
        if len(found.samples.dataset.class_names) > 2:
            lowest = found.samples.dataset.class_names[0]
            told.append(
                f"{lowest.capitalize()} against the rest: tree of words {said(scores['tree'][BELOW])}, parameters "
                f"{said(scores['steps'][BELOW])} (balanced accuracy; chance 0.5)."
            )
    else:
        told.append("Scored on what it was trained on, as in the study: nothing follows for other pictures.")
    if {GROUPED, IN_SAMPLE} <= set(found.scores):
        gaps = scoring.gap(found.scores[GROUPED], found.scores[IN_SAMPLE])
        own = found.scores[IN_SAMPLE]
        told.append(
            f"In the study's own protocol the tree gets {said(own['tree']['accuracy'])}, the classifier "
            f"{said(own['classifier_windows']['accuracy'])} of the windows. The gap, {gaps['tree']['accuracy']:+.2f} "
            f"and {gaps['classifier_windows']['accuracy']:+.2f}, is what windows of one picture on both sides, the "
            "best epoch picked on the reported part, and scores on training data are worth."
        )
    told += _dates(found)
    sent = scores["logistic_steps"]
    of = "windows that they have not seen" if first == GROUPED else "the windows that they were fitted to"
    if np.isfinite(sent["sent_right"][1]):
        told.append(
            f"The {sent['n_nodes']} logistic steps send {said(sent['sent_right'])} of {of} the way the words went; the "
            f"commoner side of each split {said(sent['by_commoner_side'])}."
        )
    return told


def _dates(found: Found) -> list[str]:
    if DATE_ALONE not in found.references:
        return ["No dates are known: whether the imaging session gives the answer away can not be judged."]
    grouped, single = (found.references[name]["accuracy"] for name in (DATE_ALONE, DATE_SINGLE))
    return [
        f"The date of acquisition alone gets {said(grouped)} in the same folds, and {said(single)} with single "
        "pictures left out: what knowing the imaging session is worth where its other pictures are known."
        + (f" The tree less the date: {_signed(found.more_than_date)}." if found.more_than_date else "")
    ]


def _signed(score: Sequence[float]) -> str:
    low, value, high = score
    return f"{value:+.2f}" + (f" [{low:+.2f}, {high:+.2f}]" if np.isfinite(low) else "")


def answer_sentences(found: Found) -> list[str]:
    """Which parameters, in which direction."""
    table, unit = found.answer.table, decades(found.answer.attributions.unit)
    high = f"high {found.samples.dataset.target.name}"
    if found.against:
        return [
            f"Which parameters go with {high}: not meaningful, since {'; '.join(found.against)}. The table and figure "
            "show how the trees were built, not what drives the property."
        ]
    sure = table[table["sure"]]
    told = [f"Parameters that go with {high}, by the published method " + f"{asked_how(found)}:"]
    for row in (sure if len(sure) else table.head(_SHOWN)).to_dict("records"):
        interval = f" [{row['low']:+.2g}, {row['high']:+.2g}]" if np.isfinite(row["low"]) else ""
        way = "more" if row["effect"] > 0 else "less"
        told.append(
            f"  {way} {row['parameter']}: {row['effect']:+.2g} {unit} for one standard deviation{interval}; "
            f"{100 * row['share']:.0f} % of the attribution"
            + (f", same sign in {_percent(row['same_sign'])} of runs" if np.isfinite(row["same_sign"]) else "")
        )
    if not len(sure):
        told[0] = (
            f"No parameter is sure to go with {high} (interval without 0, false discovery rate 5 %, most runs of one "
            "mind); those of most attribution are:"
        )
        lowest_q = len(table) * 2 / (1 + found.request.settings.words.draws)
        if lowest_q > FALSE_DISCOVERY:
            told.append(
                f"With {found.request.settings.words.draws} draws no single one could be: ask for at least "
                f"{int(2 * len(table) / FALSE_DISCOVERY)} with --set words.draws=N."
            )
    told.append("Association within these pictures; not shown to be a cause.")
    return told


def answer_table(found: Found) -> pd.DataFrame:
    """The answer as a person reads it."""
    unit = decades(found.answer.attributions.unit)
    return pd.DataFrame(
        [
            {
                "parameter": row["parameter"],
                f"effect of one SD, {unit}": f"{row['effect']:+.2f}" + _ends(row["low"], row["high"]),
                "q": row["q"],
                "direction sure": bool(row["sure"]),
                "share of attribution": f"{100 * row['share']:.0f} %",
                "runs of the same sign": _percent(row["same_sign"]),
                "its own rank correlation": row["spearman"],
            }
            for row in found.answer.table.to_dict("records")
        ]
    )


def methods_table(found: Found) -> pd.DataFrame:
    """The methods side by side, as a person reads it."""
    assert found.beside is not None
    return pd.DataFrame(
        [
            {
                "method": row["method"],
                "accuracy": said([row["accuracy_low"], row["accuracy"], row["accuracy_high"]]),
                "balanced accuracy": said([row["balanced_low"], row["balanced"], row["balanced_high"]]),
                "run time": f"{row['seconds']:.0f} s {row['time']}" if np.isfinite(row["seconds"]) else "",
            }
            for row in found.beside.methods.to_dict("records")
        ]
    )


def agreements_table(found: Found) -> pd.DataFrame:
    """Whether two methods name the same cause, as a person reads it."""
    assert found.beside is not None
    return pd.DataFrame(
        [
            {
                "methods": f"{row['one']} and {row['other']}",
                "cause": row["phase"],
                "agreement": said([row["low"], row["value"], row["high"]]) if np.isfinite(row["value"]) else "",
                "said": row["said"],
            }
            for row in found.beside.agreements.to_dict("records")
        ]
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if np.isfinite(share) else "–"


def _ends(low: float, high: float) -> str:
    return f" [{low:+.2f}, {high:+.2f}]" if np.isfinite(low) else ""


def about_words(found: Found) -> list[str]:
    """How to read the contact sheet."""
    runs = sum(len(answers.runs) for answers in found.answers.values())
    return [
        "Each word is a cluster of class-activation vectors of training windows. Shown are the windows whose vectors "
        "lie nearest to its centre, each with its own contrast; the marked cell is the place, though the network sees "
        "far more around it. Shares by class weigh the classes alike, and so do not say how frequent they are. Words "
        f"of different runs are different words: all {runs} runs have their own sheet, t-SNE picture and tree in the "
        "folder words.",
    ]


def _beside_lines(found: Found) -> Iterator[str]:
    yield "Side by side, the same folds and pictures:"
    for row in methods_table(found).itertuples(index=False):
        yield f"  {row[0]:34} accuracy {row[1]:20} balanced {row[2]:20} {row[3]}".rstrip()
    yield "Do they name the same causes?"
    for row in agreements_table(found).itertuples(index=False):
        yield f"  {row[0]}, {row[1]}: {' '.join(filter(None, row[2:]))}"
