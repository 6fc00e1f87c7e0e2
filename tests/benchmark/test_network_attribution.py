"""Planted sets of pictures made by hand, and networks whose answer is known: what is found, and what must not be."""

import copy
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from micro_features.benchmark import network_attribution as benchmark
from micro_features.benchmark import network_attribution_summary as said
from micro_features.benchmark.attribution import plant, planted_set, unlinked
from micro_features.cli import main
from micro_features.errors import FeatureTableError, ImageError
from micro_features.files.artefacts import shipped
from micro_features.files.outputs import write_labels, write_png
from micro_features.learn.cnn import settle
from micro_features.learn.network import Architecture, Network
from micro_features.network.pictures import NetworkPicture
from micro_features.synth import response_surface
from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES

ROWS, COLS, BAR = 240, 320, 16
GRAIN = 40  # pixels


@pytest.fixture(scope="module")
def surface():
    return response_surface()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Square grains in pairs of grey levels, black pores of the stated share at random places, a data bar below."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = np.random.default_rng(0)
    down, across = np.mgrid[:ROWS, :COLS]
    grains = (down // GRAIN) * (COLS // GRAIN) + across // GRAIN + 1
    manifest = []
    for i in range(benchmark.SPECIMENS * 2):
        share = rng.random(len(CAUSES))
        causes = {cause: float(CAUSE_RANGES[cause].at(part)) for cause, part in zip(CAUSES, share, strict=True)}
        pores = np.zeros((ROWS, COLS), np.uint8)
        while pores.mean() < causes["porosity"]:
            cv2.circle(pores, (int(rng.integers(COLS)), int(rng.integers(ROWS))), 7, 1, -1)
        pores = pores.view(bool)
        grey = 0.6 + 0.05 * rng.standard_normal((ROWS, COLS))
        grey[(down % GRAIN < 2) | (across % GRAIN < 2)] -= 0.15
        grey[pores] = 0.05
        picture = np.full((ROWS + BAR, COLS), 255, np.uint8)
        picture[:ROWS] = (255 * grey.clip(0, 1)).astype(np.uint8)
        name = f"s{i:03d}"
        for sub in ("micrographs", "labels/grains", "labels/pores"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        write_png(folder / "micrographs" / f"{name}.png", picture)
        write_labels(folder / "labels/grains" / f"{name}.png", np.where(pores, 0, grains).astype(np.int32))
        write_labels(folder / "labels/pores" / f"{name}.png", pores.astype(np.int32))
        manifest.append(
            {
                "file": f"micrographs/{name}.png",
                "sample_id": name,
                "surface": "polished",
                "pixel_um_true": 0.125,
                "databar_first_row": ROWS,
                "grain_diameter_mean_drawn_um": GRAIN * 0.125,
                **{f"cause_{cause}": value for cause, value in causes.items()},
            }
        )
    pd.DataFrame(manifest).to_csv(folder / "manifest.csv", index=False)
    return folder


class Darkness(nn.Module):
    """Answers with the share of the picture that is darker than a level, times a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.layers = nn.ModuleDict({"stage2": nn.AvgPool2d(8)})
        self.strides = {"stage1": 4, "stage2": 8, "stage3": 16}
        self.cell_origin = 0.0
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x):
        dark = self.layers["stage2"](torch.relu(-1 - x))
        return self.factor * dark.mean((2, 3)).mean(1, keepdim=True)


class Blind(Darkness):
    """The same with a layer that holds noise, whatever the picture shows."""

    def __init__(self, seed):
        super().__init__(1.0)
        self.layers = nn.ModuleDict({"stage2": Noise(seed)})


class Noise(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.random = np.random.default_rng(seed)

    def forward(self, x):
        cells = nn.functional.avg_pool2d(x, 8)
        return torch.from_numpy(self.random.standard_normal(cells.shape).astype(np.float32))


def asked(drawn, planted):
    pictures = [drawn.pictures[name] for name in planted.pool.X.index]
    return pd.DataFrame(benchmark.ask(planted, pictures, epochs=1, seed=0))


def of_trained(found):
    return found[found["untrained"] == 0].set_index("phase")


def network_of(monkeypatch, factor, *, untrained=()):
    monkeypatch.setattr(benchmark, "trained", lambda *_, **__: Darkness(factor))
    blind = [Blind(seed) for seed in range(benchmark.UNTRAINED - len(untrained))]
    monkeypatch.setattr(benchmark, "untrained", lambda *_, **__: [*blind, *untrained])


def test_a_network_that_counts_dark_pixels_is_found_to_look_at_pores(monkeypatch, folder, surface):
    network_of(monkeypatch, -1.0)
    drawn = benchmark.read_drawn(folder)
    rows = asked(drawn, planted_set(drawn.pool, "porosity", surface, seed=0))
    found = of_trained(rows)
    assert set(found["layer"]) == {"stage2"}  # 8 cells of 2 px, of grains of 40 px; 32 px would be too coarse
    assert found["p_exchanged"].iloc[0] <= 0.01
    assert found["beyond"].abs().idxmax() == "pore"
    assert found.loc["pore", "beyond"] < -5
    assert found.loc["pore", "lean_high"] < 0
    assert found.loc["pore", "p_moved"] <= 0.02
    assert found.loc["pore", "net"] < -1
    assert rows["untrained"].value_counts().to_dict() == dict.fromkeys(range(1 + benchmark.UNTRAINED), 2)
    assert rows.loc[rows["untrained"] > 0, "beyond"].abs().max() < 5
    assert said.found_phase(rows) == "pore"


def test_what_maps_of_untrained_networks_lean_on_does_not_count(monkeypatch, folder, surface):
    network_of(monkeypatch, -1.0, untrained=[Darkness(0.001)])
    drawn = benchmark.read_drawn(folder)
    rows = asked(drawn, planted_set(drawn.pool, "porosity", surface, seed=0))
    last = rows[rows["untrained"] == benchmark.UNTRAINED].set_index("phase")
    # The same map on another scale, or with another sign, is as good a map.
    assert abs(last.loc["pore", "beyond"]) == pytest.approx(abs(of_trained(rows).loc["pore", "beyond"]))
    assert said.leaned_on(last.reset_index()) == "pore"
    assert said.found_phase(rows) == "pore"


def test_maps_of_a_network_that_knows_nothing_are_not_read_however_clear_they_are(monkeypatch, folder, surface):
    network_of(monkeypatch, -1.0)
    drawn = benchmark.read_drawn(folder)
    rows = asked(drawn, unlinked(planted_set(drawn.pool, "porosity", surface, seed=0), seed=0))
    found = of_trained(rows)
    assert abs(found.loc["pore", "beyond"]) > 5
    assert found["p_exchanged"].iloc[0] > benchmark.ALPHA
    assert said.pointed_at(rows) == "pore"
    assert said.found_phase(rows) is None


def test_a_network_that_has_it_the_wrong_way_round_knows_nothing(monkeypatch, folder, surface):
    network_of(monkeypatch, 1.0)
    drawn = benchmark.read_drawn(folder)
    rows = asked(drawn, planted_set(drawn.pool, "porosity", surface, seed=0))
    found = of_trained(rows)
    assert found.loc["pore", "beyond"] > 5
    assert found["p_exchanged"].iloc[0] > 0.9
    assert said.leaned_on(found.reset_index()) == "pore"
    assert said.pointed_at(rows) is None


def test_untrained_networks_are_like_the_trained_one_and_differ_between_seeds():
    like = Network(Architecture(benchmark.CHANNELS, benchmark.STEM_CHANNELS, normalised="set"), mean=-4.0, sd=0.3)
    x = np.random.default_rng(0).standard_normal((2, 400, 400), np.float32)
    seen = [
        NetworkPicture(each, np.ones(each.shape, bool), (0, 799, 0, 799), (800, 800), 0.1, "", 0.5, 0.1) for each in x
    ]
    several = [*benchmark.untrained(like, seen, seed=0), *benchmark.untrained(like, seen, seed=1)]
    assert len(several) == 2 * benchmark.UNTRAINED
    assert {(each.architecture, float(each.mean)) for each in several} == {(like.architecture, -4.0)}
    with torch.no_grad():
        assert len({float(each(torch.from_numpy(x[:1, None]))[0, 0]) for each in several}) == len(several)
    # Standardised over these pictures, as a trained network is over its own, and not by 0 and 1.
    again = settle(copy.deepcopy(several[0]), [x[0], x[1]], [each.boxes(benchmark.GEOMETRY) for each in seen], 120)
    assert (again.head[0].running_var < 0.5).all()
    torch.testing.assert_close(several[0].head[0].running_var, again.head[0].running_var)


def test_each_phase_stands_beside_its_own_moved_maps():
    rng = np.random.default_rng(0)
    null = rng.standard_normal((4, 199, 3, 5)) * [[1.0], [100.0], [1.0]]
    found = [pd.DataFrame({"lean": [5.0, 5.0, -10.0], "net": 0.0}, ["pore", "boundary", "interior"]) for _ in null]
    pore, boundary = (benchmark._leaning(phase, found, list(null), np.arange(4)) for phase in benchmark.PHASES)
    assert pore["lean"] == boundary["lean"] == 5
    # the mean over four pictures varies half as much as one
    assert pore["beyond"] == pytest.approx(10, rel=0.15)
    assert abs(boundary["beyond"]) < 0.4
    assert pore["p_moved"] == 0.01
    assert boundary["p_moved"] > 0.5


def test_label_images_of_another_size_are_refused(folder, tmp_path):
    picture = benchmark.read_drawn(folder).pictures["s000"][0]
    write_labels(tmp_path / "short.png", np.ones((ROWS - 1, COLS), np.int32))
    short = replace(picture, grains=tmp_path / "short.png", pores=tmp_path / "short.png")
    with pytest.raises(ImageError, match=r"short.png: label image of shape \(239, 320\) does not fit s000.png"):
        benchmark.drawn_phases(short)


def test_a_drawn_set_is_read_without_its_data_bar(folder):
    drawn = benchmark.read_drawn(folder)
    assert len(drawn.pool.X) == 2 * benchmark.SPECIMENS
    picture = drawn.pictures["s003"][0]
    micrograph = benchmark.micrograph(picture)
    assert micrograph.valid.sum() == ROWS * COLS
    assert picture.grain_px == pytest.approx(GRAIN)
    pore, boundary, interior = benchmark.drawn_phases(picture)
    assert pore.shape == (ROWS, COLS)
    assert (pore | boundary | interior).all()
    assert pore.mean() == pytest.approx(drawn.pool.causes.loc["s003", "porosity"], abs=0.01)
    assert (micrograph.image[:ROWS][pore] < 0.1).all()


def test_a_set_that_is_too_small_or_none_is_refused(folder, tmp_path):
    with pytest.raises(FeatureTableError, match=r"has 120 polished specimens, needed are 121"):
        benchmark.read_drawn(folder, least=121)
    pd.DataFrame({"file": ["a.png"]}).to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(FeatureTableError, match=r"no column 'sample_id'"):
        benchmark.read_drawn(tmp_path)


def test_every_kind_of_a_seed_comes_before_the_next_seed(folder, surface):
    todo = benchmark.cases(benchmark.read_drawn(folder), surface, seeds=2)
    kinds = [*benchmark.PLANTED, *benchmark.NO_LINK]
    assert [(case.kind, case.seed) for case in todo] == [(kind, seed) for seed in (20, 21) for kind in kinds]
    assert len({str(case.path) for case in todo}) == len(todo)
    by_kind = {case.kind: case.planted for case in todo if case.seed == 20}
    assert np.array_equal(np.sort(by_kind["hidden resistance"].y), np.sort(by_kind["boundary"].y))
    assert not np.array_equal(by_kind["hidden resistance"].y, by_kind["boundary"].y)
    assert all(len(case.pictures) == benchmark.SPECIMENS for case in todo)


def rows(kind, seed, *, pore=0.0, boundary=0.0, p_moved=0.01, p_exchanged=0.01, untrained=(4.0, -5.0)):
    """Of one trained network, and of untrained ones that lean on pores so far and on boundaries half as far."""
    leans = [(0, pore, boundary, p_moved), *((1 + i, lean, lean / 2, 0.01) for i, lean in enumerate(untrained))]
    return [
        {"kind": kind, "seed": seed, "untrained": number, "phase": phase, "beyond": beyond, "p_moved": p}
        | {"p_exchanged": p_exchanged, "r2": 0.5, "seconds": 20.0}
        for number, *beyonds, p in leans
        for phase, beyond in zip(("pore", "boundary"), beyonds, strict=True)
    ]


def test_hits_and_false_alarms_are_counted_by_hand():
    table = pd.DataFrame(
        [
            *rows("porosity", 0, pore=-9, boundary=3),
            *rows("porosity", 1, pore=9, boundary=3),  # the wrong sign
            *rows("porosity", 2, pore=-9, boundary=-12),  # the other phase
            *rows("porosity", 3, pore=-9, p_exchanged=0.06),  # knows nothing
            *rows("porosity", 4, pore=-9, p_moved=0.06),  # moved maps do as well
            *rows("no link", 0, pore=-9, p_exchanged=0.5),
            *rows("no link", 1, boundary=-3),
            *rows("no link", 2, pore=9, p_exchanged=0.5),
            *rows("grain-size", 0, pore=-1, boundary=-9, untrained=(4, -5)),
            *rows("grain-size", 1, pore=-9, boundary=-3),
        ]
    )
    told = said.summary(table).set_index("kind")
    counted = ["sets", "learned", "found", "wrong", "wrong_unlearned", "untrained"]
    assert told.loc["porosity", counted].tolist() == [5, 4, 1, 1, 1, 10]
    assert told.loc["no link", counted].tolist() == [3, 1, 0, 1, 2, 6]
    assert told.loc["grain-size", counted].tolist() == [2, 2, 1, 1, 1, 4]
    assert told[["untrained_pore", "untrained_boundary"]].to_numpy().tolist() == [[10, 0], [6, 0], [4, 0]]
    lines = "\n".join(said.lines(table, 300))
    assert "1 of 5 (0.01 to 0.72)" in lines
    assert "10, 0 of 10" in lines
    assert "False alarms where nothing can be found: 1 of 3" in lines
    assert "by the maps alone: 2 of 3" in lines
    assert "share 12 on average" in lines
    assert (
        "Found pore, boundary: 1, 1 where porosity drives, 1, 1 where grain size does (Fisher's exact p = 1)" in lines
    )
    on_pores = lines[lines.index("Lean of the maps on pore") :].splitlines()
    of_porosity = next(line for line in on_pores if line.startswith("porosity"))
    assert " ".join(of_porosity.split()) == "porosity -9.0 (-9.0 to +5.4), 4 of 5 -0.5 (-5.0 to +4.0), 10 of 10"


def test_the_command_asks_every_kind_and_writes_the_table(monkeypatch, folder, tmp_path, capsys):
    asked_epochs = {}

    def ask(planted, pictures, *, epochs, seed):
        asked_epochs.setdefault(epochs, []).append(len(pictures))
        return [{key: value for key, value in row.items() if key not in ("kind", "seed")} for row in rows("", seed)]

    monkeypatch.setattr(benchmark, "ask", ask)
    out = tmp_path / "truth.csv"
    assert main(["benchmark", "network", str(folder), "--seeds", "2", "-j", "1", "-o", str(out)]) == 0
    assert "Planted sets of 60 of 120 specimens" in capsys.readouterr().out
    table = pd.read_csv(out)
    assert table.groupby("kind", sort=False).size().to_dict() == dict.fromkeys(
        [*benchmark.PLANTED, *benchmark.NO_LINK], 2 * 3 * 2
    )
    assert asked_epochs == {benchmark.EPOCHS: [60] * 6, benchmark.MORE_EPOCHS: [60] * 4}


def test_the_command_says_what_a_folder_lacks(tmp_path, capsys):
    pd.DataFrame({"file": ["a.png"]}).to_csv(tmp_path / "manifest.csv", index=False)
    assert main(["benchmark", "network", str(tmp_path)]) != 0
    assert "name a folder that `micro-features synth` wrote" in capsys.readouterr().err


@pytest.mark.slow
def test_networks_find_porosity_in_the_shipped_set(surface):
    """Most of them: of 16 specimens one may learn it with heat that leans the other way."""
    drawn = benchmark.read_drawn(shipped("data", "synthetic"), least=20)
    planted = plant(drawn.pool, "porosity", surface, seed=0)
    pictures = [drawn.pictures[name] for name in planted.pool.X.index]
    found = [of_trained(pd.DataFrame(benchmark.ask(planted, pictures, epochs=40, seed=seed))) for seed in range(3)]
    assert min(each["r2"].iloc[0] for each in found) > 0.3
    assert all(each["beyond"].abs().idxmax() == "pore" for each in found)
    assert np.median([each.loc["pore", "beyond"] for each in found]) < -5
