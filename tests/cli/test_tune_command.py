"""`tune` as a user meets it: a process that serves a page, is ended and is killed."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from micro_features.cli import main, tune_command
from micro_features.files.artefacts import shipped
from micro_features.files.images import read_picture
from micro_features.files.outputs import write_png

pytest.importorskip("starlette")
httpx = pytest.importorskip("httpx")

PROGRAM = "import sys; from micro_features.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    whole = read_picture(shipped("data", "synthetic", "micrographs") / "s02b.png").pixels
    write_png(path, np.ascontiguousarray(whole[:220, :260]))
    return path


@contextlib.contextmanager
def tuning(picture, folder, *more, program=PROGRAM):
    """A process that serves, its first line read, and a browser before it."""
    command = [sys.executable, "-c", program, "tune", str(picture), "--uncalibrated", "--no-browser", *more]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            base, _, token = url.partition("/?token=")
            assert base.startswith("http://127.0.0.1:"), process.stderr.read() if process.poll() else url
            with httpx.Client(base_url=base, headers={"X-Token": token}, timeout=30, trust_env=False) as page:
                yield process, page
        finally:
            process.kill()


@pytest.fixture
def own_picture(picture, tmp_path):
    """One beside which something may be written."""
    return Path(shutil.copy(picture, tmp_path))


def saved(page):
    return page.get("/api/session").json()["settings"]


def save(page, **settings):
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    return page.put("/api/settings", json={"settings": dotted, "revision": saved(page)["revision"]})


def listening(port):
    """Addresses at which somebody listens on a port, as Linux lists them."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return [address for _, address, _, state, *_ in lines if state == "0A" and address.endswith(f":{port:04X}")]


def test_two_servers_of_one_settings_file(picture, tmp_path):
    changed = ("--set", "pores.threshold=0.4")
    with tuning(picture, tmp_path, *changed) as (process, page), tuning(picture, tmp_path) as (_, other):
        token = page.headers["X-Token"]
        assert len(token) >= 32
        assert page.get("/", params={"token": token}).status_code == 200
        assert other.get("/api/session", headers={"X-Token": token}).status_code == 403
        if Path("/proc/net/tcp").exists():
            assert listening(page.base_url.port) == [f"0100007F:{page.base_url.port:04X}"]  # the loopback address alone
        told = saved(page)
        assert (told["saved"], told["start"]) == ({}, {"pores.threshold": 0.4})
        assert str(tmp_path / "settings.toml") in process.stdout.readline()
        assert not (tmp_path / "settings.toml").exists()  # it is made by the first save
        revision = saved(other)["revision"]
        assert save(page, pores__threshold=0.3).status_code == 200
        assert "threshold = 0.3" in (tmp_path / "settings.toml").read_text()
        assert other.put("/api/settings", json={"settings": {}, "revision": revision}).status_code == 409


def test_it_ends_when_it_is_told_to(picture, tmp_path):
    with tuning(picture, tmp_path) as (one, page), tuning(picture, tmp_path) as (other, _):
        page.post("/api/jobs", json={"kind": "flags"})  # whose process ends, too
        one.send_signal(signal.SIGINT)
        other.send_signal(signal.SIGTERM)
        for process in (one, other):
            out, err = process.communicate(timeout=20)
            assert process.returncode == 0
            assert err == ""
            assert "Traceback" not in out


# The second write of the settings file never ends.
HANGS = """
import pathlib, time
replace = pathlib.Path.replace
def hanging(path, target):
    if target.name == "settings.toml" and target.exists():
        pathlib.Path("waiting").touch()
        time.sleep(60)
    return replace(path, target)
pathlib.Path.replace = hanging
"""


def test_a_killed_server_loses_nothing(own_picture, tmp_path):
    """Killed after a save, while a job runs, and in the midst of another save."""
    apart = {"settings": {"seed": 3}, "corrections": [{"kind": "erase", "phase": "pore", "at": [1.0, 2.0]}]}
    with tuning(own_picture, tmp_path, program=HANGS + PROGRAM) as (process, page):
        assert save(page, pores__threshold=0.3).status_code == 200
        assert page.put("/api/pictures/0/tuned", json={**apart, "revision": ""}).status_code == 200
        drafted = {**apart, "settings": {}}
        assert page.put("/api/pictures/0/draft", json=drafted).status_code == 200
        before = (tmp_path / "settings.toml").read_bytes()
        page.post("/api/jobs", json={"kind": "flags"})
        working = _children(process.pid)
        revision = saved(page)["revision"]
        with pytest.raises(httpx.ReadTimeout):
            page.put("/api/settings", json={"settings": {"seed": 5}, "revision": revision}, timeout=0.5)
        while not (tmp_path / "waiting").exists():
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert (tmp_path / "settings.toml").read_bytes() == before
    with tuning(own_picture, tmp_path) as (_, page):
        assert saved(page)["saved"] == {"pores.threshold": 0.3}
        told = page.get("/api/pictures/0").json()
        assert {name: told["tuned"][name] for name in apart} == apart
        assert {name: told["draft"][name] for name in drafted} == drafted
        assert save(page, seed=5).status_code == 200
    _wait_for_end(working)


def _children(pid):
    """Processes of the jobs of a server, once there are some; none where the system does not list them."""
    if not Path(f"/proc/{pid}/task/{pid}/children").exists():
        return []
    began = time.monotonic()
    while not (found := [n for path in Path(f"/proc/{pid}/task").glob("*/children") for n in path.read_text().split()]):
        assert time.monotonic() - began < 20
        time.sleep(0.02)
    return found


def _wait_for_end(processes):
    began = time.monotonic()
    while any(_alive(each) for each in processes):
        assert time.monotonic() - began < 30
        time.sleep(0.05)


def _alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def told(capsys):
    return capsys.readouterr().err.strip()


def test_a_port_that_is_taken(picture, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["tune", str(picture), "--no-browser", "--port", str(port)]) == 2
    assert f"--port {port}" in told(capsys)


def test_what_is_wrong_is_told_before_anything_is_served(picture, tmp_path, capsys):
    broken = tmp_path / "settings.toml"
    broken.write_text("[pores]\nthreshold = 9\n")
    for arguments, expected in (
        ([str(tmp_path / "nothing")], "no such file"),
        ([str(picture), "--settings", str(broken)], "pores.threshold = 9"),
        ([str(picture), "--set", "pores.threshold=9"], "pores.threshold"),
        ([str(picture), "--set", "pores.model=nothing"], "nothing"),
        ([str(picture), "--model", "nothing"], "nothing"),
        ([str(picture), "--manifest", str(tmp_path / "none.csv")], "none.csv"),
    ):
        assert main(["tune", "--no-browser", *arguments]) == 2
        line = told(capsys)
        assert expected in line
        assert "\n" not in line


def test_a_missing_extra_is_named(picture, monkeypatch, capsys):
    monkeypatch.setattr(tune_command, "find_spec", lambda name: None)
    assert main(["tune", str(picture)]) == 2
    assert "pip install 'micro-features[app]'" in told(capsys)


@pytest.mark.parametrize("port", ["-1", "65536", "http", "1.5"])
def test_what_is_no_port(picture, port):
    with pytest.raises(SystemExit):
        main(["tune", str(picture), f"--port={port}"])


def test_the_browser_is_opened_at_the_address(picture, tmp_path, monkeypatch, capsys):
    from micro_features.app import server

    monkeypatch.chdir(tmp_path)
    opened = []
    monkeypatch.setattr(tune_command.webbrowser, "open", opened.append)
    monkeypatch.setattr(server, "serve", lambda *_, **__: None)
    assert main(["tune", str(picture)]) == 0
    assert opened == [capsys.readouterr().out.splitlines()[0]]
    assert main(["tune", str(picture), "--no-browser"]) == 0
    assert len(opened) == 1
    assert not list(tmp_path.iterdir())
