"""Made-up figures of a calibration, which takes a minute of both cores when it is a real one."""

from __future__ import annotations

from mnistlab.jobs import cost


def known_cost(machine: str = "") -> cost.Cost:
    """The time of trainings on a machine, on this one unless it is named."""
    return cost.Cost(
        machine=machine or cost._machine(),
        network={
            "mlp 512": 1e-4, "mlp 1024": 2e-4, "lean 16": 2e-4, "plain 16": 3e-4, "deep 16": 4e-4,
            "deep 32": 9e-4,
        },
        augmentation={"none": 0.0, "light": 1e-4, "full non-digits": 2e-4},
        images={"none": 1.0, "light": 1.0, "full non-digits": 1.5},
        start=5.0,
        finish=2.0,
        seen={},
    )  # fmt: skip
