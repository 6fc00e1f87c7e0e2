"""Scores of whole groups: one prediction a group."""

from typing import Any

import numpy as np

from micro_features.fitting.evaluate import EXPLAINED
from micro_features.fitting.fit import Fit
from micro_features.learn.scores import Interval, per_group, regression_scores


def group_score(fit: Fit, name: str = EXPLAINED) -> dict[str, Interval]:
    """Of the means of rows, with 95 % intervals over groups."""
    predicted = fit.models[name].runs[fit.first.name].predicted
    means = per_group(fit.dataset.y, predicted, fit.dataset.groups)
    return regression_scores(*means, np.arange(len(means[0])), cuts=fit.dataset.model_cuts, seed=fit.request.seed)


def by_group(fit: Fit) -> list[dict[str, Any]]:
    """Measured and predicted, left out, of each group from the lowest; geometric means where logs are modelled."""
    if fit.problem.n_classes:
        return []
    dataset, predicted = fit.dataset, fit.run.predicted
    measured_means, predicted_means = per_group(dataset.y, predicted, dataset.groups)
    rows = []
    for code in np.argsort(measured_means):
        members = dataset.groups == code
        ends = np.array([measured_means[code], predicted_means[code]])
        measured, answered = 10**ends if dataset.target.log10 else ends
        rows.append(
            {
                "group": dataset.group_names[int(np.argmax(members))],
                "n": int(members.sum()),
                "measured": float(measured),
                "predicted": float(answered),
                "mae": float(np.abs(predicted - dataset.y)[members].mean()),
            }
        )
    return rows
