"""How long a conductivity takes, and how much memory: python -m tests.benchmarks.transport [--voxels N ...].

Polycrystals with grains of 12 voxels, without pores and with 15 %, at boundary-to-bulk contrasts r sigma / h from 0 to
10 000. Each is solved in a process of its own, pinned to one core where the system allows; the time is that of the
solver alone, the peak memory that of the process. Nothing is asserted.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VOXEL_UM = 0.25
GRAIN_VOXELS = 12
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

# Heavy imports stay inside the functions: a child's peak memory is counted from its parent's size.


def draw(path: Path, n: int, porosity: float) -> None:
    """A block of grains, as an array in a file."""
    import numpy as np

    from micro_features.synthetic.polycrystal import grain_voxels, polycrystal

    crystal = polycrystal(
        size_um=(n * VOXEL_UM,) * 3,
        grain_diameter_mean_um=GRAIN_VOXELS * VOXEL_UM,
        porosity=porosity,
        pore_diameter_mean_um=GRAIN_VOXELS * VOXEL_UM / 2,
        seed=1,
    )
    np.save(path, grain_voxels(crystal, voxel_um=VOXEL_UM, shape=(n, n, n)))


def solve(path: Path, contrast: float) -> None:
    """In the child: solve, and print what came out as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import warnings

    import numpy as np
    import pyamg  # noqa: F401  so that the time is the solver's, not the import's

    from micro_features.synthetic.transport import CoarseGridWarning, effective_conductivity

    warnings.simplefilter("ignore", CoarseGridWarning)
    grains = np.load(path)
    clock, cpu = time.perf_counter(), time.process_time()
    done = effective_conductivity(
        grains, voxel_um=VOXEL_UM, bulk_S_per_cm=1e-3, boundary_resistance_ohm_cm2=contrast * VOXEL_UM * 1e-4 / 1e-3
    )
    found = {"clock s": time.perf_counter() - clock, "CPU s": time.process_time() - cpu}
    found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )
    found |= {"iterations": done.iterations, "imbalance": done.imbalance, "S/cm": done.conductivity_S_per_cm}
    print(json.dumps(found))


def child(*arguments: str) -> str:
    """Output of this module run as a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.transport", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ONE_THREAD)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def report(sides: list[int]) -> None:
    """Solve all cases and print their table."""
    print(
        f"{'voxels':>8}{'pores':>7}{'contrast':>10}{'clock s':>9}{'CPU s':>8}{'peak MB':>9}{'iterations':>12}", end=""
    )
    print(f"{'imbalance':>11}{'S/cm':>11}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grains.npy"
        for n in sides:
            for porosity in (0.0, 0.15):
                child("--draw", str(path), str(n), str(porosity))
                for contrast in (0, 1, 100, 10_000):
                    found = json.loads(child("--solve", str(path), str(contrast)))
                    print(f"{n:>6}^3{porosity:>7}{contrast:>10}", end="")
                    print("{clock s:>9.1f}{CPU s:>8.1f}{peak MB:>9.0f}{iterations:>12}".format(**found), end="")
                    print("{imbalance:>11.0e}{S/cm:>11.3e}".format(**found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, nargs="+", default=[96, 128], metavar="N", help="voxels along each side")
    parser.add_argument("--draw", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--solve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.draw:
        path, n, porosity = arguments.draw
        draw(Path(path), int(n), float(porosity))
    elif arguments.solve:
        path, contrast = arguments.solve
        solve(Path(path), float(contrast))
    else:
        report(arguments.voxels)


if __name__ == "__main__":
    main()
