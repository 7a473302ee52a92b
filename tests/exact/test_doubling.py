"""A doubling layer computes what torch's transposed convolution does, by whichever way."""

import pytest
import torch
from torch import nn

from latentia.networks.convolutional import Doubling


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_it_is_the_transposed_convolution_and_so_is_its_gradient(outputs, memory_format):
    torch.manual_seed(0)
    ours = Doubling(5, outputs).double()
    theirs = nn.ConvTranspose2d(5, outputs, 4, stride=2, padding=1).double()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(3, 5, 4, 7, dtype=torch.float64).contiguous(memory_format=memory_format)
    images.requires_grad_()
    weight = torch.randn(3, outputs, 8, 14, dtype=torch.float64)
    answers = [layer(images) for layer in (ours, theirs)]
    gradients = [
        torch.autograd.grad((answer * weight).sum(), [images, *layer.parameters()])
        for answer, layer in zip(answers, (ours, theirs), strict=True)
    ]
    torch.testing.assert_close(*answers)
    torch.testing.assert_close(*gradients)
