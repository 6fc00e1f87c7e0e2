"""The page's server, asked as the page asks it."""

import concurrent.futures
import io
import subprocess
import sys
import threading
import time
import zipfile

import httpx
import numpy as np
import pandas as pd
import pytest

from micro_features.app import background, engine
from micro_features.app.numbers import MAIN_FEATURES
from micro_features.app.stack import Superseded
from micro_features.cli import main
from micro_features.files.images import read_picture

FAST = {"pores.method": "local", "grains.method": "watershed"}
ALL = {"row": 0, "col": 0, "rows": 10_000, "cols": 10_000, "step": 1}


def asking(**more):
    return {"tab": "a", "seq": 1, "settings": FAST, "corrections": [], "view": ALL, **more}


@pytest.fixture
def ask(unframed):
    def ask(page, path, **more):
        answer = page.post(path, json=asking(**more))
        assert answer.status_code == 200, answer.text
        return unframed(answer.content)

    return ask


def test_the_session_tells_what_the_page_is_made_of(page):
    session = page.get("/api/session").json()
    assert [each["name"] for each in session["pictures"]] == ["a", "b", "broken"]
    assert [each["index"] for each in session["pictures"]] == [0, 1, 2]
    assert session["settings"]["saved"] == {}
    assert session["settings"]["revision"] == ""
    controls = {each["name"]: each for each in session["controls"]}
    threshold = controls["pores.threshold"]
    assert (threshold["minimum"], threshold["maximum"], threshold["default"]) == (0.05, 0.95, 0.5)
    assert threshold["when"] == {"pores.method": ["classified"]}
    assert 0 < threshold["step"] <= 0.01
    assert controls["pores.method"]["choices"][0] == "classified"
    assert controls["grains.model"]["choices"] == ["boundary-xgboost"]
    assert not any(name.startswith(("words.", "reading.")) for name in controls)
    assert {each["name"] for each in session["features"]} == set(MAIN_FEATURES)
    assert all(each["meaning"] for each in session["features"])


def test_a_picture_that_can_not_be_read_stays_in_the_list(page):
    answer = page.get("/api/pictures/2")
    assert answer.status_code == 422
    assert "broken.png" in answer.json()["error"]
    listed = page.get("/api/session").json()["pictures"][2]
    assert listed["error"] == answer.json()["error"]
    crossed = page.get("/api/pictures/2/thumbnail")
    assert crossed.headers["content-type"] == "image/png"
    assert page.post("/api/pictures/2/preview", json=asking()).status_code == 422


def test_a_thumbnail_is_small(page, tmp_path):
    content = page.get("/api/pictures/0/thumbnail").content
    (tmp_path / "small.png").write_bytes(content)
    assert read_picture(tmp_path / "small.png").pixels.shape == (135, 160)


def test_what_is_known_of_a_picture(page):
    told = page.get("/api/pictures/0").json()
    assert (told["rows"], told["cols"], told["n_valid_px"]) == (220, 260, 220 * 260)
    assert told["pixel_um"] is None
    assert told["masked"] == []
    assert told["acquisition"]["detector"] is None


def test_the_result_is_what_the_engine_finds(page, ask, pictures):
    from micro_features import jobs
    from micro_features.settings import Settings

    head, arrays = ask(page, "/api/pictures/0/result", seq=7)
    bench = engine.Bench(
        pictures / "a.png", 0, micrograph_id="a", stated=jobs.Stated(uncalibrated=True), max_pixels=10**9
    )
    outcome = bench.result(Settings().updated(FAST), ())
    assert (head["seq"], head["exact"]) == (7, True)
    np.testing.assert_array_equal(arrays["grains"], outcome.segmentation.grains)
    np.testing.assert_array_equal(arrays["pores"], outcome.segmentation.pores)
    assert arrays["grains"].dtype == np.uint16
    told = head["numbers"]
    expected = {name: outcome.measured.features[name] for name in MAIN_FEATURES}
    assert {name: np.nan if value is None else value for name, value in told["features"].items()} == pytest.approx(
        expected, nan_ok=True
    )
    assert told["n_pores"] == outcome.segmentation.pores.max() > 0
    assert told["prediction"] is None
    regions = outcome.measured.regions
    assert (arrays["region_phase"] == (regions["phase"] == "pore")).all()
    assert (arrays["region_label"] == regions["label"]).all()
    np.testing.assert_allclose(arrays["region_diameter_um"], regions["equivalent_diameter_um"], rtol=1e-6)


@pytest.mark.parametrize(
    ("asked_for", "answered"),
    [
        ({"row": 10, "col": 20, "rows": 50, "cols": 31, "step": 3}, (10, 20, 50, 31, 3)),
        ({"row": -5, "col": 250, "rows": 30, "cols": 100, "step": 1}, (0, 250, 25, 10, 1)),
        ({"row": 500, "col": 500, "rows": 9, "cols": 9, "step": 0}, (219, 259, 1, 1, 1)),
        ({"row": 5, "col": 5, "rows": -9, "cols": 0, "step": 10**15}, (0, 4, 1, 1, 10**15)),
        ({}, (0, 0, 220, 260, 1)),
    ],
)
def test_views_are_clipped_to_the_picture(page, ask, asked_for, answered):
    whole = ask(page, "/api/pictures/0/result")[1]["pores"]
    for kind in ("result", "preview"):
        head, arrays = ask(page, f"/api/pictures/0/{kind}", view=asked_for)
        row, col, rows, cols, step = answered
        assert head["view"] == {"row": row, "col": col, "rows": rows, "cols": cols, "step": step}
        np.testing.assert_array_equal(arrays["pores"], whole[row : row + rows : step, col : col + cols : step])


def test_the_region_at_a_pixel(page, ask):
    arrays = ask(page, "/api/pictures/0/result")[1]
    for phase in ("grain", "pore"):
        labels = arrays[f"{phase}s"]
        row, col = (int(place[len(place) // 2]) for place in np.nonzero(labels))
        told = page.post("/api/pictures/0/region", json=asking(row=row, col=col)).json()
        assert (told["phase"], told["label"]) == (phase, labels[row, col])
        values = {each["name"]: each for each in told["values"]}
        assert values["area_px2"]["value"] == (labels == labels[row, col]).sum()
        assert values["area_px2"]["unit"] == "px2"
        assert all(each["meaning"] for each in told["values"])
    outside = page.post("/api/pictures/0/region", json=asking(row=-1, col=5)).json()
    assert outside == {"phase": None}


def test_layers(page, ask, pictures):
    head, arrays = ask(page, "/api/pictures/0/layer", layer="original")
    np.testing.assert_array_equal(arrays["values"], read_picture(pictures / "a.png").pixels)
    for name in ("flattened", "boundary"):
        head, arrays = ask(page, "/api/pictures/0/layer", layer=name)
        assert arrays["values"].shape == (220, 260)
        assert np.ptp(arrays["values"]) > 50
        assert head["low"] < head["high"]
    for name, needed in (("gradcam", "--network"), ("shap", "--model"), ("nothing", "no layer")):
        answer = page.post("/api/pictures/0/layer", json=asking(layer=name))
        assert answer.status_code == 409
        assert needed in answer.json()["error"]


def test_the_archive_holds_what_extract_writes(page, pictures, tmp_path):
    settings = [f"--set={name}={value}" for name, value in FAST.items()]
    assert main(["extract", str(pictures / "a.png"), "-o", str(tmp_path), "--uncalibrated", *settings]) == 0
    answer = page.post("/api/pictures/0/export", json=asking())
    assert answer.headers["content-type"] == "application/zip"
    assert "a.zip" in answer.headers["content-disposition"]
    bundle = zipfile.ZipFile(io.BytesIO(answer.content))
    for name in ("features.csv", "regions.csv", "dictionary.csv"):
        assert bundle.read(name) == (tmp_path / name).read_bytes(), name
    for name in ("overlay.png",):
        (tmp_path / name).write_bytes(bundle.read(name))
        np.testing.assert_array_equal(
            read_picture(tmp_path / name).pixels, read_picture(tmp_path / "overlays" / "a.png").pixels
        )
    (tmp_path / "settings.toml").write_bytes(bundle.read("settings.toml"))
    (tmp_path / "again").mkdir()
    again = ["extract", str(pictures / "a.png"), "-o", str(tmp_path / "again"), "--uncalibrated"]
    assert main([*again, "--settings", str(tmp_path / "settings.toml")]) == 0
    table = pd.read_csv(tmp_path / "again" / "features.csv")
    pd.testing.assert_frame_equal(table, pd.read_csv(io.BytesIO(bundle.read("features.csv"))))


def test_settings_are_saved_with_their_comments(serving, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_bytes(b"# mine\r\n[pores]\r\nthreshold = 0.4  # tried 0.6\r\n[words]\r\nn_words = 17\r\n")
    page = serving()
    before = page.get("/api/session").json()["settings"]
    assert before["saved"] == {"pores.threshold": 0.4, "words.n_words": 17}
    answer = page.put(
        "/api/settings", json={"settings": {"pores.threshold": 0.3, "seed": 5}, "revision": before["revision"]}
    )
    after = page.get("/api/session").json()["settings"]
    assert answer.json() == {"revision": after["revision"]}
    assert after["revision"] != before["revision"]
    # What the page has no control for stays as it was.
    assert after["saved"] == {"pores.threshold": 0.3, "words.n_words": 17, "seed": 5}
    assert b"# mine" in file.read_bytes()
    assert b"threshold = 0.3  # tried 0.6\r\n" in file.read_bytes()


def test_of_two_tabs_the_second_to_save_is_told(serving, tmp_path):
    page = serving()
    revision = page.get("/api/session").json()["settings"]["revision"]
    first = page.put("/api/settings", json={"settings": {"pores.threshold": 0.3}, "revision": revision})
    second = page.put("/api/settings", json={"settings": {"pores.threshold": 0.6}, "revision": revision})
    assert (first.status_code, second.status_code) == (200, 409)
    told = second.json()
    assert told["saved"] == {"pores.threshold": 0.3}
    assert told["revision"] == first.json()["revision"]
    assert "settings.toml" in told["error"]
    knowingly = page.put("/api/settings", json={"settings": {"pores.threshold": 0.6}, "revision": told["revision"]})
    assert knowingly.status_code == 200
    assert "threshold = 0.6" in (tmp_path / "settings.toml").read_text()


def test_of_many_that_save_at_once_one_succeeds(serving, tmp_path):
    page = serving()
    revision = page.get("/api/session").json()["settings"]["revision"]

    def save(number):
        settings = {"pores.threshold": 0.1 + number / 100}
        return page.put("/api/settings", json={"settings": settings, "revision": revision}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(save, range(8)))
    assert statuses == [200] + [409] * 7


def test_a_settings_file_that_somebody_broke_is_told_and_kept(serving, tmp_path):
    page = serving()
    (tmp_path / "settings.toml").write_text("[pores]\nthreshold = 9\n")
    told = page.get("/api/session").json()["settings"]
    assert "pores.threshold = 9" in told["error"]
    answer = page.put("/api/settings", json={"settings": {}, "revision": told["revision"]})
    assert answer.status_code == 400
    assert (tmp_path / "settings.toml").read_text() == "[pores]\nthreshold = 9\n"


class Slow:
    """Previews and results that take until they are let go, or superseded."""

    def __init__(self, monkeypatch, name):
        self.begun, self.given_up = threading.Semaphore(0), threading.Semaphore(0)
        real = getattr(engine.Bench, name)

        def slow(bench, settings, operations, *view_and, **more):
            superseded = view_and[-1]
            if settings.pores.sensitivity == 0.5:
                return real(bench, settings, operations, *view_and)
            self.begun.release()
            for _ in range(500):
                if superseded():
                    self.given_up.release()
                    raise Superseded
                time.sleep(0.01)
            pytest.fail("not superseded")

        monkeypatch.setattr(engine.Bench, name, slow)


SLOWLY = {**FAST, "pores.sensitivity": 0.4}


@pytest.mark.parametrize("kind", ["preview", "result"])
def test_the_newest_request_of_a_tab_counts(serving, monkeypatch, kind):
    page, slow = serving(), Slow(monkeypatch, kind)
    path = f"/api/pictures/0/{kind}"
    page.post(path, json=asking())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        old = pool.submit(page.post, path, json=asking(settings=SLOWLY))
        assert slow.begun.acquire(timeout=20)
        other_tab = page.post(path, json=asking(tab="b"))
        assert other_tab.status_code == 200
        assert not slow.given_up.acquire(blocking=False)  # two tabs do not disturb each other
        assert page.post(path, json=asking()).status_code == 200
        assert old.result(20).status_code == 204
        assert old.result().content == b""


def test_a_preview_of_other_settings_ends_a_result(serving, monkeypatch):
    page, slow = serving(), Slow(monkeypatch, "result")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        old = pool.submit(page.post, "/api/pictures/0/result", json=asking(settings=SLOWLY))
        assert slow.begun.acquire(timeout=20)
        page.post("/api/pictures/0/preview", json=asking(settings=SLOWLY))  # a look at another part
        assert not slow.given_up.acquire(blocking=False)
        page.post("/api/pictures/0/preview", json=asking())
        assert old.result(20).status_code == 204


def test_what_nobody_waits_for_is_given_up(serving, monkeypatch):
    page, slow = serving(), Slow(monkeypatch, "result")
    impatient = httpx.Client(base_url=page.base_url, headers=page.headers, timeout=1.0, trust_env=False)
    with pytest.raises(httpx.ReadTimeout):
        impatient.post("/api/pictures/0/result", json=asking(settings=SLOWLY))
    assert slow.given_up.acquire(timeout=20)


def finished(page, job):
    for _ in range(600):
        told = page.get(f"/api/jobs/{job}").json()
        if told["finished"]:
            return told
        time.sleep(0.05)
    pytest.fail("the job does not end")


def test_flags_and_comparison_of_all_pictures(serving, tmp_path, ask):
    (tmp_path / "settings.toml").write_text('[pores]\nmethod = "local"\n[grains]\nmethod = "watershed"\n')
    page = serving()
    job = page.post("/api/jobs", json={"kind": "flags"}).json()["job"]
    other = {**FAST, "pores.sensitivity": 0.9}
    second = page.post("/api/jobs", json={"kind": "compare", "settings": other}).json()["job"]
    told = finished(page, job)
    assert (told["kind"], told["done"], told["total"], told["error"]) == ("flags", 3, 3, None)
    expected = ask(page, "/api/pictures/1/result")[0]["numbers"]
    assert told["rows"][1]["values"] == expected["features"]
    assert told["rows"][1]["flags"] == expected["flags"]
    assert "broken.png" in told["rows"][2]["error"]
    rows = finished(page, second)["rows"]
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert rows[1]["before"] == expected["features"]
    assert rows[1]["flags_before"] == expected["flags"]
    assert [flag["name"] for flag in rows[1]["flags_after"]] == [flag["name"] for flag in expected["flags"]]
    assert rows[1]["after"] == ask(page, "/api/pictures/1/result", settings=other)[0]["numbers"]["features"]
    assert rows[1]["after"]["porosity"] > rows[1]["before"]["porosity"]


def test_what_a_person_waits_for_goes_before_the_survey_of_all(serving):
    page = serving()
    survey = page.post("/api/jobs", json={"kind": "flags"}).json()["job"]
    urgent = page.post("/api/jobs", json={"kind": "compare", "settings": FAST}).json()["job"]
    finished(page, urgent)
    assert page.get(f"/api/jobs/{survey}").json()["done"] < 3
    # A page that is loaded anew joins the survey.
    assert page.post("/api/jobs", json={"kind": "flags"}).json()["job"] == survey
    assert finished(page, survey)["done"] == 3


def test_jobs_end_when_they_are_cancelled_and_their_process_lives_on_for_the_next(serving):
    page = serving()
    job = page.post("/api/jobs", json={"kind": "flags"}).json()["job"]
    assert page.delete(f"/api/jobs/{job}").status_code == 200
    told = finished(page, job)
    assert told["done"] < 3
    assert page.post("/api/jobs", json={"kind": "dance"}).status_code == 400


def test_jobs_do_not_pile_up(serving):
    page = serving()
    statuses = [
        page.post("/api/jobs", json={"kind": "compare"}).status_code for _ in range(background.MOST_WAITING + 1)
    ]
    assert statuses == [200] * background.MOST_WAITING + [429]


def test_pages_of_a_file_are_pictures(serving, tmp_path, pictures):
    import tifffile

    folder = tmp_path / "stack"
    folder.mkdir()
    pages = [read_picture(pictures / name).pixels for name in ("a.png", "a.png")]
    pages[1] = pages[1][::-1]
    tifffile.imwrite(folder / "s.tif", np.stack(pages))
    page = serving(folder)
    listed = page.get("/api/session").json()["pictures"]
    assert [(each["name"], each["page"]) for each in listed] == [("s.page1", 0), ("s.page2", 1)]
    assert page.get("/api/pictures/0/thumbnail").content != page.get("/api/pictures/1/thumbnail").content


def test_heavy_packages_wait_until_they_are_needed():
    code = "import sys, micro_features.cli.commands; print([n for n in ('starlette', 'uvicorn') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_how_much_thresholds_matter(serving, ask):
    page = serving()
    answer = page.post("/api/jobs", json={"kind": "sensitivity", "picture": 0, "settings": FAST, "corrections": []})
    told = finished(page, answer.json()["job"])
    assert told["error"] is None
    assert told["done"] == told["total"] == 1 + 2 * len(told["result"]["settings"])
    assert "pores.sensitivity" in told["result"]["settings"]
    assert "pores.threshold" not in told["result"]["settings"]  # does nothing with this method
    [row] = [
        row for row in told["result"]["rows"] if (row["feature"], row["setting"]) == ("porosity", "pores.sensitivity")
    ]
    assert (row["low"], row["high"]) == (0.4, 0.6)
    for end, value in (("at_low", 0.4), ("at_high", 0.6), ("base", 0.5)):
        numbers = ask(page, "/api/pictures/0/result", settings={**FAST, "pores.sensitivity": value})[0]["numbers"]
        assert row[end] == numbers["features"]["porosity"]
    assert row["at_low"] < row["at_high"]
    broken = page.post("/api/jobs", json={"kind": "sensitivity", "picture": 2}).json()["job"]
    error = finished(page, broken)["error"]
    assert "broken.png" in error
    assert "defect" not in error
    assert page.post("/api/jobs", json={"kind": "sensitivity", "picture": 3}).status_code == 404
    assert page.post("/api/jobs", json={"kind": "sensitivity"}).status_code == 400


def test_corrections_are_applied_and_checked(page, ask):
    before, arrays = ask(page, "/api/pictures/0/result")
    row, col = (int(place[0]) for place in np.nonzero(arrays["pores"]))
    erase = {"kind": "erase", "phase": "pore", "at": [row, col]}
    far = {"kind": "erase", "phase": "pore", "at": [-50, 0]}
    head, corrected = ask(page, "/api/pictures/0/result", corrections=[erase, far])
    numbers = head["numbers"]
    assert (numbers["corrections_applied"], numbers["corrections_missed"]) == (1, 1)
    assert numbers["n_pores"] == before["numbers"]["n_pores"] - 1
    assert corrected["pores"][row, col] == 0
    np.testing.assert_array_equal(
        ask(page, "/api/pictures/0/preview", corrections=[erase])[1]["pores"] > 0, corrected["pores"] > 0
    )
    for wrong in ({"kind": "melt"}, {"kind": "erase", "phase": "pore", "at": [10**17, 0]}, {**erase, "more": 1}, 1):
        answer = page.post("/api/pictures/0/preview", json=asking(corrections=[erase, wrong]))
        assert answer.status_code == 400
        assert "correction 2" in answer.json()["error"]


@pytest.fixture
def own_pictures(tmp_path, pictures):
    """Pictures beside which something may be written."""
    import shutil

    return shutil.copytree(pictures, tmp_path / "own")


ERASE = {"kind": "erase", "phase": "pore", "at": [10.0, 20.5]}
APART = {"settings": {"pores.threshold": 0.4}, "corrections": [ERASE]}


def listed(page, index=0):
    found = page.get("/api/session").json()["pictures"][index]
    return {name: found[name] for name in ("has_tuned", "n_corrections", "n_overrides", "has_draft")}


NOTHING = {"has_tuned": False, "n_corrections": 0, "n_overrides": 0, "has_draft": False}


def test_what_is_set_apart_for_a_picture_is_saved_beside_it(serving, own_pictures):
    page = serving(own_pictures)
    assert listed(page) == NOTHING
    assert page.get("/api/pictures/0").json()["tuned"]["revision"] == ""
    first = page.put("/api/pictures/0/tuned", json={**APART, "revision": ""})
    assert first.status_code == 200
    assert (own_pictures / "a.png.tuned.json").exists()
    assert listed(page) == {"has_tuned": True, "n_corrections": 1, "n_overrides": 1, "has_draft": False}
    assert listed(page, 1) == NOTHING
    again = page.get("/api/pictures/0").json()["tuned"]
    assert again == {**APART, "revision": first.json()["revision"], "error": None}
    empty = {"settings": {}, "corrections": []}
    assert page.put("/api/pictures/0/tuned", json={**empty, "revision": again["revision"]}).json() == {"revision": ""}
    assert not (own_pictures / "a.png.tuned.json").exists()


def test_two_tabs_do_not_overwrite_each_other_s_corrections(serving, own_pictures):
    page = serving(own_pictures)
    first = page.put("/api/pictures/0/tuned", json={**APART, "revision": ""})
    second = page.put("/api/pictures/0/tuned", json={"settings": {}, "corrections": [ERASE, ERASE], "revision": ""})
    assert second.status_code == 409
    told = second.json()
    assert (told["revision"], told["saved"]) == (first.json()["revision"], APART)
    assert page.get("/api/pictures/0").json()["tuned"]["corrections"] == [ERASE]


def test_drafts(serving, own_pictures):
    page = serving(own_pictures)
    assert page.put("/api/pictures/0/draft", json=APART).json() == {}
    assert listed(page) == {**NOTHING, "has_draft": True}
    draft = page.get("/api/pictures/0").json()["draft"]
    assert {name: draft[name] for name in APART} == APART
    assert draft["saved_at"] > "2020"
    assert page.delete("/api/pictures/0/draft").json() == {}
    assert listed(page) == NOTHING
    page.put("/api/pictures/0/draft", json=APART)
    page.put("/api/pictures/0/tuned", json={**APART, "revision": ""})
    assert page.get("/api/pictures/0").json()["draft"] is None  # saved


def test_what_is_set_apart_is_checked(serving, own_pictures):
    page = serving(own_pictures)
    for wrong in (
        {"settings": {"pores.threshold": 9}},
        {"settings": {"grains.model": "/tmp"}},
        {"corrections": [{"kind": "melt"}]},
        {"corrections": {}, "settings": []},
    ):
        for path in ("tuned", "draft"):
            answer = page.put(f"/api/pictures/0/{path}", json={**APART, "revision": "", **wrong})
            assert answer.status_code == 400, (wrong, path)
    assert sorted(path.name for path in own_pictures.iterdir()) == ["a.png", "b.png", "broken.png"]


def test_corrections_of_another_picture_are_not_applied(serving, own_pictures, pictures):
    page = serving(own_pictures)
    page.put("/api/pictures/0/tuned", json={**APART, "revision": ""})
    page.put("/api/pictures/0/draft", json=APART)
    (own_pictures / "a.png").write_bytes((pictures / "b.png").read_bytes())
    page = serving(own_pictures)
    told = page.get("/api/pictures/0").json()
    assert told["tuned"]["corrections"] == []
    assert "a.png" in told["tuned"]["error"]
    assert told["draft"] is None
    answer = page.put("/api/pictures/0/tuned", json={**APART, "revision": ""})
    assert answer.status_code == 400
    row = finished(page, page.post("/api/jobs", json={"kind": "flags"}).json()["job"])["rows"][0]
    assert "another content" in row["error"]


def test_the_archive_of_a_corrected_picture_holds_what_extract_writes(serving, own_pictures, tmp_path, ask):
    """Saved corrections and settings of one picture, and the settings file: `extract` heeds both."""
    page = serving(own_pictures)
    arrays = ask(page, "/api/pictures/0/result")[1]
    row, col = (int(place[0]) for place in np.nonzero(arrays["pores"]))
    corrections = [{"kind": "erase", "phase": "pore", "at": [row, col]}]
    own = {"pores.sensitivity": 0.6}
    page.put("/api/settings", json={"settings": FAST, "revision": ""})
    page.put("/api/pictures/0/tuned", json={"settings": own, "corrections": corrections, "revision": ""})
    out = tmp_path / "out"
    settings = ["--settings", str(tmp_path / "settings.toml")]
    assert main(["extract", str(own_pictures / "a.png"), "-o", str(out), "--uncalibrated", *settings]) == 0
    body = asking(settings={**FAST, **own}, corrections=corrections)
    bundle = zipfile.ZipFile(io.BytesIO(page.post("/api/pictures/0/export", json=body).content))
    for name in ("features.csv", "regions.csv", "dictionary.csv"):
        assert bundle.read(name) == (out / name).read_bytes(), name
    assert pd.read_csv(out / "features.csv")["corrections_applied"].tolist() == [1]


def test_surveys_heed_what_is_set_apart(serving, own_pictures, ask):
    (own_pictures / "a.png").unlink()
    page = serving(own_pictures)
    before, arrays = ask(page, "/api/pictures/0/result")
    row, col = (int(place[0]) for place in np.nonzero(arrays["pores"]))
    apart = {"settings": FAST, "corrections": [{"kind": "erase", "phase": "pore", "at": [row, col]}]}
    page.put("/api/pictures/0/tuned", json={**apart, "revision": ""})
    told = finished(page, page.post("/api/jobs", json={"kind": "compare", "settings": {"seed": 1}}).json()["job"])
    row = told["rows"][0]
    assert row["before"]["porosity"] == row["after"]["porosity"] < before["numbers"]["features"]["porosity"]
