"""Specs: the whole recipe of a job as data, checked before any job starts.

A spec is what the workflow passes to a program as one JSON string. Unknown keys are errors at every
level. Importing this module loads no torch, so the workflow can check a plan in milliseconds.
"""

from opd.spec.distill import DistillSpec
from opd.spec.models import (
    ArchitectureSpec,
    ArithmeticLessonSpec,
    CurriculumSpec,
    GameLessonSpec,
    HubModelSpec,
    InstructionSpec,
    LessonSpec,
    PretrainSpec,
)
from opd.spec.objective import AdvantageSpec, CreditSpec, MaskSpec, ObjectiveSpec, needs_support_only
from opd.spec.sampling import SamplingSpec
from opd.spec.sft import SftRecipe, SftSpec, TracesRecipe, TracesSpec
from opd.spec.task import GamesSpec, RolloutSpec, TaskSpec
from opd.spec.training import EngineSpec, LoraSpec, MemorySpec, OptimizerSpec

__all__ = [
    "AdvantageSpec",
    "ArchitectureSpec",
    "ArithmeticLessonSpec",
    "CreditSpec",
    "CurriculumSpec",
    "DistillSpec",
    "EngineSpec",
    "GameLessonSpec",
    "GamesSpec",
    "HubModelSpec",
    "InstructionSpec",
    "LessonSpec",
    "LoraSpec",
    "MaskSpec",
    "MemorySpec",
    "ObjectiveSpec",
    "OptimizerSpec",
    "PretrainSpec",
    "RolloutSpec",
    "SamplingSpec",
    "SftRecipe",
    "SftSpec",
    "TaskSpec",
    "TracesRecipe",
    "TracesSpec",
    "needs_support_only",
]
