"""What a game is: one PDDL problem with its goal in words. Knows nothing of the engine."""

from dataclasses import dataclass

SPLITS = ("train", "valid_seen", "valid_unseen")

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)


@dataclass(frozen=True)
class Parameters:
    """What the task is about, as classes of ALFRED ("SoapBar", "Cabinet"); "" where the task has none.

    `object_target` is to be moved, `parent_target` is where to, `toggle_target` is the lamp to look under.
    """

    object_target: str
    parent_target: str = ""
    toggle_target: str = ""


@dataclass(frozen=True)
class Game:
    """One game. `id` is unique in its panel; `goal` is the task in words, with no full stop.

    `problem` is the PDDL problem, verbatim. `size` is "real" for ALFWorld's own games, else that of the
    generated room. `witness` is a list of commands that wins, where one is known.
    """

    id: str
    split: str
    task_type: str
    goal: str
    problem: str
    parameters: Parameters
    size: str = "real"
    witness: tuple[str, ...] | None = None
