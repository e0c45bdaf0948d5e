"""What expressions are made of: numbers, names, commands with their arguments, functions, brackets."""

from abc import abstractmethod
from fractions import Fraction

from eval.grading.cursor import CLOSING, Cursor
from eval.grading.derivatives import derivative
from eval.grading.node import Node, number
from eval.grading.tokens import Token, UnreadableError, written
from eval.grading.vocabulary import ACCENTS, FUNCTIONS, LETTERS

_FACTORS = FUNCTIONS | ACCENTS | {r"\frac", r"\sqrt", r"\binom", r"\pi", r"\infty", r"\lfloor", r"\lceil"}
_INVERSE = frozenset({"sin", "cos", "tan"})


class Primaries(Cursor):
    """Reads what no operator joins; how operators bind is up to the grammar that extends it."""

    bars = 0

    @abstractmethod
    def sum(self) -> Node:
        """What a bracket may hold."""

    @abstractmethod
    def power(self) -> Node:
        """A factor of a product."""

    @abstractmethod
    def postfix(self) -> Node:
        """A primary with its factorials."""

    @abstractmethod
    def exponent(self) -> Node:
        """What stands behind `^`."""

    def primary(self) -> Node:
        token = self.peek()
        if token.kind == "number":
            return self._number()
        if token.kind in ("letter", "text"):
            return self._symbol()
        if token.kind == "command":
            return self._command()
        if token.value in CLOSING:
            return self._bracket()
        raise UnreadableError(f"unexpected {token.value!r}")

    def _number(self) -> Node:
        token = self.take()
        value = number(token.value)
        if self.at(r"\overline", r"\dot") and "." in token.value:
            return Node("number", (self._repeating(token.value),))
        if "." in token.value or "e" in token.value.lower():
            return Node("number", (value,))
        fraction = self._proper_fraction()
        if fraction is not None:  # mixed number
            return Node("number", (value + fraction,))
        denominator = self._slash_numeral(0)
        if denominator is not None:
            self.place += 2
            return _quotient(value, denominator)
        return Node("number", (value,))

    def _slash_numeral(self, ahead: int) -> Fraction | None:
        """b where the tokens ahead are `/ b` with an integer b that no power or factorial follows."""
        slash, numeral, after = self.peek(ahead), self.peek(ahead + 1), self.peek(ahead + 2)
        bare = slash.value == "/" and numeral.kind == "number" and numeral.value.isdigit()
        return number(numeral.value) if bare and after.value not in ("^", "!", r"\overline") else None

    def _proper_fraction(self) -> Fraction | None:
        """The proper fraction of positive integers that comes next, taken; None if there is none."""
        start = self.place
        if self.at(r"\frac"):
            self.take()
            try:
                top, bottom = self.argument(one_digit=True), self.argument(one_digit=True)
            except UnreadableError:
                top = bottom = Node("symbol", ("",))
            if top.operation == bottom.operation == "number":
                (a,), (b,) = top.arguments, bottom.arguments
                if 0 < a < b and a.denominator == b.denominator == 1 and not self.at("^"):
                    return Fraction(a, b)
        elif self.peek().kind == "number" and self.peek().value.isdigit() and self.peek().spaced:
            bottom_value = self._slash_numeral(1)
            top_value = number(self.peek().value)
            if bottom_value is not None and 0 < top_value < bottom_value:
                self.place += 3
                return top_value / bottom_value
        self.place = start
        return None

    def _repeating(self, head: str) -> Fraction:
        """`0.1\\overline{6}`, or dots above the first and the last digit: `0.\\dot{1}4285\\dot{7}`."""
        digits = self._barred() if self.at(r"\overline") else self._dotted()
        if not digits.isdigit():
            raise UnreadableError("a bar or a dot over something else than digits")
        tail = Fraction(int(digits), 10 ** len(digits) - 1) / 10 ** len(head.partition(".")[2])
        return number(head) + tail

    def _barred(self) -> str:
        self.take()
        return "".join(token.value for token in self._inside())

    def _dotted(self) -> str:
        """The digits from the first dot to the last; empty where some stand behind it."""
        digits, dots = "", []
        while self.at(r"\dot") or self.peek().kind == "number":
            if self.at(r"\dot"):
                self.take()
                dots.append(len(digits))
            digits += "".join(token.value for token in self._inside())
        return digits if len(dots) <= 2 and dots[-1] == len(digits) - 1 else ""

    def _inside(self) -> list[Token]:
        """The tokens of the group that comes next, or the one that does, passed over."""
        return self.raw_group() if self.at("{") else [self.take()]

    def _symbol(self) -> Node:
        name = self.take().value
        name += self._subscript() + self._primes()
        if name in ("e", "i"):
            return Node("constant", (name,))
        if self.at("(") and not self.peek().spaced and self._applied(name):
            return Node("call", (name, self._bracket()))
        return Node("symbol", (name,))

    def _applied(self, name: str) -> bool:
        """Whether the parentheses that follow hold one symbol or numeral, as arguments do."""
        end = self.matching()
        inside = self.tokens[self.place + 1 : end]
        if name.rstrip("'") in ("f", "g", "h", "F", "G", "H"):
            return all(token.value != "," for token in inside)
        return len(inside) == 1 and inside[0].kind in ("letter", "number")

    def _subscript(self) -> str:
        if not self.at("_"):
            return ""
        self.take()
        if not self.at("{") and self.peek().kind == "symbol":
            raise UnreadableError("a subscript without an index")
        inside = self._inside()
        return "_" + "".join(token.value for token in inside)

    def _primes(self) -> str:
        primes = ""
        while self.at("'", r"\prime") or (self.at("^") and self._prime_power()):
            if self.at("^"):
                self.take()
                inside = self._inside()
                primes += "'" * len(inside)
            else:
                self.take()
                primes += "'"
        return primes

    def _prime_power(self) -> bool:
        ahead = self.peek(2) if self.peek(1).value == "{" else self.peek(1)
        return ahead.value in ("'", r"\prime")

    def degree(self) -> bool:
        if self.at(r"\circ"):
            self.take()
            return True
        if self.at("{") and self.peek(1).value == r"\circ" and self.peek(2).value == "}":
            self.place += 3
            return True
        return False

    def _command(self) -> Node:
        name = self.peek().value
        if name in CLOSING:
            return self._bracket()
        if name in LETTERS:
            return self._symbol()
        self.take()
        if name == r"\frac":
            return self._derivative() or Node(
                "divide", (self.argument(one_digit=True), self.argument(one_digit=True))
            )
        if name == r"\sqrt":
            index = self._bracket() if self.at("[") else Node("number", (Fraction(2),))
            return Node("root", (self.argument(), index))
        if name == r"\binom":
            return Node("binomial", (self.argument(one_digit=True), self.argument(one_digit=True)))
        if name in FUNCTIONS:
            return self._function(name)
        if name in (r"\pi", r"\infty"):
            subscript = self._subscript()
            return Node("symbol", (name + subscript,)) if subscript else Node("constant", (name,))
        if name in ACCENTS:
            inside = written(self._inside())
            return Node("symbol", (f"{name} {inside}{self._subscript()}{self._primes()}",))
        raise UnreadableError(f"unknown command {name}")

    def _derivative(self) -> Node | None:
        """The derivative that the arguments of a `\\frac` write, passed over; None if they write none."""
        start = self.place
        groups = [self.raw_group() for _ in range(2) if self.at("{")]
        if len(groups) == 2 and (name := derivative(*groups)):
            return Node("symbol", (name,))
        self.place = start
        return None

    def _function(self, name: str) -> Node:
        base = self._base() if name == r"\log" and self.at("_") else None
        power = None
        if self.at("^"):
            self.take()
            power = self.exponent()
            if base is None and name == r"\log" and self.at("_"):
                base = self._base()
        node = Node("call", (name, *self._arguments(), *([base] if base else [])))
        if power is None:
            return node
        if power == Node("negate", (Node("number", (Fraction(1),)),)) and name[1:] in _INVERSE:
            return Node("call", ("\\arc" + name[1:], *node.arguments[1:]))
        return Node("power", (node, power))

    def _base(self) -> Node:
        self.take("_")
        return self._bracket() if self.at("{") else self._one_digit()

    def _arguments(self) -> tuple[Node, ...]:
        """What the function applies to: its bracket, or the product up to the next function."""
        if self.at("(", "{", "[", "|"):
            return self._list() if self.at("(", "{") else (self._bracket(),)
        node = self.signed_factor()
        while self.starts_factor() and not self.at("(", "[", *FUNCTIONS) and not self._closes_bar():
            node = Node("multiply", (node, self.power()))
        while self.at("/") and self.peek(1).kind == "number" and node.operation == "number":
            self.take()
            node = Node("divide", (node, self.power()))
        return (node,)

    def signed_factor(self) -> Node:
        if self.at("-"):
            self.take()
            return Node("negate", (self.power(),))
        return self.power()

    def _list(self) -> tuple[Node, ...]:
        closing = CLOSING[self.take().value]
        items = [self.sum()]
        while self.at(","):
            self.take()
            items.append(self.sum())
        self.take(closing)
        return tuple(items)

    def _bracket(self) -> Node:
        opening = self.take().value
        self.bars += opening == "|"
        node = self.sum()
        self.take(CLOSING[opening])
        self.bars -= opening == "|"
        operation = {"|": "absolute", r"\lfloor": "floor", r"\lceil": "ceiling"}.get(opening)
        return Node(operation, (node,)) if operation else node

    def argument(self, one_digit: bool = False) -> Node:
        """A command's argument: a group, or one token; `\\frac12` takes one digit, `\\sqrt12` takes both."""
        if self.at("{", "("):
            return self._bracket()
        if one_digit:
            return self._one_digit()
        return self.postfix() if self.peek().kind != "command" else self._command()

    def _one_digit(self) -> Node:
        token = self.peek()
        if token.kind == "number" and len(token.value) > 1:
            rest = Token("number", token.value[1:])
            self.tokens[self.place] = rest
            return Node("number", (number(token.value[0]),))
        return self.primary() if token.kind != "number" else Node("number", (number(self.take().value),))

    def starts_factor(self) -> bool:
        token = self.peek()
        if token.kind in ("number", "letter", "text"):
            return True
        if token.kind == "command":
            return token.value in _FACTORS
        return token.value in ("(", "[", "{") or (token.value == "|" and not self.bars)

    def _closes_bar(self) -> bool:
        return bool(self.bars) and self.at("|")


def _quotient(top: Fraction, bottom: Fraction) -> Node:
    if bottom == 0:
        raise UnreadableError("division by zero")
    return Node("number", (top / bottom,))
