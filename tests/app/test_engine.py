"""What the page shows at once, and what it shows in the end."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features import Settings, jobs, pipeline, rows
from micro_features.app import engine, stack
from micro_features.app.engine import Bench, View
from micro_features.app.stack import Stack, Superseded, at_scale, spread
from micro_features.files.artefacts import shipped
from micro_features.files.outputs import write_png
from micro_features.files.search import as_text

PICTURE = shipped("data", "synthetic", "micrographs") / "s02b.png"


def opened(path=PICTURE):
    jobs.use_one_thread()
    return Bench(path, 0, micrograph_id="a", stated=jobs.Stated(uncalibrated=True), max_pixels=10**9)


def everything(bench, step=1):
    return View(0, 0, *bench.micrograph.image.shape, step)


@pytest.fixture(scope="module")
def small_picture(tmp_path_factory):
    """A part of a drawn section: enough for grains and pores, and quick."""
    whole = opened().micrograph.image
    path = tmp_path_factory.mktemp("pictures") / "part.png"
    write_png(path, np.round(255 * whole[:220, :260]).astype(np.uint8))
    return path


def test_the_result_is_what_extract_measures():
    bench = opened()
    changed = Settings().updated({"pores.threshold": 0.4, "grains.merge_probability": 0.6})
    outcome = bench.result(changed, ())
    segmentation = pipeline.segment(bench.micrograph, changed)
    measured = pipeline.measure(bench.micrograph, segmentation, changed)
    np.testing.assert_array_equal(outcome.segmentation.grains, segmentation.grains)
    np.testing.assert_array_equal(outcome.segmentation.pores, segmentation.pores)
    assert outcome.measured.features == pytest.approx(measured.features, nan_ok=True)
    row = rows.feature_row(
        bench.micrograph, bench.calibrated, measured, path=as_text(PICTURE), page=0, settings=changed, surface="unknown"
    )
    assert {name: value for name, value in outcome.row.items() if value == value} == {
        name: value for name, value in row.items() if value == value
    }


CHANGES = st.one_of(
    st.tuples(st.just("pores.threshold"), st.sampled_from([0.3, 0.5, 0.7])),
    st.tuples(st.just("pores.method"), st.sampled_from(["classified", "local", "otsu"])),
    st.tuples(st.just("pores.window_px"), st.sampled_from([30, 50])),
    st.tuples(st.just("grains.method"), st.sampled_from(["learned", "watershed"])),
    st.tuples(st.just("grains.merge_probability"), st.sampled_from([0.5, 0.75])),
    st.tuples(st.just("grains.merge_level"), st.sampled_from([0.2, 0.25, 0.4])),
    st.tuples(st.just("prepare.window_px"), st.sampled_from([30, 40])),
    st.tuples(st.just("phases.boundary_width_px"), st.sampled_from([3, 6])),
)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(CHANGES, st.booleans()), min_size=3, max_size=6))
def test_a_preview_that_is_not_marked_is_exact(small_picture, walk):
    bench, now = opened(small_picture), Settings()
    for (name, value), waits in walk:
        now = now.updated({name: value})
        labels = bench.preview(now, (), everything(bench))
        assert labels.exact == (labels.note == "")
        if labels.exact:
            exact = pipeline.segment(bench.micrograph, now)
            np.testing.assert_array_equal(labels.grains, exact.grains)
            np.testing.assert_array_equal(labels.pores, exact.pores)
        if waits:
            bench.result(now, ())
            again = bench.preview(now, (), everything(bench))
            assert again.exact


def test_the_first_preview_is_near_the_result():
    bench = opened()
    first = bench.preview(Settings(), (), everything(bench))
    exact = bench.result(Settings(), ()).segmentation
    assert not first.exact
    assert "reduced size" in first.note
    shared = np.count_nonzero((first.pores > 0) & (exact.pores > 0))
    assert shared > 0.6 * np.count_nonzero((first.pores > 0) | (exact.pores > 0))
    assert 0.5 < first.grains.max() / exact.grains.max() < 1.5


def test_a_moved_threshold_shows_its_own_pores_at_once():
    bench = opened()
    bench.result(Settings(), ())
    moved = Settings().updated({"pores.threshold": 0.3})
    labels = bench.preview(moved, (), everything(bench))
    assert not labels.exact  # grains are fitted to the new pores later
    np.testing.assert_array_equal(labels.pores, pipeline.segment(bench.micrograph, moved).pores)
    assert not (labels.grains[labels.pores > 0]).any()


@pytest.mark.parametrize("ask", ["preview", "result"])
def test_what_is_superseded_ends_before_the_next_stage(small_picture, ask):
    bench, asked = opened(small_picture), itertools.count()

    def superseded():
        return next(asked) >= 1

    more = (everything(bench),) if ask == "preview" else ()
    with pytest.raises(Superseded):
        getattr(bench, ask)(Settings(), (), *more, superseded)
    assert getattr(bench, ask)(Settings(), (), *more) is not None


def test_a_large_picture_is_previewed_at_the_scale_at_which_it_is_seen(monkeypatch):
    monkeypatch.setattr(engine, "SMALL_PX", 100_000)
    bench = opened()
    rows_, cols = bench.micrograph.image.shape
    view = View(100, 80, 301, 200, 2)
    labels = bench.preview(Settings(), (), view)
    assert not labels.exact
    assert labels.scale == pytest.approx((rows_ * cols / 100_000) ** 0.5)
    assert labels.note.startswith("at 1/")
    assert labels.grains.shape == labels.pores.shape == (151, 100)
    exact = bench.result(Settings(), ()).segmentation
    pores = view.of(exact.pores) > 0
    assert np.count_nonzero(pores & (labels.pores > 0)) > 0.5 * np.count_nonzero(pores | (labels.pores > 0))
    again = bench.preview(Settings(), (), view)
    assert again.exact
    np.testing.assert_array_equal(again.pores, view.of(exact.pores))


def test_a_view_may_reach_beyond_the_picture(monkeypatch):
    monkeypatch.setattr(engine, "SMALL_PX", 100_000)
    bench = opened()
    rows_, cols = bench.micrograph.image.shape
    labels = bench.preview(Settings(), (), View(rows_ - 10, cols - 6, 50, 50, 3))
    assert labels.grains.shape == (4, 2)


@pytest.mark.parametrize("name", ["original", "flattened", "boundary"])
def test_layers_are_as_large_as_the_view(small_picture, name):
    bench = opened(small_picture)
    layer = bench.layer(name, Settings(), (), View(10, 20, 101, 60, 2))
    assert layer.values.shape == (51, 30)
    assert layer.low < layer.high
    assert np.isfinite(layer.values).all()
    assert np.ptp(layer.values) > 0.1


def test_lengths_in_pixels_shrink_with_the_picture():
    settings_ = Settings().updated({"pores.min_area_px": 40, "grains.working_scale": 3})
    quarter = at_scale(settings_, 2.0)
    assert quarter.pores.window_px == settings_.pores.window_px / 2
    assert quarter.pores.min_area_px == 10
    assert quarter.grains.working_scale == 1.5
    assert quarter.grains.small_grain_px == settings_.grains.small_grain_px  # of the working scale
    assert at_scale(settings_, 1) == settings_
    tiny = at_scale(settings_, 1000.0)
    assert (tiny.pores.window_px, tiny.pores.min_area_px, tiny.grains.working_scale) == (5, 1, 1)


@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_each_pixel_takes_the_one_it_lies_in(small, more):
    labels = np.arange(small[0] * small[1]).reshape(small)
    large = spread(labels, (small[0] + more[0], small[1] + more[1]))
    assert set(large.ravel()) == set(labels.ravel())
    assert (np.diff(large, axis=0) >= 0).all()
    np.testing.assert_array_equal(spread(labels, (2 * small[0], 3 * small[1])), labels.repeat(2, 0).repeat(3, 1))


def test_a_stack_keeps_to_its_memory():
    bench = opened()
    image, valid = bench.micrograph.image, bench.micrograph.valid
    small = Stack(image, valid, 2.0, limit_bytes=20_000_000)
    for level in (0.15, 0.2, 0.25, 0.3):
        small.exact(Settings().updated({"grains.merge_level": level}))
    assert small._memory.bytes_kept <= 20_000_000
    assert stack.never() is False
