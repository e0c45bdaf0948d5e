"""The recipe of an ALFWorld evaluation. Loads no torch."""

from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field, model_validator

from envs.alfworld import rules, terse
from envs.alfworld.game import SPLITS
from envs.alfworld.policies import POLICIES
from envs.alfworld.protocols import ProtocolConfig
from opd.rollout import ENGINES
from opd.spec import SamplingSpec
from programs.spec import Count, OnlyRounding, Spec

GRAMMARS: dict[str, Callable[[str], str]] = {"standard": rules.grammar, "terse": terse.grammar}
"""Wordings of the observations: a goal in words -> the grammar that the engine is given."""


class PlaySpec(Spec):
    """Which games are played, how often, and by whom: a policy, or a model under a protocol."""

    games: str | None = Field(None, description="source as in `load_games`; null: $ALFWORLD_DATA")
    panel: str = Field(description="a split of the source, or a panel file, which needs no source")
    per_type: Count | None = Field(None, description="only the first games of each task type; null: all")
    grammar: Literal[tuple(GRAMMARS)] = Field(  # type: ignore[valid-type]
        "standard", description="wording of the observations"
    )
    policy: Literal[tuple(POLICIES)] | None = Field(None, description="null: a model")  # type: ignore[valid-type]
    protocol: ProtocolConfig | None = Field(None, description="how a model is asked; null for a policy")
    sampling: SamplingSpec | None = Field(None, description="how a model responds; null for a policy")
    engine: Literal[ENGINES] = Field("torch", description="what decodes")  # type: ignore[valid-type]
    run: str = Field(
        "evaluation",
        description="names the random streams: turn t of a game's sample j draws from `run/game/j/t`, so "
        "models that play under one run share their luck",
    )
    repeats: Count = 1
    max_steps: Count = 50
    slots: OnlyRounding[Count] = Field(
        16, description="games played at once; with a float32 model does not change them"
    )
    processes: OnlyRounding[Count] = Field(
        1, description="worker processes that share the slots; changes nothing"
    )
    accelerated: bool = Field(True, description="play on the accelerated engine, which says the same")

    @model_validator(mode="after")
    def _a_panel_file_has_its_games(self) -> Self:
        if self.panel not in SPLITS and (self.games, self.per_type) != (None, None):
            raise ValueError("a panel file says what is played; leave out games, generated and per_type")
        return self

    @model_validator(mode="after")
    def _one_player(self) -> Self:
        of_model = (self.protocol, self.sampling)
        if self.policy is None and None in of_model:
            raise ValueError("a model needs a protocol and a sampling; or name a policy")
        if self.policy is not None and of_model != (None, None):
            raise ValueError("a policy reads no prompts; leave out protocol and sampling")
        return self

    @model_validator(mode="after")
    def _repeats_differ(self) -> Self:
        same_again = self.sampling.temperature == 0 if self.sampling else self.policy != "random"
        if same_again and self.repeats > 1:
            raise ValueError("greedy responses and this policy repeat themselves; write repeats: 1")
        return self

    @property
    def protocol_name(self) -> str:
        """What distinguishes the results of one model from each other: prompt form and kind of sampling."""
        if self.protocol is None or self.sampling is None:
            return f"policy {self.policy}"
        how = "greedy" if self.sampling.temperature == 0 else f"avg@{self.repeats}"
        return f"{self.protocol.name} {how}"
