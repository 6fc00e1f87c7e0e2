"""Draw the README's picture anew: python data/figures/make.py [MICROGRAPH_ID]."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from micro_features import Settings, pipeline, read_picture
from micro_features.files.artefacts import shipped
from micro_features.files.outputs import write_png
from micro_features.report.overlay import draw_overlay

matplotlib.use("agg")
from matplotlib import pyplot as plt

SHOWN = (
    ("porosity", "porosity", 100, "%", 1),
    ("mean intercept", "grain_intercept_mean_um", 1, "µm", 2),
    ("$S_V$", "surface_per_volume_per_um", 1, "µm⁻¹", 2),
)
TRUE = {
    "porosity": "porosity_true",
    "grain_intercept_mean_um": "grain_intercept_mean_true_um",
    "surface_per_volume_per_um": "surface_per_volume_true_per_um",
}


def main(name: str = "s03b") -> None:
    """Write overlay.png: a drawn section, and beside it what was found on it."""
    folder = shipped("data", "synthetic")
    truth = pd.read_csv(folder / "manifest.csv").set_index("file").loc[f"micrographs/{name}.png"]
    picture = read_picture(folder / "micrographs" / f"{name}.png")
    calibrated = pipeline.calibrate(picture)
    micrograph = pipeline.micrograph_of(picture, calibrated)
    settings = Settings()
    segmentation = pipeline.segment(micrograph, settings)
    found = pipeline.measure(micrograph, segmentation, settings).features
    overlay = draw_overlay(
        micrograph.image,
        grains=segmentation.grains,
        pores=segmentation.pores,
        annotations=calibrated.annotations,
        caption="",
    )
    overlay = overlay[: round(overlay.shape[1] * micrograph.image.shape[0] / micrograph.image.shape[1])]

    figure = plt.figure(figsize=(13, 6.1), dpi=100, facecolor="white")
    grid = figure.add_gridspec(
        2, 2, height_ratios=(11, 1.2), wspace=0.02, hspace=0.02, left=0.01, right=0.99, top=0.94, bottom=0.0
    )
    sides = (("drawn: a section through a polycrystal in space", micrograph.image), ("found on it", overlay))
    for column, (title, image) in enumerate(sides):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(image, cmap="gray", vmin=0, vmax=1 if image.ndim == 2 else None, interpolation="antialiased")
        axes.set_title(title, fontsize=14)
        axes.set_axis_off()
        values = [
            f"{label} {scale * (truth[TRUE[feature]] if column == 0 else found[feature]):.{digits}f} {unit}"
            for label, feature, scale, unit, digits in SHOWN
        ]
        text = figure.add_subplot(grid[1, column])
        text.set_axis_off()
        text.text(
            0.5,
            0.55,
            ("true: " if column == 0 else "found: ") + ",  ".join(values),
            ha="center",
            va="center",
            fontsize=12,
        )
    figure.canvas.draw()
    write_png(Path(__file__).with_name("overlay.png"), np.asarray(figure.canvas.buffer_rgba())[..., :3], compression=9)


if __name__ == "__main__":
    main(*sys.argv[1:])
