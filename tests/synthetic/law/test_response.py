"""The response surface against laws that runs were made up from."""

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import SettingsError
from micro_features.synthetic.law.causes import BULK_S_PER_CM, CAUSE_RANGES, CAUSES
from micro_features.synthetic.law.response import LEAST_RUNS, fit_surface, refinement


def textbook(porosity, grain_diameter_um, boundary_resistance_ohm_cm2):
    """Brick layer with intercepts of 0.7 diameters, and pores that block the more the larger grains are."""
    series = 1 / BULK_S_PER_CM + boundary_resistance_ohm_cm2 / (0.7e-4 * grain_diameter_um)
    return np.log10((1 - porosity) ** (1.3 + 0.1 * grain_diameter_um) / series)


def made_up_runs(n=LEAST_RUNS, scatter=0.0, seed=0):
    shares = np.random.default_rng(seed).random((n, 3))
    runs = pd.DataFrame({name: CAUSE_RANGES[name].at(share) for name, share in zip(CAUSES, shares.T, strict=True)})
    noise = scatter * np.random.default_rng(seed + 1).standard_normal(n)
    return runs.assign(conductivity_S_per_cm=10 ** (textbook(**runs) + noise))


def inside(surface, n=9):
    """A grid over the surface's ranges, as keyword arguments that broadcast."""
    shares = np.linspace(1e-9, 1 - 1e-9, n)
    return {
        name: r.at(shares).reshape([-1 if axis == i else 1 for axis in range(3)])
        for i, (name, r) in enumerate(surface.ranges.items())
    }


def test_a_known_law_is_recovered():
    surface = fit_surface(made_up_runs())
    at = inside(surface)
    np.testing.assert_allclose(surface.log10_conductivity(**at), textbook(**at), atol=5e-3)
    assert surface.scatter_log10 < 2e-3
    assert surface.runs == LEAST_RUNS


def test_the_textbook_estimate_needs_no_correction(surface):
    # The fixture's runs are the brick layer, with intercepts of 0.8 diameters, and Bruggeman's pores.
    np.testing.assert_allclose(surface.coefficients, 0, atol=1e-12)


def test_a_law_of_its_own_form_is_recovered_exactly():
    runs = made_up_runs()
    shape = fit_surface(runs)
    runs["conductivity_S_per_cm"] = 10 ** shape.log10_conductivity(**{name: runs[name].to_numpy() for name in CAUSES})
    again = fit_surface(runs)
    np.testing.assert_allclose(again.coefficients, shape.coefficients, atol=1e-10)
    assert again.scatter_log10 < 1e-10


def test_scatter_is_that_of_runs_it_has_not_seen():
    surface = fit_surface(made_up_runs(scatter=0.02))
    fresh = made_up_runs(n=4000, scatter=0.02, seed=5)
    for name, r in surface.ranges.items():
        fresh = fresh[fresh[name].between(r.low, r.high)]
    missed = np.log10(fresh["conductivity_S_per_cm"]) - surface.log10_conductivity(
        **{name: fresh[name].to_numpy() for name in CAUSES}
    )
    assert surface.scatter_log10 == pytest.approx(np.sqrt(np.mean(missed**2)), rel=0.1)


def test_the_surface_falls_with_pores_and_boundaries_and_rises_with_grain_size():
    surface = fit_surface(made_up_runs(scatter=0.01))
    values = surface.log10_conductivity(**inside(surface))
    assert (np.diff(values, axis=0) < 0).all()
    assert (np.diff(values, axis=1) > 0).all()
    assert (np.diff(values, axis=2) < 0).all()


@pytest.mark.parametrize("name", CAUSES)
@pytest.mark.parametrize("factor", [0.5, 1.5, np.nan])
def test_nothing_is_said_outside_the_runs(name, factor):
    surface = fit_surface(made_up_runs())
    bounds = {cause: r.at(0.5) for cause, r in surface.ranges.items()}
    bounds[name] = factor * (surface.ranges[name].low if factor < 1 else surface.ranges[name].high)
    with pytest.raises(SettingsError, match=f"{name} is .* fitted to"):
        surface.log10_conductivity(**bounds)


def test_too_few_runs_are_refused():
    with pytest.raises(SettingsError, match=f"{LEAST_RUNS - 1} rows.* at least {LEAST_RUNS}"):
        fit_surface(made_up_runs().iloc[1:])


@pytest.mark.parametrize("column", [*CAUSES, "conductivity_S_per_cm"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_runs_without_a_positive_value_are_refused(column, value):
    runs = made_up_runs()
    runs.loc[3, column] = value
    with pytest.raises(SettingsError, match=column):
        fit_surface(runs)


def test_a_missing_column_is_named():
    with pytest.raises(SettingsError, match="'porosity'"):
        fit_surface(made_up_runs().drop(columns="porosity"))


def test_runs_whose_causes_move_together_are_refused():
    runs = made_up_runs()
    runs["grain_diameter_um"] = CAUSE_RANGES["grain_diameter_um"].at(
        CAUSE_RANGES["boundary_resistance_ohm_cm2"].share(runs["boundary_resistance_ohm_cm2"].to_numpy())
    )
    with pytest.raises(SettingsError, match="independently"):
        fit_surface(runs)


def test_what_a_finer_grid_changes():
    runs = made_up_runs().assign(run=range(LEAST_RUNS))
    finer = runs.iloc[[5, 3, 9]].copy()
    finer["conductivity_S_per_cm"] *= [10**0.01, 10**0.02, 10**0.03]
    assert refinement(runs, finer) == pytest.approx((0.02, 0.01))
    with pytest.raises(SettingsError, match="1 runs in common"):
        refinement(runs, finer.iloc[:1])
