"""What is said of what was found."""

import dataclasses

import numpy as np
import pytest
from matplotlib.text import Text

from micro_features.published import result_figures, scoring, wording
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE


def with_only(found: Found, protocol: str) -> Found:
    return dataclasses.replace(
        found, answers={protocol: found.answers[protocol]}, scores={protocol: found.scores[protocol]}
    )


def with_against(found: Found, *reasons: str) -> Found:
    """As if these spoke against the answer, and nothing else."""
    scores = {protocol: told | {"against_the_answer": list(reasons)} for protocol, told in found.scores.items()}
    return dataclasses.replace(found, scores=scores)


def test_scores_with_their_intervals():
    assert scoring.said([0.25, 0.5, 0.75]) == "0.50 [0.25, 0.75]"
    assert scoring.said([np.nan, 0.5, np.nan]) == "0.50"
    assert scoring.said([np.nan] * 3) == "not defined"
    assert scoring.said_p(0.0123) == "0.012"
    assert scoring.said_p(np.nan) == "not known"


def test_both_protocols_stand_side_by_side_and_the_gap_is_named(found):
    table = wording.score_table(found)
    assert list(table.columns[1:4]) == ["accuracy, grouped", "accuracy, in-sample", "accuracy, gap"]
    row = table[table["stage"] == "tree of words, pictures"].iloc[0]
    grouped, own = (float(row[f"accuracy, {name}"].split()[0]) for name in (GROUPED, IN_SAMPLE))
    assert float(row["accuracy, gap"]) == pytest.approx(own - grouped, abs=0.011)
    assert "commonest class" in set(table["stage"])
    assert any("The gap" in line for line in wording.sentences(found))


def test_one_protocol_alone_has_no_gap(found):
    for protocol in (GROUPED, IN_SAMPLE):
        alone = with_only(found, protocol)
        assert not any("gap" in name for name in wording.score_table(alone))
        said = wording.sentences(alone)
        assert not any("The gap" in line for line in said)
        assert any("nothing follows for other pictures" in line for line in said) == (protocol == IN_SAMPLE)


def test_where_something_speaks_against_it_no_direction_is_named(found):
    told = with_against(found, "steps: as good as a coin", "few groups")
    (line,) = wording.answer_sentences(told)
    assert "not meaningful, since steps: as good as a coin; few groups" in line
    assert not any(name in line for name in found.answer.table["parameter"])
    first = wording.sentences(told)[0]
    assert first == "Nothing follows about parameters: steps: as good as a coin; few groups."
    clear = wording.answer_sentences(with_against(found))
    assert clear[-1] == "Association within these pictures; not shown to be a cause."
    assert not any("Nothing follows" in line for line in wording.sentences(with_against(found)))


def test_chance_and_p_are_said(found):
    tree = found.scores[GROUPED]["tree"]
    (line,) = [line for line in wording.sentences(found) if "By chance" in line]
    assert f"{tree['chance']['accuracy']:.2f} (balanced {tree['chance']['balanced_accuracy']:.2f})" in line
    assert f"p = {scoring.said_p(tree['exchange_p'])} of the tree" in line
    scores = {GROUPED: found.scores[GROUPED] | {"tree": tree | {"exchange_p": np.nan}}}
    unknown = " ".join(wording.sentences(dataclasses.replace(with_only(found, GROUPED), scores=scores)))
    assert "p = not known of the tree" in unknown
    assert "nan" not in unknown


def test_the_protocol_of_the_answer_is_named(found):
    for protocol, here, elsewhere in (
        (GROUPED, "out of fold", "own protocol"),
        (IN_SAMPLE, "in the study's own protocol", "out of fold"),
    ):
        sure = dataclasses.replace(found.answer, table=found.answer.table.assign(sure=True))
        alone = dataclasses.replace(with_only(found, protocol), answer=sure)
        for reasons in ([], ["something"]):
            told = " ".join(wording.answer_sentences(with_against(alone, *reasons)))
            assert (here in told) == (not reasons)
            assert elsewhere not in told
            drawn = dict(result_figures.figures(with_against(alone, *reasons)))["answer"]
            caption = " ".join(" ".join(text.get_text() for text in drawn.findobj(Text)).split())
            assert here in caption
            assert ("NOT MEANINGFUL: something." in caption) == bool(reasons)


def test_parameters_are_named_with_their_direction(found):
    table = found.answer.table.assign(effect=[0.5, -0.25, 0.0, 0.0], sure=[True, True, False, False])
    told = with_against(dataclasses.replace(found, answer=dataclasses.replace(found.answer, table=table)))
    _, more, less, _ = wording.answer_sentences(told)
    assert more.strip().startswith(f"more {table['parameter'][0]}: +0.5 decades")
    assert less.strip().startswith(f"less {table['parameter'][1]}: -0.25 decades")
    assert less.endswith(f"same sign in {100 * table['same_sign'][1]:.0f} % of runs")
    unsure = dataclasses.replace(found.answer, table=table.assign(sure=False))
    first = wording.answer_sentences(with_against(dataclasses.replace(found, answer=unsure)))[0]
    assert first.startswith("No parameter is sure to go with high")


def test_what_runs_note_is_said_once_with_the_runs(found):
    note = "6 words were reduced to 4, as there are only 4 windows."
    runs = [dataclasses.replace(run, notes=(note,)) for run in found.answers[GROUPED].runs]
    answers = found.answers | {GROUPED: dataclasses.replace(found.answers[GROUPED], runs=runs)}
    told = list(wording.lines(dataclasses.replace(found, answers=answers)))
    assert told.count(f"fold-0, fold-1, fold-2: {note}") == 1


def test_dates_are_judged_where_they_are_known(found):
    assert any("The date of acquisition alone gets" in line for line in wording.sentences(found))
    references = {name: told for name, told in found.references.items() if not name.startswith("date")}
    without = dataclasses.replace(found, references=references)
    assert any(line.startswith("No dates are known") for line in wording.sentences(without))
    assert any("The tree less the date:" in line for line in wording.sentences(found))
    told = wording.sentences(dataclasses.replace(found, more_than_date=(-0.25, 0.125, 0.5)))
    assert any(line.endswith("The tree less the date: +0.12 [-0.25, +0.50].") for line in told)
    told = wording.sentences(dataclasses.replace(found, more_than_date=(np.nan, -0.5, np.nan)))
    assert any(line.endswith("The tree less the date: -0.50.") for line in told)


def test_one_run_has_no_runs_that_agree(found):
    table = found.answer.table.assign(same_sign=np.nan)
    told = dataclasses.replace(found, answer=dataclasses.replace(found.answer, table=table))
    assert (wording.answer_table(told)["runs of the same sign"] == "–").all()
    assert not any("nan" in line or "same sign" in line for line in wording.answer_sentences(with_against(told)))


def test_too_few_draws_for_anything_to_be_sure_are_told(found):
    def told(draws: int) -> list[str]:
        settings = found.request.settings.updated({"words.draws": draws})
        request = dataclasses.replace(found.request, settings=settings)
        table = found.answer.table.assign(sure=False)
        answer = dataclasses.replace(found.answer, table=table)
        return wording.answer_sentences(with_against(dataclasses.replace(found, request=request, answer=answer)))

    few = 2 * len(found.answer.table) / 0.05
    assert any(f"With 20 draws no single one could be: ask for at least {few:.0f}" in line for line in told(20))
    assert not any("draws" in line for line in told(1000))


def test_windows_are_said_to_be_unseen_only_where_they_are(found):
    for protocol, words in ((GROUPED, "they have not seen"), (IN_SAMPLE, "they were fitted to")):
        (line,) = [line for line in wording.sentences(with_only(found, protocol)) if "logistic steps send" in line]
        assert words in line
