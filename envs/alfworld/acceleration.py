"""The same engine without its repeated work. It changes no text, no list of commands and no verdict.

At every step the engine parses each command's template and each condition again and copies whole contexts
deeply; at every load and again at every reset it parses the grammar and translates the problem twice, the
second time for a planner that nobody here asks. What was parsed or translated is kept instead, copies are as
deep as what is changed afterwards (one level), and the planner gets an empty task.

`switch_on` replaces functions of the engine's packages for the whole process, so only a worker calls it.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from types import CodeType
from typing import Any

from envs.alfworld import stand_in  # noqa: F401  before textworld
from envs.alfworld.translations import Translations

# isort: split
import fast_downward
from textworld.envs.pddl import logic, textgen
from textworld.logic import Rule

_BLOCK = re.compile(r'"""(.*?)"""', re.DOTALL)
# A task with one variable that is where it should be: what the planner's copy of the engine is given.
_EMPTY_TASK = """begin_version
3
end_version
begin_metric
0
end_metric
1
begin_variable
var0
-1
2
Atom none()
NegatedAtom none()
end_variable
0
begin_state
0
end_state
begin_goal
1
0 0
end_goal
0
0
"""


def switch_on() -> None:
    """Replace the functions that repeat work, for the whole process."""
    textgen.deepcopy = _copy
    textgen._parse_and_convert = _parsed_once(textgen._parse_and_convert)
    textgen.EvalSymbol.derive = _evaluate
    Rule.parse_conjunctive_query = cache(Rule.parse_conjunctive_query)
    logic._parse_and_convert = _parsed_without_blocks(logic._PARSER.parse)
    fast_downward.pddl2sas = _translated_once(fast_downward.pddl2sas)


def _copy(value: Any) -> Any:
    """A copy of a symbol, a list of symbols, or a dictionary of what is never changed, for `deepcopy`."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return [_copy(each) for each in value]
    new = object.__new__(type(value))
    new.__dict__.update(value.__dict__)
    return new


def _parsed_once(parse: Callable[..., Any]) -> Callable[..., Any]:
    """The parser of templates, which gives out copies of what it parsed before: symbols carry a context."""
    kept = cache(parse)
    return lambda text, rule_name, trace=False: _copy(kept(text, rule_name=rule_name))


def _parsed_without_blocks(parse: Callable[..., Any]) -> Callable[..., Any]:
    """The parser of grammars, which parses again only what is new outside the quoted blocks.

    The goal stands in a block, and blocks mean nothing to the parser. So they are taken out and put back.
    """
    kept = lru_cache(maxsize=8)(parse)

    def parse_grammar(text: str, rule_name: str) -> Any:
        blocks: list[str] = _BLOCK.findall(text)
        numbers = iter(range(len(blocks)))
        skeleton = _BLOCK.sub(lambda _: f'"""{next(numbers)}"""', text)
        converter = logic._ModelConverter()
        restore = converter._unescape_block
        converter._unescape_block = lambda number: restore(f'"""{blocks[int(number[3:-3])]}"""')
        return converter.walk(kept(skeleton, rule_name=rule_name))

    return parse_grammar


def _translated_once(translate: Callable[..., Any]) -> Callable[..., Any]:
    """The translator, which keeps what it made."""
    kept = Translations(translate)

    def pddl2sas(domain: str, problem: str, verbose: bool = False, optimize: bool = False) -> Any:
        if optimize:  # for the planner
            return None, _EMPTY_TASK
        return kept(domain, problem)

    return pddl2sas


@cache
def _compiled(expression: str) -> CodeType:
    return compile(expression, "<grammar>", "eval")


def _evaluate(symbol: Any, context: dict | None = None) -> list:
    """`EvalSymbol.derive` with the expression compiled once and its variables as its namespace.

    The engine puts the variables into `locals()`, which Python 3.13 no longer lets `eval` see.
    """
    variables = (context or symbol.context)["variables"]
    return [textgen.TerminalSymbol(eval(_compiled(symbol.expression), {}, variables))]
