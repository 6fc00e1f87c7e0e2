"""How often heat maps were right: proportions over planted sets, as `benchmark network` prints them."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from micro_features.benchmark.attribution import SPECIMENS
from micro_features.benchmark.attribution_summary import proportion
from micro_features.benchmark.network_attribution import ALPHA, NO_LINK, PHASES, PLANTED, UNTRAINED

_TITLES = {
    "the network learned": 24,
    "planted phase found": 24,
    "another phase, or any": 24,
    "without rule 1": 14,
    "untrained: pore, boundary": 24,
}
"""Columns of `lines`, and their widths."""


def found_phase(rows: pd.DataFrame) -> str | None:
    """The phase that was found in one set, by the rules of `benchmark.network_attribution`; None where none was.

    Parameters
    ----------
    rows : DataFrame
        Of `network_attribution.ask`.
    """
    return pointed_at(rows) if (rows["p_exchanged"] <= ALPHA).all() else None


def pointed_at(rows: pd.DataFrame) -> str | None:
    """The same without rule 1, whatever the network knows.

    Parameters
    ----------
    rows : DataFrame
        Of `network_attribution.ask`.
    """
    trained = rows[rows["untrained"] == 0]
    phase = leaned_on(trained)
    lowers = trained["phase"].where(trained["beyond"] < 0)
    return phase if phase in set(lowers.dropna()) else None


def leaned_on(rows: pd.DataFrame) -> str | None:
    """The phase that the maps of one network, trained or not, lean on by rules 2 and 3 alone, to either side.

    Parameters
    ----------
    rows : DataFrame
        One for each phase.
    """
    first = rows.iloc[int(rows["beyond"].abs().to_numpy().argmax())].to_dict()
    return str(first["phase"]) if first["p_moved"] <= ALPHA else None


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """What was found in each kind of set.

    Parameters
    ----------
    table : DataFrame
        Rows of `network_attribution.answer`.

    Returns
    -------
    DataFrame
        One row a kind: number of ``sets``, median ``r2`` of left-out specimens and ``seconds``; how many networks knew
        something (``learned``); in how many sets the planted phase was ``found``; in how many another phase was, or
        any where nothing can be (``wrong``), and in how many without rule 1 (``wrong_unlearned``); of all ``untrained``
        networks, how many lean on pores and on boundaries by rules 2 and 3 (``untrained_pore``,
        ``untrained_boundary``).
    """
    rows = []
    for kind, of_kind in table.groupby("kind", sort=False):
        sets = [of_set for _, of_set in of_kind.groupby("seed")]
        random = [of_network for _, of_network in of_kind[of_kind["untrained"] > 0].groupby(["seed", "untrained"])]
        wanted = PLANTED.get(str(kind))

        def wrong(phases: list[str | None], wanted: str | None = wanted) -> int:
            return sum(phase is not None and phase != wanted for phase in phases)

        phases, leaning = [found_phase(of_set) for of_set in sets], [leaned_on(each) for each in random]
        of_sets = of_kind.drop_duplicates("seed")
        rows.append(
            {
                "kind": kind,
                "sets": len(sets),
                "r2": float(of_sets["r2"].median()),
                "seconds": float(of_sets["seconds"].median()),
                "learned": int((of_sets["p_exchanged"] <= ALPHA).sum()),
                "found": 0 if wanted is None else phases.count(wanted),
                "wrong": wrong(phases),
                "wrong_unlearned": wrong([pointed_at(of_set) for of_set in sets]),
                "untrained": len(random),
                **{f"untrained_{phase}": leaning.count(phase) for phase in PHASES},
            }
        )
    return pd.DataFrame(rows)


def lines(table: pd.DataFrame, n_specimens: int) -> Iterator[str]:
    """All answers, for a person to read.

    Parameters
    ----------
    table : DataFrame
        Rows of `network_attribution.answer`.
    n_specimens : int
        That sets were taken from.
    """
    told = summary(table).to_dict("records")
    yield (
        f"Planted sets of {SPECIMENS} of {n_specimens} specimens; a network learns from four fifths, its maps are of "
        f"the others. Two sets share {SPECIMENS**2 / n_specimens:.0f} on average: the exact binomial 95 % intervals "
        "are somewhat too narrow."
    )
    titles = "".join(f"   {title:{width}}" for title, width in _TITLES.items()).rstrip()
    yield f"\n{'':20}{'sets':>5}{'R2':>7}{'s':>5}{titles}"
    for row in told:
        yield _line(row)
    yield (
        "Found: the network learned (rule 1), its maps lean on this phase more than on the other (2) and\n"
        "more than moved maps do (3), to the side that lowers the prediction (4). Last column: the phase that\n"
        f"maps of {UNTRAINED} networks with random weights lean on by rules 2 and 3. Where a map lies says nothing\n"
        "of whether its network learned; but untrained ones can not know which phase drives."
    )
    yield from _told_apart(table)
    for phase in PHASES:
        yield (
            f"\nLean of the maps on {phase}, in standard deviations of that of moved maps: median (5 % to 95 %\n"
            f"of sets); sets where p is at most {ALPHA:g}; the same of untrained networks:"
        )
        for kind, of_kind in table[table["phase"] == phase].groupby("kind", sort=False):
            cells = [_leans(of_kind[of_kind["untrained"] == 0]), _leans(of_kind[of_kind["untrained"] > 0])]
            yield f"{kind:20}{cells[0]:44}{cells[1]}".rstrip()
    false = [row for row in told if row["kind"] in NO_LINK]
    if false:
        hits, n = sum(row["wrong"] for row in false), sum(row["sets"] for row in false)
        unlearned = sum(row["wrong_unlearned"] for row in false)
        yield (
            f"\nFalse alarms where nothing can be found: {proportion(hits, n)}; without rule 1, by the maps alone: "
            f"{proportion(unlearned, n)}"
        )


def _told_apart(table: pd.DataFrame) -> Iterator[str]:
    """Whether the phase found depends on the one that drives, where there are both kinds of sets."""
    counts = []
    for kind in ("porosity", "grain-size"):
        found = [found_phase(of_set) for _, of_set in table[table["kind"] == kind].groupby("seed")]
        counts.append([found.count(phase) for phase in PHASES])
    if all(map(sum, counts)):
        yield (
            f"\nFound pore, boundary: {counts[0][0]}, {counts[0][1]} where porosity drives, {counts[1][0]}, "
            f"{counts[1][1]} where grain size does (Fisher's exact p = {fisher_exact(counts).pvalue:.1g})"
        )


def _leans(rows: pd.DataFrame) -> str:
    low, middle, high = np.quantile(rows["beyond"], [0.05, 0.5, 0.95])
    return f"{middle:+.1f} ({low:+.1f} to {high:+.1f}), {int((rows['p_moved'] <= ALPHA).sum())} of {len(rows)}"


def _line(row: Mapping[Hashable, Any]) -> str:
    n = row["sets"]
    planted = row["kind"] in PLANTED
    cells = (
        proportion(row["learned"], n),
        proportion(row["found"], n) if planted else "-",
        proportion(row["wrong"], n),
        f"{row['wrong_unlearned']} of {n}",
        ", ".join(str(row[f"untrained_{phase}"]) for phase in PHASES) + f" of {row['untrained']}",
    )
    shown = "".join(f"   {cell:{width}}" for cell, width in zip(cells, _TITLES.values(), strict=True))
    return f"{row['kind']:20}{row['sets']:5}{row['r2']:7.2f}{row['seconds']:5.0f}{shown}".rstrip()
