"""Units behind (or, for currencies, before) a value."""

import re
from collections import Counter

from eval.grading.cursor import Cursor
from eval.grading.tokens import Token, UnreadableError
from eval.grading.unit_names import DEGREE, PERCENT, PREFIXES, counted, known, named, raw_unit
from eval.grading.vocabulary import CURRENCIES, DROPPED, FUNCTIONS, SAME, SPACES, TEXT

_ATOM = re.compile(
    r"(?P<space>\s+)|(?P<text>[^\W\d_]+)|(?P<number>\d+)|(?P<symbol>\\(?:[a-zA-Z]+|.)|.)", re.S
)
_SPELLED = {r"\mu": "μ", r"\Omega": "Ω", r"\AA": "Å", r"\min": "min", r"\sec": "sec"}
_POWERS_BEFORE = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cu": 3}
_POWERS_BEHIND = {"squared": 2, "cubed": 3}
_SUNS = ("M", "L", "R")
_TEMPERATURES = {"C": "celsius", "F": "fahrenheit"}
_OF_ANGLES = (DEGREE, "'", "''", "rad")
_SIGNS = frozenset({PERCENT, *CURRENCIES})
_SETTING = DROPPED | SPACES | TEXT
_OPERATORS = ("+", "-", "*", "/", "^", "_", "(", "=", ",", r"\frac", r"\sqrt")


def split_unit(tokens: list[Token]) -> tuple[list[Token], str | None]:
    """(value, unit) of `15 \\text{ cm}^2`, `45^\\circ`, `20\\%`, `\\$5`, `5 cm`; the unit in normal form."""
    sign = len(tokens) > 1 and tokens[0].value == "-"
    if len(tokens) > sign and (currency := CURRENCIES.get(tokens[sign].value)):
        return tokens[:sign] + tokens[sign + 1 :], currency
    depth = 0
    applied = False
    for index in range(1, len(tokens)):
        before = tokens[index - 1].value
        applied = applied or before in FUNCTIONS  # the degrees of \cot 45^\circ belong to its argument
        depth += (before in ("{", "(", "[")) - (before in ("}", ")", "]"))
        if depth == 0 and _begins_unit(tokens, index) and (unit := _read(tokens[index:], tokens[:index])):
            return (tokens, None) if applied and unit in _OF_ANGLES else (tokens[:index], unit)
    return tokens, None


def _begins_unit(tokens: list[Token], index: int) -> bool:
    """Whether a unit can begin at the token: words, signs, and symbols that follow numbers only as units."""
    token, before, behind = tokens[index], tokens[index - 1], tokens[index + 1 :]
    if before.value in _OPERATORS:
        return False
    if token.kind == "word":
        return before.kind == "number" and raw_unit(token.value)
    if token.value in ("'", r"\prime"):
        return before.kind == "number"
    if token.value == r"\circ":
        return before.kind == "number" or before.value == "}"
    if token.value in ("(", "[", "/", r"\mu"):
        factor = before.kind == "letter" and token.value != r"\mu"
        return not factor and bool(behind) and behind[0].kind == "text"
    if token.value == r"\frac":
        kinds = ["text" if one.kind == "text" else one.value for one in behind]
        return kinds[:2] == ["{", "text"] or kinds[:5] == ["{", "1", "}", "{", "text"]
    if token.value == "^":
        ahead = next((one.value for one in behind if one.value != "{"), "")
        return ahead == r"\circ" or (ahead in ("'", r"\prime") and before.kind == "number")
    if token.value in _SPELLED or (token.value in _SUNS and behind and behind[0].value == "_"):
        return not any(one.kind in ("letter", "word") for one in tokens[:index])
    return token.kind == "text" or token.value in _SIGNS


def _read(tokens: list[Token], value: list[Token]) -> str | None:
    """The unit that the tokens behind the value write, in normal form: names with powers, or a few words."""
    atoms = [atom for token in tokens for atom in _atoms(token)]
    try:
        powers = _Reader(atoms).product()
    except (UnreadableError, ValueError):
        return named([atom.value for atom in atoms]) if all(a.kind == "text" for a in atoms) else None
    if _multiplies(powers, value):
        return None
    names = [name if power == 1 else f"{name}^{power}" for name, power in sorted(powers.items())]
    return " ".join(names) or None


def _multiplies(powers: Counter[str], value: list[Token]) -> bool:
    """Whether a letter may mean millions or thousands, as in `6 M` and `5 K dollars`."""
    letters = {name for name in ("K", "M", "T") if powers[name] == 1}
    if powers.keys() == letters:
        return "M" in letters and not any(token.value == "^" for token in value)
    return bool(letters) and any(len(name) > 3 for name in powers)


def _atoms(token: Token) -> list[Token]:
    """The token as words, numbers and symbols, also those in a `\\text{}`."""
    if token.kind != "text":
        return [_atom("text" if token.kind in ("word", "letter") else token.kind, token.value, spaced=True)]
    content = re.sub(r"per cent\b", "percent", re.sub(r"(?<=[a-z])-(?=[a-z])", " ", token.value))
    atoms, spaced = [], True
    for match in _ATOM.finditer(content.replace(".", "")):
        if match.lastgroup != "space" and match.group() not in _SETTING:
            atoms.append(_atom(str(match.lastgroup), match.group(), spaced))
        spaced = match.lastgroup == "space"
    return atoms


def _atom(kind: str, value: str, spaced: bool) -> Token:
    spelled = _SPELLED.get(value)
    return Token("text", spelled, spaced) if spelled else Token(kind, SAME.get(value, value), spaced)


class _Reader(Cursor):
    """Reads `erg s^{-1} cm^{-2}`, `\\frac{m}{s^2}`, `square feet per hour`; behind a slash all is below."""

    def product(self) -> Counter[str]:
        """The powers of the names up to the end."""
        powers: Counter[str] = Counter()
        below = False
        while self.peek().kind != "end":
            if self.at("*"):
                self.take()
            elif self.at("/") or self.peek().value == "per":
                self.take()
                below = True
            else:
                factor = self._factor()
                (powers.subtract if below else powers.update)(factor)
        return Counter({name: power for name, power in powers.items() if power})

    def _factor(self) -> Counter[str]:
        power = _POWERS_BEFORE.get(self.peek().value.lower())
        if power and self.peek(1).kind != "end":
            self.take()
            return Counter({self._name(): power})
        if self.at(r"\frac"):
            self.take()
            factor = self._group(one=True)
            factor.subtract(self._group())
        else:
            factor = self._group() if self.at("(", "[", "{") else Counter({self._name(): 1})
        power = self._power()
        return Counter({name: power * one for name, one in factor.items()})

    def _group(self, one: bool = False) -> Counter[str]:
        """The powers in the brackets that come next; none where these hold a 1, as a numerator may."""
        inside = self._inside()
        return Counter() if one and [token.value for token in inside] == ["1"] else _Reader(inside).product()

    def _power(self) -> int:
        """The power behind a name: `^2`, `^{-1}`, `squared`, or the digit of `m2`."""
        if (power := _POWERS_BEHIND.get(self.peek().value)) is not None:
            self.take()
            return power
        if self.at("^"):
            self.take()
        elif self.peek().spaced or not (self.at("-") or self.peek().kind == "number"):
            return 1
        inside = self._inside()
        if [token.value for token in inside] == ["-"]:
            inside.append(self.take())
        return int("".join(token.value for token in inside))

    def _name(self) -> str:
        if self.at("^", r"\circ", "'", r"\prime"):
            return self._angle()
        word = self.take().value
        if word == "μ" or (word in PREFIXES and self.peek().value == "Ω"):
            word += self.take().value
        if self.at("_"):  # of the sun
            self.take()
            word += "_" + "".join(token.value for token in self._inside())
        if (name := known(word) or counted(word)) is None:
            raise UnreadableError(f"{word} is no unit")
        return name

    def _angle(self) -> str:
        """Degrees, also those of a temperature, minutes and seconds."""
        if self.at("^"):
            self.take()
        marks = [token.value.replace(r"\prime", "'") for token in self._inside()]
        while self.at("'", r"\prime"):
            self.take()
            marks.append("'")
        if marks == [r"\circ"]:
            return _TEMPERATURES[self.take().value] if self.peek().value in _TEMPERATURES else DEGREE
        if set(marks) != {"'"}:
            raise UnreadableError("a power is no unit")
        return "".join(marks)

    def _inside(self) -> list[Token]:
        """The tokens of the group that comes next, or the one that does, passed over."""
        return self.raw_group() if self.at("(", "[", "{") else [self.take()]
