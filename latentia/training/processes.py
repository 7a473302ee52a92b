"""Several processes that train one model: who am I, and what do we all say?

Started with `torchrun --nproc-per-node 2 -m latentia train ...`. Every process holds the whole model and
a slice of every batch; gradients are averaged before a player's step. Plain all-reduce is used rather
than DistributedDataParallel, since objectives are closures that never call a wrapper's forward.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among all.

    Attributes:
        rank: Number of this process; 0 writes files and speaks.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @staticmethod
    def join() -> "Processes":
        """Joins the group that torchrun describes in the environment, if there is one."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return Processes()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return Processes(distributed.get_rank(), distributed.get_world_size())

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over processes, without gradient."""
        value = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(value)
            value /= self.size
        return value

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over processes."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = self.mean(torch.cat([g.flatten() for g in gradients]))
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def wait(self) -> None:
        """Waits until all processes have come this far."""
        if self.size > 1:
            distributed.barrier()

    def agree(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says yes: all stop in the same turn."""
        if self.size == 1:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=device)) > 0)
