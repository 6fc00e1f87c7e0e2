"""The standards' tables, and what keeps each specimen from being to standard."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from micro_features.features.standards import FEWEST_FIELDS, FEWEST_MICROGRAPHS, Standing
from micro_features.report.page import Section, Table
from micro_features.reporting.wording import UNKNOWN, figures, interval_in_percent, listed, percent, span

_MOST_NAMED = 12


def standards(standings: Sequence[Standing]) -> Section:
    """The standards' tables, and what keeps each specimen from being to standard."""
    intercepts = any(each.intercept.n for each in standings)
    names = _names(standings)
    grain_lacks = [each.grain_size_lacks for each in standings]
    porosity_lacks = [each.porosity_lacks for each in standings]
    grain = pd.DataFrame(
        {
            "Specimen": names,
            "Fields": [each.intercept.n for each in standings],
            "Mean intercept / µm": [figures(each.intercept.value) for each in standings],
            "95 % interval": [_length_ends(each.intercept.ends) for each in standings],
            "%RA": [figures(each.intercept.relative_accuracy_percent, 2) for each in standings],
            "G, intercept": [_decimal(each.size_number) for each in standings],
            "95 % interval of G": [_decimal_ends(each.size_number_ends) for each in standings],
            "G, planimetric": [_decimal(each.size_number_planimetric) for each in standings],
            "What keeps it from being to standard": _kept(grain_lacks),
        }
    )
    porosity = pd.DataFrame(
        {
            "Specimen": names,
            "Micrographs": [each.porosity.n for each in standings],
            "Porosity / %": [percent(each.porosity.value) for each in standings],
            "95 % interval": [interval_in_percent(*each.porosity.ends) for each in standings],
            "What keeps it from being to standard": _kept(porosity_lacks),
        }
    )
    grains_said = [
        "Follows ASTM E112 and ISO 13383-1: mean linear intercept over fields (a picture is a field) in four "
        "directions, 95 % interval t s / √n, %RA = 100 × half of the interval / mean, G from the mean intercept "
        "(−6.643856 log10(mm) − 3.288) and from the number of grains per area. An intercept is no diameter, and no "
        f"factor is applied. Asked for: at least {FEWEST_FIELDS} fields, %RA of 10 or better, a plane polished "
        "section.",
        *_notes(names, standings),
        *_of_all(grain_lacks),
    ]
    parts = [
        Section("Grain size", grains_said, [Table("Grain size of each specimen.", grain, rows_named=True)])
        if intercepts
        else Section(
            "Grain size",
            ["Grains are resolved in no picture with a scale: there is no grain size to put into a table."],
        ),
        Section(
            "Porosity",
            [
                "Follows ISO 13383-2: share of area, mean over micrographs, 95 % interval t s / √n; at least "
                f"{FEWEST_MICROGRAPHS} micrographs. The interval holds scatter between pictures, not the choice of "
                "threshold.",
                *_of_all(porosity_lacks),
            ],
            [Table("Porosity of each specimen.", porosity, rows_named=True)],
        ),
    ]
    return Section(
        "Grain size and porosity beside the standards",
        [
            "What a program can check was checked. That the section was ground, polished and etched well, and that "
            "fields were chosen without looking, only the operator knows: results follow the standards, nothing is "
            "certified."
        ],
        parts=parts,
        large=True,
    )


def _names(standings: Sequence[Standing]) -> list[str]:
    """Samples; with their surface where a sample has several."""
    samples = [each.sample_id for each in standings]
    return [
        f"{each.sample_id} ({each.surface or 'unknown'})" if samples.count(each.sample_id) > 1 else each.sample_id
        for each in standings
    ]


def _notes(names: Sequence[str], standings: Sequence[Standing]) -> list[str]:
    """What a reader must know of some specimens, each note once."""
    concerned: dict[str, list[str]] = {}
    for name, each in zip(names, standings, strict=True):
        for note in each.grain_size_notes:
            concerned.setdefault(note, []).append(name)
    return [f"Mind: {note} ({listed(of, _MOST_NAMED)})." for note, of in concerned.items()]


def _shared(lacks: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What keeps every one of several specimens from being to standard; told once, not in every row."""
    return tuple(lack for lack in lacks[0] if all(lack in each for each in lacks)) if len(lacks) > 1 else ()


def _of_all(lacks: Sequence[tuple[str, ...]]) -> list[str]:
    shared = _shared(lacks)
    return [f"What keeps all of them from being to standard: {'; '.join(shared)}."] if shared else []


def _kept(lacks: Sequence[tuple[str, ...]]) -> list[tuple[str, ...] | str]:
    """Of each specimen what the others do not lack, too."""
    shared = _shared(lacks)
    none = "what is said above of all" if shared else "nothing that a program can see"
    return [tuple(lack for lack in each if lack not in shared) or none for each in lacks]


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace("-", "−") if np.isfinite(value) else UNKNOWN


def _decimal_ends(ends: tuple[float, float]) -> str:
    return span(*map(_decimal, ends)) if np.isfinite(ends).all() else UNKNOWN


def _length_ends(ends: tuple[float, float]) -> str:
    return span(*map(figures, ends)) if np.isfinite(ends).all() else UNKNOWN
