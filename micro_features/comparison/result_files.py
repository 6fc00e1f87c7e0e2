"""The folder that `explain` writes: comparison.json, sanity.json, tables, figures."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features.comparison.answers import GERUND, fates, leans_of_rows, of_rows
from micro_features.comparison.examine import PHASES
from micro_features.comparison.explain import Explained
from micro_features.comparison.feature_side import MASK_OF
from micro_features.comparison.result_figures import figures
from micro_features.comparison.wording import altered, answered, cell_sizes, lines, map_size
from micro_features.explain import acquisition, enrichment
from micro_features.explain.compare import CAPTION, Agreement
from micro_features.explain.gradcam import METHODS
from micro_features.files.figures import write_figure
from micro_features.files.outputs import write_json
from micro_features.files.tables import write_table
from micro_features.fitting.scores_file import finite
from micro_features.learn.scores import r2
from micro_features.learn.target import native_values
from micro_features.network.scoring import exchange_p


def write(found: Explained, folder: Path) -> None:
    """Write everything that was found.

    Parameters
    ----------
    found : Explained
    folder : Path
        New or empty.

    Raises
    ------
    OutputError
        Something can not be written.
    """
    over_all = enrichment_table(found)
    write_json(folder / "comparison.json", finite(comparison(found)))
    write_json(folder / "sanity.json", finite(sanity_of(found)))
    write_table(folder / "enrichment.csv", over_all)
    write_table(folder / "pictures.csv", pictures_table(found))
    write_table(folder / "rows.csv", rows_table(found))
    for name, figure in figures(found, over_all):
        write_figure(folder / "figures" / name, figure)


def comparison(found: Explained) -> dict[str, Any]:
    """What ``comparison.json`` holds; what a number is worth stands before it, in the same object."""
    of_all = {"at_chance": found.whole_at_chance}
    structure = found.features.structure.predicted
    return {
        "caption": CAPTION,
        "said": list(lines(found)),
        "models": {
            "network": found.model.scores["predictors"],
            "seconds_of_training": found.model.seconds,
            "structure": {
                "meaning": "the feature model, of pores, grains and boundaries alone",
                "r2": r2(found.dataset.y, structure, found.dataset.groups),
                "exchange_p_r2": exchange_p(found.dataset.y, structure, found.dataset.groups)[0],
            },
            "shap_share_by_phase": found.features.shares,
            "at_chance": found.at_chance,
            "at_chance_with_all_features": found.whole_at_chance,
        },
        "layers": {**asdict(found.layers), "map": map_size(found)},
        "primary": _judged(found.agreement),
        "pores_alone": None if found.of_pores is None else _judged(found.of_pores),
        "signs_of_pores": {"at_chance": found.at_chance, "words": found.signs.words, **asdict(found.signs)},
        "interventions": {
            name: {**of_all, **asdict(each), "words": answered(found, name)}
            for name, each in found.interventions.items()
        },
        "altered_pictures": altered(found),
        "alterations": {what: fates(found.pictures, what) for what in GERUND},
        "windows": None if found.windows is None else {**of_all, **asdict(found.windows)},
        "n_rows": len(found.dataset.ids),
        "n_pictures": len(found.pictures),
        "left_out": found.failures,
        "seed": found.request.seed,
        "seconds": round(found.seconds, 1),
    }


def _judged(agreement: Agreement) -> dict[str, Any]:
    """Each phase is told with the verdict, too, though that is of their mean: a number alone would be quoted alone."""
    told = asdict(agreement)
    reasons = {"reasons": agreement.reasons}
    by_phase = {
        phase: {"verdict_over_phases": agreement.verdict, **reasons, **each} for phase, each in told["by_phase"].items()
    }
    return {"verdict": agreement.verdict, **reasons, **told, "by_phase": by_phase}


def sanity_of(found: Explained) -> dict[str, Any]:
    """What ``sanity.json`` holds."""
    curves = {each.name: asdict(each.deletion) for each in found.pictures if each.deletion}
    return {
        "map": map_size(found),
        "checks": [asdict(check) for check in found.checks],
        "randomised_layers": found.cascade.to_dict("records"),
        "taken_otherwise": {"shifts": found.acquisition, "said": acquisition.sentence(found.acquisition)},
        "superpixel_shap_agreement": found.superpixels,
        "deletion_insertion": curves,
        "seeds_alike_by_layer": {each.name: each.seeds_alike for each in found.pictures},
        "border": {each.name: each.border for each in found.pictures},
        "flat_area": {each.name: each.flat for each in found.pictures},
    }


def enrichment_table(found: Explained) -> pd.DataFrame:
    """For every layer, method and phase: means over pictures, their intervals over groups, and their chance.

    Of so many p one in twenty is below 0.05 by chance. ``primary`` names the few that were fixed before any result was
    seen: leans of Grad-CAM, at the layer that is judged, on the phases that are compared and that this layer resolves.
    The rest describes. Sizes of cells are words, ``0.8 to 1.6``, where those of pictures differ.
    """
    groups, rows = found.dataset.groups[found.owner], []
    fixed = (found.layers.judged, METHODS[0], "lean")
    told = [phase for phase in MASK_OF.values() if phase not in found.layers.unresolved]
    for layer, method in found.pictures[0].heats:
        heats = [each.heats[layer, method] for each in found.pictures]
        cell_px, cell_um = cell_sizes(found, (layer, method))
        for place, phase in enumerate(PHASES):
            for number, measure in enumerate(enrichment.MEASURES):
                values = np.array([heat.table[measure].iloc[place] for heat in heats])
                null = np.array([heat.null[:, place, number] for heat in heats])
                mean = enrichment.over_samples(values, null, groups)
                chance = null[np.isfinite(values)].mean(axis=0) if np.isfinite(values).any() else np.full(1, np.nan)
                known = chance[np.isfinite(chance)]
                ends = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
                rows.append(
                    {
                        "layer": layer,
                        "judged": layer == found.layers.judged,
                        "primary": (layer, method, measure) == fixed and phase in told,
                        "method": method,
                        "cell_px": cell_px,
                        "cell_um": cell_um,
                        "phase": phase,
                        "measure": measure,
                        "low": mean.low,
                        "value": mean.value,
                        "high": mean.high,
                        "moved_maps_low": ends[0],
                        "moved_maps_high": ends[1],
                        "p_moved_maps": mean.p,
                        "n_pictures": mean.n,
                    }
                )
    return pd.DataFrame(rows)


def pictures_table(found: Explained) -> pd.DataFrame:
    """A line for every picture, layer, method and phase: on what its map lies."""
    rows = []
    for each, row in zip(found.pictures, found.owner, strict=True):
        for (layer, method), heat in each.heats.items():
            for phase, measured in heat.table.iterrows():
                rows.append(
                    {
                        "micrograph_id": each.name,
                        "row": found.dataset.ids[row],
                        "group": found.dataset.group_names[row],
                        "layer": layer,
                        "method": method,
                        "phase": phase,
                        "map_rows": heat.values.shape[0],
                        "map_cols": heat.values.shape[1],
                        "cell_px": heat.cells.edge,
                        "cell_um": heat.cells.edge * (each.pixel_um or math.nan),
                        **measured.to_dict(),
                    }
                )
    return pd.DataFrame(rows)


def rows_table(found: Explained) -> pd.DataFrame:
    """A line for every row of the data set: both predictions, and what is compared."""
    dataset, target = found.dataset, found.dataset.target
    layer = found.layers.judged
    table = pd.DataFrame(
        {
            "id": dataset.ids,
            "group": dataset.group_names,
            f"measured_{target.name}": dataset.y_native,
            "predicted_by_network": native_values(found.network, target.log10),
            "predicted_by_features": native_values(found.features.whole.predicted, target.log10),
            "predicted_by_structure": native_values(found.features.structure.predicted, target.log10),
        }
    )
    table["porosity"] = of_rows(np.array([each.porosity for each in found.pictures]), found.owner, len(dataset.ids))
    for place, (name, mask) in enumerate(MASK_OF.items()):
        table[f"lean_{mask}"] = leans_of_rows(found.pictures, found.owner, len(dataset.ids), layer, mask)
        table[f"shap_{name.replace(' ', '_')}"] = found.features.sums[:, place]
    return table
