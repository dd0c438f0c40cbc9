"""Muon for the matrices of blocks, AdamW for everything else, over flat buffers, so that a step is a few kernels and can be replayed as a CUDA graph.

Muon (Jordan et al., 2024) takes the momentum's nearest orthogonal matrix as the step; scaled as in "Muon is Scalable" (Liu et al., 2025), so that the
rates of both halves are of one kind. Does not read gradients of several devices together; `train_flow.py` does.
"""

import torch
from torch import nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration that drives singular values towards one."""


ADAM_SHARE = 0.25
"""AdamW's rate as a share of Muon's."""


class Flat:
    """Parameters, gradients and averaged parameters, each in one buffer of which the modules' tensors are views."""

    def __init__(self, modules: list[nn.Module]):
        self.names = [(index, name) for index, module in enumerate(modules) for name, _ in module.named_parameters()]
        self.parameters = [parameter for module in modules for parameter in module.parameters()]
        # Each begins at a multiple of 16 bytes, which products and vector loads want.
        self.offsets, total = [], 0
        for parameter in self.parameters:
            self.offsets.append(total)
            total += -(-parameter.numel() // 64) * 64
        device = self.parameters[0].device
        self.values = torch.zeros(total, device=device)
        self.gradients = torch.zeros(total, device=device)
        for parameter, value, gradient in zip(self.parameters, self.views(self.values), self.views(self.gradients)):
            value.copy_(parameter.data)
            parameter.data, parameter.grad = value, gradient
        self.average = self.values.clone()

    def views(self, buffer: torch.Tensor) -> list[torch.Tensor]:
        return [
            buffer[offset : offset + parameter.numel()].view(parameter.shape)
            for parameter, offset in zip(self.parameters, self.offsets)
        ]

    def state_dicts(self, buffer: torch.Tensor) -> list[dict]:
        """One state dict a module, of values in `buffer`."""
        dicts = [{} for _ in range(1 + max(index for index, _ in self.names))]
        for (index, name), value in zip(self.names, self.views(buffer)):
            dicts[index][name] = value
        return dicts


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest orthogonal matrices of a stack `[count, rows, columns]`, nearly: singular values end between 0.7 and 1.2."""
    a, b, c = COEFFICIENTS
    x = matrices.to(torch.bfloat16)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon:
    """Updates in place from `.grad`; `rate` is a tensor, so that a captured graph follows it."""

    def __init__(self, parameters: list[torch.Tensor], rate: torch.Tensor, momentum: float = 0.95, decay: float = 0.01):
        self.rate, self.momentum, self.decay = rate, momentum, decay
        # A convolution is the matrix from all that it reads to its outputs.
        self.stacks: dict[tuple, list[torch.Tensor]] = {}
        for parameter in parameters:
            shape = (len(parameter), parameter[0].numel())
            self.stacks.setdefault(shape, []).append(parameter)
        self.buffers = {shape: torch.zeros(len(stack), *shape, device=rate.device) for shape, stack in self.stacks.items()}

    @torch.no_grad()
    def step(self) -> None:
        for shape, stack in self.stacks.items():
            gradients = torch.stack([parameter.grad.reshape(shape) for parameter in stack])
            buffer = self.buffers[shape]
            buffer.lerp_(gradients, 1 - self.momentum)
            update = orthogonal(gradients.lerp(buffer, self.momentum)).float()
            update *= 0.2 * max(shape) ** 0.5 * self.rate
            keep = 1 - self.rate * self.decay
            torch._foreach_mul_(stack, keep)
            torch._foreach_sub_(stack, [step.view_as(parameter) for step, parameter in zip(update, stack)])

    def state_dict(self) -> dict:
        return {str(shape): buffer for shape, buffer in self.buffers.items()}

    def load_state_dict(self, state: dict) -> None:
        for shape, buffer in self.buffers.items():
            buffer.copy_(state[str(shape)])


class Optimiser:
    """Both halves, a limit on the gradient's norm, and the running average of the weights."""

    def __init__(self, flat: Flat, rate: float, muon: bool = True):
        device = flat.values.device
        self.flat, self.highest = flat, rate
        self.rate = torch.zeros((), device=device)
        self.pace = torch.ones((), device=device)
        """How far the average moves towards the weights."""
        is_block = [muon and parameter.ndim in (2, 4) and in_block(name) for (_, name), parameter in zip(flat.names, flat.parameters)]
        self.adam_rate = torch.zeros((), device=device)
        self.muon = Muon([p for p, block in zip(flat.parameters, is_block) if block], self.rate)
        others = [p for p, block in zip(flat.parameters, is_block) if not block]
        graphs = {"fused": True, "capturable": True} if device.type == "cuda" else {"foreach": False}
        self.adam = torch.optim.AdamW(others, self.adam_rate, betas=(0.9, 0.98), weight_decay=0.01, **graphs)

    @torch.no_grad()
    def step(self) -> None:
        norm = self.flat.gradients.norm()
        self.flat.gradients.mul_((1.0 / (norm + 1e-6)).clamp(max=1.0))
        self.muon.step()
        self.adam.step()
        self.flat.average.lerp_(self.flat.values, self.pace)

    def schedule(self, share: float, steps: int) -> None:
        self.rate.fill_(self.highest * share)
        self.adam_rate.fill_(self.highest * share * ADAM_SHARE)
        self.pace.fill_(1 - min(0.9995, (1 + steps) / (10 + steps)))

    def state_dict(self) -> dict:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    @torch.no_grad()
    def restore(self, state: dict) -> None:
        """Puts an earlier `state_dict` back into the same tensors, which a captured graph goes on using; what had no state yet begins anew."""
        self.muon.load_state_dict(state["muon"])
        numbered = {index: parameter for index, parameter in enumerate(self.adam.param_groups[0]["params"])}
        for index, parameter in numbered.items():
            for name, value in self.adam.state[parameter].items():
                earlier = state["adam"]["state"].get(index)
                value.copy_(earlier[name]) if earlier else value.zero_()

    def load_state_dict(self, state: dict) -> None:
        self.muon.load_state_dict(state["muon"])
        rate = self.adam_rate
        self.adam.load_state_dict(state["adam"])
        # Loading replaces the shared tensor by a copy that the schedule would not reach.
        for group in self.adam.param_groups:
            group["lr"] = rate


def in_block(name: str) -> bool:
    """Matrices from hidden states to hidden states; embedders, modulation and what touches pixels are not among them."""
    if "adaLN" in name:
        return False
    return any(part in name for part in ("layers.", "refiner.", "resnets.", "upsamplers.", "downsamplers."))
