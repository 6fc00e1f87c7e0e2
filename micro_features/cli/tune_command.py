"""`tune`: what it takes, and what it does."""

import argparse
import contextlib
import secrets
import sys
import webbrowser
from importlib.util import find_spec
from pathlib import Path

from micro_features.cli.common import settings_from
from micro_features.cli.shared_arguments import add_calibration, add_method, add_settings, count
from micro_features.errors import MicroFeaturesError

USUAL_FILE = Path("settings.toml")


def add_tune(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command `tune`."""
    tune = commands.add_parser(
        "tune",
        help="tune settings by eye: a page in the browser",
        description="Open a page in the browser on which settings are tuned by eye: picture, numbers and prediction "
        "follow each slider. Its address, printed first, works on this machine alone. Ends with Ctrl-C.",
        allow_abbrev=False,
    )
    tune.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="pictures, or folders of pictures")
    add_method(tune)
    add_settings(tune)
    add_calibration(tune)
    tune.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.csv",
        help="table with a column 'file' and any of 'sample_id', 'surface' (polished, fracture, unknown)",
    )
    tune.add_argument("--model", metavar="MODEL", help="what `fit` wrote: its prediction is shown, and what moves it")
    tune.add_argument("--network", metavar="MODEL", help="what `cnn train` wrote: Grad-CAM becomes a layer")
    tune.add_argument(
        "--tuned",
        type=Path,
        metavar="DIR",
        help="folder for what is tuned for single pictures: their own settings, corrections by hand (default: files "
        "beside the pictures, NAME.tuned.json)",
    )
    tune.add_argument("--port", type=_port, default=0, metavar="N", help="default: any that is free")
    tune.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    tune.set_defaults(run="tune")


def _port(text: str) -> int:
    number = count(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return number


def tune(options: argparse.Namespace) -> int:
    """`tune`."""
    require_server()
    with contextlib.suppress(KeyboardInterrupt):  # the usual way to end it
        _tune(options)
    return 0


def _tune(options: argparse.Namespace) -> None:
    from micro_features import jobs, pipeline
    from micro_features.app import server
    from micro_features.app.desk import Desk
    from micro_features.app.opened import Opened, find_shown
    from micro_features.app.settings_file import SettingsFile
    from micro_features.app.sidecars import Sidecars

    jobs.use_one_thread()
    file = SettingsFile(options.settings or USUAL_FILE)
    options.settings = file.path if file.path.exists() else None  # it is made when it is first saved
    start = settings_from(options)
    pipeline.check_models(start)
    shown, notes = find_shown(
        options.paths,
        manifest=options.manifest,
        pixel_size_table=options.pixel_size_from,
        for_all=jobs.Stated(pixel_um=options.pixel_size, uncalibrated=options.uncalibrated),
        max_pixels=start.reading.max_pixels,
    )
    model = network = None
    if options.model is not None:
        from micro_features.fitting import property_model

        model = property_model.load(options.model)
    if options.network is not None:
        from micro_features.cli.network_commands import require_torch

        require_torch()
        from micro_features.network import cnn_model

        network = cnn_model.load(options.network)
    with server.bound(options.port) as listening:
        token = secrets.token_urlsafe(24)
        url = f"http://{server.ADDRESS}:{listening.getsockname()[1]}/?token={token}"
        print(url, flush=True)
        print(f"settings are saved in {file.path.absolute()}; Ctrl-C ends the page", flush=True)
        for note in notes:
            print(note, file=sys.stderr, flush=True)
        if not options.no_browser:
            webbrowser.open(url)
        desk = Desk(Opened(shown), file, start, Sidecars(options.tuned), model, network)
        server.serve(desk, token=token, listening=listening)


def require_server() -> None:
    """Refuse to go on without what serves the page; MicroFeaturesError."""
    if not all(map(find_spec, ("starlette", "uvicorn"))):
        raise MicroFeaturesError(
            "the page needs Starlette and uvicorn, which are not installed: pip install 'micro-features[app]'."
        )
