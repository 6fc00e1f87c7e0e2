"""Ranges, designs and indices of functions whose answers are known by hand or from the literature."""

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from micro_features.explain import joint_sensitivity as joint
from micro_features.explain import sensitivity as kernel
from micro_features.explain.sensitivity import Range

UNIT = {name: Range(0.0, 0.5, 1.0) for name in ("a", "b", "c")}
# Ishigami and Homma (1990), A = 7, B = 0.1, on (-pi, pi): indices in closed form.
ISHIGAMI = {name: Range(-math.pi, 0.0, math.pi) for name in ("x1", "x2", "x3")}
FIRST, TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)


def ishigami(point: Mapping[str, float]) -> dict[str, float]:
    x1, x2, x3 = (point[name] for name in ISHIGAMI)
    return {"y": math.sin(x1) + 7 * math.sin(x2) ** 2 + 0.1 * x3**4 * math.sin(x1)}


def shapes(point: Mapping[str, float]) -> dict[str, float]:
    a, b, _ = (point[name] for name in UNIT)
    return {
        "linear": 3 * a - b + 10,
        "product": a * b,
        "bump": -((a - 0.5) ** 2),
        "constant": 4.0,
        "withheld": math.nan if a > 0.8 else b,
        "never": math.nan,
    }


def singly(ranges: Mapping[str, Range] = UNIT, between: int = 1) -> pd.DataFrame:
    steps = kernel.one_at_a_time(ranges, between=between)
    return kernel.moved_singly(steps, kernel.evaluate(steps.points, shapes)).set_index(["number", "setting"])


def test_steps_move_one_setting_through_both_ends_and_between():
    steps = kernel.one_at_a_time({"t": Range(0.3, 0.5, 0.7), "w": Range(25, 50, 200, logarithmic=True)}, between=1)
    assert steps.points[0] == {"t": 0.5, "w": 50}
    t = [point["t"] for point, moved in zip(steps.points, steps.moved, strict=True) if moved == "t"]
    w = [point["w"] for point, moved in zip(steps.points, steps.moved, strict=True) if moved == "w"]
    assert t == pytest.approx([0.3, 0.4, 0.6, 0.7])
    assert w == pytest.approx([25, 25 * math.sqrt(2), 100, 200])
    assert all(point["t"] == 0.5 for point, moved in zip(steps.points, steps.moved, strict=True) if moved == "w")


def test_whole_numbers_stay_whole_and_are_tried_once():
    steps = kernel.one_at_a_time({"n": Range(2, 3, 4, integer=True, logarithmic=True)}, between=2)
    assert [point["n"] for point in steps.points] == [3, 2, 4]


def test_a_setting_at_the_end_of_its_range_is_moved_to_the_other():
    steps = kernel.one_at_a_time({"a": Range(0.0, 0.0, 1.0)}, between=0)
    moved = kernel.moved_singly(steps, kernel.evaluate(steps.points, lambda point: {"y": point["a"]}))
    assert [point["a"] for point in steps.points] == [0.0, 1.0]
    assert moved.loc[0, ["at_low", "base", "at_high"]].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("ends", [(1, 0, 2), (0, 3, 2), (1, 1, 1), (0, math.nan, 1)])
def test_ranges_rise(ends):
    with pytest.raises(ValueError, match="must rise"):
        Range(*ends)


def test_logarithmic_ranges_are_above_0():
    with pytest.raises(ValueError, match="above 0"):
        Range(0, 1, 2, logarithmic=True)


def test_one_at_a_time_tells_what_each_setting_does():
    moved = singly()
    linear = moved.loc["linear"]
    assert linear.loc["a", ["at_low", "base", "at_high"]].tolist() == pytest.approx([9.5, 11, 12.5])
    assert linear.loc["b", ["low", "high"]].tolist() == pytest.approx([10.5, 11.5])
    assert linear.loc["b", ["at_low", "at_high"]].tolist() == pytest.approx([11.5, 10.5])
    assert linear.loc["c", "low"] == linear.loc["c", "high"] == 11


def test_an_answer_that_rises_and_falls_is_seen_between_the_ends():
    def hump(point: Mapping[str, float]) -> dict[str, float]:
        return {"y": math.sin(2 * math.pi * point["a"])}

    steps = kernel.one_at_a_time({"a": Range(0.0, 0.5, 1.0)}, between=1)
    row = kernel.moved_singly(steps, kernel.evaluate(steps.points, hump)).iloc[0]
    assert (row["at_low"], row["at_high"]) == pytest.approx((0, 0), abs=1e-12)
    assert (row["low"], row["high"]) == pytest.approx((-1, 1))


def test_withheld_numbers_are_counted_and_left_out():
    moved = singly().loc["withheld"]
    assert moved["n_withheld"].to_dict() == {"a": 1, "b": 0, "c": 0}
    assert math.isnan(moved.loc["a", "at_high"])
    assert (moved.loc["a", "low"], moved.loc["a", "high"]) == (0.5, 0.5)
    never = singly().loc["never"]
    assert never["n_withheld"].tolist() == [5, 5, 5]
    assert never[["low", "high", "base"]].isna().all().all()


def test_the_driver_is_the_setting_with_the_widest_range():
    found = kernel.drivers(singly().reset_index()).set_index("number")
    assert found.loc["linear", "setting"] == "a"
    assert found.loc["linear", "share"] == pytest.approx(0.75)
    assert (found.loc["linear", "low"], found.loc["linear", "high"]) == (9.5, 12.5)
    assert found.loc["constant", "setting"] == ""
    assert math.isnan(found.loc["constant", "share"])
    assert found.loc["linear", ["n", "n_withheld"]].tolist() == [13, 0]
    assert found.loc["withheld", ["n", "n_withheld"]].tolist() == [13, 1]
    assert found.loc["never", ["n", "n_withheld"]].tolist() == [13, 13]


def test_points_are_asked_for_once_and_in_the_order_of_cost():
    asked = []

    def answer(point: Mapping[str, float]) -> dict[str, float]:
        asked.append((point["b"], point["a"]))
        return {"y": 10 * point["b"] + point["a"]}

    points = [{"a": float(a), "b": float(b)} for a in (2, 0, 2) for b in (1, 0)]
    counts = []
    found = kernel.evaluate(points, answer, order=("b",), progress=lambda *count: counts.append(count))
    assert asked == [(0, 0), (0, 2), (1, 0), (1, 2)]
    assert found["y"].tolist() == [12, 2, 10, 0, 12, 2]
    assert counts == [(done, 4) for done in range(5)]


def test_an_executor_gives_the_same_answers():
    points = joint.morris_design(UNIT, trajectories=5, seed=1).points
    with ThreadPoolExecutor(3) as pool:
        found = kernel.evaluate(points, shapes, mapped=pool.map)
    pd.testing.assert_frame_equal(found, kernel.evaluate(points, shapes))


def test_evaluation_stops_when_it_is_told_to():
    asked = []
    with pytest.raises(kernel.Cancelled):
        kernel.evaluate(
            kernel.one_at_a_time(UNIT).points,
            lambda point: asked.append(point) or {"y": 0.0},
            stopped=lambda: len(asked) == 3,
        )
    assert len(asked) == 3


def morris(answer, ranges: Mapping[str, Range], trajectories: int = 20, seed: int = 0) -> pd.DataFrame:
    design = joint.morris_design(ranges, trajectories=trajectories, seed=seed)
    answers = kernel.evaluate(design.points, answer)
    return joint.morris_indices(design, answers, seed=seed).set_index(["number", "setting"])


def test_morris_of_a_linear_function_is_exact():
    linear = morris(shapes, UNIT).loc["linear"]
    assert linear["mu"].to_numpy(float) == pytest.approx([3, -1, 0], abs=1e-9)
    assert linear["mu_star"].to_numpy(float) == pytest.approx([3, 1, 0], abs=1e-9)
    assert linear["sigma"].to_numpy(float) == pytest.approx(0, abs=1e-9)
    assert linear["mu_star_ci95_low"].to_numpy(float) == pytest.approx([3, 1, 0], abs=1e-9)


def test_morris_sees_what_two_settings_do_together():
    product = morris(shapes, UNIT).loc["product"]
    # The effect of a is the value of b, between 0 and 1, and the other way round.
    assert (product.loc[["a", "b"], "sigma"] > 0.2).all()
    assert product.loc["c", "mu_star"] == 0
    assert product.loc["a", "mu_star_ci95_low"] < product.loc["a", "mu_star"] < product.loc["a", "mu_star_ci95_high"]


def test_morris_of_ishigami_ranks_and_tells_interactions():
    # On 4 levels, -pi, -pi/3, pi/3 and pi, sin is 0, -s, s, 0 with s^2 = 3/4; x3^4 is pi^4 at the outer levels and 1/81
    # of that at the inner ones. So effects of x2 are +-7 * 3/4 / (2/3), all of one size; those of x3 are
    # +-s 0.1 pi^4 (1 - 1/81) / (2/3) where x1 stands at an inner level, as it does half of the time, and 0 elsewhere.
    found = morris(ishigami, ISHIGAMI, trajectories=400).loc["y"]
    assert found.loc["x2", "mu_star"] == pytest.approx(7.875, rel=1e-6)
    assert found.loc["x2", "mu"] == pytest.approx(0, abs=1.2)
    s, quartic = math.sqrt(0.75), 0.1 * math.pi**4
    assert found.loc["x3", "mu_star"] == pytest.approx(0.75 * s * quartic * (1 - 1 / 81), rel=0.15)
    assert found.loc["x1", "mu_star"] == pytest.approx(1.5 * s * (1 + quartic * (1 + 1 / 81) / 2), rel=0.15)
    assert found.loc["x3", "sigma"] > found.loc["x3", "mu_star"]


def test_morris_leaves_out_trajectories_with_a_withheld_number():
    design = joint.morris_design(UNIT, trajectories=20, seed=3)
    answers = kernel.evaluate(design.points, shapes)
    found = joint.morris_indices(design, answers, seed=0).set_index(["number", "setting"])
    whole = answers["withheld"].notna().to_numpy().reshape(20, 4).all(axis=1).sum()
    assert 0 < whole < 20
    assert (found.loc["withheld", "trajectories"] == whole).all()
    if whole >= joint.LEAST_TRAJECTORIES:
        assert found.loc[("withheld", "b"), "mu_star"] == pytest.approx(1)
    assert (found.loc["never", "trajectories"] == 0).all()
    assert found.loc["never", "mu_star"].isna().all()
    assert (found.loc["constant", "mu_star"] == 0).all()


def test_too_few_trajectories_tell_nothing():
    assert morris(shapes, UNIT, trajectories=joint.LEAST_TRAJECTORIES - 1)["mu_star"].isna().all()
    assert morris(shapes, UNIT, trajectories=joint.LEAST_TRAJECTORIES).loc["linear", "mu_star"].notna().all()


def test_morris_design_keeps_to_the_ranges():
    ranges = {"w": Range(25, 50, 200, logarithmic=True), "n": Range(6, 12, 24, integer=True, logarithmic=True)}
    points = joint.morris_design(ranges, trajectories=10, seed=0).points
    assert sorted({point["w"] for point in points}) == pytest.approx([25, 50, 100, 200])
    assert {point["n"] for point in points} == {6, 10, 15, 24}


def test_sobol_of_ishigami():
    design = joint.sobol_design(ISHIGAMI, draws=1024, seed=0)
    assert len(design.points) == 1024 * 5
    found = joint.sobol_indices(design, kernel.evaluate(design.points, ishigami), seed=0)
    assert found["first_order"].to_numpy(float) == pytest.approx(FIRST, abs=0.03)
    assert found["total_order"].to_numpy(float) == pytest.approx(TOTAL, abs=0.03)
    for name, truth in (("first_order", FIRST), ("total_order", TOTAL)):
        assert (found[f"{name}_ci95_low"] <= np.array(truth) + 0.01).all()
        assert (found[f"{name}_ci95_high"] >= np.array(truth) - 0.01).all()


def test_sobol_of_constant_linear_and_withheld():
    design = joint.sobol_design(UNIT, draws=256, seed=0)
    found = joint.sobol_indices(design, kernel.evaluate(design.points, shapes), seed=0)
    found = found.set_index(["number", "setting"])
    assert found.loc["linear", "first_order"].to_numpy(float) == pytest.approx([0.9, 0.1, 0], abs=0.06)
    assert found.loc["constant", "first_order"].isna().all()
    assert found.loc["never", "total_order"].isna().all()
    assert (found.loc["linear", "blocks"] == 256).all()
    assert found.loc[("withheld", "a"), "blocks"] < 256


def test_the_same_seed_gives_the_same_numbers():
    for seed in (0, 5):
        pd.testing.assert_frame_equal(morris(ishigami, ISHIGAMI, seed=seed), morris(ishigami, ISHIGAMI, seed=seed))
        designs = [joint.sobol_design(UNIT, draws=16, seed=seed) for _ in range(2)]
        tables = [joint.sobol_indices(each, kernel.evaluate(each.points, shapes), seed=seed) for each in designs]
        pd.testing.assert_frame_equal(*tables)
    assert joint.morris_design(UNIT, trajectories=5, seed=0).points != (
        joint.morris_design(UNIT, trajectories=5, seed=1).points
    )


def test_designs_leave_the_global_stream_of_numbers_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    morris(ishigami, ISHIGAMI)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_joint_ranges_are_the_middle_of_the_tried_points():
    answers = pd.DataFrame({"y": [*np.linspace(0, 1, 101), math.nan], "never": math.nan})
    found = joint.joint_ranges(answers).set_index("number")
    assert found.loc["y", ["joint_low", "joint_high"]].tolist() == pytest.approx([0.025, 0.975])
    assert found.loc["y", ["joint_n", "joint_n_withheld"]].tolist() == [102, 1]
    assert found.loc["never", "joint_n_withheld"] == 102
    assert math.isnan(found.loc["never", "joint_low"])
