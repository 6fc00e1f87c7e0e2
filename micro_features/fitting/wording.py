"""What a fit found, in plain words: the numbers of ``scores.json``, the honest score first."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from micro_features.fitting import evaluate
from micro_features.fitting.evaluate import EXPLAINED
from micro_features.fitting.explaining import BAND_LEVEL
from micro_features.fitting.fit import Fit
from micro_features.fitting.group_scores import by_group, group_score
from micro_features.learn.confounders import verdict
from micro_features.learn.scores import Interval, advantage, regression_scores
from micro_features.learn.tabular import MODELS

OPTIMISM = (
    " The random split puts rows of one group on both sides, so it asks how well a known group is recognised; whole "
    "groups left out ask about material not seen before. The difference is the optimism of the random split."
)
CHANCE = (
    "Shares are what the model uses, not what causes the property. A group of many columns gets a large share by "
    "chance: not to stand above it does not mean to have no effect."
)
CHANCE_LEVEL = 0.05
FEWEST_TO_RANK = 8
MUCH_OF_THE_SPREAD = 0.25
"""Share of the sum of squares above which a single group can decide a score."""


def lines(fit: Fit) -> Iterator[str]:
    """For a person to read, the honest score first."""
    dataset, request = fit.dataset, fit.request
    yield (
        f"{len(dataset.ids)} rows of {len(set(dataset.group_names))} groups ({request.data.group}); "
        f"{dataset.X.shape[1]} features, {len(dataset.left_out)} columns left out (scores.json says why)"
    )
    for note in dataset.notes:
        yield f"note: {note}"
    yield ""
    yield from _score_table(fit)
    yield ""
    yield from sentences(fit)
    yield ""
    for kind, title in (
        ("phase", "what the predictions rest on, by phase"),
        ("cluster", "by features that go together"),
    ):
        table = fit.explained.importance[kind]
        if len(table) == 1:
            yield f"{title}: all of it on {table['group'].iloc[0]}"
            continue
        interval = f"{100 * BAND_LEVEL:.0f} % interval"
        yield f"{title} (share of the attribution, {interval}; what exchanged targets stay below)"
        for row in table.head(6).to_dict("records"):
            yield f"  {_importance_line(row)}"
    yield CHANCE


def _importance_line(row: Mapping[Any, Any]) -> str:
    line = f"{row['share']:4.0%}"
    if math.isfinite(row["share_low"]):
        line += f" ({row['share_low']:.0%} to {row['share_high']:.0%}"
        line += f"; {row['null_p95']:.0%})" if math.isfinite(row["null_p95"]) else ")"
    return f"{line}  {row['group']}" + ("  above chance" if row["clears_null"] else "")


def _score_table(fit: Fit) -> Iterator[str]:
    """Models down, ways of leaving out across."""
    what = "balanced accuracy" if fit.problem.n_classes else "R²"
    key = "balanced_accuracy" if fit.problem.n_classes else "r2"
    headings = {
        "grouped": "groups left out",
        "grouped_5fold": "groups, 5 folds",
        "grouped_by_session": "sessions left out",
        "random": "random split",
    }
    yield f"{what} [95 % interval: groups drawn anew, at the spread of these groups]"
    yield "".join(
        [
            f"{'':18}",
            *(f"{headings[way.name]:>22}" for way in fit.ways),
            "" if fit.problem.n_classes else f"{_mae_name(fit):>22}",
        ]
    )
    for name, model in fit.models.items():
        cells = [f"{_said(model.scores[way.name][key]):>22}" for way in fit.ways]
        if not fit.problem.n_classes:
            cells.append(f"{_error(model.scores[fit.first.name]['mae']):>22}")
        yield f"{name:18}" + "".join(cells)
    if not fit.problem.n_classes:
        marks = evaluate.reference_lines(fit.dataset, fit.first.fold)
        yield "to hold it against, groups left out: " + ", ".join(
            f"{name.replace('_', ' ')} {value:.2f}" for name, value in marks.items()
        )


def _mae_name(fit: Fit) -> str:
    unit = "decades" if fit.dataset.target.log10 else fit.dataset.target.unit
    return f"MAE, {unit}" if unit else "MAE"


def _error(score: Interval) -> str:
    """An error with its interval, in two significant digits."""
    low, value, high = (f"{each:.2g}" for each in score)
    return f"{value} [{low}, {high}]"


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _said(score: Interval) -> str:
    low, value, high = score
    if not math.isfinite(value):
        return "-"
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{value:.2f}"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def sentences(fit: Fit) -> list[str]:
    """What the numbers mean, in plain words."""
    model = fit.models[EXPLAINED]
    first = model.scores[fit.first.name]
    key = "balanced_accuracy" if fit.problem.n_classes else "r2"
    grouped, random = first[key][1], model.scores["random"][key][1]
    optimistic = random > grouped and len(set(fit.dataset.group_names)) < len(fit.dataset.ids)
    said = [
        *_no_link(fit, key),
        f"{EXPLAINED}: {'balanced accuracy' if fit.problem.n_classes else 'R²'} {grouped:.2f} with groups left "
        f"out, {random:.2f} at a random split.{OPTIMISM if optimistic else ''}",
    ]
    if fit.permutation_p is not None:
        said.append(
            f"Of {fit.request.permutations} exchanges of targets between groups "
            f"{round(fit.permutation_p * (fit.request.permutations + 1)) - 1} did as well: p = {fit.permutation_p:.3g}."
        )
    if fit.partitions:
        scores_found = [first[key][1], *fit.partitions]
        said.append(
            f"Over {len(scores_found)} partitions of the groups into folds it is {min(scores_found):.2f} to "
            f"{max(scores_found):.2f} (median {np.median(scores_found):.2f})."
        )
    rows = len(fit.dataset.ids)
    if fit.permutation_rows < rows:
        said.append(
            f"Exchanged targets, bands and shares come from fits to {fit.permutation_rows} of the {rows} rows, some of "
            "every group: they are wider than those of all rows."
        )
    better = _better(fit, key)
    if better:
        said.append(better)
    if fit.problem.n_classes:
        said += _confounded_classes(fit, key)
    else:
        for i, cut in enumerate(fit.dataset.cuts):
            score = first[f"balanced_accuracy_below_{i + 1}"]
            said.append(f"Below {cut:.3g} {fit.dataset.target.unit} or not: balanced accuracy {_said(score)}.")
        said += _above_the_lowest(fit)
        groups = group_score(fit)
        said.append(f"One prediction a group: R² {_said(groups['r2'])}, mean absolute error {_error(groups['mae'])}.")
        said += _influence(fit)
        said += verdict(
            fit.dataset.y,
            fit.dataset.groups,
            fit.audit,
            grouped=fit.run.predicted,
            random=model.runs["random"].predicted,
            by_session=model.scores["grouped_by_session"]["r2"] if "grouped_by_session" in model.scores else None,
            seed=fit.request.seed,
        )
        said += _sessions(fit) + _process(fit)
        known = fit.left_out
        covered = (
            f"{_said(known.coverage)} of a left-out group lay inside, in the mean over groups{_covered_by_class(fit)}"
            if math.isfinite(known.coverage[1])
            else "they could not be tried on left-out groups, which leave too few others for this level"
        )
        said.append(
            f"Prediction intervals at {100 * fit.request.level:g} %: {covered}. {int((~known.in_domain).sum())} of "
            f"{len(known.in_domain)} rows are unlike those of other groups, {int(known.at_or_below_range.sum())} are "
            "predicted at or below the training range."
        )
        worst = sorted(by_group(fit), key=lambda row: -row["mae"])[:2]
        said.append(
            "Worst groups: "
            + ", ".join(
                f"{row['group']} (measured {row['measured']:.3g}, predicted {row['predicted']:.3g})" for row in worst
            )
            + "."
        )
    sets = Counter(choice.subset for choice in fit.run.choices)
    if len(sets) > 1 or fit.final.choice.subset not in sets:
        chosen = ", ".join(f"{name} {count}" for name, count in sets.most_common())
        said.append(
            f"Folds chose different sets of columns ({chosen}). What is explained is the set of the final model, "
            f"{fit.final.choice.subset}, fitted without each fold."
        )
    if fit.assumed:
        said.append(
            "Assumed, not learned: "
            + ", ".join(f"{'rises' if sign > 0 else 'falls'} with {name}" for name, sign in fit.assumed.items())
            + "."
        )
    return said


def _better(fit: Fit, key: str) -> str:
    """Another learner that does better than the explained one."""
    of = {name: fit.models[name].scores[fit.first.name][key] for name in MODELS}
    best = max(of, key=lambda name: of[name][1])
    if not of[best][1] > of[EXPLAINED][1]:
        return ""
    said = f"{best} scores {_said(of[best])}, {EXPLAINED} {_said(of[EXPLAINED])}"
    if fit.problem.n_classes:
        return f"{said}."
    return f"{said}; difference {_said(_gain(fit, best))}."


def _gain(fit: Fit, name: str) -> Interval:
    """R² of a model less that of the explained one, rows paired."""
    predicted = fit.models[name].runs[fit.first.name].predicted
    return advantage(fit.dataset.y, predicted, fit.run.predicted, fit.dataset.groups, seed=fit.request.seed)


def _confounded_classes(fit: Fit, key: str) -> list[str]:
    """Whether the conditions of imaging alone tell the classes as well as the model does."""
    if evaluate.CONFOUNDERS_ONLY not in fit.models:
        return []
    alone, own = (fit.models[name].scores[fit.first.name][key] for name in (evaluate.CONFOUNDERS_ONLY, EXPLAINED))
    does = "does as well as" if alone[1] >= own[1] else "falls within the interval of" if alone[1] >= own[0] else ""
    if not does:
        return []
    return [
        f"How the pictures were taken, alone ({_some(list(fit.dataset.confounders.columns))}), {does} the model with "
        f"groups left out, {_said(alone)} against {_said(own)}: it is not shown that the features know more. "
        "Each condition by itself, asked for the number, is in scores.json."
    ]


def _no_link(fit: Fit, key: str) -> list[str]:
    """Said first where there is nothing to explain."""
    own, mean = (fit.models[name].scores[fit.first.name][key][1] for name in (EXPLAINED, "mean"))
    chance = fit.permutation_p is not None and fit.permutation_p > CHANCE_LEVEL and fit.request.permutations >= 19
    if own > mean and not chance:
        return []
    reason = "exchanged targets often do as well" if own > mean else "the model does no better than the mean"
    return [
        f"No link was found between these features and {fit.dataset.target.name}: {reason}. What follows explains a "
        "model that knows nothing of groups it has not seen."
    ]


def _above_the_lowest(fit: Fit) -> list[str]:
    """Whether the model knows more than the lowest class from the rest."""
    if not fit.dataset.cuts:
        return []
    above = fit.dataset.y >= fit.dataset.model_cuts[0]
    if np.count_nonzero(above) < FEWEST_TO_RANK or np.ptp(fit.run.predicted[above]) == 0:
        return []
    found = regression_scores(
        fit.dataset.y[above], fit.run.predicted[above], fit.dataset.groups[above], seed=fit.request.seed
    )
    return [
        f"Among the {np.count_nonzero(above)} rows above {fit.dataset.cuts[0]:.3g} {fit.dataset.target.unit} the rank "
        f"correlation of predicted and measured is {_said(found['spearman'])}, R² {_said(found['r2'])}: "
        + (
            "the model ranks these, too."
            if found["spearman"][0] > 0
            else "the score is that of telling the lowest class from the rest."
        )
    ]


def _covered_by_class(fit: Fit) -> str:
    if not fit.dataset.cuts:
        return ""
    known, y, below = fit.left_out, fit.dataset.y, fit.dataset.y < fit.dataset.model_cuts[0]
    inside = (known.low <= y) & (y <= known.high)
    told = [f"{np.count_nonzero(inside & side)} of {np.count_nonzero(side)} rows" for side in (below, ~below)]
    return f" ({told[0]} below {fit.dataset.cuts[0]:.3g} {fit.dataset.target.unit}, {told[1]} above)"


def _influence(fit: Fit) -> list[str]:
    """What is left of the score without a group that holds much of the spread."""
    dataset, predicted = fit.dataset, fit.run.predicted
    squares = (dataset.y - dataset.y.mean()) ** 2
    shares = np.bincount(dataset.groups, squares) / squares.sum()
    said = []
    for code in np.flatnonzero(shares > MUCH_OF_THE_SPREAD):
        rest = dataset.groups != code
        name = dataset.group_names[int(np.argmax(dataset.groups == code))]
        said.append(
            f"{name} holds {shares[code]:.0%} of the variance. R² over the rows of the other groups alone is "
            f"{evaluate.r2(dataset.y[rest], predicted[rest]):.2f}."
        )
    return said


def _sessions(fit: Fit) -> list[str]:
    """Why whole sessions were not left out, where there are dates."""
    if "acquisition_date" in fit.dataset.confounders and int(fit.dataset.sessions.max()) == 0:
        return ["Days of acquisition tie all groups together: whole imaging sessions can not be left out."]
    return []


def _process(fit: Fit) -> list[str]:
    """How the process columns alone do."""
    if evaluate.PROCESS_ONLY not in fit.models:
        return []
    score = fit.models[evaluate.PROCESS_ONLY].scores[fit.first.name]["r2"]
    low, gain, high = _gain(fit, evaluate.PROCESS_ONLY)
    compared = "more than" if low > 0 else "less than" if high < 0 else "which can not be told from"
    return [
        f"The manifest's other columns alone ({_some(list(fit.dataset.process.columns))}) reach R² {_said(score)}, "
        f"{compared} the features (difference {_said((low, gain, high))})."
    ]
