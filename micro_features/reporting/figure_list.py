"""Figures of other commands on a page, in an order that a reader can follow, each with words for who can not see it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from micro_features.report.page import Picture
from micro_features.reporting.learned import Learned
from micro_features.reporting.pictures import figure
from micro_features.reporting.wording import readable

CAPTIONS = (
    (r"predicted_against_measured", "Predicted against measured, each group predicted by a model that never saw it."),
    (r"optimism", "R² of each model with whole groups left out, and beside it what a random split promises: the gap is "
                  "optimism."),
    (r"learning_curve", "R² by how many groups there were to learn from."),
    (r"importance_by_(\w+)", "Share of the attribution by {0}, with interval, and what exchanged targets give."),
    (r"beeswarm", "SHAP values of every row: how far each feature moves each prediction."),
    (r"dependence_\d+_(.+)", "SHAP dependence: what the value of {0} adds to the prediction, in each row."),
    (r"interactions", "Mean size of SHAP interactions of pairs of features."),
    (r"waterfall_(lowest|highest|worst)_(.+)", "How one prediction comes about, feature by feature: {1} ({0})."),
    (r"leans", "Network and feature model, a point a row: how much the heat leans on each phase, against the sum of "
               "SHAP values of its features."),
    (r"maps", "Maps of pictures from low to high: the picture, its phases, the network's heat."),
    (r"perturbation", "What filling pores and erasing boundaries does to both predictions, beyond treating as much "
                      "other area."),
    (r"enrichment", "Share of heat over share of area for each phase, beside what the same maps give when moved over "
                    "their pictures."),
    (r"sanity", "Do the maps show what was learned: maps of networks with layers at random, of other seeds."),
    (r"pictures/\d+_(.+)", "Picture {0}: phases, SHAP values by phase painted on them, Grad-CAM of the network."),
    (r"tornado.*", "What each threshold moves within its plausible range, the largest first."),
)  # fmt: skip
"""Pattern of a figure's name, and what a reader is told."""


def listed_figures(learned: Learned, patterns: Iterable[str], *, most: int | None = None) -> list[Picture]:
    """Figures of a folder whose names match, in the order of the patterns.

    Parameters
    ----------
    learned : Learned
    patterns : iterable of str
        Regular expressions of whole names.
    most : int, optional
        Of each pattern at most so many, evenly spread.
    """
    found: list[Picture] = []
    for pattern in patterns:
        names = _spread([name for name in learned.figures if re.fullmatch(pattern, name)], most)
        found += [Picture(caption_of(name), figure(learned.figures[name])) for name in names]
    return found


def _spread(names: Sequence[str], most: int | None) -> list[str]:
    if most is None or len(names) <= most:
        return list(names)
    return [names[round(place * (len(names) - 1) / max(most - 1, 1))] for place in range(most)]


def caption_of(name: str) -> str:
    """What a figure shows, from its name."""
    for pattern, words in CAPTIONS:
        if found := re.fullmatch(pattern, name):
            return words.format(*(found.groups()))
    return f"{readable(Path(name).name).capitalize()}."
