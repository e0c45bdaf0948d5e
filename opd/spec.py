"""Specs: the whole recipe of a job as data, checked before any job starts.

A spec is what the workflow passes to a program as one JSON string. Unknown keys are errors at every
level. Importing this module loads no torch, so the workflow can check a plan in milliseconds.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from envs.alfworld.protocols import ProtocolConfig
from opd.names import SUPPORTS
from opd.objectives import OBJECTIVES
from opd.rollout import ENGINES

Probability = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class Spec(BaseModel):
    """Base of all specs: immutable, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchitectureSpec(Spec):
    """Shape of a Qwen2 model trained from scratch."""

    hidden_size: Count
    intermediate_size: Count
    layers: Count
    heads: Count

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.hidden_size % self.heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}; "
                f"write a hidden_size of heads x an even head width"
            )
        return self


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


class LessonSpec(Spec):
    """One of the tasks that a model from scratch learns, and how well it must do it in the end."""

    share: Rate = Field(1.0, description="its part of the optimiser steps, relative to the other task's")
    stop_at_accuracy: float | None = Field(
        description="stop at the first measured accuracy at least this high, in all tasks that ask for it; "
        "null: this one does not"
    )
    accept_accuracy: tuple[float, float] = Field(
        description="the job fails if the final accuracy is outside this range"
    )


class ArithmeticLessonSpec(LessonSpec):
    """Chain arithmetic, from endless demonstrations; the accuracy is greedy, on development problems."""

    style: Literal["teacher", "student"] = Field(description="writing style of the demonstrations")
    respelled: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="share of the demonstrations whose markers are in another spelling; see envs.tokenizer",
    )
    max_new_tokens: Count = Field(description="cap on a response when accuracy is measured")
    development_problems: Count


class GameLessonSpec(LessonSpec):
    """ALFWorld's games, from a file of demonstrations; the accuracy is the share of games won."""

    demonstrations: str = Field(description="file of python -m envs.alfworld.demonstrations")
    panel: str = Field(description="panel file: the development games, each played once")
    sampling: SamplingSpec = Field(description="how the commands are drawn in them")
    max_steps: Count = Field(description="turns after which a development game is lost")


class CurriculumSpec(Spec):
    """What a model from scratch learns: arithmetic, games, or both with one set of weights."""

    chain_arithmetic: ArithmeticLessonSpec | None = None
    alfworld: GameLessonSpec | None = None

    @model_validator(mode="after")
    def _something_to_learn(self) -> Self:
        if self.chain_arithmetic is None and self.alfworld is None:
            raise ValueError("nothing to learn; write chain_arithmetic, alfworld, or both")
        return self


class PretrainSpec(Spec):
    """A model from scratch, trained with Muon and selected by accuracy."""

    tasks: CurriculumSpec
    architecture: ArchitectureSpec
    seed: int
    steps: Count = Field(description="length of the learning-rate schedule, in optimiser steps")
    tokens_per_step: Count = Field(description="approximate tokens in a batch")
    learning_rate: Rate = Field(description="AdamW, for embeddings, head, norms and biases")
    muon_learning_rate: Rate = Field(description="Muon, for the matrices inside the layers")
    warmup_steps: int = Field(ge=0)
    evaluate_every: Count = Field(description="steps between measurements of tasks with stop_at_accuracy")
    end_token: Literal["<|im_end|>", "<|endoftext|>"] = Field(
        "<|im_end|>", description="ends this model's responses; prompts keep <|im_end|>"
    )


class HubModelSpec(Spec):
    """A model fetched from the Hugging Face hub at a fixed revision, or copied from a folder."""

    hub_id: str = Field(description="owner/name on the hub, or the absolute path of a model folder")
    revision: str | None = Field(description="commit, branch or tag on the hub; null for a folder")

    @model_validator(mode="after")
    def _revision_of_hub_models(self) -> Self:
        if self.is_folder != (self.revision is None):
            right = "revision: null" if self.is_folder else "the revision to fetch"
            raise ValueError(f"{self.hub_id}: write {right}")
        return self

    @property
    def is_folder(self) -> bool:
        """Whether the model lies on this machine."""
        return self.hub_id.startswith("/")


class SftSpec(Spec):
    """Warm start: the student is trained on traces sampled from the teacher."""

    environment: str
    seed: int
    traces: Count = Field(description="teacher responses sampled")
    keep: Literal["correct", "all"] = Field(
        description="train on traces that end by themselves with the right answer, or on all"
    )
    sampling: SamplingSpec
    epochs: Count
    batch_size: Count = Field(description="sequences per optimiser step")
    learning_rate: Rate


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
    step_weight: Weight = Field(0.0, description="weight of GiGPO's credit among responses to the same state")
    step_gamma: Probability | None = Field(None, description="discount per turn of the rewards to go in it")
    invalid_penalty: Weight = Field(
        0.0, description="taken from the score of an invalid response, where success is worth 1"
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
    gamma: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="discount of later rewards: 0 token-level, 1 sequence-level"
    )
    log_ratio_clip: Rate | None = Field(None, description="clamp of the log-ratio reward, in nats")
    baseline: bool = Field(False, description="subtract the exact expected reward of each position")
    outcome_weight: Weight = Field(0.0, description="weight of the verified outcome, credited by `credit`")
    credit: CreditSpec = Field(CreditSpec(), description="how the outcome is credited to responses")
    importance_cap: Annotated[float, Field(ge=1)] | None = Field(
        None,
        description="truncated importance sampling: weigh tokens by min(p / p of the rollout engine, this); "
        "null: off, every weight is 1; see opd.mismatch",
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
        "as one more outcome",
    )
    options: dict[str, float] = Field({}, description="keyword options of the objective")
    advantage: AdvantageSpec = Field(AdvantageSpec(), description="for objectives that use an advantage")
    reduction: Literal["token_mean", "sequence_mean"] = Field(
        description="mean over all tokens of the batch, or mean of per-sequence means"
    )

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
        if (self.nucleus_mass is not None) != (self.support == "teacher_nucleus"):
            raise ValueError("nucleus_mass goes with support: teacher_nucleus, and only with it")
        return self


def needs_support_only(spec: ObjectiveSpec) -> bool:
    """Whether the student's normaliser cancels: all it enters with is renormalised."""
    return spec.outside == "renormalised" and "sampled_log_p" not in OBJECTIVES[spec.name].inputs


class RolloutSpec(SamplingSpec):
    """On-policy sampling: `prompts` x `samples_per_prompt` responses per step, and how they are used."""

    prompts: Count
    samples_per_prompt: Count
    minibatch_size: Count = Field(description="responses per update; of games, about so many turns")


class GamesSpec(Spec):
    """How ALFWorld's games are played while training: every turn is a prompt of its own."""

    panel: str = Field(description="panel file: the games that are drawn from")
    protocol: ProtocolConfig = Field(description="how a turn is put to the model, and its response read")
    max_steps: Count = Field(description="turns after which a game is lost")
    processes: Count = Field(1, description="worker processes that share the games; changes nothing")


class TaskSpec(Spec):
    """Where a task's prompts come from, and how they are answered: exactly one of the two sources.

    For games, `rollout` counts games as prompts and caps each turn.
    """

    environment: str | None = Field(None, description="problems of this environment, one response each")
    games: GamesSpec | None = Field(None, description="games of ALFWorld, a response each turn")
    rollout: RolloutSpec

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.environment is None) == (self.games is None):
            raise ValueError("a task has either an environment or games; write one of them")
        return self


class MaskSpec(Spec):
    """Positions that the loss leaves out, as student and teacher spell a marker differently; see `opd.masks`.

    What `kind` leaves out depends on the sampled tokens alone, which is all that a policy gradient sees. A
    loss on a support compares the models where the student sampled something else, too: `teacher_mass`
    leaves out such positions.
    """

    kind: Literal["none", "first_occurrence", "every_occurrence", "span"] = Field(
        "none",
        description="first_occurrence or every_occurrence of each token of a marker in a response; span: "
        "complete markers",
    )
    markers: tuple[str, ...] = Field(
        ("<think>", "</think>", "<|im_end|>"),
        min_length=1,
        description="their texts, as the student's tokenizer reads them; the teacher's spellings too, if "
        "they are to be left out or enter teacher_mass",
    )
    teacher_mass: Probability | None = Field(
        None, description="also leave out positions with more teacher probability than this on marker tokens"
    )

    @property
    def used(self) -> bool:
        """Whether anything is left out."""
        return self.kind != "none" or self.teacher_mass is not None


class OptimizerSpec(Spec):
    """AdamW with gradient clipping."""

    learning_rate: Rate
    betas: tuple[float, float]
    weight_decay: float
    clip_norm: Rate


class LoraSpec(Spec):
    """Low-rank adapters that are trained in the place of the student's weights; see `opd.lora`."""

    rank: Count
    alpha: Count = Field(32, description="the adapter's product counts alpha / rank times")
    targets: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear",
        min_length=1,
        description="ends of the adapted layers' names, such as q_proj; all-linear: every one but the head",
    )


class EngineSpec(Spec):
    """What answers the prompts while training; see docs/rollouts.md.

    `torch` is the student itself. `vllm` has a copy of its weights, renewed before every step.
    """

    name: Literal[ENGINES] = "torch"  # type: ignore[valid-type]
    tensor_parallel: Count = Field(1, description="GPUs that share one copy of the weights")
    memory_share: Probability = Field(
        0.4, description="of a GPU's memory, for the copy of the weights and the key-value cache"
    )
    sleep: bool = Field(
        False, description="give that memory back while the student is trained; not on every platform"
    )
    mismatch_limit: Rate | None = Field(
        None,
        description="nats between the engine's and the trainer's log-probabilities of sampled tokens, mean "
        "over a step, beyond which the run stops; null: 0.01 in float32, 0.1 in 16 bits",
    )

    @model_validator(mode="after")
    def _knobs_are_used(self) -> Self:
        for knob in ("tensor_parallel", "memory_share", "sleep"):
            if self.name == "torch" and getattr(self, knob) != type(self).model_fields[knob].default:
                raise ValueError(f"engine torch would ignore {knob}; remove it or write name: vllm")
        return self


class MemorySpec(Spec):
    """What a run pays in time or rounding for device memory; see `opd.parallel`. All off: nothing."""

    master_weights: bool = Field(
        False,
        description="the student's weights, gradients and optimiser in float32, its forward and backward "
        "pass in bfloat16; false: all in the dtype that it was saved in",
    )
    recompute_layers: bool = Field(
        False, description="keep only the layers' inputs for the backward pass: activation checkpointing"
    )
    offload: bool = Field(
        False, description="the student's weights, gradients and optimiser rest in the host's memory"
    )
    pack_sequences: bool = Field(
        False,
        description="score and train on the sequences of a forward pass in one row, without padding: for "
        "responses of very different lengths",
    )
    shard_teachers: bool = Field(
        False, description="teachers rest in parts, one a process; false: each process holds them whole"
    )


class DistillSpec(Spec):
    """One run: experiment x method x seed, with everything that decides its numbers."""

    experiment: str
    method: str
    seed: int
    tasks: dict[str, TaskSpec] = Field(min_length=1, description="step t works on task t mod their number")
    steps: Count = Field(description="steps in all, shared equally by the tasks")
    vocabulary_size: Count = Field(description="token ids of all models, checked when they load")
    teacher_top_k: Count = Field(
        description="teacher tokens kept per position: support of the top-K objectives, and of "
        "the overlap and mass diagnostics of every method"
    )
    teacher_temperature: Rate = Field(
        1.0, description="divides the teachers' logits, wherever they are used: below 1 is sharper"
    )
    objective: ObjectiveSpec
    mask: MaskSpec = MaskSpec()
    optimizer: OptimizerSpec
    lora: LoraSpec | None = Field(None, description="null: all weights are trained")
    memory: MemorySpec = MemorySpec()
    tokens_per_forward: Count = Field(
        description="padded tokens in one forward pass; bounds memory and changes nothing else"
    )
    checkpoint_every: Count = Field(description="steps between checkpoints")
    engine: EngineSpec = Field(EngineSpec(), description="what answers the prompts")
    uniform_teacher: Literal["warn", "stop"] = Field(
        "warn", description="what a step does whose teacher seems to have no weights; see opd.witness"
    )

    @model_validator(mode="after")
    def _top_k_fits_vocabulary(self) -> Self:
        if self.teacher_top_k > self.vocabulary_size:
            raise ValueError(
                f"teacher_top_k {self.teacher_top_k} is larger than the vocabulary of "
                f"{self.vocabulary_size}; write teacher_top_k: {self.vocabulary_size} or less, or use "
                f"support: vocabulary"
            )
        return self

    @model_validator(mode="after")
    def _single_token_support_has_signal(self) -> Self:
        single = self.objective.support in (
            "teacher_top_k",
            "student_top_k",
            "intersection",
            "teacher_nucleus",
        )
        if self.objective.outside == "renormalised" and single and self.teacher_top_k == 1:
            raise ValueError(
                "teacher_top_k 1 with outside: renormalised is identically zero (one token always has "
                "probability 1); write teacher_top_k: 2 or more, or outside: ignored"
            )
        return self

    @model_validator(mode="after")
    def _minibatches_divide(self) -> Self:
        for name, task in self.tasks.items():
            responses = task.rollout.prompts * task.rollout.samples_per_prompt
            if task.environment and responses % task.rollout.minibatch_size:
                raise ValueError(
                    f"{responses} responses per step of {name} cannot be split into minibatches of "
                    f"{task.rollout.minibatch_size}; change rollout.prompts or rollout.minibatch_size"
                )
        return self

    @model_validator(mode="after")
    def _groups_have_company(self) -> Self:
        for name, task in self.tasks.items():
            if self.objective.advantage.credit.baseline == "group" and task.rollout.samples_per_prompt == 1:
                raise ValueError(
                    f"baseline: group compares samples of one prompt, and {name} has one of each; write "
                    f"samples_per_prompt: 2 or more"
                )
        return self
