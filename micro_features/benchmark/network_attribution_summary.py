"""How often heat maps were right: proportions over planted sets, as `benchmark network` prints them."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from micro_features.benchmark.attribution import SPECIMENS
from micro_features.benchmark.attribution_summary import proportion
from micro_features.benchmark.network_attribution import ALPHA, NO_LINK, PHASES, PLANTED, UNTRAINED

_TITLES = {
    "the network learned": 24,
    "planted phase found": 24,
    "another phase, or any": 24,
    "without rule 1": 14,
    "untrained, rules 2 and 3": 24,
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
    trained = rows["untrained"] == 0
    if (phase := beyond_moved(rows[trained])) is None:
        return None
    beyond = rows["beyond"].where(rows["phase"] == phase)
    lean, farthest = beyond[trained].max(), beyond[~trained].abs().max()
    return phase if lean < 0 and abs(lean) > farthest else None


def beyond_moved(rows: pd.DataFrame) -> str | None:
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
        networks, in how many rules 2 and 3 alone find the planted phase, or any (``untrained_found``).
    """
    rows = []
    for kind, of_kind in table.groupby("kind", sort=False):
        sets = [of_set for _, of_set in of_kind.groupby("seed")]
        random = [of_network for _, of_network in of_kind[of_kind["untrained"] > 0].groupby(["seed", "untrained"])]
        wanted = PLANTED.get(str(kind))

        def wrong(phases: list[str | None], wanted: str | None = wanted) -> int:
            return sum(phase is not None and phase != wanted for phase in phases)

        phases, leaning = [found_phase(of_set) for of_set in sets], [beyond_moved(each) for each in random]
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
                "untrained_found": wrong(leaning) if wanted is None else leaning.count(wanted),
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
        f"more than moved maps do (3), farther than those of each of {UNTRAINED} networks with random weights (4),\n"
        "and to the side that lowers the prediction (5). Last column: of these networks, which never saw a\n"
        "conductivity, those that rules 2 and 3 alone would believe."
    )
    for phase in PHASES:
        yield (
            f"\nLean of the maps on {phase}, in standard deviations of that of moved maps: median (5 % to 95 %\n"
            f"of sets); sets where p is at most {ALPHA:g}; lean of the farthest of {UNTRAINED} untrained networks,\n"
            "median; sets where the trained one leans farther:"
        )
        for kind, of_kind in table[table["phase"] == phase].groupby("kind", sort=False):
            trained = of_kind[of_kind["untrained"] == 0].set_index("seed")
            random = of_kind[of_kind["untrained"] > 0].set_index("seed")["beyond"].abs().groupby("seed").max()
            low, middle, high = np.quantile(trained["beyond"], [0.05, 0.5, 0.95])
            n, moved = len(trained), int((trained["p_moved"] <= ALPHA).sum())
            farther = int((trained["beyond"].abs() > random).sum())
            yield (
                f"{kind:20}{f'{middle:+.1f} ({low:+.1f} to {high:+.1f})':26}{moved:4} of {n}{random.median():10.1f}"
                f"{farther:6} of {n}"
            )
    false = [row for row in told if row["kind"] in NO_LINK]
    if false:
        hits, n = sum(row["wrong"] for row in false), sum(row["sets"] for row in false)
        unlearned = sum(row["wrong_unlearned"] for row in false)
        yield (
            f"\nFalse alarms where nothing can be found: {proportion(hits, n)}; without rule 1, by the maps alone: "
            f"{proportion(unlearned, n)}"
        )


def _line(row: Mapping[Hashable, Any]) -> str:
    n = row["sets"]
    planted = row["kind"] in PLANTED
    cells = (
        proportion(row["learned"], n),
        proportion(row["found"], n) if planted else "-",
        proportion(row["wrong"], n),
        f"{row['wrong_unlearned']} of {n}",
        f"{row['untrained_found']} of {row['untrained']}",
    )
    shown = "".join(f"   {cell:{width}}" for cell, width in zip(cells, _TITLES.values(), strict=True))
    return f"{row['kind']:20}{row['sets']:5}{row['r2']:7.2f}{row['seconds']:5.0f}{shown}".rstrip()
