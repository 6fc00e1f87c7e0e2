"""What was measured and how far to trust it, in plain sentences."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from micro_features.features.standards import Standing
from micro_features.report.page import Section, Table
from micro_features.reporting.measured import Measured, apparent
from micro_features.reporting.wording import counted, figures, moment, span

APPARENT = (
    "Stereology (porosity from area, intercepts, G, surface per volume) holds for plane random sections. Of other "
    "surfaces the numbers are apparent: good for comparing pictures taken alike, not for quoting as the material's."
)


def summary(measured: Measured, standings: Sequence[Standing], link: Sequence[str]) -> Section:
    """What was measured and how far to trust it, in plain sentences.

    Parameters
    ----------
    measured : Measured
    standings : sequence of Standing
    link : sequence of str
        What other commands found, in a sentence each.

    Returns
    -------
    Section
    """
    features, failures = measured.features, measured.failures
    said = [_extent(measured)]
    if len(features):
        said += [_resolved(measured), _surfaces(features), *_scales(features), *_thresholds(features)]
        said += _by_hand(features)
        said += [_to_standard(standings)]
    said += [*link, _made(measured)]
    tables = []
    if len(failures):
        told = failures.set_axis(["Picture", "Stage", "Why, and what to do"], axis=1)
        tables.append(Table(f"{counted(len(failures), 'picture')} not measured.", told, rows_named=True))
    return Section("What was measured, and how far to trust it", [each for each in said if each], tables)


def _extent(measured: Measured) -> str:
    features, n_failed = measured.features, len(measured.failures)
    failed = f" {counted(n_failed, 'picture')} could not be measured in the last run; the reasons stand below." * bool(
        n_failed
    )
    if features.empty:
        return f"No micrograph was measured.{failed}"
    n, n_samples = len(features), features["sample_id"].nunique()
    listed_in = set(measured.provenance.get("inputs_sha256") or {})
    lost = listed_in - set(features["path"])
    gone = (
        f" Careful: the table has no row of {counted(len(lost), 'picture')} that provenance.json lists, as "
        f"{min(lost)}; somebody has changed it."
        if lost
        else ""
    )
    alone = (
        " Every picture counts as a sample of its own, since no sample_id was stated; a manifest with that column says "
        "what belongs together."
        if n_samples == n > 1
        else ""
    )
    return f"{counted(n, 'micrograph')} of {counted(n_samples, 'sample')} were measured.{failed}{gone}{alone}"


def _made(measured: Measured) -> str:
    of = measured.provenance
    return f"Measured with {of.get('software', 'an unknown program')}, finished {moment(of.get('finished'))}."


def _resolved(measured: Measured) -> str:
    n, resolved = len(measured.features), int(measured.resolved.sum())
    if resolved == n:
        confidence = measured.features.get("quality_segmentation_confidence", pd.Series(dtype=float)).astype(float)
        expected = (
            f" The F1 to be expected of the grains found is {_range(confidence)} (1 is perfect, scatter about 0.1)."
        )
        return f"Grains are resolved in all of them.{expected if confidence.notna().any() else ''}"
    if resolved == 0:
        return (
            "Grains are resolved in none of them: too few pixels across a grain, or too little to tell grains from "
            "relief. So no grain size is given, and none should be read into the pictures; pores and texture remain."
        )
    return (
        f"Grains are resolved in {resolved} of {n} pictures; in the others grain sizes are left empty, not guessed, "
        "and only pores and texture are measured."
    )


def _range(values: "pd.Series[float]") -> str:
    return span(figures(values.min()), figures(values.max()))


def _surfaces(features: pd.DataFrame) -> str:
    counts = features["surface"].replace("", "unknown").value_counts()
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"Surfaces as stated: {told}. {APPARENT if apparent(features).any() else 'All are plane sections.'}"


def _scales(features: pd.DataFrame) -> list[str]:
    known = features["pixel_um"][features["pixel_um"] > 0]
    missing = len(features) - len(known)
    said = [f"A pixel is {_range(known)} µm wide."] if len(known) else []
    if missing:
        said.append(
            f"{counted(missing, 'picture')} {'has' if missing == 1 else 'have'} no scale: lengths there are in pixels, "
            "and compare with nothing else."
        )
    return said


def _thresholds(features: pd.DataFrame) -> list[str]:
    """How far porosity hangs on what counts as dark enough."""
    ends = features.reindex(columns=["quality_pore_area_low", "quality_pore_area_high"]).astype(float)
    low, high = (float(column.median()) for _, column in ends.items())
    if not (np.isfinite(low) and np.isfinite(high)):
        return []
    return [
        "Porosity hangs on what counts as a pore: with stricter or laxer evidence the porosity of a typical picture "
        f"would be {figures(low, 2)} to {figures(high, 2)} times what is given here (medians). The confidence "
        "intervals do not hold this."
    ]


def _by_hand(features: pd.DataFrame) -> list[str]:
    """What people changed in what was found."""
    counts = features.reindex(columns=["corrections_applied", "corrections_missed"]).fillna(0).astype(float).sum()
    applied, missed = (int(each) for each in counts)
    if not applied + missed:
        return []
    touched = int((features["corrections_applied"].fillna(0).astype(float) > 0).sum())
    lost = f" {counted(missed, 'other')} found nothing to act on, with these settings." if missed else ""
    return [
        f"{counted(applied, 'correction')} by hand changed {counted(touched, 'picture')}; the table names them.{lost}"
    ]


def _to_standard(standings: Sequence[Standing]) -> str:
    n = len(standings)
    if not n:
        return ""
    grain = sum(not each.grain_size_lacks for each in standings)
    pores = sum(not each.porosity_lacks for each in standings)
    lacks = Counter(lack for each in standings for lack in (*each.grain_size_lacks, *each.porosity_lacks))
    often = f" What is missing most often: {'; '.join(lack for lack, _ in lacks.most_common(2))}." if lacks else ""
    return (
        f"To standard, as far as a program can tell: grain size (ASTM E112) of {grain} of {counted(n, 'specimen')}, "
        f"porosity (ISO 13383-2) of {pores}.{often} The standards' tables have all. Nothing here is certified."
    )
