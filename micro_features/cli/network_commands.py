"""What the commands about networks do. PyTorch is an extra, and is imported only here below."""

import argparse
import sys
from importlib.util import find_spec

from micro_features.cli.common import progress
from micro_features.cli.exit_codes import FAILED
from micro_features.cli.learning_arguments import dataset_request
from micro_features.errors import ArtefactError


def cnn_train(options: argparse.Namespace) -> int:
    """`cnn train`."""
    require_torch()
    from micro_features.network import result_files
    from micro_features.network.pictures import Geometry
    from micro_features.network.scoring import score_lines
    from micro_features.network.train import Request, train

    request = Request(
        table=options.table,
        fit=options.fit,
        data=dataset_request(options),
        pictures=options.pictures,
        geometry=Geometry(options.window, options.overlap, options.reduction, options.window_um),
        normalised=options.normalise,
        epochs=options.epochs,
        batch=options.batch,
        seeds=options.seeds,
        seed=options.seed,
        device=options.device,
        n_workers=options.jobs,
    )
    training = train(request, options.output, tell=lambda line: print(line, file=sys.stderr, flush=True))
    scores = result_files.write(training, options.output, options.command_line)
    for line in (*score_lines(scores), "", *scores["said"]):
        print(line)
    print(f"\nresults: {options.output} (look at {options.output / 'figures'} first)")
    return 0


def cnn_predict(options: argparse.Namespace) -> int:
    """`cnn predict`."""
    require_torch()
    from micro_features.network.predict import Request, predict

    result = predict(
        Request(
            paths=tuple(options.paths),
            model=options.model,
            output=options.output,
            level=options.level,
            pixel_um=options.pixel_size,
            pixel_size_table=options.pixel_size_from,
            uncalibrated=options.uncalibrated,
            n_workers=options.jobs,
        )
    )
    for line in result.lines():
        print(line)
    return FAILED if result.failures else 0


def explain(options: argparse.Namespace) -> int:
    """`explain`."""
    require_torch()
    from micro_features.comparison import explain as comparing
    from micro_features.comparison import result_files, wording
    from micro_features.comparison.asked import Request
    from micro_features.fitting.result_files import check_new

    check_new(options.output)
    found = comparing.explain(
        Request(
            table=options.table,
            fit=options.fit,
            cnn=options.cnn,
            manifest=options.manifest,
            pictures=options.pictures,
            altered=options.altered,
            sanity=options.sanity,
            seed=options.seed,
            n_workers=options.jobs,
        ),
        tell=progress,
    )
    result_files.write(found, options.output)
    for line in wording.lines(found):
        print(line)
    print(f"\nresults: {options.output} (look at {options.output / 'figures'} first)")
    return FAILED if found.failures else 0


def require_torch() -> None:
    """Refuse to go on without PyTorch; ArtefactError."""
    if not all(map(find_spec, ("torch", "safetensors"))):
        raise ArtefactError("the network needs PyTorch, which is not installed: pip install 'micro-features[cnn]'.")
