import os

from micro_features.batch import FileResult, map_unordered


def double(job: int) -> FileResult:
    return FileResult(rows=[{"value": 2 * job, "process": os.getpid()}])


def die_at_three(job: int) -> FileResult:
    if job == 3:
        os._exit(1)  # as the kernel ends a process that takes too much memory
    return double(job)


def done(work, jobs, n_workers):
    return dict(map_unordered(work, jobs, n_workers=n_workers, path_of=str))


def test_many_processes_give_what_one_gives():
    serial, parallel = (done(double, range(12), n) for n in (1, 2))
    assert {job: result.rows[0]["value"] for job, result in parallel.items()} == {
        job: result.rows[0]["value"] for job, result in serial.items()
    }
    assert {result.rows[0]["process"] for result in serial.values()} == {os.getpid()}
    assert os.getpid() not in {result.rows[0]["process"] for result in parallel.values()}


def test_a_process_that_dies_costs_its_own_picture_only():
    results = done(die_at_three, range(10), n_workers=2)
    assert sorted(results) == list(range(10))
    assert [job for job, result in results.items() if result.failures] == [3]
    (failure,) = results[3].failures
    assert failure.path == "3"
    assert "died" in failure.reason


def test_no_jobs_is_no_work():
    assert done(double, [], 1) == {}
