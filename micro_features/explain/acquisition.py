"""Whether a model answers to how a picture was taken, rather than to what it shows.

Contrast, brightness, focus and noise belong to the microscope session. A network that was trained where sessions went
with the property may have learned the sessions, and scores well until the sessions change. Changing nothing but them,
in pictures it has not seen, asks it directly; no label and no second session is needed.
"""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

GAIN = 1.25
"""Factor of contrast."""

BRIGHTNESS = 0.5
"""Added, standard deviations of the picture."""

BLUR_PX = 0.7
"""Standard deviation of the 3 x 3 binomial filter, network pixels."""

NOISE = 0.2
"""Standard deviation of white noise, standard deviations of the picture."""

CHANGES = ("gain", "brightness", "blur", "noise")
"""What is changed, one at a time, by about what two pictures of one set differ by: 47 published LLZTO pictures scatter
by a factor of 1.2 in contrast, by 0.28 of their standard deviation in brightness and, reduced as a network sees them,
by 0.24 in noise (root of the standard deviation of its square). The blur is rather more: it divides their sharpness
(`features.quality`) by 1.7, where they scatter by a factor of 1.35; one pair in five differs by more."""

MOVED = 0.5
"""Shift of predictions, in standard deviations between samples, from which on a model is said to answer to a change: as
large as a shift between two groups that is called medium (Cohen 1988, d = 0.5)."""

_WORDS = {
    "gain": f"{100 * (GAIN - 1):.0f} % more contrast",
    "brightness": f"{BRIGHTNESS:g} standard deviations more brightness",
    "blur": f"a focus worse by {BLUR_PX:g} px",
    "noise": f"noise of {NOISE:g} standard deviations",
}


def acquisition_response(
    predict: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, *, seed: int
) -> dict[str, float]:
    """How far a prediction moves when a picture is taken otherwise.

    Parameters
    ----------
    predict : function
        From (m, rows, cols) pictures to (m,) predictions, model units. A standardisation that is part of the model
        belongs in here: it undoes gain and brightness.
    picture : (rows, cols) float array
        In the network's grey levels: mean 0, standard deviation 1.
    seed : int
        Of the noise.

    Returns
    -------
    dict of str to float
        For each of `CHANGES` the prediction of the changed picture less that of the given one, model units.
    """
    x = np.asarray(picture, np.float32)
    noise = np.random.default_rng(seed).standard_normal(x.shape, dtype=np.float32)
    line = np.array([0.25, 0.5, 0.25], np.float32)
    changed = {
        "gain": np.float32(GAIN) * x,
        "brightness": x + np.float32(BRIGHTNESS),
        "blur": cv2.sepFilter2D(x, -1, line, line, borderType=cv2.BORDER_REPLICATE),
        "noise": x + np.float32(NOISE) * noise,
    }
    told = np.asarray(predict(np.stack([x, *changed.values()])), float)
    return {name: float(each - told[0]) for name, each in zip(changed, told[1:], strict=True)}


def shifts(responses: Sequence[Mapping[str, float]], predicted: np.ndarray) -> dict[str, float]:
    """Responses of several pictures beside how far predictions differ between samples.

    Parameters
    ----------
    responses : sequence of mappings
        Of `acquisition_response`, one a picture.
    predicted : (n,) float array
        Predictions of the samples, model units; at least two.

    Returns
    -------
    dict of str to float
        For each of `CHANGES` the median response over the standard deviation of `predicted`: what a session would shift
        all its samples by. NaN where all predictions are the same.
    """
    spread = float(np.std(predicted, ddof=1))
    if not spread > 0:
        return dict.fromkeys(CHANGES, float("nan"))
    return {name: float(np.median([each[name] for each in responses])) / spread for name in CHANGES}


def sentence(shift: Mapping[str, float]) -> str:
    """What `shifts` means, in plain words.

    Parameters
    ----------
    shift : mapping
        Of `shifts`.
    """
    known = {name: value for name, value in shift.items() if np.isfinite(value)}
    if not known:
        return "Whether the network answers to how pictures are taken can not be said: it predicts the same for all."
    large = [name for name in sorted(known, key=lambda name: -abs(known[name])) if abs(known[name]) >= MOVED]
    if not large:
        most = max(known, key=lambda name: abs(known[name]))
        return (
            "Taking the same pictures otherwise moves the predictions little: at most by "
            f"{abs(known[most]):.2f} of their standard deviation between samples, for {_WORDS[most]}."
        )
    told = ", ".join(f"by {known[name]:+.2f} with {_WORDS[name]}" for name in large)
    return (
        f"The network reads how a picture was taken: with the material unchanged, its predictions move {told} "
        "(standard deviations of predictions between samples). Where sessions go with the property, that is a "
        "shortcut: do not compare samples of different sessions."
    )
