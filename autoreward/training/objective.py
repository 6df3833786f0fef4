"""The PPO loss and its gradient, written out: one pass over preallocated buffers, no autograd.

Autograd's graph cost more time than the arithmetic at the sizes of a population on a CPU
(benchmarks/results/engine.md). `tests/training/test_objective.py` holds this against autograd.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from autoreward.config import TrainingSettings
from autoreward.training.networks import Architecture, affine, split
from autoreward.training.samples import Samples

_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


class Objective:
    """Computes every learner's loss gradient on one minibatch.

    loss = -E[min(ratio * A, clip(ratio, 1 ± clip) * A)] + c_v * E[(V - R)^2] - c_e * entropy
    (Schulman et al. 2017, eq. 9), advantages normalised per learner and minibatch.

    Args:
        flat: The parameters, read at each call. Shape: (K, P).
        architecture: Shapes of the networks.
        settings: clip, value_coefficient, entropy.
        size: Samples of a minibatch, m.
    """

    def __init__(
        self, flat: Tensor, architecture: Architecture, settings: TrainingSettings, size: int
    ) -> None:
        self._settings, self._size = settings, size
        self.gradient = torch.zeros_like(flat)
        """What the last call found. Shape: (K, P)."""
        networks, gradients = split(architecture, flat), split(architecture, self.gradient)
        self._log_std, self._log_std_gradient = networks.log_std, gradients.log_std
        self._actor = _Head(networks.actor, gradients.actor, size)
        self._critic = _Head(networks.critic, gradients.critic, size)

    def differentiate(self, samples: Samples) -> tuple[Tensor, Tensor]:
        """Compute the gradient of each learner's loss into `gradient`.

        Args:
            samples: One minibatch of m samples.

        Returns:
            Loss and approximate KL divergence, E[ratio - 1 - log ratio], each of shape (K,).
        """
        settings, log_std = self._settings, self._log_std
        mean = self._actor.forward(samples.observations)
        values = self._critic.forward(samples.observations).squeeze(-1)

        deviation, average = torch.std_mean(samples.advantages, 1, keepdim=True)
        advantages = (samples.advantages - average).div_(deviation.add_(1e-8))
        inverse = torch.exp(-log_std)
        scaled = (samples.actions - mean).mul_(inverse)
        squared = scaled.square()
        constant = log_std.sum(-1) + log_std.shape[-1] * _LOG_ROOT_TWO_PI
        log_ratio = squared.sum(-1).mul_(-0.5).sub_(constant).sub_(samples.log_probs)
        ratio = log_ratio.exp()
        gain = ratio * advantages
        bound = ratio.clamp(1 - settings.clip, 1 + settings.clip).mul_(advantages)
        error = values - samples.returns
        loss = error.square().mean(1).mul_(settings.value_coefficient)
        loss -= torch.minimum(gain, bound).mean(1)

        # Where the bound is lower the policy has no influence; else d ratio = ratio * d log ratio.
        slope = torch.where(gain <= bound, gain, 0.0).mul_(-1.0 / self._size).unsqueeze(-1)
        torch.sum(squared.sub_(1.0).mul_(slope), 1, keepdim=True, out=self._log_std_gradient)
        if settings.entropy:
            loss -= settings.entropy * (log_std + _LOG_ROOT_TWO_PI + 0.5).sum((1, 2))
            self._log_std_gradient -= settings.entropy
        self._actor.backward(scaled.mul_(inverse).mul_(slope))
        self._critic.backward(error.mul_(2 * settings.value_coefficient / self._size).unsqueeze(-1))
        divergence = ratio.sub_(1.0).sub_(log_ratio).mean(1)
        return loss, divergence


class _Head:
    """Forward and backward pass of one stack of tanh layers.

    Args:
        layers: weight, bias, weight, bias …; views of the parameters.
        gradients: The same views of the gradient.
        size: Samples, m.
    """

    def __init__(self, layers: list[Tensor], gradients: list[Tensor], size: int) -> None:
        self._weights, self._biases = layers[0::2], layers[1::2]
        self._weight_gradients, self._bias_gradients = gradients[0::2], gradients[1::2]
        shapes = [(weight.shape[0], size, weight.shape[2]) for weight in self._weights]
        self._outputs = [layers[0].new_empty(shape) for shape in shapes]
        self._slopes = [layers[0].new_empty(shape) for shape in shapes[:-1]]
        self._inputs: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the head's outputs. Shapes: (K, m, in) to (K, m, out)."""
        self._inputs = [inputs, *self._outputs[:-1]]
        for layer, output in enumerate(self._outputs):
            affine(self._inputs[layer], self._weights[layer], self._biases[layer], out=output)
            if layer < len(self._outputs) - 1:
                output.tanh_()
        return self._outputs[-1]

    def backward(self, slope: Tensor) -> None:
        """Fill the gradients from the loss's slope at the outputs. Shape: (K, m, out)."""
        for layer in reversed(range(len(self._weights))):
            inputs, weight = self._inputs[layer], self._weights[layer]
            torch.sum(slope, 1, keepdim=True, out=self._bias_gradients[layer])
            if weight.shape[2] == 1:
                gradient = self._weight_gradients[layer].transpose(1, 2)
                torch.sum(inputs * slope, 1, keepdim=True, out=gradient)
            else:
                torch.bmm(inputs.transpose(1, 2), slope, out=self._weight_gradients[layer])
            if layer:
                before = self._slopes[layer - 1]
                if weight.shape[2] == 1:
                    torch.mul(slope, weight.transpose(1, 2), out=before)
                else:
                    torch.bmm(slope, weight.transpose(1, 2), out=before)
                slope = torch.ops.aten.tanh_backward.grad_input(before, inputs, grad_input=before)
