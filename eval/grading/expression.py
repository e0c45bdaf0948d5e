"""Tokens to an expression tree: arithmetic, powers, roots, functions, names.

Why not a library's LaTeX parser: the one math-verify uses reads `R` and `r` as one symbol, `x'` as `x`,
`10^\\circ` as 10 and `\\log` as base 10, and takes tens of milliseconds. What is not read here goes to it.

Where notation is ambiguous: juxtaposition binds tighter than `/` (`t/RC` is t/(RC)), except that a quotient
of two numerals is one number (`3/4\\pi`); a letter before parentheses that hold one symbol or numeral is a
function (`I(0)`, `u(t)`), otherwise a factor (`k(k+1)`); an integer before a proper fraction of numerals is
a mixed number.
"""

from eval.grading.node import Node, number
from eval.grading.primaries import Primaries
from eval.grading.tokens import Token, UnreadableError

_DEEPEST = 120


def parse(tokens: list[Token]) -> Node:
    """The expression that the tokens write; raises `UnreadableError` if they write none."""
    parser = _Parser(tokens)
    node = parser.sum()
    if parser.peek().kind != "end":
        raise UnreadableError(f"unexpected {parser.peek().value!r}")
    return node


class _Parser(Primaries):
    """Recursive descent over one list of tokens; the methods go from the loosest binding to the tightest."""

    depth = 0

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnreadableError("nested too deeply")
        node = self.term()
        while self.at("+", "-"):
            operation = {"+": "add", "-": "subtract"}[self.take().value]
            node = Node(operation, (node, self.term()))
        self.depth -= 1
        return node

    def term(self) -> Node:
        node = self.signed()
        while self.at("*", "/"):
            operation = {"*": "multiply", "/": "divide"}[self.take().value]
            node = Node(operation, (node, self.signed()))
        return node

    def signed(self) -> Node:
        if self.at("-"):
            self.take()
            return Node("negate", (self.signed(),))
        if self.at("+"):
            self.take()
            return self.signed()
        return self.product()

    def product(self) -> Node:
        node = self.power()
        while self.starts_factor():
            if self.peek().kind == "number" and node.operation == "number":
                raise UnreadableError("two numerals side by side")
            node = Node("multiply", (node, self.power()))
        return node

    def power(self) -> Node:
        node = self.postfix()
        while self.at("^"):
            self.take()
            if self.degree():
                node = Node("degrees", (node,))
                continue
            node = Node("power", (node, self.exponent()))
        return node

    def postfix(self) -> Node:
        node = self.primary()
        while self.at("!"):
            self.take()
            node = Node("factorial", (node,))
        return node

    def exponent(self) -> Node:
        if self.at("-", "+"):
            sign = self.take().value
            node = self.exponent()
            return Node("negate", (node,)) if sign == "-" else node
        numeral = self.peek().kind == "number"  # x^2/4 is (x^2)/4
        node = Node("number", (number(self.take().value),)) if numeral else self.postfix()
        if self.at("^"):  # 2^3^4 is 2^(3^4)
            self.take()
            return Node("power", (node, self.exponent()))
        return node
