"""Spec of the estimator study. Class defaults are the setting of every scale; smoke makes it small."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from programs.spec import Count, OnlyRounding, Rate, Share, Spec, Weight

CHAINS = ("mixing", "sticky", "absorbing")


class VarianceSpec(Spec):
    """Variance against horizon, on random bigram policies. All of it is ours: the paper measures none."""

    chains: tuple[Literal[CHAINS], ...] = CHAINS  # type: ignore[valid-type]
    tokens: Annotated[int, Field(ge=2)] = Field(8, description="vocabulary; the gradient has its square")
    disagreement: Rate = Field(1.0, description="standard deviation of teacher minus student logits")
    horizons: tuple[Count, ...] = (4, 8, 16, 32, 64, 128, 256)
    fit_from: Count = Field(16, description="shortest horizon of the fitted exponents, in tokens")
    rollouts: Count = Field(1024, description="per student and teacher")
    pairs: Annotated[int, Field(ge=2)] = Field(
        16, description="random students and teachers; they are what the intervals resample"
    )

    @model_validator(mode="after")
    def _exponents_can_be_fitted(self) -> Self:
        if sum(horizon >= self.fit_from for horizon in self.horizons) < 2:
            raise ValueError(f"an exponent needs two horizons of at least fit_from {self.fit_from} tokens")
        return self


class BiasSpec(Spec):
    """Bias and variance, exactly: every sequence of a small bigram policy, every node of a quadrature."""

    tokens: Annotated[int, Field(ge=2)] = 4
    disagreement: Rate = 1.0
    horizons: tuple[Annotated[int, Field(ge=1, le=10)], ...] = (1, 2, 4, 6, 8)
    pairs: Count = 16


class TeacherSetting(Spec):
    """Networks and teachers of the toy. The paper's appendix E leaves all of it open; the values are ours."""

    width: Count = Field(60, description="3-60-60-2 has 4,022 parameters; the paper says about 4 K")
    sigma_floor: Weight = Field(0.1, description="least standard deviation of an action, in positions")
    effort: Weight = Field(10.0, description="cost of a squared action; without it teachers jump at once")
    teacher_iterations: Count = Field(400, description="REINFORCE updates of each teacher")
    teacher_learning_rate: Rate = Field(0.003, description="Adam")


class ToySetting(TeacherSetting):
    """How the student learns, also left open and ours."""

    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Rate = Field(0.001, description="of the student")
    clip_norm: Rate | None = Field(None, description="clip of the student's gradient norm")
    log_ratio_clip: Rate | None = Field(None, description="clamp of the per-step reward, in nats")

    @property
    def teacher(self) -> TeacherSetting:
        """What the teachers depend on."""
        return TeacherSetting(**self.model_dump(include=set(TeacherSetting.model_fields)))


class ToySpec(Spec):
    """The two-task control toy of appendix E."""

    seeds: tuple[int, ...] = (42, 43, 2026)
    iterations: Count = Field(2000, description="odd ones train the left task, even ones the right one")
    trajectories: Count = Field(64, description="per iteration")
    microbatches: Annotated[int, Field(ge=2)] = Field(8, description="between which variance is measured")
    evaluation_trajectories: Count = Field(512, description="of the trained student, per task")
    setting: ToySetting = ToySetting()
    variants: dict[str, dict[str, Any]] = Field(
        {
            "as declared": {},
            "effort 0": {"effort": 0.0},
            "sigma_floor 0.01": {"sigma_floor": 0.01},
            "learning_rate 0.003": {"learning_rate": 0.003},
            "clip_norm 1": {"clip_norm": 1.0},
            "log_ratio_clip 5": {"log_ratio_clip": 5.0},
            "sgd 1e-4": {"optimizer": "sgd", "learning_rate": 0.0001},
            "sgd 2e-4": {"optimizer": "sgd", "learning_rate": 0.0002},
            "effort 0, sgd 1e-5": {"effort": 0.0, "optimizer": "sgd", "learning_rate": 0.00001},
            "effort 0, sgd 3e-5": {"effort": 0.0, "optimizer": "sgd", "learning_rate": 0.00003},
        },
        description="what differs from `setting`",
    )
    variant_iterations: Count = Field(250, description="they are compared after so many")
    variant_gammas: tuple[Share, ...] = (0.0, 1.0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.trajectories % self.microbatches:
            raise ValueError(
                f"{self.trajectories} trajectories cannot be split into {self.microbatches} microbatches"
            )
        if "base" in self.variants:
            raise ValueError("base is the setting itself; give the variant another name")
        self.settings()
        return self

    def settings(self) -> dict[str, ToySetting]:
        """The base setting and its variants, by name."""
        base = self.setting.model_dump()
        return {"base": self.setting} | {name: ToySetting(**base | v) for name, v in self.variants.items()}


class EstimatorsSpec(Spec):
    """The whole study."""

    seed: int = Field(0, description="of the random policies and rollouts; the toy has the paper's seeds")
    processes: OnlyRounding[Count] = Field(2, description="that share the work; changes no number")
    gammas: tuple[Share, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    variance: VarianceSpec = VarianceSpec()
    bias: BiasSpec = BiasSpec()
    toy: ToySpec = ToySpec()
