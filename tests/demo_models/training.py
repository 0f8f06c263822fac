"""What both trainings share: device, precision, learning rate, checkpoints, and a line of progress."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps with a learning rate that falls evenly, on a logarithmic scale, from the first to the last."""

    steps: int
    first_rate: float
    last_rate: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a training depends on. A checkpoint and a line of progress come every so many steps."""

    seed: int
    phases: tuple[Phase, ...]
    report_every: int = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A step's place in the phases: which one, and how far through it (0 to 1)."""

    phase: int
    share: float


def place_of(step: int, phases: Sequence[Phase]) -> Place:
    """Raises IndexError behind the last step."""
    for number, phase in enumerate(phases):
        if step < phase.steps:
            return Place(number, step / phase.steps)
        step -= phase.steps
    raise IndexError(f"{step} steps behind the last phase")


def learning_rate(step: int, phases: Sequence[Phase], *, warm_up_steps: int = 100) -> float:
    """The rate of a step; the very first steps climb to it."""
    place = place_of(step, phases)
    phase = phases[place.phase]
    rate = phase.first_rate * (phase.last_rate / phase.first_rate) ** place.share
    return rate * min(1.0, (step + 1) / warm_up_steps)


def training_device() -> torch.device:
    """The first GPU, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where the device computes in it: half as long again without (measured on two Zen 4 cores)."""
    able = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=able)


def loaded(batches: IterableDataset[Any], *, least: int = 0) -> DataLoader[Any]:
    """The batches in order, made by other processes where there are cores to spare, or by at least so many.

    They are started anew and not forked: a process with threads (Ray and gRPC in tests) forks children that die.
    """
    count = min(8, max(least, (os.cpu_count() or 1) - 4))
    return DataLoader(batches, batch_size=None, num_workers=count, multiprocessing_context="spawn" if count else None)


def my_share(steps: range) -> range:
    """Of these steps the ones that this process makes: all, or every n-th of n loading processes."""
    worker = get_worker_info()
    if worker is None:
        return steps
    threadpool_limits(1)  # the linear algebra's idle threads would spin on the trainer's cores
    return steps[worker.id :: worker.num_workers]


class Trainer:
    """A model, its optimiser and its checkpoint file. `step` is the next step to take."""

    def __init__(self, model: nn.Module, recipe: Recipe, checkpoint: Path) -> None:
        self.device = training_device()
        self.model = model.to(self.device)
        self.phases, self._report_every, self._checkpoint = recipe.phases, recipe.report_every, checkpoint
        self._optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        self.step = 0
        self.steps = sum(phase.steps for phase in self.phases)
        if checkpoint.exists():
            self._restore()
        self._began, self._began_at = time.monotonic(), self.step

    @property
    def at_report(self) -> bool:
        """Whether it is time for a checkpoint and a line of progress."""
        return self.step % self._report_every == 0 or self.step == self.steps

    def learn(self, loss: torch.Tensor) -> None:
        """One step down the gradient of the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.phases)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        self.step += 1

    def save(self) -> None:
        """Writes the checkpoint: from here a broken off training goes on."""
        state = {"model": self.model.state_dict(), "optimiser": self._optimiser.state_dict(), "step": self.step}
        partial = self._checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.rename(self._checkpoint)

    def progress(self, what: str) -> str:
        """`step 400 of 5000  WHAT  0.45 s a step  35 min left`."""
        each_s = (time.monotonic() - self._began) / max(1, self.step - self._began_at)
        left_min = each_s * (self.steps - self.step) / 60
        return f"step {self.step:5d} of {self.steps}  {what}  {each_s:.2f} s a step  about {left_min:.0f} min left"

    def _restore(self) -> None:
        state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
