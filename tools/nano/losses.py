"""
What the student is to learn, on each head, of unit vectors. Its similarities of all pairs of a batch are to go with the
teacher's, whatever their scale, which is what vectors are for. And a linear map of its vector, thrown away afterwards, is
to be the teacher's vector, which says more of a single text than its place among the others of a batch.

Both together come to agree better with the teacher than the map alone, and than with a squared difference of similarities,
which asks for the teacher's scale as well.
"""

from torch import Tensor, nn
from torch.nn import functional

from student import DIMENSIONS
from teacher import DIMENSIONS as TEACHER_DIMENSIONS


def maps_to_teacher() -> nn.ModuleDict:
    return nn.ModuleDict({str(d): nn.Linear(d, TEACHER_DIMENSIONS, bias=False) for d in DIMENSIONS})


def loss_of(heads: dict[int, Tensor], target: Tensor, maps: nn.ModuleDict) -> Tensor:
    """Of all heads: vectors [batch, dimensions] by dimensions, target [batch, 384] of length 1."""
    expected = target @ target.T
    total = target.new_zeros(())
    for dimensions, vectors in heads.items():
        unit = functional.normalize(vectors, dim=-1)
        cosines = functional.cosine_similarity(maps[str(dimensions)](unit), target, dim=-1)
        total = total + (1 - cosines).mean() + 1 - correlation(unit @ unit.T, expected)
    return total


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, of what two symmetric matrices [batch, batch] with ones on the diagonal have off it."""
    batch = len(a)
    pairs = batch * (batch - 1)
    mean_a, mean_b = (a.sum() - batch) / pairs, (b.sum() - batch) / pairs
    of_one_a, of_one_b = 1 - mean_a, 1 - mean_b
    a, b = a - mean_a, b - mean_b
    together = (a * b).sum() - batch * of_one_a * of_one_b
    alone = (a.square().sum() - batch * of_one_a.square()) * (b.square().sum() - batch * of_one_b.square())
    return together / alone.sqrt()
