"""Solve this folder's runs anew: python data/transport/make.py [FOLDER] [--jobs N]."""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from micro_features.synthetic.law.solver_runs import refined, run_requests, solver_run

RUNS = run_requests(200, seed=2024)
TABLES = {"solver_runs.csv": RUNS, "solver_runs_refined.csv": [refined(request) for request in RUNS[::10]]}


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, requests in TABLES.items():
            rows = list(tqdm(pool.map(solver_run, requests), total=len(requests), desc=name))
            table = pd.DataFrame(rows)
            table.to_csv(options.folder / name, index=False, lineterminator="\n", float_format="%.10g")


if __name__ == "__main__":
    main()
