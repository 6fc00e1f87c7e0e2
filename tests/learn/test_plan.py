"""The plan of a training: its bounds, and the learning rate at each step."""

import subprocess
import sys

import pytest
import torch

from micro_features.errors import SettingsError
from micro_features.learn.plan import Plan, one_cycle


@pytest.mark.parametrize("steps", [7, 40, 820])
def test_rate_and_momentum_are_those_of_torch(steps):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([weight], lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps, pct_start=0.2)
    for step in range(steps):
        group = optimiser.param_groups[0]
        assert one_cycle(step, steps, 3e-3) == pytest.approx((group["lr"], group["betas"][0]), rel=1e-9)
        optimiser.step()
        if step < steps - 1:
            schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 5, 6])
def test_the_shortest_trainings_have_rates(steps):
    rates = [one_cycle(step, steps, 1.0)[0] for step in range(steps)]
    assert all(0 <= rate <= 1 for rate in rates)
    assert rates[-1] == pytest.approx(1 / 25 / 1e4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"batch": 0}, "batch 0"),
        ({"window": -1}, "window -1"),
        ({"seed": -1}, "seed -1"),
        ({"learning_rate": 0.0}, "learning_rate 0"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
        ({"class_weight": float("nan")}, "class_weight nan"),
    ],
)
def test_what_can_not_be_is_refused(wrong, said):
    with pytest.raises(SettingsError, match=said):
        Plan(**wrong)


def test_a_plan_needs_no_torch():
    code = "import sys, micro_features.learn.plan; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
