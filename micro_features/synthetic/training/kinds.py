"""What each kind of picture looks like, at random from ranges wider than are met; greys as shares of full scale."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from micro_features.synthetic.training.surface import Boundaries, Interior, Litter, Look


def _log(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _at_times(rng: np.random.Generator, chance: float, low: float, high: float) -> float:
    """A value with this chance, else 0."""
    value = _log(rng, low, high)
    return value if rng.random() < chance else 0.0


def _count(rng: np.random.Generator, chance: float, most: int) -> int:
    return round(_at_times(rng, chance, 1, most))


def _width(rng: np.random.Generator, low: float, high: float, diameter_px: float) -> float:
    """Of a groove's profile: grooves no wider than leave the grains visible."""
    return min(_log(rng, low, high), 0.07 * diameter_px)


def etched(rng: np.random.Generator, diameter_px: float) -> Look:
    """Etched metal: thin dark lines of uneven depth, some faint or interrupted, on plain grains."""
    grey = rng.uniform(0.45, 0.95)
    return Look(
        diameter_px,
        Boundaries(
            depth=_log(rng, 0.5, 2.5),
            grey=rng.uniform(0.0, 0.6) * grey,
            width_px=_width(rng, 0.6, 2.0, diameter_px),
            spread=rng.uniform(0.2, 0.6),
            faint=rng.uniform(0, 0.05),
            uneven=rng.uniform(0.1, 0.6),
            step=_at_times(rng, 0.3, 0.02, 0.1),
        ),
        Interior(
            grey=grey,
            grey_sd=_at_times(rng, 0.7, 0.01, 0.06),
            mottle=_at_times(rng, 0.5, 0.003, 0.02),
            twins=_at_times(rng, 0.2, 0.02, 0.06),
            facets=_at_times(rng, 0.2, 0.01, 0.06),
            facet_edge_px=_log(rng, 0.7, 6),
        ),
        Litter(
            pits=_count(rng, 0.7, 300),
            scratches=_count(rng, 0.4, 20),
            scratch_grey=-_log(rng, 0.03, 0.2),
            particles=_count(rng, 0.4, 60),
            particle_px=_log(rng, 2, 7),
            particle_grey=rng.uniform(-0.4, 0.2),
            porosity=_at_times(rng, 0.3, 0.003, 0.03),
            pore_px=_log(rng, 3, 8),
            pore_grey=_log(rng, 0.03, 0.25),
        ),
    )


def second_phase(rng: np.random.Generator, diameter_px: float) -> Look:
    """Grains in a wide, dark, crumbly second phase; pitted, scratched."""
    grey = rng.uniform(0.55, 0.9)
    return Look(
        diameter_px,
        Boundaries(
            depth=_log(rng, 0.5, 2),
            grey=rng.uniform(0.05, 0.3),
            width_px=_log(rng, 0.8, 2.5),
            spread=rng.uniform(0.1, 0.5),
            uneven=rng.uniform(0.2, 0.6),
            gap_px=min(_log(rng, 4, 30), 0.25 * diameter_px),
            gap_grey=rng.uniform(0.05, 0.6) * grey,
        ),
        Interior(
            grey=grey,
            grey_sd=rng.uniform(0, 0.06),
            dome=_at_times(rng, 0.4, 0.02, 0.1),
            tilt=_at_times(rng, 0.4, 0.02, 0.08),
            mottle=_at_times(rng, 0.5, 0.01, 0.04),
            texture=_at_times(rng, 0.5, 0.005, 0.04),
            terraces=_at_times(rng, 0.3, 0.02, 0.1),
            terrace_px=_log(rng, 3, 10),
            twins=_at_times(rng, 0.6, 0.03, 0.35),
        ),
        Litter(
            pits=round(_at_times(rng, 0.8, 20, 2000)),
            pit_px=rng.uniform(1.2, 3.5),
            scratches=_count(rng, 0.7, 50),
            scratch_grey=rng.choice([-1, -1, 1]) * _log(rng, 0.05, 0.5),
            particles=_count(rng, 0.7, 100),
            particle_px=_log(rng, 3, 10),
            particle_grey=rng.uniform(-0.7, 0.1),
        ),
    )


def film(rng: np.random.Generator, diameter_px: float) -> Look:
    """A film seen from above: soft dark grooves, domed grains with shading and curved ridges."""
    grey = rng.uniform(0.4, 0.75)
    return Look(
        diameter_px,
        Boundaries(
            depth=_log(rng, 0.3, 1.2),
            grey=rng.uniform(0.0, 0.35) * grey,
            width_px=_width(rng, 0.9, 4, diameter_px),
            flank=_at_times(rng, 0.7, 0.1, 0.5),
            spread=rng.uniform(0.15, 0.5),
            faint=rng.uniform(0, 0.03),
            uneven=rng.uniform(0.1, 0.4),
            step=_at_times(rng, 0.4, 0.02, 0.1),
        ),
        Interior(
            grey=grey,
            grey_sd=rng.uniform(0, 0.07),
            dome=_at_times(rng, 0.7, 0.02, 0.12),
            tilt=_at_times(rng, 0.7, 0.02, 0.1),
            mottle=_at_times(rng, 0.6, 0.01, 0.04),
            round=_at_times(rng, 0.4, 0.01, 0.06),
            ridges=_at_times(rng, 0.6, 0.02, 0.09),
            steps=_at_times(rng, 0.8, 0.02, 0.1),
            terraces=_at_times(rng, 0.2, 0.01, 0.04),
            terrace_px=_log(rng, 4, 14),
            facets=_at_times(rng, 0.6, 0.02, 0.12),
            facet_edge_px=_log(rng, 0.7, 6),
        ),
        Litter(
            particles=_count(rng, 0.4, 20),
            particle_grey=rng.uniform(0.1, 0.4),
            porosity=_at_times(rng, 0.3, 0.003, 0.05),
            pore_px=_log(rng, 3, 10),
            pore_grey=_log(rng, 0.03, 0.2),
        ),
    )


def contrast(rng: np.random.Generator, diameter_px: float) -> Look:
    """Channelling or orientation contrast: grains differ in grey, hardly a groove."""
    return Look(
        diameter_px,
        Boundaries(
            depth=_at_times(rng, 0.3, 0.05, 0.2),
            grey=rng.uniform(0.05, 0.2),
            width_px=_width(rng, 0.7, 1.5, diameter_px),
            step=_at_times(rng, 0.3, 0.02, 0.08),
        ),
        Interior(
            grey=rng.uniform(0.4, 0.6),
            grey_sd=rng.uniform(0.08, 0.16),
            tilt=_at_times(rng, 0.4, 0.01, 0.04),
            mottle=_at_times(rng, 0.6, 0.005, 0.02),
            twins=_at_times(rng, 0.15, 0.02, 0.04),
        ),
        Litter(
            pits=_count(rng, 0.3, 80),
            scratches=_count(rng, 0.5, 20),
            scratch_grey=rng.choice([-1, 1]) * _log(rng, 0.02, 0.08),
            particles=_count(rng, 0.3, 20),
            particle_grey=rng.uniform(0.1, 0.4),
            porosity=_at_times(rng, 0.5, 0.005, 0.1),
            pore_px=_log(rng, 3, 10),
            pore_grey=_log(rng, 0.03, 0.2),
        ),
    )


def bright_rims(rng: np.random.Generator, diameter_px: float) -> Look:
    """Edges that glow and steps lit from one side, as on a broken or deeply etched surface."""
    grey = rng.uniform(0.3, 0.55)
    return Look(
        diameter_px,
        Boundaries(
            depth=_log(rng, 0.15, 1.0),
            grey=rng.uniform(0.7, 1.0),
            width_px=_width(rng, 0.7, 2.5, diameter_px),
            flank=_at_times(rng, 0.4, 0.05, 0.3),
            spread=rng.uniform(0.3, 0.6),
            faint=rng.uniform(0, 0.05),
            uneven=rng.uniform(0.3, 0.8),
            step=_log(rng, 0.03, 0.2),
            rim=_at_times(rng, 0.7, 0.03, 0.15),
        ),
        Interior(
            grey=grey,
            grey_sd=rng.uniform(0.01, 0.1),
            round=_at_times(rng, 0.4, 0.02, 0.1),
            tilt=_at_times(rng, 0.7, 0.02, 0.1),
            mottle=_at_times(rng, 0.6, 0.01, 0.04),
            texture=_at_times(rng, 0.4, 0.005, 0.03),
            ridges=_at_times(rng, 0.5, 0.02, 0.08),
            steps=_at_times(rng, 0.5, 0.02, 0.08),
            terraces=_at_times(rng, 0.3, 0.01, 0.05),
            terrace_px=_log(rng, 4, 14),
            facets=_at_times(rng, 0.6, 0.02, 0.12),
            facet_edge_px=_log(rng, 0.7, 6),
        ),
        Litter(
            particles=_count(rng, 0.6, 40),
            particle_grey=rng.uniform(0.1, 0.5),
            porosity=_at_times(rng, 0.7, 0.01, 0.2),
            pore_px=_log(rng, 3, 14),
            pore_grey=_log(rng, 0.03, 0.2),
        ),
    )


def faceted(rng: np.random.Generator, diameter_px: float) -> Look:
    """Thermally etched ceramic: grooves, grains of unequal grey, terraces on some of them, pores."""
    grey = rng.uniform(0.4, 0.7)
    return Look(
        diameter_px,
        Boundaries(
            depth=_log(rng, 0.2, 1.5),
            grey=rng.uniform(0.0, 0.5) * grey,
            width_px=_width(rng, 0.7, 3, diameter_px),
            flank=_at_times(rng, 0.4, 0.05, 0.3),
            spread=rng.uniform(0.1, 0.6),
            faint=rng.uniform(0, 0.05),
            uneven=rng.uniform(0.1, 0.4),
            step=_at_times(rng, 0.6, 0.02, 0.12),
            rim=_at_times(rng, 0.3, 0.02, 0.1),
        ),
        Interior(
            grey=grey,
            grey_sd=rng.uniform(0.02, 0.1),
            dome=_at_times(rng, 0.3, 0.02, 0.06),
            tilt=_at_times(rng, 0.4, 0.01, 0.05),
            mottle=_at_times(rng, 0.5, 0.005, 0.02),
            terraces=_log(rng, 0.015, 0.12),
            terrace_px=_log(rng, 3, 14),
            facets=_at_times(rng, 0.5, 0.02, 0.12),
            facet_edge_px=_log(rng, 0.7, 6),
        ),
        Litter(
            pits=_count(rng, 0.2, 60),
            scratches=_count(rng, 0.3, 10),
            scratch_grey=-_log(rng, 0.02, 0.1),
            particles=_count(rng, 0.4, 20),
            particle_grey=rng.uniform(0.1, 0.4),
            porosity=_at_times(rng, 0.8, 0.005, 0.15),
            pore_px=_log(rng, 2.5, 14),
            pore_grey=_log(rng, 0.03, 0.25),
        ),
    )


def twinned(rng: np.random.Generator, diameter_px: float) -> Look:
    """Annealed metal: grains of unequal grey, with straight bands in many that are no boundaries."""
    plain = etched(rng, diameter_px)
    inside = replace(
        plain.interior,
        grey_sd=rng.uniform(0.02, 0.1),
        tilt=_at_times(rng, 0.3, 0.01, 0.05),
        twins=_log(rng, 0.03, 0.12),
    )
    return replace(plain, interior=inside)


def particles(rng: np.random.Generator, diameter_px: float) -> Look:
    """A ceramic hardly sintered: round grains joined by necks, pores between them, holes where grains fell out."""
    grey = rng.uniform(0.4, 0.65)
    return Look(
        diameter_px,
        Boundaries(
            depth=_log(rng, 0.2, 1.2),
            grey=rng.uniform(0.1, 0.6) * grey,
            width_px=_width(rng, 0.7, 2.5, diameter_px),
            flank=_at_times(rng, 0.6, 0.1, 0.4),
            spread=rng.uniform(0.2, 0.6),
            faint=rng.uniform(0, 0.05),
            uneven=rng.uniform(0.2, 0.6),
            step=_at_times(rng, 0.7, 0.03, 0.15),
            rim=_at_times(rng, 0.6, 0.03, 0.15),
        ),
        Interior(
            grey=grey,
            grey_sd=rng.uniform(0.02, 0.1),
            dome=_at_times(rng, 0.5, 0.02, 0.1),
            round=_log(rng, 0.03, 0.2),
            mottle=_at_times(rng, 0.5, 0.01, 0.03),
            texture=_at_times(rng, 0.3, 0.005, 0.02),
        ),
        Litter(
            particles=_count(rng, 0.5, 40),
            particle_grey=rng.uniform(0.1, 0.4),
            porosity=_at_times(rng, 0.3, 0.01, 0.05),
            pore_px=0.2 * diameter_px + 2,
            pore_grey=_log(rng, 0.05, 0.25),
            open_junctions=rng.uniform(0.02, 0.09),
            missing=_at_times(rng, 0.6, 0.01, 0.1),
        ),
    )


def bimodal(rng: np.random.Generator, diameter_px: float) -> Look:
    """Giant grains, broken through or seen from above, among small ones: what shows on them is as large as they are."""
    kind = (faceted, bright_rims, particles)[int(rng.integers(3))]
    return replace(kind(rng, diameter_px), relief=rng.uniform(1, 6))


LOOKS: dict[str, Callable[[np.random.Generator, float], Look]] = {
    "etched": etched,
    "second phase": second_phase,
    "film": film,
    "contrast": contrast,
    "bright rims": bright_rims,
    "faceted": faceted,
    "twinned": twinned,
    "particles": particles,
    "bimodal": bimodal,
}
