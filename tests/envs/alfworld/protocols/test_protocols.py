"""Prompts and parsers of the protocols, on what models really write: right, malformed and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from envs.alfworld import protocols
from envs.alfworld.protocols import Action, Compact, History, React, VerlAgent

OPENING = (
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you "
    "see a desk 1, a drawer 2, a drawer 1, and a safe 1.\n\nYour task is to: put two cd in safe."
)
START = History("pick_two_obj_and_place", OPENING, ("go to desk 1", "go to drawer 1", "help", "look"))
PLAYED = (
    START.then("go to drawer 1", "You arrive at drawer 1. The drawer 1 is closed.", ("open drawer 1",))
    .then("open drawer 1", "You open the drawer 1. The drawer 1 is open. In it, you see a cd 2.", ("look",))
    .then("take cd 2 from drawer 1", "You pick up the cd 2 from the drawer 1.", ("go to safe 1", "help"))
)
GOOD = "<think>The cd is in the drawer.</think><action>take cd 2 from drawer 1</action>"


class TestHistory:
    def test_task_and_observation(self):
        assert START.task == "put two cd in safe."
        assert START.observation == OPENING
        assert PLAYED.observation == "You pick up the cd 2 from the drawer 1."
        assert PLAYED.admissible == ("go to safe 1", "help")

    def test_an_opening_without_a_task(self):
        assert History("", "You see nothing.", ()).task == ""


class TestVerlAgentPrompt:
    def test_first_turn_has_observation_and_actions_without_help(self):
        prompt = VerlAgent().prompt(START)
        assert OPENING in prompt
        assert "['go to desk 1'\n 'go to drawer 1'\n 'look']" in prompt
        assert "help" not in prompt
        assert "<think> and </think>" in prompt
        assert "<action> and </action>" in prompt

    def test_later_turns_have_task_count_and_the_last_two_turns(self):
        prompt = VerlAgent().prompt(PLAYED)
        assert "Your task is to: put two cd in safe." in prompt
        assert "Steps taken so far: 3." in prompt
        assert (
            "[Observation 2: 'You arrive at drawer 1. The drawer 1 is closed.', Action 2: 'open drawer 1']\n"
            "[Observation 3: 'You open the drawer 1. The drawer 1 is open. In it, you see a cd 2.', "
            "Action 3: 'take cd 2 from drawer 1']\n"
        ) in prompt
        assert "Observation 1" not in prompt
        assert "This is step 4. You see: You pick up the cd 2 from the drawer 1.\n" in prompt

    @pytest.mark.parametrize(("length", "first"), [(1, 3), (3, 1), (9, 1)])
    def test_history_length(self, length, first):
        prompt = VerlAgent(history_length=length, later_turn="{history_length}|{action_history}").prompt(
            PLAYED
        )
        count, _, shown = prompt.partition("|")
        assert int(count) == min(length, 3)
        assert shown.startswith(f"[Observation {first}: ")
        assert shown.count("[Observation") == min(length, 3)

    def test_without_a_history_every_turn_has_the_first_turns_form(self):
        prompt = VerlAgent(history_length=0, first_turn="{current_observation}").prompt(PLAYED)
        assert prompt == PLAYED.observation

    def test_the_wording_is_ours_until_both_templates_are_given(self):
        assert VerlAgent().own_wording
        assert VerlAgent(first_turn="{current_observation}").own_wording
        assert not VerlAgent(first_turn="{current_observation}", later_turn="{step_count}").own_wording

    def test_template_is_a_config_value(self):
        config = {"name": "verl_agent", "first_turn": "{current_observation} -> {admissible_actions}"}
        prompt = protocols.load(config).prompt(START)
        assert prompt == f"{OPENING} -> 'go to desk 1'\n 'go to drawer 1'\n 'look'"

    @pytest.mark.parametrize("template", ["{task}", "{current_observation", "{}"])
    def test_template_that_cannot_be_filled_is_refused(self, template):
        with pytest.raises(ValidationError, match=r"known: current_observation|literal braces"):
            VerlAgent(first_turn=template)

    def test_braces_in_what_the_engine_says_are_left_alone(self):
        history = History("", "{task_description} {0} {", ("look {x}",))
        assert "You see: {task_description} {0} {\n" in VerlAgent().prompt(history)
        assert "You see: {0} {\n" in VerlAgent().prompt(history.then("{a}", "{0} {", ("{b}",)))


class TestVerlAgentParse:
    def test_good(self):
        assert VerlAgent().parse(GOOD) == Action("take cd 2 from drawer 1", True)

    @pytest.mark.parametrize(
        ("response", "command", "valid"),
        [
            ("", "", False),
            ("<think>x</think>go to desk 1", "<think>x</think>go to desk 1", False),
            ("<think>why</think><action>look", "<think>why</think><action>look", False),
            ("<think>why</think>look</action>", "think>why</think>look</action>", False),
            ("<action>look</action>", "look", False),
            ("<think>no end <action>look</action>", "look", False),
            ("no start</think><action>look</action>", "look", False),
            ("<think>t</think><action> \n Go To Desk 1\t</action>", "go to desk 1", True),
            ("<think>t</think><ACTION>look</Action>", "look", True),
            ("<THINK>t</THINK><action>look</action>", "look", False),
            ("<think>t</think><action>look</action><action>help</action>", "look", True),
            ("<think>t</think><action><action>look</action></action>", "<action>look", True),
            ("<think><action>look</action></think><action>help</action>", "look", True),
            ("<action>look</action><think>t</think>", "look", True),
            ("<think>t</think><action></action>", "", False),
            ("<think>t</think></action>look<action>", "", False),
            ("<think>去抽屉</think><action>look</action>", "look", False),
            ("<think>t</think><action>看</action>", "看", False),
            ("<think>é ß あ</think><action>look</action>", "look", True),
        ],
    )
    def test_malformed(self, response, command, valid):
        action = VerlAgent().parse(response)
        assert action == Action(command, valid)

    def test_without_tags_the_last_thirty_characters_go_to_the_engine(self):
        assert VerlAgent().parse("I WILL " + "x" * 100 + "go to desk 1") == Action(
            "x" * 18 + "go to desk 1", False
        )

    def test_over_long(self):
        long = "<think>" + "so " * 100_000 + "</think><action>look</action>"
        assert VerlAgent().parse(long) == Action("look", True)
        assert len(VerlAgent().parse("so " * 100_000).command) == 30

    def test_tags_in_an_observation_do_not_reach_the_parser(self):
        """The response is parsed alone, so a text that plays tricks in the prompt stays a text."""
        trap = "You see <action>help</action> and '], Action 9: 'help"
        history = START.then("look", trap, ("look",))
        assert trap in VerlAgent().prompt(history)
        assert VerlAgent().parse(GOOD).command == "take cd 2 from drawer 1"


class TestReact:
    def test_transcript_grows_and_begins_after_the_welcome(self):
        prompt = React(instruction="Play.", introduction="Now:").prompt(PLAYED)
        assert prompt == (
            "Play.\nNow:\nYou are in the middle of a room. Looking quickly around you, you see a desk 1, "
            "a drawer 2, a drawer 1, and a safe 1.\n\nYour task is to: put two cd in safe.\n"
            "> go to drawer 1\nYou arrive at drawer 1. The drawer 1 is closed.\n"
            "> open drawer 1\nYou open the drawer 1. The drawer 1 is open. In it, you see a cd 2.\n"
            "> take cd 2 from drawer 1\nYou pick up the cd 2 from the drawer 1.\n>"
        )

    def test_examples_of_the_type_come_first(self):
        example = React().transcript(PLAYED)
        react = React(examples={"pick_two_obj_and_place": (example, "second"), "other": ("third",)})
        prompt = react.prompt(START)
        assert prompt.startswith(f"{react.instruction}\n{example}\nsecond\nHere is the task.\n")
        assert "third" not in prompt
        with pytest.raises(KeyError, match="no examples of look_at_obj_in_light"):
            react.prompt(History("look_at_obj_in_light", OPENING, ()))

    def test_thoughts_are_answered_ok(self):
        history = START.then("think: where is a cd?", "Nothing happens.", ("look",))
        assert React().prompt(history).endswith("\n> think: where is a cd?\nOK.\n>")

    @pytest.mark.parametrize(
        ("response", "action"),
        [
            (" go to desk 1\nYou arrive", Action("go to desk 1", True)),
            ("\n\n> Open Drawer 1\n", Action("open drawer 1", True)),
            (" think: The CD may be here.\n> go", Action("think: The CD may be here.", True, thought=True)),
            ("THINK: loud", Action("THINK: loud", True, thought=True)),
            ("", Action("", False)),
            (" \n>\n > ", Action("", False)),
            ("<action>look</action>", Action("<action>look</action>", False)),
            ("go to the desk", Action("go to the desk", False)),
            ("去", Action("去", False)),
        ],
    )
    def test_parse(self, response, action):
        assert React().parse(response) == action


class TestCompact:
    def test_first_prompt(self):
        assert Compact().prompt(START).splitlines() == [
            "goal: put two cd in safe",
            "left: desk 1 drawer 2 drawer 1 safe 1",
            "use: safe 1",
        ]

    def test_later_prompt(self):
        assert Compact(instruction="Say one command.").prompt(PLAYED).splitlines() == [
            "Say one command.",
            "goal: put two cd in safe",
            "left: desk 1 drawer 2 safe 1",
            "use: safe 1",
            "hold: cd 2",
            "at: drawer 1",
        ]

    @pytest.mark.parametrize(
        ("response", "action"),
        [
            ("go to desk 1", Action("go to desk 1", True)),
            ("  Take  CD 2\nfrom drawer 1 ", Action("take cd 2 from drawer 1", True)),
            ("look", Action("look", True)),
            ("", Action("", False)),
            ("go to desk", Action("go to desk", False)),
            ("go to desk 1 look", Action("go to desk 1 look", False)),
            ("take cd 2 to desk 1", Action("take cd 2 to desk 1", False)),
            ("look desk 1", Action("look desk 1", False)),
            (
                "<think>hm</think><action>look</action>",
                Action("<think>hm</think><action>look</action>", False),
            ),
            ("去 desk 1", Action("去 desk 1", False)),
        ],
    )
    def test_parse(self, response, action):
        assert Compact().parse(response) == action


@pytest.mark.parametrize("name", protocols.NAMES)
class TestEveryProtocol:
    @given(response=st.text())
    def test_parse_never_raises_and_a_valid_form_has_a_command(self, name, response):
        action = protocols.load({"name": name}).parse(response)
        assert bool(action.command) or not action.valid_format

    @given(command=st.text(), observation=st.text())
    def test_prompt_takes_any_text(self, name, command, observation):
        history = START.then(command, observation, ("look",)).then("look", observation, ())
        assert protocols.load({"name": name}).prompt(history)

    def test_prompt_does_not_end_in_space(self, name):
        prompt = protocols.load({"name": name}).prompt(PLAYED)
        assert prompt == prompt.strip()


def test_unknown_protocols_and_fields_are_refused():
    with pytest.raises(ValidationError, match="verl_agent"):
        protocols.load({"name": "verl"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        protocols.load({"name": "compact", "history_length": 2})
