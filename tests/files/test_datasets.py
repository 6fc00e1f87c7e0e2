"""Published pictures arrive whole and right or not at all, from a server on loopback or from a folder."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pandas as pd
import pytest

import micro_features
from micro_features.errors import FeatureTableError, OutputError
from micro_features.files import datasets
from micro_features.files.artefacts import shipped
from micro_features.files.datasets import fetch, read_hand_measured, registry

DRAWN = {
    "data/LLTO/High/2.01e-5 (2).tif": b"drawn one " * 20_000,
    "data/LLTO/High/a+b&c=50%#µ.tif": b"drawn two",
    "data/LLTO/Low/1.tif": b"drawn three",
    "data/table.xls": b"drawn table",
}
PLACES = {
    "data/LLTO/High/2.01e-5 (2).tif": "High/2.01e-5 (2).tif",
    "data/LLTO/High/a+b&c=50%#µ.tif": "High/a+b&c=50%#µ.tif",
    "data/LLTO/Low/1.tif": "Low/1.tif",
    "data/table.xls": "table.xls",
}


class Server(ThreadingHTTPServer):
    """Serves the drawn files, and misbehaves where it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.faults: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/commit/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = unquote(self.path).removeprefix("/commit/")
        self.server.asked[path] += 1
        fault = self.server.faults.get(path)
        if path not in DRAWN or fault == "missing":
            self.send_error(404)
            return
        content = b"another file" if fault == "wrong" else DRAWN[path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in DRAWN.items()}
    monkeypatch.setattr(datasets, "registry", lambda name: digests)
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


MANIFEST = shipped("data", "llto", "manifest.csv").read_bytes()
COMPLETE = {PLACES[path]: content for path, content in DRAWN.items()} | {"manifest.csv": MANIFEST}


def test_all_files_arrive_and_are_not_fetched_twice(server, tmp_path, capfd, caplog):
    datasets.pooch.get_logger().addHandler(caplog.handler)
    target = tmp_path / "new" / "pictures"
    paths = fetch("llto", target, base_url=server.url, progress=False)
    assert files_in(target) == COMPLETE
    assert sorted(path.relative_to(target).as_posix() for path in paths) == sorted(COMPLETE)
    fetch("llto", target, base_url=server.url, progress=False)
    assert set(server.asked.values()) == {1}
    datasets.pooch.get_logger().removeHandler(caplog.handler)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    fetch("llto", target, base_url=server.url)
    assert "4/4" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("fault", "reason"), [("missing", "404"), ("wrong", "not the published file"), ("cut", "no complete answer")]
)
def test_one_bad_file_does_not_hold_up_the_rest(server, tmp_path, fault, reason):
    bad = "data/LLTO/High/2.01e-5 (2).tif"
    server.faults[bad] = fault
    with pytest.raises(OutputError, match="1 of 5 files") as caught:
        fetch("llto", tmp_path, base_url=server.url, progress=False)
    assert PLACES[bad] in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    expected = {place: content for place, content in COMPLETE.items() if place != PLACES[bad]}
    assert files_in(tmp_path) == expected  # nothing half fetched, under this or another name
    server.faults.clear()
    fetch("llto", tmp_path, base_url=server.url, progress=False)
    assert files_in(tmp_path) == COMPLETE
    assert server.asked == Counter(dict.fromkeys(DRAWN, 1) | {bad: 2})  # taken up, not begun again


def test_other_content_is_left_alone(server, tmp_path):
    for place in ("Low/1.tif", "manifest.csv"):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="2 of 5 files") as caught:
        fetch("llto", tmp_path, base_url=server.url, progress=False)
    assert str(caught.value).count("other content") == 2
    assert files_in(tmp_path) == COMPLETE | {"Low/1.tif": b"mine", "manifest.csv": b"mine"}


def test_without_a_network_it_gives_up_soon(monkeypatch, tmp_path):
    with Server() as closed:
        url = closed.url
    monkeypatch.setattr(datasets, "registry", lambda name: {f"data/LLTO/High/{k}.tif": "0" * 64 for k in range(20)})
    with pytest.raises(OutputError, match=r"20 of 21 files .*no complete answer from the server.* and 17 not tried"):
        fetch("llto", tmp_path, base_url=url, progress=False)


@pytest.mark.parametrize("layout", ["destination", "repository", "below data"])
def test_from_a_folder(server, tmp_path, layout):
    source = tmp_path / "source"
    for path, content in DRAWN.items():
        place = {"destination": PLACES[path], "repository": path, "below data": path.removeprefix("data/")}[layout]
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        (source / place).write_bytes(content)
    fetch("llto", tmp_path / "target", from_folder=source, progress=False)
    assert files_in(tmp_path / "target") == COMPLETE
    assert not server.asked


def test_from_a_folder_with_gaps(server, tmp_path):
    source = tmp_path / "source"
    (source / "High").mkdir(parents=True)
    (source / "High" / "2.01e-5 (2).tif").write_bytes(b"edited")
    with pytest.raises(OutputError, match="4 of 5 files") as caught:
        fetch("llto", tmp_path / "target", from_folder=source, progress=False)
    assert "is not the published file" in str(caught.value)
    assert "Low/1.tif (not in" in str(caught.value)
    assert files_in(tmp_path / "target") == {"manifest.csv": MANIFEST}
    with pytest.raises(OutputError, match="is no folder"):
        fetch("llto", tmp_path / "target", from_folder=tmp_path / "nowhere")


def test_a_file_in_the_place_of_the_destination(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file.* can not be written"):
        fetch("llto", tmp_path / "file", base_url=server.url, progress=False)
    assert not server.asked


def test_an_interrupt_leaves_nothing_half_fetched(server, monkeypatch, tmp_path):
    def interrupted(url: str, output_file: str, pooch: object) -> None:
        Path(output_file).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(datasets.pooch, "HTTPDownloader", lambda **_: interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch("llto", tmp_path, base_url=server.url, progress=False)
    assert files_in(tmp_path) == {"manifest.csv": MANIFEST}
    fetch("llto", tmp_path, base_url=server.url, progress=False)
    assert files_in(tmp_path) == COMPLETE


@pytest.mark.parametrize(("name", "n"), [("llzto", 47), ("llto", 20)])
def test_registry_and_manifest_name_the_same_pictures(name, n):
    wanted = registry(name)
    assert all(len(digest) == 64 for digest in wanted.values())
    assert all(path.startswith("data/") and ".." not in PurePosixPath(path).parts for path in wanted)
    pictures = {datasets._place(path) for path in wanted if not path.endswith(".xls")}
    manifest = pd.read_csv(shipped("data", name, "manifest.csv"))
    assert set(manifest["file"]) == pictures
    assert len(manifest) == n
    assert ("data/LLZTO_grain_pore.xls" in wanted) == (name == "llzto")


def test_the_address_is_the_commit_of_the_study():
    assert datasets.BASE_URL.endswith("ml-microstructure-property/fe5cf033bf86f5ae8bc9bca048da810edeeb2773/")


def test_what_ships_is_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert shipped("data", "llzto", "manifest.csv").is_file()
    assert shipped("data").is_absolute()
    # An installed package carries them inside, and does not look at what lies beside it.
    package = tmp_path / "site-packages" / "micro_features"
    (package / "_shipped").mkdir(parents=True)
    monkeypatch.setattr("micro_features.files.artefacts._PACKAGE", package)
    assert shipped("data", "x") == package / "_shipped" / "data" / "x"
    assert Path(micro_features.__file__).parent != package


def test_published_files_on_disk(shared_data, tmp_path):
    for name, n in (("llzto", 49), ("llto", 21)):
        assert len(fetch(name, tmp_path / name, from_folder=shared_data / name, progress=False)) == n
        theirs = files_in(shared_data / name)
        assert files_in(tmp_path / name) == theirs


def test_hand_measured_table(shared_data):
    table = read_hand_measured(shared_data / "llzto" / "LLZTO_grain_pore.xls")
    assert table.shape == (47, 25)
    assert table["conductivity_class"].value_counts().to_dict() == {"low": 12, "median": 16, "high": 19}
    first = table.iloc[0]  # read off the sheet by eye
    assert first["conductivity_S_per_cm"] == 1.119e-6
    assert first["sintering"] == "800℃ 12h"
    assert first["grain_area_mean_um2"] == 0.46729
    assert first["grain_perimeter_max_um"] == 28.87406
    assert first["pore_area_sd_um2"] == 0.74101
    assert first["pore_perimeter_median_um"] == 3.3024
    assert (first["grain_number"], first["pore_number"]) == (1408, 1626)
    assert table.notna().all(axis=None)
    manifest = pd.read_csv(shipped("data", "llzto", "manifest.csv"))
    ratio = table["conductivity_S_per_cm"].sort_values().to_numpy() / manifest["conductivity_S_per_cm"].sort_values()
    assert ratio.between(0.99, 1.01).all()


def test_other_tables_are_refused(tmp_path):
    path = tmp_path / "a.xls"
    with pytest.raises(FeatureTableError, match="not the study's table"):
        read_hand_measured(path)
    path.write_bytes(b"no table")
    with pytest.raises(FeatureTableError, match="not the study's table"):
        read_hand_measured(path)
    pd.DataFrame({"Name": ["low", "x 1e-4"], "Mean": [1.0, 2.0]}).to_excel(path.with_suffix(".xlsx"), index=False)
    with pytest.raises(FeatureTableError, match="not the study's table"):
        read_hand_measured(path.with_suffix(".xlsx"))


def test_the_drawn_set_is_copied_whole_and_nothing_of_yours_is_overwritten(tmp_path):
    files = datasets.copy_drawn(tmp_path / "set")
    assert {path.relative_to(tmp_path / "set").as_posix() for path in files} >= {"manifest.csv", "README.md"}
    assert len(list((tmp_path / "set" / "micrographs").iterdir())) == 48
    assert datasets.copy_drawn(tmp_path / "set") == files
    (tmp_path / "set" / "manifest.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"manifest.csv.*other content is there"):
        datasets.copy_drawn(tmp_path / "set")
    assert (tmp_path / "set" / "manifest.csv").read_text() == "mine"
