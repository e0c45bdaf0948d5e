"""Teachers that follow their student: an exponential moving average of its weights, or the student itself.

    teacher <- decay * teacher + (1 - decay) * student      at the start of every step

Both are one model at first (appendix A.3 of arXiv 2605.11182: live at decay 0, averaged between, frozen at 1,
where nothing here is needed).
"""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from opd.weights import merged_weights


class MovingAverage:
    """A teacher's weights as an average of its student's, in float32 whatever the teacher is.

    Rounding to 16 bits would swallow the small updates. So `tensors`, by name, are the teacher's own weights
    where these are float32, else copies of them. At decay 0 there is nothing to keep, and they are none.
    """

    def __init__(self, teacher: PreTrainedModel, decay: float) -> None:
        self._decay = decay
        self._teacher = {name: value.detach() for name, value in teacher.named_parameters()}
        self.tensors = {name: value.float() for name, value in self._teacher.items()} if decay else {}

    @torch.no_grad()
    def follow(self, student: PreTrainedModel) -> None:
        """Move the teacher to where the average is with the student as it is now, adapters included.

        All ranks together: a student that is spread over them is gathered, a tensor at a time. KeyError if
        the student lacks a weight of the teacher's.
        """
        left = dict(self._teacher)
        for name, value in merged_weights(student, rounded=False):
            if name in left:  # a tied head is in a state twice, and among parameters once
                left.pop(name).copy_(self._averaged(name, value))
        if left:
            raise KeyError(f"the student has no {', '.join(left)}")

    def _averaged(self, name: str, value: Tensor) -> Tensor:
        if name not in self.tensors:
            return value
        average = self.tensors[name]
        return average.lerp_(value.to(average), 1 - self._decay)
