"""PyTorch's own MNIST example at its published settings.

Written anew from its description. Run as `keras_example`, by a Python that has PyTorch. It is
faster than the published one: the images lie in memory, ready to be used, so that nothing loads
them one by one.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCH, EPOCHS, RATE, DECAY = 64, 14, 1.0, 0.7
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels, 0 to 1
Story = list[tuple[float, float]]


def build() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
        nn.LogSoftmax(1),
    )


def main(file: str, enough: float, seed: int) -> Story:
    torch.manual_seed(seed)
    with np.load(file) as data:
        x, x_test = (_images(data[name]) for name in ("x_train", "x_test"))
        y, y_test = (
            torch.from_numpy(data[name].astype(np.int64)) for name in ("y_train", "y_test")
        )
    model = build()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, DECAY)
    story: Story = []
    seconds = 0.0
    for _ in range(EPOCHS):
        begun = time.perf_counter()
        model.train()
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            functional.nll_loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
        schedule.step()
        seconds += time.perf_counter() - begun
        story.append((seconds, _accuracy(model, x_test, y_test)))
        if story[-1][1] >= enough:
            break
    return story


def _images(pixels: np.ndarray) -> torch.Tensor:
    values = (pixels.astype(np.float32)[:, None] / 255 - MEAN) / DEVIATION
    return torch.from_numpy(values)


def _accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in x.split(1000)])
    return float((found == y).float().mean())


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))
