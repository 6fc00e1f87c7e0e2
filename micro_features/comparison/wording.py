"""What a comparison found, in plain words; a number that means nothing is not printed as if it did."""

from collections.abc import Iterable, Iterator

import numpy as np

from micro_features.comparison.answers import CONDUCTIVITIES, GERUND, fates
from micro_features.comparison.explain import Explained
from micro_features.explain import acquisition, directions
from micro_features.explain.compare import CAPTION, Agreement
from micro_features.explain.gradcam import METHODS
from micro_features.learn.scores import r2
from micro_features.network.beside import DATE_ALONE, FEATURE_MODEL
from micro_features.network.result_files import ONE_PASS
from micro_features.network.scoring import NETWORK, said

NO_WEIGHT = "Of models of which one does no better than chance, and so of no weight:"
REFUSED = ("not meaningful", "not resolvable")
"""Verdicts under which the number itself is not printed."""


def lines(found: Explained) -> Iterator[str]:
    """Everything, for a person to read."""
    yield from _models(found)
    yield ""
    yield from _maps(found)
    yield ""
    yield from _agreements(found)
    yield ""
    signs = [f"Pores: {found.signs.words}"]
    answers = [*filter(None, (answered(found, what) for what in GERUND)), *_reversal(found)]
    of_no_weight = signs * bool(found.at_chance) + answers * bool(found.whole_at_chance)
    yield from (line for line in signs + answers if line not in of_no_weight)
    yield from _windows(found)
    if of_no_weight:
        yield NO_WEIGHT
        yield from of_no_weight
    yield ""
    yield "Do the maps show what was learned?"
    for check in found.checks:
        yield f"  {check.verdict:16} {check.name}: {interval(check.low, check.value, check.high)}. {check.words}"
    alike = {layer: np.median([each.seeds_alike[layer] for each in found.pictures]) for layer in layers_of(found)}
    told = ", ".join(f"{layer} {value:.2f}" for layer, value in alike.items() if np.isfinite(value))
    if told:
        yield f"  {'':16} Similarity of the maps of two seeds by layer, median over pictures: {told}."
    asked = np.isfinite([each.superpixel_agreement for each in found.pictures])
    if asked.any():
        few = directions.too_few(found.dataset.groups[found.owner[asked]])
        median = f"rank correlation {interval(*found.superpixels)}, median over {asked.sum()} pictures"
        yield f"  {'':16} Heat over superpixels and their SHAP values: {few or median}."
    yield f"  {'':16} {acquisition.sentence(found.acquisition)} Gain and brightness are removed before."
    for failure in found.failures:
        yield f"left out: {failure}"
    yield ""
    yield CAPTION


def _models(found: Explained) -> Iterator[str]:
    scores = found.model.scores["predictors"]
    yield f"R² with groups left out, {found.model.scores['folds']} folds of the fit:"
    for name in (NETWORK, ONE_PASS, FEATURE_MODEL, DATE_ALONE):
        if name in scores:
            yield f"  {'network, mean over windows' if name == NETWORK else name:34} {said(scores[name]['r2'])}"
    structure = r2(found.dataset.y, found.features.structure.predicted, found.dataset.groups)
    yield f"  {'pores, grains and boundaries alone':34} {interval(*structure)}"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in found.features.shares.items())
    yield f"SHAP of the feature model by phase: {shares}. Texture has no place in the picture."
    yield "What is compared with the maps is the model of pores, grains and boundaries alone."


def _maps(found: Explained) -> Iterator[str]:
    yield f"Maps of the judged layer: {map_size(found)}."
    layers = found.layers
    grains = f"{layers.grain_px:.0f} px" if np.isfinite(layers.grain_px) else "not resolved in the pictures"
    pores = f"{layers.pore_px:.0f} px" if np.isfinite(layers.pore_px) else "none"
    yield (
        f"Grains (mean diameter {grains}): {layers.grains or 'resolved by no layer'}. Pores (area-weighted mean "
        f"diameter {pores}): {layers.pores or 'resolved by no layer'}."
    )


def _agreements(found: Explained) -> Iterator[str]:
    yield f"Do both models lean on the same phases? {found.agreement.verdict.upper()}"
    yield from _agreement(found.agreement)
    if found.of_pores is not None and not found.at_chance:
        yield f"Pores alone, on the layer that resolves them: {found.of_pores.verdict}"
        yield from _agreement(found.of_pores)


def _agreement(each: Agreement) -> Iterator[str]:
    if each.verdict not in REFUSED:
        value = interval(each.low, each.value, each.high)
        yield f"  rank agreement over {each.n} rows of {each.n_groups} groups {value}"
        for phase, one in each.by_phase.items():
            yield (
                f"    {phase}: {interval(one.low, one.value, one.high)}, at equal measured property "
                f"{interval(*one.partial)}; moved maps p = {one.p_shift:.2g}, SHAP sums "
                f"dealt to other groups p = {one.p_shuffle:.2g}"
            )
        untrained = [value for value in each.untrained if np.isfinite(value)]
        if untrained:
            yield f"    {len(untrained)} untrained networks: {min(untrained):.2f} to {max(untrained):.2f}"
    for reason in each.reasons:
        yield f"  {reason}"


def _reversal(found: Explained) -> Iterator[str]:
    """Where a conductivity is predicted to fall when pores are filled, and where map and answer do not fit together."""
    filled = found.interventions.get("pores filled")
    if filled is None or found.dataset.target.unit not in CONDUCTIVITIES:
        return
    against = [
        name for name, beyond in zip(("network", "feature model"), filled.beyond, strict=True) if beyond.high < 0
    ]
    if against:
        yield (
            f"So pores RAISE what the {' and the '.join(against)} predict{'s' * (len(against) == 1)}, against physics: "
            "association within these imaging sessions, not cause."
        )
    if "network" in against and found.signs.network == "lower":
        yield "The heat map says the opposite of the network's own answer: its sign on pores can not be trusted here."


def _windows(found: Explained) -> Iterator[str]:
    if found.windows is None:
        return
    if found.whole_at_chance:
        yield "Windows: not compared, as one model does no better than chance."
        return
    each = found.windows
    if each.n_pictures < directions.FEWEST:
        yield f"Windows: too few pictures to tell ({each.n_pictures})."
        return
    yield (
        f"{each.n_windows} windows: network and feature model order those of one picture with a rank correlation of "
        f"{interval(*each.within)}, all of them with {interval(*each.overall)}."
    )


def map_size(found: Explained) -> str:
    """The judged layer, its cells and their size; from the least to the largest where those of pictures differ."""
    key = found.layers.judged, METHODS[0]
    shapes = sorted({each.heats[key].values.shape for each in found.pictures}, key=np.prod)
    first, last = (f"{rows} x {cols}" for rows, cols in (shapes[0], shapes[-1]))
    edge_px, edge_um = cell_sizes(found, key)
    size = f" = {edge_um} µm" if edge_um else ""
    return f"{found.layers.judged}, {first if first == last else f'{first} to {last}'} cells of {edge_px} px{size}"


def cell_sizes(found: Explained, key: tuple[str, str]) -> tuple[str, str]:
    """Edge of the cells of a layer, by a method, in pixels and in micrometres; nothing for what is not known.

    Pictures of several pixel sizes are brought to one scale where windows are in micrometres; their cells then differ.
    """
    edges = [(each.heats[key].cells.edge, each.pixel_um) for each in found.pictures]
    return _span(px for px, _ in edges), _span(px * um for px, um in edges if um)


def _span(values: Iterable[float]) -> str:
    """``1.5``, or ``0.8 to 1.6`` where they differ."""
    told = [f"{value:.3g}" for value in sorted(values)]
    return " to ".join(dict.fromkeys([*told[:1], *told[-1:]]))


def answered(found: Explained, what: str) -> str:
    """How both models answered to an alteration, and how many of the altered pictures that is not told of."""
    fate = fates(found.pictures, what)
    n = sum(map(len, fate.values()))
    said = [found.interventions[what].words] if what in found.interventions else []
    for why, words in (
        ("no room", "there was no room for a control of as much area"),
        ("nothing", "there was nothing to take away"),
    ):
        if fate[why]:
            said.append(f"{GERUND[what]} is not judged in {len(fate[why])} of {n} altered pictures: {words}.")
    return " ".join(said)


def layers_of(found: Explained) -> list[str]:
    """Layers of the network, shallow to deep."""
    return list(found.pictures[0].seeds_alike)


def altered(found: Explained) -> list[str]:
    """Pictures that were altered and measured anew."""
    return [each.name for each in found.pictures if each.alterations]


def interval(low: float, value: float, high: float) -> str:
    """``0.71 [0.08, 0.98]``."""
    return said([float(end) if np.isfinite(end) else None for end in (low, value, high)])
