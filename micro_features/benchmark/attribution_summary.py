"""How often attributions were right: proportions over planted sets, as `benchmark attribution` prints them."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from micro_features.benchmark.attribution import SPECIMENS
from micro_features.synthetic.law.causes import CAUSES

ORDERED_ABOVE = 1.5
"""Causes whose true effects differ by less than this factor are not ordered."""

ASKED_OF_SETS = {
    "found": "found",
    "found_with_texture": "largest beside texture",
    "false_alarms": "false alarms",
    "order_wrong": "order wrong",
}
"""Proportions of `summary`, as a person reads them."""


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """How often the attributions are right.

    Parameters
    ----------
    table : DataFrame
        A row for each cause of each planted set, of `attribution.answer`.

    Returns
    -------
    DataFrame
        One row a preset: number of ``sets``, their mean ``r2``; then hits and trials, as ``…_k`` and ``…_n``, of

        ``found``: where one cause alone drives, its group has the largest share, and clears the null;
        ``found_with_texture``: the same group is the largest of the causes' where texture is offered, too;
        ``false_alarms``: a cause that does not drive, or does not show, clears the null (trials: such causes in
        sets);
        ``order_wrong``: of two causes that are seen, the one whose true effect is at least `ORDERED_ABOVE` times the
        other's has not the larger share (trials: such pairs in sets).
    """
    rows = []
    for preset, of_preset in table.groupby("preset", sort=False):
        of_sets = [of_set.to_dict("records") for _, of_set in of_preset.groupby("seed")]
        seen = [[row for row in rows_of_set if row["seen"]] for rows_of_set in of_sets]
        alone = [
            (rows_of_set, drivers[0]) for rows_of_set, drivers in zip(of_sets, seen, strict=True) if len(drivers) == 1
        ]
        hits = {
            "found": [
                driver["share"] == max(row["share"] for row in rows_of_set) and driver["clears_null"]
                for rows_of_set, driver in alone
            ],
            "found_with_texture": [driver["largest_with_texture"] == driver["cause"] for _, driver in alone],
            "false_alarms": [row["clears_null"] for rows_of_set in of_sets for row in rows_of_set if not row["seen"]],
            "order_wrong": [
                low["share"] >= high["share"]
                for drivers in seen
                for low, high in combinations(sorted(drivers, key=lambda row: float(row["true_effect"])), 2)
                if high["true_effect"] >= ORDERED_ABOVE * low["true_effect"]
            ],
        }
        counts = {f"{name}_k": int(sum(each)) for name, each in hits.items()}
        trials = {f"{name}_n": len(each) for name, each in hits.items()}
        r2 = float(np.mean([rows_of_set[0]["r2"] for rows_of_set in of_sets]))
        rows.append({"preset": preset, "sets": len(of_sets), "r2": r2, **counts, **trials})
    return pd.DataFrame(rows)


def proportion(hits: int, n: int) -> str:
    """``19 of 20 (0.75 to 1.00)``: with the exact 95 % binomial interval (Clopper and Pearson 1934)."""
    if not n:
        return "-"
    interval = binomtest(hits, n).proportion_ci(0.95, method="exact")
    return f"{hits} of {n} ({interval.low:.2f} to {interval.high:.2f})"


def lines(table: pd.DataFrame, predicted: pd.DataFrame) -> Iterator[str]:
    """All answers, for a person to read.

    Parameters
    ----------
    table : DataFrame
        Rows of `attribution.answer`.
    predicted : DataFrame
        Of `attribution.predict`.
    """
    n = int(predicted["n"].iloc[0])
    yield (
        f"Planted sets of {SPECIMENS} of {n} specimens. Two sets share {SPECIMENS**2 / n:.0f} on average: the exact "
        "binomial 95 % intervals are somewhat too narrow."
    )
    titles = "".join(f"   {title:24}" for title in ASKED_OF_SETS.values())
    yield f"\n{'':12}{'sets':>5}{'R2':>6}{titles}".rstrip()
    for row in summary(table).to_dict("records"):
        cells = [f"   {proportion(row[f'{name}_k'], row[f'{name}_n']):24}" for name in ASKED_OF_SETS]
        yield f"{row['preset']:12}{row['sets']:5}{row['r2']:6.2f}{''.join(cells)}".rstrip()
    yield "\nShare of the attribution: median over sets (5 % to 95 % of sets)"
    yield f"{'':12}{'cause':30}{'true':>6}{'found':>7}{'':18}{'null p95':>9}{'clears it':>11}"
    for preset, of_preset in table.groupby("preset", sort=False):
        seen_effect = of_preset["true_effect"].where(of_preset["seen"], 0.0)
        true = (seen_effect / seen_effect.groupby(of_preset["seed"]).transform("sum")).fillna(0.0)  # nothing is seen
        for cause in CAUSES:
            some = of_preset[of_preset["cause"] == cause]
            clears = f"{some['clears_null'].sum()} of {len(some)}"
            yield (
                f"{preset:12}{cause:30}{true[some.index].median():6.2f}{_middle(some['share'])}"
                f"{some['null_p95'].median():9.2f}{clears:>11}"
            )
        yield f"{'':12}{'texture, where it is offered':36}{_middle(of_preset['texture_share'])}"
    yield f"\nAll {n} specimens, grouped 5-fold, everything chosen inside the training folds"
    for row in predicted.to_dict("records"):
        yield (
            f"{row['preset']:12}from {row['told']:12}R2 {row['r2']:.2f} ({row['r2_low']:.2f} to {row['r2_high']:.2f}), "
            f"{row['share']:.2f} of the {row['reducible']:.2f} that can be had"
        )


def _middle(shares: pd.Series) -> str:
    low, middle, high = np.quantile(shares, [0.05, 0.5, 0.95])
    return f"{middle:7.2f}{f'({low:.2f} to {high:.2f})':>18}"
