"""Low-rank adapters as the numbers that decide their memory; `opd.lora` puts them into a model."""

from collections.abc import Mapping
from dataclasses import dataclass

from opd.plan.shape import Shape
from opd.spec import LoraSpec

# Matrices of a layer that multiply the same vector: in float32 an adapter keeps it once.
_SHARED = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


@dataclass(frozen=True)
class Adapters:
    """Of `rank`, in the matrices `inside` each of `layers` layers and in the head.

    Matrices are name -> (inputs, outputs).
    """

    rank: int
    layers: int
    inside: Mapping[str, tuple[int, int]]
    head: Mapping[str, tuple[int, int]]

    @property
    def parameters(self) -> int:
        """Weights of all adapters; they are float32 whatever the model is."""
        inside = sum(map(sum, self.inside.values()))
        return self.rank * (self.layers * inside + sum(map(sum, self.head.values())))

    def kept(self, width: int) -> int:
        """Bytes that a token keeps in a layer for the adapters' gradients, in a model of `width` bytes.

        Of every matrix its input and the product with A. In 16 bits each has a float32 copy of its input; in
        float32 the input is one tensor for all that share it, and the attention's output is kept anyway.
        """
        inputs = {name: size for name, (size, _) in self.inside.items()}
        if width == 4:
            inputs.pop("o_proj", None)
            inputs = {next((g[0] for g in _SHARED if name in g), name): size for name, size in inputs.items()}
        return 4 * sum(inputs.values()) + 4 * self.rank * len(self.inside)


def of(shape: Shape, spec: LoraSpec | None) -> Adapters | None:
    """The adapters that a spec puts into a model of a shape; None without a spec."""
    if spec is None:
        return None
    if spec.targets == "all-linear":
        return Adapters(spec.rank, shape.layers, shape.matrices, {})

    # As in `self_attn.q_proj`; a matrix has the same name in every layer.
    named = {target.rpartition(".")[2] for target in spec.targets}

    def adapted(matrices: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        return {name: size for name, size in matrices.items() if name in named}

    head = {"lm_head": (shape.hidden, shape.vocabulary)}
    return Adapters(spec.rank, shape.layers, adapted(shape.matrices), adapted(head))
