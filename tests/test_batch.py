import os
import signal
import subprocess
import sys
import time

import pytest

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


SLOW_WORK = """
import sys, time
from micro_features.batch import FileResult, map_unordered

def work(seconds):
    time.sleep(seconds)
    return FileResult()

if __name__ == "__main__":
    try:
        for _ in map_unordered(work, [0.0] + [60.0] * 6, n_workers=2, path_of=str):
            print("done", flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_does_not_wait_for_what_is_under_way(tmp_path, times):
    script = tmp_path / "slow.py"
    script.write_text(SLOW_WORK)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"done\n"
    try:
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in ((130,) if times == 1 else (130, 1, -signal.SIGINT))
