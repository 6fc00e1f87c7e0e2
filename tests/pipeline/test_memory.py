import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features import Settings, pipeline, read_picture
from micro_features.data import Segmentation
from micro_features.files.artefacts import shipped
from micro_features.jobs import use_one_thread
from micro_features.pipeline.memory import Memory, n_bytes


@pytest.fixture(scope="module")
def micrograph():
    use_one_thread()  # else the last digits hang on where arrays lie
    picture = read_picture(shipped("data", "synthetic", "micrographs") / "s02b.png")
    whole = pipeline.micrograph_of(picture, pipeline.calibrate(picture))
    part = (slice(0, 200), slice(0, 240))
    return dataclasses.replace(whole, image=whole.image[part].copy(), valid=whole.valid[part].copy())


def assert_same(one: Segmentation, other: Segmentation) -> None:
    for field in dataclasses.fields(Segmentation):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


CHANGES = st.one_of(
    st.tuples(st.just("pores.threshold"), st.sampled_from([0.3, 0.5, 0.7])),
    st.tuples(st.just("pores.sensitivity"), st.sampled_from([0.4, 0.5])),
    st.tuples(st.just("pores.method"), st.sampled_from(["classified", "local", "otsu", "fixed"])),
    st.tuples(st.just("pores.level"), st.sampled_from([0.2, 0.25])),
    st.tuples(st.just("pores.window_px"), st.sampled_from([30, 50])),
    st.tuples(st.just("pores.min_area_px"), st.sampled_from([12, 40])),
    st.tuples(st.just("grains.method"), st.sampled_from(["learned", "watershed"])),
    st.tuples(st.just("grains.merge_probability"), st.sampled_from([0.5, 0.75, 0.9])),
    st.tuples(st.just("grains.merge_level"), st.sampled_from([0.2, 0.25])),
    st.tuples(st.just("grains.working_scale"), st.sampled_from([0.0, 1.5, 2.0])),
    st.tuples(st.just("grains.scale_tolerance"), st.sampled_from([0.0, 0.2])),
    st.tuples(st.just("grains.small_grain_px"), st.sampled_from([25, 50])),
    st.tuples(st.just("prepare.window_px"), st.sampled_from([30, 40])),
    st.tuples(st.just("seed"), st.sampled_from([0, 1])),
)


@settings(max_examples=6, deadline=None)
@given(st.lists(CHANGES, min_size=3, max_size=6))
def test_what_is_remembered_never_changes_a_segmentation(micrograph, walk):
    memory, now = Memory(10**9), Settings()
    for name, value in walk:
        now = now.updated({name: value})
        assert_same(pipeline.segment(micrograph, now, memo=memory), pipeline.segment(micrograph, now))


@pytest.mark.parametrize(
    ("changes", "untouched"),
    [
        ({"pores.threshold": 0.6}, {"likelihood"}),
        ({"grains.merge_probability": 0.6}, {"likelihood", "pores", "scale", "hierarchy"}),
        ({"grains.merge_level": 0.2}, {"likelihood", "pores"}),
        ({"phases.boundary_width_px": 5}, {"likelihood", "pores", "scale", "hierarchy", "grains"}),
        ({"pores.level": 0.1}, {"likelihood", "pores", "scale", "hierarchy", "grains"}),
    ],
)
def test_a_changed_setting_costs_only_what_it_touches(micrograph, changes, untouched):
    memory, made = Memory(10**9), []

    def memo(key, make):
        def told():
            made.append(key[1][0] if isinstance(key[0], tuple) else key[0])
            return make()

        return memory(key, told)

    pipeline.segment(micrograph, Settings(), memo=memo)
    assert {"likelihood", "pores", "scale", "hierarchy", "grains"} <= set(made)
    made.clear()
    pipeline.segment(micrograph, Settings().updated(changes), memo=memo)
    assert not untouched & set(made)


def test_what_was_used_longest_ago_goes_first():
    memory = Memory(limit_bytes=250)
    for name in "ab":
        memory(name, lambda: np.zeros(100, np.uint8))
    memory("a", pytest.fail)
    memory("c", lambda: (np.zeros(50, np.uint8), np.zeros(50, np.uint8)))
    assert "a" in memory
    assert "b" not in memory
    assert "c" in memory
    assert memory.bytes_kept == 200


def test_what_is_too_large_is_handed_on_and_not_kept():
    memory = Memory(limit_bytes=10)
    assert memory("a", lambda: np.ones(100)).sum() == 100
    assert "a" not in memory


def test_an_array_that_occurs_twice_counts_once():
    array = np.zeros(8, np.uint8)
    assert n_bytes((array, (array, 3, "text"))) == 8
