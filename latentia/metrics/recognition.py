"""What a classifier makes of samples: does it recognise them, and can it learn from them?"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int64
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from latentia._types import Images
from latentia.metrics.estimate import Estimate, Unmeasurable
from latentia.metrics.features import RandomFeatures

GROUPS = 10
SAMPLES_A_CLASS = 20  # below, the entropy of p(y) is too low by more than 1/40 nat: (classes - 1) / 2n


def recognition_score(logits: Float[Tensor, "samples classes"]) -> Estimate:
    """How surely a classifier recognises samples, and how many classes it recognises among them.

    score = exp( E_x KL(p(y|x) || p(y)) )

    Args:
        logits: Of the samples, from a classifier of the training data (`DomainFeatures.classify`).

    Returns:
        The score, from 1 (every sample gets the same answer) to the number of classes (sure answers,
        all classes equally often); its error from a jackknife over ten groups of samples.

    Raises:
        ValueError: If there are fewer than 2 classes, or fewer than 20 samples a class.

    Note:
        The formula of the Inception score on another classifier: never call it so. It knows nothing
        of real images: one perfect image a class, repeated, has the highest score. Real images' score is
        the frame.

    Source:
        Salimans et al. 2016, arXiv:1606.03498, section 4.

    Example:
        >>> sure = 100 * torch.eye(4).repeat(50, 1)
        >>> round(recognition_score(sure).value, 6)
        4.0
    """
    num_samples, num_classes = logits.shape
    if num_classes < 2 or num_samples < SAMPLES_A_CLASS * num_classes:
        raise Unmeasurable(
            f"{num_samples} samples and {num_classes} classes: the recognition score needs at least 2 "
            f"classes and {SAMPLES_A_CLASS} samples for each. Draw {SAMPLES_A_CLASS * max(2, num_classes)}, "
            "or use `kernel_distance`, which is unbiased at any size."
        )
    log_given = logits.double().log_softmax(1)
    given = log_given.exp()
    known = (given * log_given).sum(1)  # minus the entropy of p(y|x)
    groups = [torch.arange(group, num_samples, GROUPS) for group in range(GROUPS)]
    left = [
        _score(known.sum() - known[rows].sum(), given.sum(0) - given[rows].sum(0), num_samples - len(rows))
        for rows in groups
    ]
    return Estimate.jackknife(_score(known.sum(), given.sum(0), num_samples), left)


def classification_accuracy_score(
    synthetic_images: Float[Tensor, "synthetic channels height width"],
    synthetic_labels: Int64[Tensor, " synthetic"],
    real_images: Float[Tensor, "real channels height width"],
    real_labels: Int64[Tensor, " real"],
    *,
    features: Callable[[Images], Tensor] | None = None,
) -> Estimate:
    """Accuracy on real images of a classifier that has learned from synthetic ones alone.

    Args:
        synthetic_images: Samples to learn from, in [-1, 1].
        synthetic_labels: The classes that a conditional model was asked for. For other models the
            answers of a classifier, `domain.classify(images).argmax(1)`: then what that classifier
            does not see is not missed, and the score is flattered.
        real_images: Held-out real images.
        real_labels: Their classes.
        features: What the classifier reads images with; without it, `RandomFeatures`.

    Returns:
        The share of real images that are told right, 0 to 1. Its error is over the real images; that of
        drawing the samples anew is not in it.

    Raises:
        ValueError: If synthetic images show one class alone, or there are fewer than 10 real images.

    Note:
        The classifier is a ridge regression on fixed features, not the residual network of the
        paper. The frame is the same call with as many real training images in place of the synthetic ones.

    Source:
        Ravuri & Vinyals 2019, arXiv:1905.10887, section 3.

    Example:
        >>> images = torch.randn(60, 1, 8, 8, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
        >>> labels = torch.arange(60) % 2
        >>> images[labels == 1, :, :4] = 1.0
        >>> classification_accuracy_score(images[:40], labels[:40], images[40:], labels[40:]).value
        1.0
    """
    num_classes = len(synthetic_labels.unique())
    if num_classes < 2 or len(real_images) < 10:
        raise Unmeasurable(
            f"samples of {num_classes} classes and {len(real_images)} real images: a classifier learns from "
            "at least 2 classes, and is judged on at least 10 real images. A model that draws one class "
            "alone is told by `measure_coverage`: its recall is near 0."
        )
    space = features or RandomFeatures(synthetic_images.shape[1])
    # As good as a logistic regression (0.79 and 0.80 on Fashion-MNIST), and faster.
    classifier = make_pipeline(StandardScaler(), RidgeClassifier(alpha=300))
    classifier.fit(_as_numpy(space(synthetic_images)), _as_numpy(synthetic_labels))
    told = classifier.predict(_as_numpy(space(real_images)))
    return Estimate.of_mean(torch.from_numpy(told == _as_numpy(real_labels)))


def _score(known: Tensor, given: Tensor, num_samples: int) -> float:
    """The exponential of the mean KL(p(y|x) || p(y)), from sums over samples."""
    marginal = given / num_samples
    entropy = -torch.xlogy(marginal, marginal).sum()
    return (entropy + known / num_samples).exp().item()


def _as_numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
