"""`tune` as a user meets it: a process that serves a page, is ended and is killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")
httpx = pytest.importorskip("httpx")

from micro_features.cli import main, tune_command
from micro_features.files.artefacts import shipped
from micro_features.files.images import read_picture
from micro_features.files.outputs import write_png

PROGRAM = "import sys; from micro_features.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    whole = read_picture(shipped("data", "synthetic", "micrographs") / "s02b.png").pixels
    write_png(path, np.ascontiguousarray(whole[:220, :260]))
    return path


@contextlib.contextmanager
def tuning(picture, folder, *more, program=PROGRAM):
    """A process that serves, and a browser before it."""
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


def saved(page):
    return page.get("/api/session").json()["settings"]


def save(page, **settings):
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    return page.put("/api/settings", json={"settings": dotted, "revision": saved(page)["revision"]})


def test_the_first_line_is_the_address_and_works_at_once(picture, tmp_path):
    with tuning(picture, tmp_path, "--set", "pores.threshold=0.4") as (process, page):
        token = page.headers["X-Token"]
        assert len(token) >= 32
        assert page.get("/", params={"token": token}).status_code == 200
        told = saved(page)
        assert (told["saved"], told["start"]) == ({}, {"pores.threshold": 0.4})
        assert str(tmp_path / "settings.toml") in process.stdout.readline()
        assert not (tmp_path / "settings.toml").exists()  # it is made by the first save
        assert save(page, pores__threshold=0.3).status_code == 200
        assert "threshold = 0.3" in (tmp_path / "settings.toml").read_text()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to(picture, tmp_path, how):
    with tuning(picture, tmp_path) as (process, page):
        page.post("/api/jobs", json={"kind": "flags"})  # whose process ends, too
        process.send_signal(how)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert err == ""
        assert "Traceback" not in out


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's list of sockets")
def test_it_listens_on_the_loopback_address_alone(picture, tmp_path):
    with tuning(picture, tmp_path) as (_, page):
        port = f"{page.base_url.port:04X}"
        lines = [
            line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]
        ]
        listening = [address for _, address, _, state, *_ in lines if state == "0A" and address.endswith(f":{port}")]
        assert listening == [f"0100007F:{port}"]


def test_two_servers_have_two_tokens(picture, tmp_path):
    with tuning(picture, tmp_path) as (_, one), tuning(picture, tmp_path) as (_, other):
        assert one.headers["X-Token"] != other.headers["X-Token"]
        assert other.get("/api/session", headers={"X-Token": one.headers["X-Token"]}).status_code == 403
        revision = saved(other)["revision"]
        assert save(one, pores__threshold=0.3).status_code == 200
        # One file, two programs: the second is told.
        assert other.put("/api/settings", json={"settings": {}, "revision": revision}).status_code == 409


def test_what_was_saved_outlives_a_killed_server(picture, tmp_path):
    with tuning(picture, tmp_path) as (process, page):
        assert save(page, pores__threshold=0.3).status_code == 200
        process.kill()
        process.wait()
    with tuning(picture, tmp_path) as (_, page):
        assert saved(page)["saved"] == {"pores.threshold": 0.3}


HANGS = """
import pathlib, time
def never(*_):
    pathlib.Path("waiting").touch()
    time.sleep(60)
pathlib.Path.replace = never
"""


def test_a_server_that_is_killed_while_it_saves_leaves_the_file_as_it_was(picture, tmp_path):
    before = "# mine\n[pores]\nthreshold = 0.35\n"
    (tmp_path / "settings.toml").write_text(before)
    with tuning(picture, tmp_path, program=HANGS + PROGRAM) as (process, page):
        revision = saved(page)["revision"]
        with pytest.raises(httpx.ReadTimeout):
            page.put("/api/settings", json={"settings": {"seed": 5}, "revision": revision}, timeout=0.5)
        while not (tmp_path / "waiting").exists():
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert (tmp_path / "settings.toml").read_text() == before
    with tuning(picture, tmp_path) as (_, page):
        assert saved(page)["saved"] == {"pores.threshold": 0.35}
        assert save(page, seed=5).status_code == 200


def test_the_process_of_jobs_ends_with_a_killed_server(picture, tmp_path):
    with tuning(picture, tmp_path) as (process, page):
        page.post("/api/jobs", json={"kind": "flags"})
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.parent.exists():
            pytest.skip("needs Linux's list of processes")
        began = time.monotonic()
        while not (found := _children(process.pid)):
            assert time.monotonic() - began < 20
            time.sleep(0.02)
        process.kill()
        process.wait()
        while any(Path(f"/proc/{each}").exists() and _alive(each) for each in found):
            assert time.monotonic() - began < 30
            time.sleep(0.05)


def _children(pid):
    return [int(each) for path in Path(f"/proc/{pid}/task").glob("*/children") for each in path.read_text().split()]


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
    assert os.listdir(tmp_path) == []
