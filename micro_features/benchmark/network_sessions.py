"""Does a network learn the microscope session instead of the material, and does the tool say so?

In a set of the preset ``nuisance`` specimens went to sessions by their conductivity in the train half, and the other
way in the test half. A network that reads the session scores well on left-out specimens of the train half, where a
session means what it meant in training, and falls in the test half. The test half is the truth here; a user has only a
train half, and there the tool must give warning: by the score of the session alone, and by how far predictions move
when pictures are taken otherwise (`explain.acquisition`). Beside it, the same pictures are asked with the halves mixed:
as many specimens of each session, which then follow nothing; and a set of other sessions, which follow nothing either.

Sessions of the set differ by brightness and contrast, and by focus and noise. Pictures that are standardised, as the
tool does it, show neither brightness nor contrast of their session; focus and noise stay, and can be learned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from micro_features.benchmark.network_attribution import (
    GEOMETRY,
    MORE_EPOCHS,
    Drawn,
    DrawnPicture,
    micrograph,
    predictions,
    trained,
)
from micro_features.errors import FeatureTableError
from micro_features.explain.acquisition import CHANGES, acquisition_response, sentence, shifts
from micro_features.learn import folds
from micro_features.learn.scores import r2
from micro_features.network.pictures import NetworkPicture, network_picture

GREYS = {
    "of each picture": "as the tool does",
    "of the first picture": "brightness and contrast of a session stay in the pictures",
}
"""Whose mean and standard deviation grey levels are measured in."""
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Halves:
    """Specimens of a train and a test half.

    Attributes
    ----------
    y : (n,) float array
        log10 conductivity, S/cm.
    session : (n,) array of str
    train : (n,) bool array
    pictures : sequence of sequences of DrawnPicture
        Of each specimen.
    """

    y: np.ndarray
    session: np.ndarray
    train: np.ndarray
    pictures: Sequence[Sequence[DrawnPicture]]


def halves(drawn: Drawn, *, specimens: int | None = None) -> Halves:
    """Halves of a drawn set, as its manifest states them.

    Parameters
    ----------
    drawn : Drawn
    specimens : int, optional
        Only so many, the first ones.

    Raises
    ------
    FeatureTableError
        The manifest states no sessions or halves, or a half is smaller than the number of folds.
    """
    first = drawn.manifest.drop_duplicates("sample_id")[:specimens]
    if missing := [name for name in ("half", "session", "law_S_per_cm") if name not in first]:
        raise FeatureTableError(f"manifest of the drawn set: no column {missing[0]!r}; draw it anew.")
    train = (first["half"] == "train").to_numpy()
    if min(train.sum(), (~train).sum()) < _FOLDS:
        raise FeatureTableError(f"manifest of the drawn set: has {train.sum()} specimens of the train half; draw more.")
    return Halves(
        np.log10(first["law_S_per_cm"].to_numpy(float)),
        first["session"].astype(str).to_numpy(),
        train,
        [drawn.pictures[str(name)] for name in first["sample_id"]],
    )


def mixed(of: Halves) -> Halves:
    """The same specimens, divided so that sessions follow nothing in either half.

    Parameters
    ----------
    of : Halves
        Where sessions follow the conductivity one way in the train half, the other way in the test half.

    Returns
    -------
    Halves
        In each half, every second specimen of each session of each half as given, in the order of conductivity.
    """
    train = np.zeros(len(of.y), bool)
    for number, name in enumerate(np.unique(of.session)):
        for half in (0, 1):
            there = np.flatnonzero((of.session == name) & (of.train == bool(half)))
            train[there[np.argsort(of.y[there])][(number + half) % 2 :: 2]] = True
    return replace(of, train=train)


def ask_all(nuisance: Drawn, other: Drawn) -> pd.DataFrame:
    """`ask` of a set whose sessions follow the conductivity, and of as many specimens where they follow nothing.

    Parameters
    ----------
    nuisance, other : Drawn

    Returns
    -------
    DataFrame
        A row for each of `GREYS` and what sessions follow, which stands in column ``sessions``.
    """
    planted, n = halves(nuisance), len(nuisance.pictures)
    sets = {
        "the property": planted,
        "nothing (mixed)": mixed(planted),
        "nothing (other set)": halves(other, specimens=n),
    }
    return pd.DataFrame([{"sessions": name, **ask(each, grey=grey)} for grey in GREYS for name, each in sets.items()])


def ask(of: Halves, *, grey: str, seed: int = 0) -> dict[str, float | str]:
    """What a network makes of the sessions.

    Parameters
    ----------
    of : Halves
    grey : str
        A key of `GREYS`.
    seed : int

    Returns
    -------
    dict
        ``r2_within`` of left-out specimens of the train half, ``r2_reversed`` of the test half (mean of the networks),
        ``r2_session`` of the mean of the other specimens of the same session, in the train half; ``shift_…`` of
        each change of acquisition (standard deviations of the predictions), and what is ``said``.
    """
    owner = np.repeat(np.arange(len(of.pictures)), [len(each) for each in of.pictures])
    shown: list[NetworkPicture] = []
    for each in of.pictures:
        for picture in each:
            like = shown[0] if shown and grey == "of the first picture" else None
            shown.append(network_picture(micrograph(picture), GEOMETRY, grey_of=like))
    train, test = np.flatnonzero(of.train), np.flatnonzero(~of.train)
    fold = np.full(len(of.y), -1)
    fold[train] = folds.grouped_kfold(np.arange(len(train)), _FOLDS, seed)
    within, session, in_test, responses = np.empty(len(train)), np.empty(len(train)), [], []
    for number in range(_FOLDS):
        seen, out = np.isin(fold, [*range(number), *range(number + 1, _FOLDS)]), fold == number
        network = trained(
            [shown[i] for i in np.flatnonzero(seen[owner])], of.y[owner[seen[owner]]], epochs=MORE_EPOCHS, seed=seed
        )

        def told(pictures: np.ndarray, network: Any = network) -> np.ndarray:
            return predictions(network, [shown[i] for i in pictures], owner[pictures])

        within[fold[train] == number] = told(np.flatnonzero(out[owner]))
        in_test.append(told(np.flatnonzero(np.isin(owner, test))))
        session[fold[train] == number] = [
            of.y[seen & (of.session == name)].mean() if (seen & (of.session == name)).any() else of.y[seen].mean()
            for name in of.session[out]
        ]
        responses += [_response(network, shown[i], grey, seed=int(i)) for i in np.flatnonzero(out[owner])]
    shift = shifts(responses, within)
    return {
        "grey": grey,
        "r2_within": _r2(of.y[train], within),
        "r2_reversed": _r2(of.y[test], np.mean(in_test, axis=0)),
        "r2_session": _r2(of.y[train], session),
        **{f"shift_{name}": shift[name] for name in CHANGES},
        "said": sentence(shift),
    }


def _response(network: Any, picture: NetworkPicture, grey: str, *, seed: int) -> dict[str, float]:
    from micro_features.learn.cnn import predict

    def told(changed: np.ndarray) -> np.ndarray:
        if grey == "of each picture":  # as the tool standardises what it is given
            changed = picture.standardised(changed)
        boxes = picture.boxes(GEOMETRY)
        return np.array([predict(network, each, boxes, GEOMETRY.window)[0] for each in changed])

    return acquisition_response(told, picture.x, seed=seed)


def _r2(y: np.ndarray, predicted: np.ndarray) -> float:
    return r2(y, predicted, np.arange(len(y)), n_resamples=1)[1]


def lines(table: pd.DataFrame) -> Iterator[str]:
    """The answers, for a person to read.

    Parameters
    ----------
    table : DataFrame
        A row for each answer of `ask`, with ``sessions`` (what they follow) before it.
    """
    yield f"\n{'sessions follow':20}{'grey levels':24}{'left out':>9}{'other half':>11}{'session alone':>14}"
    for row in table.to_dict("records"):
        yield (
            f"{row['sessions']:20}{row['grey']:24}{row['r2_within']:9.2f}{row['r2_reversed']:11.2f}"
            f"{row['r2_session']:14.2f}"
        )
        yield f"{'':20}{row['said']}"
    if (table["grey"] == "of each picture").any():
        yield (
            "\nGrey levels of each picture are what the tool uses. Standardising undoes gain and brightness: shifts\n"
            "by those are 0 by construction, and what sessions leave in the pictures is focus and noise. A shortcut\n"
            "was learned where the other half is far worse than what was left out: there the warning is due."
        )
