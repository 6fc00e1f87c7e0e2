"""One micrograph, measured at many settings: the function whose sensitivity to thresholds is asked for."""

from collections.abc import Iterable, Mapping, Sequence

from micro_features.corrections import Operation
from micro_features.data import Micrograph
from micro_features.errors import SettingsError
from micro_features.explain.sensitivity import Range, evaluate, one_at_a_time
from micro_features.features.catalogue import FEATURES
from micro_features.images.hierarchy import Memo
from micro_features.pipeline.correcting import corrected
from micro_features.pipeline.measuring import Measured, measure
from micro_features.pipeline.memory import Memory
from micro_features.pipeline.segmenting import segment
from micro_features.settings import Settings, controls

DEPEND_ON_THRESHOLDS = tuple(
    name for name, feature in FEATURES.items() if feature.phase != "texture" and "_ci95_" not in name
)
"""Features whose range over thresholds means something: texture sees no label, and an interval is a range itself."""
_LEAST_BYTES = 600_000_000
# Likelihood of pores, pores, grains and their hierarchies of one state of the settings, with some room.
_BYTES_A_PIXEL = 100
# What a change costs falls in this order: pores first, for grains are found between them.
_ORDER = (
    "pores.window_px",
    "pores.",
    "prepare.",
    "grains.merge_level",
    "grains.scale_tolerance",
    "grains.small",
    "grains.",
)


def threshold_ranges(settings: Settings, names: Sequence[str] = ()) -> dict[str, Range]:
    """The plausible range of each threshold that does something among these settings.

    Parameters
    ----------
    settings : Settings
        A value outside the range that the setting states widens it.
    names : sequence of str, optional
        Only these.

    Returns
    -------
    dict of str to Range

    Raises
    ------
    SettingsError
        A name is no threshold, or does nothing among these settings.
    """
    known = {control.name: control for control in controls() if control.is_threshold}
    values = settings.dotted()
    for name in names:
        if name not in known:
            raise SettingsError(f"{name!r} is no threshold with a plausible range; these are: {', '.join(known)}.")
        if not known[name].applies(settings):
            ways = " and ".join(f"{key} is {' or '.join(wanted)}" for key, wanted in known[name].when.items())
            raise SettingsError(f"{name} does nothing with these settings, only where {ways}.")
    found = {}
    for name, control in known.items():
        if control.applies(settings) and (not names or name in names):
            assert control.plausible is not None
            low, high = control.plausible
            value = float(values[name])
            integer = control.kind == "integer"
            found[name] = Range(min(low, value), value, max(high, value), integer, control.logarithmic)
    return found


def widened(settings: Settings, ranges: Iterable[str]) -> list[str]:
    """For people: thresholds that stand outside of their plausible range, which was widened to hold them.

    Parameters
    ----------
    settings : Settings
    ranges : iterable of str
        The thresholds that are moved.
    """
    told = []
    values = settings.dotted()
    by_name = {control.name: control for control in controls()}
    for name in ranges:
        plausible = by_name[name].plausible
        assert plausible is not None
        low, high = plausible
        if not low <= values[name] <= high:
            told.append(
                f"{name} = {values[name]:g} lies outside of what is plausible, {low:g} to {high:g}; the range was "
                "widened to hold it"
            )
    return told


def by_cost(names: Iterable[str]) -> list[str]:
    """Settings in the order of the stages that they touch, the most costly first.

    Parameters
    ----------
    names : iterable of str
        Dotted.
    """
    places = {
        name: next((place for place, start in enumerate(_ORDER) if name.startswith(start)), len(_ORDER))
        for name in names
    }
    return sorted(places, key=lambda name: places[name])


class Varied:
    """A micrograph that is measured at many settings; what a change leaves alone is not made again.

    Parameters
    ----------
    micrograph : Micrograph
    settings : Settings
        What stays.
    operations : sequence of Operation
        Corrections by hand, which stay, too.
    memo : Memo, optional
        Of this micrograph; one with room for some states of the settings where left out.
    """

    def __init__(
        self,
        micrograph: Micrograph,
        settings: Settings,
        *,
        operations: Sequence[Operation] = (),
        memo: Memo | None = None,
    ):
        self._micrograph, self._settings, self._operations = micrograph, settings, operations
        limit = max(_LEAST_BYTES, _BYTES_A_PIXEL * micrograph.image.size)
        self._memo = Memory(limit) if memo is None else memo

    def at(self, point: Mapping[str, float]) -> Settings:
        """The settings at a point: some of them changed, by their dotted names."""
        return self._settings.updated(point)

    def __call__(self, point: Mapping[str, float]) -> Measured:
        """The numbers of the micrograph at a point."""
        settings = self.at(point)
        found = segment(self._micrograph, settings, memo=self._memo)
        return measure(self._micrograph, corrected(found, self._operations)[0], settings)


def feature_ranges(
    micrograph: Micrograph, settings: Settings, operations: Sequence[Operation] = ()
) -> dict[str, tuple[float, float]]:
    """Least and largest of each feature when thresholds go to the ends of their plausible ranges, one at a time.

    Parameters
    ----------
    micrograph : Micrograph
    settings : Settings
    operations : sequence of Operation
        Corrections by hand.

    Returns
    -------
    dict
        Name of each feature that can depend on a threshold to (low, high), of the settings at which it is not
        withheld; NaN where it is at all of them.
    """
    ranges = threshold_ranges(settings)
    steps = one_at_a_time(ranges, between=0)
    varied = Varied(micrograph, settings, operations=operations)
    answers = evaluate(steps.points, lambda point: varied(point).features, order=by_cost(ranges))
    return {name: (float(answers[name].min()), float(answers[name].max())) for name in DEPEND_ON_THRESHOLDS}
