"""Answers in words: names, choices, yes and no, numbers up to twenty."""

from eval.grading.answer import Answer, Value, Words
from eval.grading.conventions import Conventions
from eval.grading.node import Node, number
from eval.grading.tokens import Token
from eval.grading.vocabulary import NUMBER_WORDS

_CHOICES = "ABCDEFGH"


def as_number(answer: Answer) -> Answer:
    """A number word as its number; anything else as it is."""
    if isinstance(answer, Words) and answer.text.lower() in NUMBER_WORDS:
        return Value(Node("number", (number(str(NUMBER_WORDS.index(answer.text.lower()))),)))
    return answer


def same_words(gold: list[Token], answer: list[Token], conventions: Conventions) -> bool:
    """Whether both are the same words or choice letter, whatever their brackets and fonts."""
    texts = [_letters_of(tokens) for tokens in (gold, answer)]
    if texts[0] is None or texts[1] is None:
        return False
    if not any(token.kind == "text" and len(token.value) > 1 for token in (*gold, *answer)) and not (
        len(texts[0]) == 1 and texts[0] in _CHOICES
    ):
        return False
    return plain(texts[0], conventions) == plain(texts[1], conventions)


def _letters_of(tokens: list[Token]) -> str | None:
    """The words of an answer that consists of words alone, without brackets and full stops."""
    if any(
        token.kind not in ("text", "word", "letter") and token.value not in "()[]{}.,-'" for token in tokens
    ):
        return None
    return " ".join(token.value for token in tokens if token.value not in "()[]{}.,")


def plain(text: str, conventions: Conventions) -> str:
    """The words without punctuation at the ends and, by convention, article and case."""
    words = text.strip("().,; ").split()
    if conventions.article and len(words) > 1 and words[0].lower() in ("a", "an", "the"):
        words = words[1:]
    plain = " ".join(words)
    return plain.casefold() if conventions.any_case else plain
