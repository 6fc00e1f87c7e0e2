"""The figures that `explain` writes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from micro_features.comparison.answers import leans, leans_of_rows, of_rows
from micro_features.comparison.examine import PHASES, Examined
from micro_features.comparison.explain import Explained
from micro_features.comparison.feature_side import MASK_OF
from micro_features.comparison.wording import REFUSED, map_size
from micro_features.data import HeatMaps
from micro_features.explain import sanity
from micro_features.explain.compare import CAPTION, rank_correlation
from micro_features.explain.enrichment import MEASURES
from micro_features.explain.gradcam import METHODS
from micro_features.fitting.explaining import unit_of_attributions
from micro_features.fitting.result_figures import plain
from micro_features.learn.target import native_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from micro_features.report.check_figures import Change
    from micro_features.report.comparison_figures import Lean

MOST_PICTURES = 60
"""That get a figure of their own, spread over the groups."""
_SHEET = 8  # pictures on the sheet
_GRADCAM = METHODS[0]


def figures(found: Explained, over_all: pd.DataFrame) -> Iterator[tuple[str, "Figure"]]:
    """Every figure with its name, one at a time.

    Parameters
    ----------
    found : Explained
    over_all : DataFrame
        Of `result_files.enrichment_table`.
    """
    from micro_features.report import check_figures, comparison_figures, heat_figures, signs
    from micro_features.report.axes import figure_of

    unit = _unit(found)
    maps = heat_maps(found, found.pictures)
    chance = _chance(found)
    of = {mask: _lean(found, place, mask) for place, mask in enumerate(MASK_OF.values())}
    # Words instead of all clouds hold what is at chance already.
    drawn_of = "" if all(isinstance(lean, str) for lean in of.values()) else f"Rows of the table. {chance}"
    yield (
        "leans",
        comparison_figures.lean_figure(
            of,
            groups=found.dataset.group_names,
            measured=found.dataset.y,
            unit=unit,
            caption=f"{drawn_of}{CAPTION}",
        ),
    )
    bars = _bars(found, over_all)

    def draw(ax: "Axes") -> "Axes":
        if not bars.empty:
            return comparison_figures.enrichment_bars(ax, bars)
        ax.set_axis_off()
        ax.text(0.5, 0.5, "Not resolvable.", ha="center")
        return ax

    drawn = figure_of(draw, comparison_figures.ENRICHMENT_SIZE)
    missing = "".join(f"Not drawn: {words}. " for words in found.layers.unresolved.values())
    yield "enrichment", signs.captioned(drawn, f"{map_size(found)}. {missing}{chance}{CAPTION}")
    yield "sanity", _sanity(found, unit)
    of_all = "".join(f"{sentence} " for sentence in found.whole_at_chance)
    if found.interventions:
        changes = {name: _changes(found, name) for name in found.interventions}
        what = (
            "Change of the prediction when a phase is taken from a picture, and when as much other area is treated so; "
            "diamonds: means over pictures with 95 % intervals over groups."
        )
        yield (
            "perturbation",
            check_figures.perturbation_figure(changes, unit=unit, caption=f"{what} {of_all}{CAPTION}"),
        )
    some = _spread(found, _SHEET)
    yield (
        "maps",
        heat_figures.maps_sheet(
            [found.pictures[place].image / 255 for place in some],
            heat_maps(found, [found.pictures[place] for place in some]),
            cells=[found.pictures[place].heats[found.layers.judged, _GRADCAM].cells for place in some],
            labels=[_label(found, place) for place in some],
            caption=f"{map_size(found)}. {chance}{CAPTION}",
        ),
    )
    limit = signs.rounded_up(float(np.abs(found.features.sums).max()))
    for place in _spread(found, MOST_PICTURES):
        name = f"pictures/{place + 1:03}_{plain(found.pictures[place].name)}"
        yield name, _picture(found, place, maps, limit, unit)


def heat_maps(found: Explained, pictures: Sequence[Examined]) -> HeatMaps:
    """Grad-CAM of the judged layer, mean over seeds."""
    heats = [each.heats[found.layers.judged, _GRADCAM] for each in pictures]
    return HeatMaps(
        values=tuple(heat.values for heat in heats),
        ids=tuple(each.name for each in pictures),
        layer=found.layers.judged,
        method=_GRADCAM,
        unit=_unit(found),
        cell_um=tuple(
            heat.cells.edge * (each.pixel_um or float("nan")) for heat, each in zip(heats, pictures, strict=True)
        ),
    )


def _unit(found: Explained) -> str:
    """Of maps, SHAP values and changes: differences of logarithms are decades."""
    return "decades" if found.dataset.target.log10 else unit_of_attributions(found.dataset.target, ())


def _chance(found: Explained) -> str:
    return f"{' '.join(found.at_chance)} " if found.at_chance else ""


def _spread(found: Explained, most: int) -> list[int]:
    """Places of pictures, evenly over the rising predictions of the network."""
    order = np.argsort([each.predicted.mean() for each in found.pictures], kind="stable")
    chosen = np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int))
    return [int(place) for place in order[chosen]]


def _label(found: Explained, place: int) -> str:
    each, row, target = found.pictures[place], found.owner[place], found.dataset.target
    network = native_values(each.predicted.mean(), target.log10)
    return f"{each.name}: measured {found.dataset.y_native[row]:.2g}, network {network:.2g} {target.unit}".rstrip()


def _lean(found: Explained, place: int, mask: str) -> "Lean | str":
    from micro_features.report.comparison_figures import Lean

    if mask in found.layers.unresolved:
        return f"Not resolvable: {found.layers.unresolved[mask]}."
    layer = found.layers.judged
    n = len(found.dataset.ids)
    network = leans_of_rows(found.pictures, found.owner, n, layer, mask)
    agreement = found.of_pores or found.agreement
    one = agreement.by_phase[mask]
    if agreement.verdict in REFUSED or not agreement.n:
        return " ".join(agreement.reasons)
    null = np.array(
        [each.heats[layer, _GRADCAM].null[:, PHASES.index(mask), MEASURES.index("lean")] for each in found.pictures]
    )
    known = np.isfinite(leans(found.pictures, layer, [mask])[:, 0])
    moved = of_rows(null[known], found.owner[known], n)
    rows = np.isfinite(network)
    ranks = rank_correlation(moved[rows].T[:, :, None], found.features.sums[rows, place][:, None])[:, 0]
    ranks = ranks[np.isfinite(ranks)]
    ends = np.quantile(ranks, [0.025, 0.975]) if len(ranks) else np.full(2, np.nan)
    return Lean(
        found.features.sums[:, place], network, (one.low, one.value, one.high), (float(ends[0]), float(ends[1]))
    )


def _bars(found: Explained, over_all: pd.DataFrame) -> pd.DataFrame:
    table = over_all[
        over_all["judged"] & (over_all["method"] == _GRADCAM) & over_all["measure"].isin(["positive", "negative"])
    ]
    table = table.assign(sign=np.where(table["measure"] == "positive", 1, -1))
    shown = [phase for phase in MASK_OF.values() if phase not in found.layers.unresolved]
    shown += ["interior"] if found.layers.grains else []
    table = table[table["phase"].isin(shown)]
    return table.rename(columns={"moved_maps_low": "null_low", "moved_maps_high": "null_high"})


def _sanity(found: Explained, unit: str) -> "Figure":
    from micro_features.report.check_figures import Curve, Judged, sanity_figure

    def judged(check: sanity.Check, *, at_least: bool) -> Judged:
        return Judged(check.verdict, (check.low, check.value, check.high), check.limit, at_least, check.by_group)

    checks = {check.name: check for check in found.checks}
    not_run = Judged("not run", (np.nan, np.nan, np.nan), sanity.UNLIKE, False)
    of_seeds, n_seeds = judged(checks["seeds"], at_least=True), len(found.pictures[0].by_seed)
    if "labels" not in checks and n_seeds < sanity.FEWEST_SEEDS:  # a full run has trained the others
        of_seeds = of_seeds._replace(verdict=f"not shown: {n_seeds} of {sanity.FEWEST_SEEDS}")
    asked = [each.deletion for each in found.pictures if each.deletion]
    replaced = asked[0].replaced if asked else np.array([0.0, 1.0])
    curves = {}
    for name, own, moved in (
        ("taken away: what raises first", "deletion", "moved_deletion"),
        ("put back: what raises first", "insertion", "moved_insertion"),
    ):
        if asked:
            start = np.array([each.deletion[0] for each in asked])
            change = np.mean([getattr(each, own) - first for each, first in zip(asked, start, strict=True)], axis=0)
            several = np.mean([getattr(each, moved) - first for each, first in zip(asked, start, strict=True)], axis=0)
            curves[name] = Curve(change, several.min(axis=0), several.max(axis=0))
    return sanity_figure(
        found.cascade,
        {
            "seeds": of_seeds,
            "random weights": judged(checks["weights"], at_least=False),
            "random labels": judged(checks["labels"], at_least=False) if "labels" in checks else not_run,
        },
        {
            "border": judged(checks["border"], at_least=False),
            "flat area": judged(checks["flat area"], at_least=False),
        },
        replaced,
        curves,
        limit=sanity.UNLIKE,
        unit=unit,
        caption=f"{map_size(found)}. {_chance(found)}{CAPTION}",
    )


def _changes(found: Explained, what: str) -> "dict[str, Change]":
    from micro_features.report.check_figures import Change

    told = found.interventions[what]
    taken, control = found.moved[what]
    return {
        name: Change(taken[:, model], control[:, model], told.change[model], told.control[model])
        for model, name in enumerate(("network", "feature model"))
    }


def _picture(found: Explained, place: int, maps: HeatMaps, limit: float, unit: str) -> "Figure":
    from micro_features.report.heat_figures import sample_figure

    each, row = found.pictures[place], found.owner[place]
    dataset, target = found.dataset, found.dataset.target
    heat = each.heats[found.layers.judged, _GRADCAM]
    phases, table = dict(each.masks), heat.table
    notes = dict(found.layers.unresolved)
    if not each.resolved:
        notes["boundary"] = "grains are not resolved in this picture"
    if "boundary" in notes:
        phases = {"pore": each.masks["pore"], "solid": each.masks["boundary"] | each.masks["interior"]}
        table = table.loc[["pore"]]
    if "pore" in notes:
        table = table.drop(index="pore")
    n = len(dataset.members[dataset.ids[row]])
    of_row = f" (mean of {n} pictures)" if n > 1 else ""
    values = {
        "measured": dataset.y[row],
        "network on this picture": each.predicted.mean(),
        f"all features{of_row}": found.features.whole.predicted[row],
        f"model of phases{of_row}": found.features.structure.predicted[row],
    }
    return sample_figure(
        each.image / 255,
        name=each.name,
        pixel_um=each.pixel_um or float("nan"),
        phases=phases,
        shap=dict(zip(MASK_OF.values(), found.features.sums[row].tolist(), strict=True)),
        maps=maps,
        cells=heat.cells,
        enrichment=table,
        limit=limit,
        predictions={name: float(native_values(np.array(value), target.log10)) for name, value in values.items()},
        target=(target.name, target.unit),
        shap_unit=unit,
        caption="The model of phases is that of pores, grains and boundaries alone, without texture; SHAP is of it. "
        f"Bars of the network: left of 1, less heat than as much area anywhere. {_chance(found)}{CAPTION}",
        note="; ".join(notes.values()),
    )
