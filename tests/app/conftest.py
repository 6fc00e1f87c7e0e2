"""Pictures and servers for the tuning page's tests."""

import contextlib
import json
import threading

import httpx
import numpy as np
import pytest

pytest.importorskip("starlette")

from micro_features import jobs
from micro_features.app.desk import Desk
from micro_features.app.opened import Opened, find_shown
from micro_features.app.server import bound, server_of
from micro_features.app.settings_file import SettingsFile
from micro_features.files.artefacts import shipped
from micro_features.files.images import read_picture
from micro_features.files.outputs import write_png, write_text
from micro_features.settings import Settings

TOKEN = "right-token"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Two parts of a drawn section, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    whole = read_picture(shipped("data", "synthetic", "micrographs") / "s02b.png").pixels
    for name, part in (("a", whole[:220, :260]), ("b", whole[100:300, 200:420])):
        write_png(folder / f"{name}.png", np.ascontiguousarray(part))
    write_text(folder / "broken.png", "no picture")
    return folder


def desk_over(folder, file, **more):
    jobs.use_one_thread()
    shown, _ = find_shown(
        [folder], manifest=None, pixel_size_table=None, for_all=jobs.Stated(uncalibrated=True), max_pixels=10**9
    )
    return Desk(Opened(shown), SettingsFile(file), Settings(), **more)


@contextlib.contextmanager
def running(desk):
    """A browser before a server that runs in a thread."""
    with bound(0) as listening:
        port = listening.getsockname()[1]
        server = server_of(desk, token=TOKEN, port=port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"X-Token": TOKEN}, timeout=60, trust_env=False
            ) as browser:
                yield browser
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def serving(tmp_path, pictures):
    """A function that starts a server, over other pictures or with models."""
    with contextlib.ExitStack() as stack:
        yield lambda folder=pictures, **more: stack.enter_context(
            running(desk_over(folder, tmp_path / "settings.toml", **more))
        )


@pytest.fixture(scope="module")
def page(tmp_path_factory, pictures):
    """A browser before one server for all tests of a module that leave it as it is."""
    with running(desk_over(pictures, tmp_path_factory.mktemp("saved") / "settings.toml")) as browser:
        yield browser


@pytest.fixture(scope="session")
def unframed():
    """Reads binary frames."""
    return _unframed


def _unframed(content):
    """Head and arrays of a binary frame, read as a browser reads them: by what the head says."""
    length = int.from_bytes(content[:4], "little")
    head = json.loads(content[4 : 4 + length])
    start = -(-(4 + length) // 8) * 8
    arrays = {}
    for each in head["arrays"]:
        assert each["offset"] % 8 == 0
        size = int(np.prod(each["shape"]))
        stored = np.dtype(each["dtype"]).newbyteorder("<")
        found = np.frombuffer(content, stored, each.get("runs", size), start + each["offset"])
        if "runs" in each:
            found = np.repeat(found, np.frombuffer(content, "<u4", each["runs"], start + each["lengths"]))
        arrays[each["name"]] = found.reshape(each["shape"])
    return head, arrays
