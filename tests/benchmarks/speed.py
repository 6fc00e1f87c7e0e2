"""How long a picture takes, and how much memory: python -m tests.benchmarks.speed [--repeats N].

Beside the package's own way of one picture (read, calibrate, segment, measure) run, on the same pictures and one core,

- a floor: decoding, two Gaussian blurs, connected components, one watershed of OpenCV and the regions' moments;
- a textbook pipeline of scikit-image: Gaussian blur, Otsu's threshold, distance transform, its peaks, watershed,
  table of region properties.

Each runs in a process of its own, pinned to one core where the system allows; a first, uncounted call loads what is
loaded once. Times are medians over pictures and repeats: by the clock, and of the processor, which another program on
the same core does not disturb and which the ratio to the floor is taken of. Nothing is asserted.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SHAPE = (960, 1280)
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "llzto"
REAL_PICTURES = ("High/3.67e-4.tif", "Median/3.01e-4.tif", "Low/1.05e-5.tif")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Laps = dict[str, tuple[float, float]]  # name -> seconds by the clock, of the processor


# Heavy imports stay inside the functions: the parent process must be small, because a child's peak memory is counted
# from its parent's size, and each child should hold its own libraries only.


def draw(folder: Path) -> None:
    """Two drawn pictures with data bar, as PNG."""
    from datetime import datetime

    import numpy as np
    from PIL import Image

    from micro_features.synthetic import Surface, quick_micrograph, with_databar

    kinds: tuple[tuple[Surface, float], ...] = (("polished", 6.0), ("fracture", 6.0))
    for surface, diameter_um in kinds:
        drawn = quick_micrograph(
            shape=SHAPE, pixel_um=0.25, grain_diameter_mean_um=diameter_um, porosity=0.05, pore_diameter_mean_um=2.5,
            surface=surface, seed=1,
        )  # fmt: skip
        picture, _ = with_databar(
            np.rint(drawn.image * 255).astype(np.uint8),
            pixel_um=0.25,
            layout="jeol",
            magnification=375,
            kV=5.0,
            WD_mm=10.1,
            taken=datetime(2024, 3, 19, 15, 33, 46),
        )
        Image.fromarray(picture).save(folder / f"{surface}.png")


def ours() -> Callable[[Path], Laps]:
    """The package's way, with all features."""
    from micro_features import pipeline
    from micro_features.files.images import read_picture
    from micro_features.settings import Settings

    settings = Settings()

    def run(path: Path) -> Laps:
        laps = _Laps()
        picture = read_picture(path)
        laps.lap("read")
        calibrated = pipeline.calibrate(picture)
        laps.lap("calibrate")
        micrograph = pipeline.micrograph_of(picture, calibrated)
        segmentation = pipeline.segment(micrograph, settings)
        laps.lap("segment")
        pipeline.measure(micrograph, segmentation, settings)
        laps.lap("measure")
        return laps.done()

    return run


def floor() -> Callable[[Path], Laps]:
    """The least that any such program does."""
    import cv2
    import numpy as np

    def run(path: Path) -> Laps:
        laps = _Laps()
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)[: SHAPE[0]]  # type: ignore[index]
        smooth = cv2.GaussianBlur(image, (0, 0), 1.5)
        background = cv2.GaussianBlur(image, (0, 0), 12)
        seeds = cv2.compare(smooth, background, cv2.CMP_GT)
        n, labels = cv2.connectedComponents(seeds)
        cv2.watershed(cv2.cvtColor(smooth, cv2.COLOR_GRAY2BGR), labels)
        regions = np.maximum(labels, 0).ravel()
        rows, cols = (axis.ravel().astype(float) for axis in np.indices(image.shape))
        for weights in (None, rows, cols, rows * rows, rows * cols, cols * cols, image.ravel()):
            np.bincount(regions, weights, minlength=n)
        return laps.done()

    return run


def textbook() -> Callable[[Path], Laps]:
    """What a tutorial of scikit-image would do."""
    import numpy as np
    from scipy import ndimage
    from skimage import feature, filters, io, measure, segmentation

    def run(path: Path) -> Laps:
        laps = _Laps()
        image = io.imread(path)
        image = (image if image.ndim == 2 else image[..., 0])[: SHAPE[0]]
        smooth = filters.gaussian(image, 1.5)
        grains = smooth > filters.threshold_otsu(smooth)
        distance = ndimage.distance_transform_edt(grains)
        peaks = feature.peak_local_max(distance, min_distance=3, labels=measure.label(grains))
        markers = np.zeros(image.shape, dtype=int)
        markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        labels = segmentation.watershed(-distance, markers, mask=grains)
        wanted = "area perimeter equivalent_diameter_area eccentricity orientation solidity centroid intensity_mean"
        measure.regionprops_table(labels, image, properties=wanted.split())
        return laps.done()

    return run


SUBJECTS: dict[str, Callable[[], Callable[[Path], Laps]]] = {"floor": floor, "textbook": textbook, "ours": ours}


class _Laps:
    """Times since the last lap, and of all."""

    def __init__(self) -> None:
        self._start = self._last = self._now()
        self._laps: Laps = {}

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        now = self._now()
        self._laps[name] = (now[0] - self._last[0], now[1] - self._last[1])
        self._last = now

    def done(self) -> Laps:
        now = self._now()
        return {"total": (now[0] - self._start[0], now[1] - self._start[1])} | self._laps


def work(subject: str, paths: list[Path], repeats: int) -> None:
    """In the child: run one subject on all pictures; print laps and peak memory as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import cv2

    cv2.setNumThreads(1)
    run = SUBJECTS[subject]()
    run(paths[0])
    laps = [run(path) for _ in range(repeats) for path in paths]
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    medians = {name: [statistics.median(lap[name][i] for lap in laps) for i in (0, 1)] for name in laps[0]}
    print(json.dumps({"seconds": medians, "peak_MB": peak_MB}))


def child(*arguments: str) -> str:
    """Output of this module run as a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.speed", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ONE_THREAD)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def seconds_of_help(repeats: int) -> float:
    """Median time of `micro-features --help` as a process."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "micro_features", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])  # the first fills the disk cache


def report(title: str, paths: list[Path], repeats: int) -> None:
    """Run all subjects on some pictures and print their table."""
    print(f"\n{title}: {len(paths)} pictures, {SHAPE[1]} x {SHAPE[0]}, {repeats} repeats")
    print(f"{'':20}{'clock s':>9}{'CPU s':>8}{'floors':>8}{'peak MB':>9}")
    base = None
    for subject in SUBJECTS:
        found = json.loads(child("--work", subject, "--repeats", str(repeats), *map(str, paths)))
        base = base or found["seconds"]["total"][1]
        for name, (clock, processor) in found["seconds"].items():
            whole = name == "total"
            memory = f"{found['peak_MB']:9.0f}" if whole else ""
            print(f"{subject if whole else '  ' + name:20}{clock:9.3f}{processor:8.3f}{processor / base:8.1f}{memory}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", choices=[*SUBJECTS, "draw"], help=argparse.SUPPRESS)
    parser.add_argument(
        "paths", nargs="*", type=Path, help="pictures to run on (drawn ones and, if present, real ones)"
    )
    options = parser.parse_args()
    if options.work == "draw":
        draw(options.paths[0])
    elif options.work:
        work(options.work, options.paths, options.repeats)
    else:
        print(f"micro-features --help: {seconds_of_help(options.repeats):.2f} s")
        if options.paths:
            report("given", options.paths, options.repeats)
            return
        with tempfile.TemporaryDirectory() as folder:
            child("--work", "draw", folder)
            report("drawn", sorted(Path(folder).iterdir()), options.repeats)
        real = [REAL / name for name in REAL_PICTURES if (REAL / name).is_file()]
        if real:
            report("real (LLZTO)", real, options.repeats)


if __name__ == "__main__":
    main()
