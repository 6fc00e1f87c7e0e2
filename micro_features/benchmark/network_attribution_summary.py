"""How often heat maps were right: proportions over planted sets, as `benchmark network` prints them."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from micro_features.benchmark.attribution import SPECIMENS
from micro_features.benchmark.attribution_summary import proportion
from micro_features.benchmark.network_attribution import ALPHA, NO_LINK, PLANTED


def found_phase(rows: pd.DataFrame) -> str | None:
    """The phase that was found in one set, by the rules of `benchmark.network_attribution`; None where none was.

    Parameters
    ----------
    rows : DataFrame
        Of `network_attribution.ask`.
    """
    first = rows.iloc[int(rows["beyond"].abs().to_numpy().argmax())].to_dict()
    return str(first["phase"]) if max(first["p_exchanged"], first["p_moved"]) <= ALPHA else None


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
        something (``learned``); whose planted phase was ``found``, and in how many of these it lowers the prediction as
        it should (``right_sign``); in how many another phase was found, or any where nothing can be (``wrong``).
    """
    rows = []
    for kind, of_kind in table.groupby("kind", sort=False):
        sets = [of_set for _, of_set in of_kind.groupby("seed")]
        phases = [found_phase(of_set) for of_set in sets]
        wanted = PLANTED.get(str(kind))
        hits = [
            of_set.loc[of_set["phase"] == wanted, "beyond"].item()
            for of_set, phase in zip(sets, phases, strict=True)
            if phase is not None and phase == wanted
        ]
        of_sets = of_kind.drop_duplicates("seed")
        rows.append(
            {
                "kind": kind,
                "sets": len(sets),
                "r2": float(of_sets["r2"].median()),
                "seconds": float(of_sets["seconds"].median()),
                "learned": int((of_sets["p_exchanged"] <= ALPHA).sum()),
                "found": len(hits),
                "right_sign": sum(beyond < 0 for beyond in hits),
                "wrong": sum(phase is not None and phase != wanted for phase in phases),
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
    titles = ("the network learned", "planted phase found", "another phase, or any", "found, and lowers")
    yield f"\n{'':20}{'sets':>5}{'R2':>7}{'s':>5}" + "".join(f"   {title:24}" for title in titles).rstrip()
    for row in told:
        yield _line(row)
    for phase in ("pore", "boundary"):
        yield (
            f"\nLean of the maps on {phase}, in standard deviations of that of moved maps: median (5 % to 95 % of "
            f"sets); p at most {ALPHA:g} in"
        )
        for kind, of_kind in table[table["phase"] == phase].groupby("kind", sort=False):
            low, middle, high = np.quantile(of_kind["beyond"], [0.05, 0.5, 0.95])
            beyond = int((of_kind["p_moved"] <= ALPHA).sum())
            yield f"{kind:20}{middle:+7.1f} ({low:+.1f} to {high:+.1f}){beyond:5} of {len(of_kind)}"
    false = [row for row in told if row["kind"] in NO_LINK]
    if false:
        hits, n = sum(row["wrong"] for row in false), sum(row["sets"] for row in false)
        yield f"\nFalse alarms where nothing can be found: {proportion(hits, n)}"


def _line(row: Mapping[Hashable, Any]) -> str:
    n = row["sets"]
    planted = row["kind"] in PLANTED
    cells = (
        proportion(row["learned"], n),
        proportion(row["found"], n) if planted else "-",
        proportion(row["wrong"], n),
        f"{row['right_sign']} of {row['found']}" if planted else "-",
    )
    shown = "".join(f"   {cell:24}" for cell in cells)
    return f"{row['kind']:20}{row['sets']:5}{row['r2']:7.2f}{row['seconds']:5.0f}{shown}".rstrip()
