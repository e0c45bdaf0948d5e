"""The loss: what it compares, what it credits, and which positions it leaves out."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from opd.names import SUPPORTS
from opd.objectives import OBJECTIVES
from programs.spec import Probability, Rate, Share, Spec, Weight


class CreditSpec(Spec):
    """How a response's outcome becomes its credit; see `opd.credit`."""

    baseline: Literal["none", "group"] = Field(
        "none", description="none: the episode's return itself; group: less the mean of the group's episodes"
    )
    standardise: bool = Field(False, description="divide by the standard deviation: GRPO, not Dr. GRPO")
    only_groups_with_signal: bool = Field(
        False,
        description="leave groups whose episodes all have the same return out of the loss's mean (DAPO)",
    )
    step_weight: Weight = Field(
        0.0, description="weight of GiGPO's credit among responses to the same state; of games alone"
    )
    step_gamma: Probability | None = Field(None, description="discount per turn of the rewards to go in it")
    invalid_penalty: Weight = Field(
        0.0,
        description="taken from the score of an invalid response, where success is worth 1; games alone have "
        "invalid ones",
    )

    @model_validator(mode="after")
    def _group_is_there(self) -> Self:
        for knob in ("standardise", "only_groups_with_signal", "step_weight"):
            if getattr(self, knob) and self.baseline == "none":
                raise ValueError(f"{knob} compares within a group; write baseline: group, or remove {knob}")
        if (self.step_gamma is not None) != (self.step_weight > 0):
            raise ValueError("step_gamma goes with a step_weight above 0, and only with it")
        return self


class AdvantageSpec(Spec):
    """What a policy gradient credits a sampled token with; see `opd.advantages`."""

    log_ratio_weight: Weight = Field(
        1.0,
        description="weight of the teacher's log-ratio; 0: the teacher is ignored; small, where the teacher "
        "is the model at the start: the coefficient of a KL penalty",
    )
    gamma: Share = Field(0.0, description="discount of later rewards: 0 token-level, 1 sequence-level")
    log_ratio_clip: Rate | None = Field(None, description="clamp of the log-ratio reward, in nats")
    baseline: bool = Field(
        False, description="subtract each position's own expected reward, exact, from its rewards to go"
    )
    outcome_weight: Weight = Field(0.0, description="weight of the verified outcome, credited by `credit`")
    credit: CreditSpec = Field(CreditSpec(), description="how the outcome is credited to responses")
    importance_cap: Annotated[float, Field(ge=1)] | None = Field(
        None,
        description="truncated importance sampling: weigh tokens by min(p / p of the rollout engine, this); "
        "null: off, every weight is 1; see opd.advantages",
    )

    @model_validator(mode="after")
    def _knobs_are_used(self) -> Self:
        if self.log_ratio_weight == self.outcome_weight == 0:
            raise ValueError("log_ratio_weight and outcome_weight are both 0; write one of them")
        if self.outcome_weight == 0 and self.credit != CreditSpec():
            raise ValueError("outcome_weight 0 would ignore credit; write an outcome_weight or remove credit")
        if self.log_ratio_weight == 0:
            for knob in ("gamma", "log_ratio_clip", "baseline"):
                if getattr(self, knob):
                    raise ValueError(
                        f"log_ratio_weight 0 would ignore {knob}; remove {knob} or write a log_ratio_weight"
                    )
        return self


class ObjectiveSpec(Spec):
    """Which loss, on which tokens: a function of `opd.objectives` with its options."""

    name: Literal[tuple(OBJECTIVES)]  # type: ignore[valid-type]
    support: Literal[tuple(SUPPORTS)] = Field(  # type: ignore[valid-type]
        description="tokens on which teacher and student are compared at each position; see opd.names"
    )
    nucleus_mass: Probability | None = Field(None, description="teacher mass that teacher_nucleus holds")
    outside: Literal["ignored", "renormalised", "tail_bucket"] = Field(
        "ignored",
        description="probability outside the support: left out, scaled away on both sides (LSM), or kept "
        "as one more outcome; to be stated where the support leaves tokens out",
    )
    options: dict[str, float] = Field(
        {}, validate_default=True, description="keyword options of the objective, with its defaults"
    )
    advantage: AdvantageSpec = Field(AdvantageSpec(), description="for objectives that use an advantage")
    reduction: Literal["token_mean", "sequence_mean"] = Field(
        description="mean over all tokens of the batch, or mean of per-sequence means"
    )

    @field_validator("options")
    @classmethod
    def _has_the_defaults(cls, given: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        """A default that changes in the code makes another recipe, as one of a spec does."""
        objective = OBJECTIVES.get(info.data.get("name", ""))
        return {**objective.options, **given} if objective else given

    @model_validator(mode="after")
    def _options_are_used(self) -> Self:
        known = OBJECTIVES[self.name].options
        for option in self.options:
            if option not in known:
                allowed = f"its options are {', '.join(known)}" if known else "it takes no options"
                raise ValueError(
                    f"objective {self.name!r} would ignore the option {option!r}; {allowed}. "
                    f"Remove {option!r} or choose another objective"
                )
        if self.advantage != AdvantageSpec() and "advantage" not in OBJECTIVES[self.name].inputs:
            raise ValueError(
                f"objective {self.name!r} would ignore `advantage`; remove it or use policy_gradient"
            )
        return self

    @model_validator(mode="after")
    def _options_are_in_range(self) -> Self:
        for option, allowed in OBJECTIVES[self.name].ranges.items():
            value = self.options.get(option)
            if value is not None and not allowed.holds(value):
                raise ValueError(
                    f"objective {self.name!r} has {option} {value}; write a number {allowed.words}"
                )
        return self

    @model_validator(mode="after")
    def _support_fits(self) -> Self:
        on_support = OBJECTIVES[self.name].on_support
        if on_support == (self.support == "sampled"):
            right = "a support of several tokens" if on_support else "support: sampled"
            raise ValueError(f"objective {self.name!r} cannot use support {self.support!r}; write {right}")
        if self.support == "vocabulary" and "sampled_outside" in OBJECTIVES[self.name].inputs:
            raise ValueError(
                f"objective {self.name!r} estimates what is outside the support, and nothing is outside the "
                f"vocabulary; write objective reverse_kl"
            )
        if self.outside != "ignored" and "sampled_outside" in OBJECTIVES[self.name].inputs:
            raise ValueError(
                f"objective {self.name!r} itself estimates what is outside; write outside: ignored"
            )
        if self.outside != "ignored" and self.support in ("sampled", "vocabulary"):
            raise ValueError(
                f"nothing is outside support {self.support!r} to be {self.outside}; write outside: ignored"
            )
        if "outside" not in self.model_fields_set and self.support not in ("sampled", "vocabulary"):
            raise ValueError(
                f"support {self.support!r} leaves tokens out; say what becomes of their probability, with "
                f"outside: renormalised (local support matching), tail_bucket or ignored"
            )
        if (self.nucleus_mass is not None) != (self.support == "teacher_nucleus"):
            raise ValueError("nucleus_mass goes with support: teacher_nucleus, and only with it")
        return self


def needs_support_only(spec: ObjectiveSpec) -> bool:
    """Whether the student's normaliser cancels: all it enters with is renormalised."""
    return spec.outside == "renormalised" and "sampled_log_p" not in OBJECTIVES[spec.name].inputs


class MaskSpec(Spec):
    """Positions that the loss leaves out, as student and teacher spell a marker differently; see `opd.masks`.

    What `kind` leaves out depends on the sampled tokens alone, which is all that a policy gradient sees. A
    loss on a support compares the models where the student sampled something else, too: `teacher_mass`
    leaves out such positions.
    """

    kind: Literal["none", "first_occurrence", "every_occurrence", "span"] = Field(
        "none",
        description="first_occurrence or every_occurrence of each token of a marker in a response; span: "
        "complete markers, whatever tokens spell them",
    )
    markers: tuple[str, ...] = Field(
        ("<think>", "</think>", "<|im_end|>"),
        min_length=1,
        description="their texts; but for span, their tokens are those that the student's tokenizer makes of "
        "them: list the pieces of another spelling, too, and the teacher's for teacher_mass",
    )
    teacher_mass: Probability | None = Field(
        None, description="also leave out positions with more teacher probability than this on marker tokens"
    )

    @property
    def used(self) -> bool:
        """Whether anything is left out."""
        return self.kind != "none" or self.teacher_mass is not None
