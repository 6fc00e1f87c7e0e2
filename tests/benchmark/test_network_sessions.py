"""Pictures whose sessions are known, and networks that read the session or the material by construction."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from micro_features.benchmark import network_sessions as benchmark
from micro_features.benchmark.network_attribution import read_drawn
from micro_features.errors import FeatureTableError
from micro_features.files.outputs import write_png

N = 48  # specimens; the property is the share of black stripes, from -4 to -3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Black stripes by the property; sessions follow it from dark and quiet to bright and noisy, in the test half from
    bright and noisy to dark and quiet."""
    folder = tmp_path_factory.mktemp("nuisance")
    (folder / "micrographs").mkdir()
    rng = np.random.default_rng(0)
    manifest = []
    for i in range(N):
        y, half = -4 + i / (N - 1), ("train", "test")[i % 2]
        session = 4 * i // N if half == "train" else 3 - 4 * i // N
        grey = np.where(np.arange(240)[:, None] % 60 < 60 * (-2.5 - y) / 3, 0.2, 0.5) + np.zeros(340)
        grey = grey + 0.1 * session + (0.02 + 0.01 * session) * rng.standard_normal(grey.shape)
        write_png(folder / "micrographs" / f"s{i}.png", (255 * grey.clip(0, 1)).astype(np.uint8))
        manifest.append(
            {
                "file": f"micrographs/s{i}.png",
                "sample_id": f"s{i}",
                "surface": "polished",
                "pixel_um_true": 0.1,
                "databar_first_row": 240,
                "grain_diameter_mean_drawn_um": 4.0,
                **{f"cause_{cause}": 0.1 for cause in ("porosity", "grain_diameter_um", "boundary_resistance_ohm_cm2")},
                "half": half,
                "session": "ABCD"[session],
                "law_S_per_cm": 10**y,
            }
        )
    pd.DataFrame(manifest).to_csv(folder / "manifest.csv", index=False)
    return folder


class Line(nn.Module):
    """A straight line through a number of each picture, fitted to those it is trained on."""

    def __init__(self, measure, seen, y):
        super().__init__()
        self.measure = measure
        x = np.array([float(measure(torch.from_numpy(each.x)[None, None])) for each in seen])
        self.slope, self.start = np.polyfit(x, y, 1)
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x):
        return (self.start + self.slope * self.measure(x))[:, None].float()


def brightness(x):
    return x.mean((1, 2, 3))


def fine(x):
    """Power of what changes from pixel to pixel along the stripes: noise."""
    return (x[..., 1:] - x[..., :-1]).square().mean((1, 2, 3))


def black(x):
    """Share of the stripes, by a level that lies between the two greys of every picture that is standardised."""
    return (x < -0.5).float().mean((1, 2, 3))


def asked(monkeypatch, folder, measure, grey):
    monkeypatch.setattr(benchmark, "trained", lambda seen, y, **_: Line(measure, seen, y))
    return benchmark.ask(benchmark.halves(read_drawn(folder, least=N)), grey=grey)


def test_a_network_that_reads_brightness_fails_where_sessions_are_reversed_and_is_named(monkeypatch, folder):
    found = asked(monkeypatch, folder, brightness, "of the first picture")
    assert found["r2_within"] > 0.5
    assert found["r2_session"] > 0.7
    assert found["r2_reversed"] < 0
    assert "reads how a picture was taken" in found["said"]
    assert "more brightness" in found["said"]
    assert abs(found["shift_noise"]) < 0.05


def test_standardising_does_not_hide_noise_and_a_network_that_reads_it_is_named(monkeypatch, folder):
    found = asked(monkeypatch, folder, fine, "of each picture")
    assert found["r2_within"] > 0.5
    assert found["r2_reversed"] < 0
    assert "reads how a picture was taken" in found["said"]
    assert "with noise of" in found["said"]
    assert max(abs(found[f"shift_{name}"]) for name in ("gain", "brightness")) < 0.01


def test_a_network_that_reads_the_material_does_not_fall(monkeypatch, folder):
    found = asked(monkeypatch, folder, black, "of each picture")
    assert found["r2_within"] > 0.9
    assert found["r2_reversed"] > 0.9
    assert found["r2_session"] > 0.7  # what the sessions alone give is the same, whatever the network reads
    assert max(abs(found[f"shift_{name}"]) for name in ("gain", "brightness")) < 0.01
    assert "moves the predictions little" in found["said"]


def test_each_grey_level_is_asked_of_both_sets(monkeypatch, folder):
    def ask(of, *, grey):
        return {"grey": grey, "r2_within": 0.5, "r2_reversed": -1.5, "r2_session": 0.9, "said": f"{len(of.y)} seen."}

    monkeypatch.setattr(benchmark, "ask", ask)
    drawn = read_drawn(folder, least=N)
    table = benchmark.ask_all(drawn, drawn)
    assert table[["sessions", "grey"]].to_numpy().tolist() == [
        [sessions, grey]
        for grey in benchmark.GREYS
        for sessions in ("the property", "nothing (mixed)", "nothing (other set)")
    ]
    told = "\n".join(benchmark.lines(table))
    assert told.count(f"{N} seen.") == 6
    assert told.count("-1.50") == 6
    assert "undoes gain and brightness" in told
    assert "there the warning is due" in told


def test_nothing_is_said_of_standardising_where_pictures_were_not_standardised():
    answer = {"sessions": "nothing", "grey": "of the first picture", "said": "Little."}
    table = pd.DataFrame([answer | dict.fromkeys(("r2_within", "r2_reversed", "r2_session"), 0.5)])
    assert "undoes" not in "\n".join(benchmark.lines(table))


def test_the_session_alone_answers_with_the_mean_of_the_others_of_its_session(monkeypatch, folder):
    of = benchmark.halves(read_drawn(folder, least=N))
    monkeypatch.setattr(benchmark, "trained", lambda seen, y, **_: Line(black, seen, y))
    found = benchmark.ask(of, grey="of each picture")
    y, session = of.y[of.train], of.session[of.train]
    # leaving single ones out is close to leaving one fold of five out
    alone = [y[(session == name) & (np.arange(len(y)) != i)].mean() for i, name in enumerate(session)]
    expected = 1 - ((y - alone) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert found["r2_session"] == pytest.approx(expected, abs=0.04)
    assert found["r2_within"] > expected + 0.05


def test_mixed_halves_have_as_many_of_each_session_which_tells_nothing(monkeypatch, folder):
    planted = benchmark.halves(read_drawn(folder, least=N))
    mixed = benchmark.mixed(planted)
    assert mixed.train.sum() == N // 2
    for name in "ABCD":
        here = mixed.session == name
        assert [np.sum(here & mixed.train & (planted.train == half)) for half in (True, False)] == [3, 3]
        for half in (mixed.train, ~mixed.train):
            assert abs(mixed.y[here & half].mean() - mixed.y.mean()) < 0.02
    monkeypatch.setattr(benchmark, "trained", lambda seen, y, **_: Line(fine, seen, y))
    found = benchmark.ask(mixed, grey="of each picture")
    assert found["r2_session"] < 0
    assert abs(found["r2_within"] - found["r2_reversed"]) < 0.5


def test_a_set_without_halves_is_refused(folder):
    drawn = read_drawn(folder, least=N)
    assert benchmark.halves(drawn, specimens=20).train.sum() == 10
    with pytest.raises(FeatureTableError, match=r"has 4 specimens of the train half"):
        benchmark.halves(drawn, specimens=8)
    bare = type(drawn)(drawn.pool, drawn.pictures, drawn.manifest.drop(columns="half"))
    with pytest.raises(FeatureTableError, match=r"no column 'half'"):
        benchmark.halves(bare)
