"""Real images for the metrics."""

import pytest
import torch
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits():
    """All digits in [-1, 1], shuffled, and their classes."""
    loaded = load_digits()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    images = torch.tensor(loaded.images, dtype=torch.float32)[:, None] / 8 - 1
    return images[order], torch.tensor(loaded.target)[order]
