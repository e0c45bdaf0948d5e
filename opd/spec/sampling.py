"""How responses are drawn."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from programs.spec import Count, Probability, Spec


class SamplingSpec(Spec):
    """How responses are drawn. Temperature 0 is greedy; then `top_p` must be 1."""

    temperature: Annotated[float, Field(ge=0)]
    top_p: Probability
    max_new_tokens: Count

    @model_validator(mode="after")
    def _greedy_has_no_nucleus(self) -> Self:
        if self.temperature == 0 and self.top_p < 1:
            raise ValueError("temperature 0 is greedy and ignores top_p; write top_p: 1.0")
        return self
