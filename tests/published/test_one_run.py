"""One run: nothing of what is left out reaches what is trained; the study's own protocol does what the study did."""

import dataclasses

import numpy as np
import pytest

from micro_features.published.one_run import REPORTED_SHARE, Job, Run, do
from micro_features.published.samples import IN_SAMPLE, Samples
from micro_features.visual_words import routing

from .conftest import N, job_for, request_for, settings


@pytest.fixture(scope="module")
def job(samples: Samples, made) -> Job:
    return job_for(samples, request_for(made))


@pytest.fixture(scope="module")
def run(job: Job) -> Run:
    return do(job)


@pytest.fixture(scope="module")
def own(samples: Samples, made) -> Run:
    request = request_for(made, settings=settings(epochs=4))
    return do(job_for(samples, request, name=IN_SAMPLE, train=np.ones(N, bool)))


def learned(run: Run) -> dict[str, np.ndarray]:
    """Everything that training gives."""
    told = {"weights": np.frombuffer(run.weights, np.uint8), "centres": run.centres, "mean": run.mean, "sd": run.sd}
    told |= {f"tree {name}": each for name, each in vars(run.tree).items()}
    for step in run.steps:
        told |= {f"step {step.node} {name}": np.asarray(each) for name, each in vars(step).items()}
    trained = run.epochs[run.epochs["split"] == "train"].drop(columns="split").astype(float)
    return told | {"base": np.array(run.base), "cells": run.cells, "epochs": trained.to_numpy()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    assert one.keys() == other.keys()
    return all(np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f") for name in one)


def altered(job: Job, rows: np.ndarray, what: str) -> Job:
    """A job in which something of these pictures is another."""
    rng = np.random.default_rng(1)
    if what == "pictures":
        x = [rng.normal(size=each.shape).astype(np.float32) if row in rows else each for row, each in enumerate(job.x)]
        return dataclasses.replace(job, x=x)
    values = getattr(job, what).copy()
    values[rows] = 1 - values[rows] if what == "classes" else rng.normal(size=values[rows].shape)
    return dataclasses.replace(job, **{what: values})


@pytest.mark.parametrize("what", ["classes", "y", "parameters", "pictures"])
def test_what_is_left_out_reaches_nothing_that_is_trained(job, run, what):
    left_out = np.flatnonzero(~job.train)
    again = do(altered(job, left_out, what))
    assert same(learned(again), learned(run))
    if what != "pictures":  # nor does its truth reach what is said of it
        assert np.array_equal(again.histograms, run.histograms)
        assert np.array_equal(again.predicted, run.predicted)
        assert np.array_equal(again.by_tree, run.by_tree)


def test_maps_of_several_cells_are_of_the_predicted_class_and_not_of_the_true_one(job):
    whole = dataclasses.replace(job, window=32, boxes=[np.zeros((1, 2), int) for _ in job.x])
    run, again = (do(each) for each in (whole, altered(whole, np.flatnonzero(~job.train), "classes")))
    assert run.cells_abreast == 2
    assert np.array_equal(again.histograms, run.histograms)


@pytest.mark.parametrize("what", ["classes", "y", "parameters", "pictures"])
def test_what_is_trained_on_does_reach_it(job, run, what):
    assert not same(learned(do(altered(job, np.flatnonzero(job.train)[:4], what))), learned(run))


def test_a_left_out_picture_without_parameters_changes_no_step(job, run):
    parameters = job.parameters.copy()
    row = np.flatnonzero(~job.train)[0]
    parameters[row, 0] = np.nan
    again = do(dataclasses.replace(job, parameters=parameters))
    assert same(learned(again), learned(run))
    assert np.isnan(again.routed[row]).all()
    assert np.isnan(again.again[:, 0]).all()
    others = np.delete(np.arange(N), row)
    assert np.array_equal(again.routed[others], run.routed[others])


def test_the_same_job_gives_the_same_run(job, run):
    assert same(learned(do(job)), learned(run))


def test_a_fold_scores_all_windows_of_the_pictures_left_out_and_keeps_the_last_epoch(samples, made):
    request = request_for(made, settings=settings(epochs=3))
    job = job_for(samples, request)
    run = do(job)
    assert np.array_equal(run.scored, ~job.train[run.owner])
    assert run.kept_epoch == 3
    last = run.epochs[(run.epochs["split"] == "left out") & (run.epochs["epoch"] == 3)]
    right = run.predicted.argmax(axis=1) == job.classes[run.owner]
    assert last["accuracy"].to_numpy() == pytest.approx(right[run.scored].mean())
    for code, recall in zip(last["class"], last["recall"], strict=True):
        assert recall == pytest.approx(right[run.scored & (job.classes[run.owner] == code)].mean())
    epochs = [told[:2] for told in job.teller if isinstance(told, tuple)]
    assert epochs == [("fold-0", 1), ("fold-0", 2), ("fold-0", 3)]
    assert len(run.again[0]) == (~job.train).sum()


def test_parameters_are_standardised_by_training_pictures_alone(job, run):
    taught = job.parameters[job.train]
    assert run.mean == pytest.approx(taught.mean(axis=0))
    assert run.sd == pytest.approx(taught.std(axis=0))
    windows = sum(len(job.boxes[row]) for row in np.flatnonzero(job.train))
    assert run.tree.counts[0].sum() == windows
    assert run.steps[0].n_left + run.steps[0].n_right == windows
    assert run.cells.sum() == windows * run.cells_abreast**2


def test_the_studys_own_protocol_trains_on_all_and_picks_its_epoch_on_a_fifth_of_the_windows(samples, own):
    windows = len(own.owner)
    assert own.scored.sum() == round(REPORTED_SHARE * windows)
    assert len(set(own.owner[own.scored])) > N / 2  # drawn from all, not one part
    accuracy = own.epochs[own.epochs["split"] == "left out"].groupby("epoch")["accuracy"].first()
    assert own.kept_epoch == accuracy.idxmax()
    # The weights of that epoch are those that are used, and written.
    right = (own.predicted.argmax(axis=1) == samples.dataset.classes[own.owner])[own.scored]
    assert right.mean() == pytest.approx(accuracy.max())
    assert own.tree.counts[0].sum() == windows  # and the tree sees all of them
    assert own.again.shape[1] == N
    assert own.mean == pytest.approx(samples.parameters.values.to_numpy().mean(axis=0))


def test_an_epoch_that_is_not_the_last_can_be_the_best(samples, made, monkeypatch):
    from micro_features.published import one_run

    asked = iter([0.2, 0.9, 0.1])

    def fit(classifier, pictures, boxes, classes, *, plan, device, tell):
        for number, bias in enumerate(asked, 1):
            with one_run.torch.no_grad():
                classifier.head.bias[:] = 0
                classifier.head.weight[:] = 0
                classifier.head.bias[0 if bias == 0.9 else 1] = 10
            tell(one_run.ClassifierEpoch(number, 3, 0.5, np.eye(2, dtype=int), 0.0, 0.0))

    monkeypatch.setattr(one_run, "fit_classifier", fit)
    mostly_low = np.zeros(N, int)
    mostly_low[:6] = 1
    job = job_for(samples, request_for(made), name=IN_SAMPLE, train=np.ones(N, bool), classes=mostly_low)
    run = do(job)
    assert run.kept_epoch == 2
    assert (run.predicted.argmax(axis=1) == 0).all()


def test_what_is_attributed_sums_to_what_the_parameters_are_routed_to(job, run):
    z = (job.parameters - run.mean) / run.sd
    classes, value = routing.route(run.tree, run.steps, z)
    assert run.routed == pytest.approx(classes)
    assert run.base + run.attributed.sum(axis=1) == pytest.approx(value)


def test_a_parameter_that_does_not_vary_in_training_says_nothing(job):
    """Of equal numbers the standard deviation need not be 0: what is left out would be a million of them away."""
    parameters = job.parameters.copy()
    parameters[:, 1] = np.where(job.train, 0.1, 0.5)
    run = do(dataclasses.replace(job, parameters=parameters))
    assert all(step.coefficients[1] == 0 for step in run.steps)
    assert (run.attributed[:, 1] == 0).all()
    assert (run.again[:, :, 1] == 0).all()


def test_windows_in_which_nothing_is_to_be_seen_are_one_word(job):
    run = do(dataclasses.replace(job, x=[np.zeros_like(each) for each in job.x]))
    assert len(run.centres) == 1
    assert "6 words were reduced to 1" in run.notes[0]
    assert not run.steps
    assert (run.attributed == 0).all()
    assert len(run.step_hits) == 0


def test_pictures_may_have_different_numbers_of_windows(job):
    x, boxes = list(job.x), list(job.boxes)
    row = int(np.flatnonzero(job.train)[0])
    x[row], boxes[row] = x[row][:16], boxes[row][:1]
    run = do(dataclasses.replace(job, x=x, boxes=boxes))
    assert (run.owner == row).sum() == 1
    assert len(run.histograms) == sum(map(len, boxes))
    shown = run.nearest
    assert set(run.owner[shown["window"]]) <= set(np.flatnonzero(job.train))  # words are shown by training windows


@pytest.mark.parametrize(
    ("asked", "rate"),
    [({}, 3e-3), ({"network": "resnet18"}, 1e-4), ({"network": "resnet18", "learning_rate": 0.02}, 0.02)],
)
def test_the_learning_rate_is_that_of_the_network_unless_one_is_asked_for(samples, made, monkeypatch, asked, rate):
    from micro_features.published import one_run

    class Seen(Exception):
        pass

    def fit(*given, plan, **more):
        raise Seen(plan.learning_rate)

    monkeypatch.setattr(one_run, "fit_classifier", fit)
    with pytest.raises(Seen) as seen:
        do(job_for(samples, request_for(made, settings=settings(**asked))))
    assert seen.value.args == (rate,)
