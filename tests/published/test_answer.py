"""Which parameters go with a high property: planted slopes come back, with their sign, and chance is not sure."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from micro_features.learn.draws import times_drawn
from micro_features.learn.scores import widened
from micro_features.published.answer import Answer, answer_of
from micro_features.published.samples import GROUPED, IN_SAMPLE

N_GROUPS, EACH, DRAWS = 10, 3, 200
N = N_GROUPS * EACH
SLOPES = np.array([0.5, -0.2, 0.0])
NAMES = ["pore_area_mean_um2", "grain_area_mean_um2", "pore_number"]


def given(
    *,
    slopes: np.ndarray = SLOPES,
    noise: float = 0.02,
    n_groups: int = N_GROUPS,
    missing: tuple[int, ...] = (),
    protocol: str = GROUPED,
    parameters: np.ndarray | None = None,
) -> tuple[SimpleNamespace, SimpleNamespace]:
    """Samples and answers, the attributions of which are slopes times standardised parameters."""
    rng = np.random.default_rng(0)
    parameters = rng.normal(5, 2, (N, 3)) if parameters is None else parameters
    parameters[list(missing)] = np.nan
    there = np.isfinite(parameters).all(axis=1)
    sd = parameters[there].std(axis=0)
    z = (parameters - parameters[there].mean(axis=0)) / np.where(sd > 0, sd, 1)
    attributed = z * slopes
    again = attributed + noise * rng.normal(size=(DRAWS, 1, 3)) * z
    groups = np.arange(N) * n_groups // N
    dataset = SimpleNamespace(
        ids=tuple(f"p{row}" for row in range(N)),
        groups=groups,
        group_names=tuple(f"S{group}" for group in groups),
        y=parameters[:, 0].copy(),
    )
    told = SimpleNamespace(
        values=pd.DataFrame(parameters, columns=NAMES, index=list(dataset.ids)),
        units=dict.fromkeys(NAMES, "um2"),
        phases=dict(zip(NAMES, ("pore", "grain", "pore"), strict=True)),
    )
    step = SimpleNamespace(coefficients=np.array([1.0, -1.0, 0.0]), p=np.array([0.001, 0.9, np.nan]))
    runs = [SimpleNamespace(steps=[step] * n_steps) for n_steps in (1, 1, 0, 0, 0)[: 1 if protocol == IN_SAMPLE else 5]]
    answers = SimpleNamespace(
        protocol=protocol,
        attributed=attributed,
        again=again,
        base=np.where(there, -4.0, np.nan),
        runs=runs,
        of_run=[groups % len(runs) == number for number in range(len(runs))],
    )
    return SimpleNamespace(dataset=dataset, parameters=told), answers


def answer(*, against: Sequence[str] = (), **planted: object) -> Answer:
    return answer_of(*given(**planted), "log10 S/cm", against=against)


def turned(answers: SimpleNamespace, parameter: int, runs: Sequence[int]) -> SimpleNamespace:
    """Answers whose pictures of these runs tell the other sign of a parameter."""
    for run in runs:
        answers.attributed[answers.of_run[run], parameter] *= -1
        answers.again[:, answers.of_run[run], parameter] *= -1
    return answers


def test_planted_slopes_come_back_that_of_most_attribution_first():
    table = answer().table
    assert list(table["parameter"]) == NAMES
    assert table["effect"].to_numpy() == pytest.approx(SLOPES)
    assert table["share"].sum() == pytest.approx(1)
    assert list(table["phase"]) == ["pore", "grain", "pore"]
    assert table["sure"].tolist() == [True, True, False]
    for row in table.to_dict("records"):
        assert row["low"] <= row["effect"] <= row["high"]
    assert table["median_of_runs"].to_numpy() == pytest.approx(SLOPES)
    assert (table["same_sign"] == 1).all()
    assert table["meaningful"].all()
    assert table["spearman"].iloc[0] == pytest.approx(1)


def test_p_and_q_by_hand():
    table = answer().table.set_index("parameter")
    # No draw is on the other side of 0: (1 + 0) / (1 + draws), two-sided; of two of three parameters.
    smallest = 2 / (1 + DRAWS)
    assert table["p"].to_numpy() == pytest.approx([smallest, smallest, table.loc["pore_number", "p"]])
    assert table.loc["pore_number", "p"] > 0.1
    assert table.loc[NAMES[:2], "q"].to_numpy() == pytest.approx(1.5 * smallest)


def test_where_something_speaks_against_it_no_direction_is_sure():
    found = answer(against=["tree of words: at chance"])
    table = found.table
    assert not table["sure"].any()
    assert not table["meaningful"].any()
    assert found.attributions.method.endswith("; not meaningful")
    assert "not meaningful" not in answer().attributions.method
    assert (table["p"] == answer().table["p"]).all()


def test_coefficients_that_change_sign_are_not_sure():
    table = answer(noise=2).table
    assert not table["sure"].any()
    assert (table["low"] < 0).all()
    assert (table["high"] > 0).all()


def test_fewer_than_six_groups_give_no_interval_and_no_certainty():
    table = answer(n_groups=5).table
    assert table[["low", "high", "p", "q"]].isna().all(axis=None)
    assert not table["sure"].any()
    assert table["effect"].to_numpy() == pytest.approx(SLOPES)
    assert np.isfinite(answer(n_groups=6).table["low"]).all()


def test_pictures_without_parameters_are_left_out():
    found = answer(missing=(0, 4))
    assert len(found.attributions.ids) == N - 2
    assert "p0" not in found.attributions.ids
    assert "p4" not in found.attributions.ids
    assert len(found.groups) == N - 2
    assert found.table["effect"].to_numpy() == pytest.approx(SLOPES)


def test_the_attributions_add_up_and_lie_in_their_bands():
    samples, answers = given()
    found = answer_of(samples, answers, "log10 S/cm").attributions
    assert found.values == pytest.approx(answers.attributed)
    assert found.names == tuple(NAMES)
    assert found.unit == "log10 S/cm"
    assert (found.base == -4).all()
    assert (found.low <= found.high).all()
    inside = (found.low <= found.values + 0.02) & (found.values - 0.02 <= found.high)
    assert inside.all()


def test_the_protocol_is_named():
    assert "out of fold" in answer().attributions.method
    assert "training data" in answer(protocol=IN_SAMPLE).attributions.method


@pytest.mark.parametrize(("n_turned", "sure"), [(1, True), (2, False)])
def test_a_direction_is_sure_where_four_of_five_runs_show_it_by_themselves(n_turned, sure):
    """The draws would all agree; it is what single runs say of the pictures that they left out that does not."""
    samples, answers = given(noise=0)
    turned(answers, 0, range(n_turned))
    table = answer_of(samples, answers, "").table.set_index("parameter")
    answers.again[:] = (
        table.loc[NAMES, "effect"].to_numpy() * given(noise=0)[1].attributed / np.where(SLOPES, SLOPES, 1)
    )
    row = answer_of(samples, answers, "").table.set_index("parameter").loc[NAMES[0]]
    assert row["low"] > 0
    assert row["q"] <= 0.05
    assert row["same_sign"] == pytest.approx(1 - n_turned / 5)
    assert row["sure"] == sure
    assert row["median_of_runs"] > 0
    assert row["meaningful"]


def test_runs_are_asked_about_the_pictures_that_they_left_out_alone():
    samples, answers = given()
    turned(answers, 1, [0, 1, 2])
    row = answer_of(samples, answers, "").table.set_index("parameter").loc[NAMES[1]]
    by_run = [-SLOPES[1]] * 3 + [SLOPES[1]] * 2
    assert row["median_of_runs"] == pytest.approx(np.median(by_run))
    assert row["same_sign"] == (np.sign(by_run) == np.sign(row["effect"])).mean()


def test_one_run_can_not_agree_with_others():
    table = answer(protocol=IN_SAMPLE).table
    assert table["same_sign"].isna().all()
    assert not table["sure"].any()
    assert table["median_of_runs"].to_numpy() == pytest.approx(table["effect"].to_numpy())


def test_a_run_whose_pictures_all_lack_a_parameter_has_no_say():
    samples, answers = given(missing=tuple(np.flatnonzero(np.arange(N) * N_GROUPS // N % 5 == 0)))
    table = answer_of(samples, answers, "").table
    assert table["effect"].to_numpy() == pytest.approx(SLOPES)
    assert (table["same_sign"] == 1).all()
    assert table["sure"].tolist() == [True, True, False]


def test_a_clear_p_with_an_interval_over_0_is_not_sure():
    """Few groups: the interval is widened, p is not."""
    samples, answers = given(n_groups=6, noise=0)
    wild = answers.again.copy()
    wild[:2, :, 0] *= -1  # of 200 draws; 2 (1 + 2) / 201 = 0.03, and the widened interval leaves 0.5 % out
    answers.again[:] = wild
    row = answer_of(samples, answers, "").table.set_index("parameter").loc[NAMES[0]]
    assert row["q"] <= 0.05
    assert row["low"] < 0
    assert not row["sure"]


def test_pictures_are_drawn_as_the_steps_were():
    """Coefficients that go up where group 0 is drawn often, and attributions that are steeper there: taken together."""
    samples, answers = given(noise=0)
    groups = samples.dataset.groups
    times = times_drawn(groups, DRAWS, 7)
    steeper = np.where(groups == 0, 3.0, 1.0) * answers.attributed[:, 0]
    answers.again[:, :, 0] = (1 + times[:, :1]) * steeper
    row = answer_of(samples, answers, "", seed=7).table.set_index("parameter").loc[NAMES[0]]
    values = samples.parameters.values[NAMES[0]].to_numpy()
    z = (values - values.mean()) / values.std()
    effects = []
    for time in times:
        rows = np.repeat(np.arange(N), time)  # as if the pictures were there so often
        effects.append(np.polyfit(z[rows], (1 + time[0]) * steeper[rows], 1)[0])
    outside = (1 - widened(0.95, N_GROUPS)) / 2
    assert [row["low"], row["high"]] == pytest.approx(np.quantile(effects, [outside, 1 - outside]), abs=1e-6)


def test_of_many_parameters_one_that_is_sure_by_itself_is_not():
    samples, answers = given(noise=0)
    answers.again[:1, :, 0] *= -1  # one draw of 200: p = 2 (1 + 1) / 201, of three parameters
    answers.again[:, :, 1:] = 0
    row = answer_of(samples, answers, "").table.set_index("parameter").loc[NAMES[0]]
    assert row["low"] > 0
    assert row["p"] == pytest.approx(4 / 201)
    assert row["q"] == pytest.approx(3 * 4 / 201)
    assert not row["sure"]


def test_steps_are_counted_where_a_parameter_is_chosen():
    table = answer().table.set_index("parameter")
    assert table["steps"].to_dict() == dict(zip(NAMES, (2, 2, 0), strict=True))
    assert table["sure_steps"].to_dict() == dict(zip(NAMES, (2, 0, 0), strict=True))


def test_a_parameter_that_varies_in_one_group_alone_has_no_wild_interval():
    """Draws without that group hold equal numbers, the deviation of which is rounded and not 0."""
    parameters = np.random.default_rng(1).normal(5, 2, (N, 3))
    parameters[:, 1] = 0.1
    parameters[:EACH, 1] = (0.3, 0.4, 0.7)
    table = answer(parameters=parameters).table.set_index("parameter")
    assert table.loc[NAMES[1], "effect"] == pytest.approx(SLOPES[1])
    assert abs(table.loc[NAMES[1], ["low", "high"]].to_numpy(float)).max() < 1


def test_a_parameter_that_is_the_same_where_all_are_known_has_no_effect():
    parameters = np.random.default_rng(1).normal(5, 2, (N, 3))
    parameters[:, 1] = 0.1
    parameters[0, 1], parameters[0, 2] = 0.5, np.nan
    samples, answers = given(parameters=parameters)
    answers.attributed[1:, 1] = np.random.default_rng(2).normal(size=N - 1)
    row = answer_of(samples, answers, "").table.set_index("parameter").loc[NAMES[1]]
    assert row["effect"] == 0
    assert np.isnan(row["spearman"])


def test_nothing_attributed_is_no_share():
    table = answer(slopes=np.zeros(3)).table
    assert (table["share"] == 0).all()
    assert not table["sure"].any()
