"""Problem and answer texts made comparable: what every copy of a suite is reduced to.

Pure functions of one string. All of them leave a text that they made as it is.
"""

import re
import unicodedata

# Instructions that some copies carry inside the problem. `\boxed{{}}` is a format string nobody filled in.
_BEFORE = re.compile(r"\ASolve the following math problem step by step\. .*?\n\n", re.DOTALL)
_AFTER = re.compile(
    r"\s*(?:Please reason step by step, and put your final answer within \\boxed\{(?:\{\})?\}\.?"
    r'|Remember to put your answer on its own line after "Answer:"\.)\s*\Z'
)
_DEGREES = re.compile(r"\s*\^\s*(?:\\circ|\{\s*\\circ\s*\})\Z")


def problem_text(text: str) -> str:
    """The problem without the instructions of a prompt and without outer white space."""
    return _AFTER.sub("", _BEFORE.sub("", unicodedata.normalize("NFC", text))).strip()


def one_line(text: str) -> str:
    """NFC, each run of white space as one blank: the form that is hashed and compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def last_boxed(text: str) -> str | None:
    r"""What the last `\boxed{...}` or `\fbox{...}` with balanced braces holds; None: there is none.

    Escaped braces, as in `\boxed{\left\{1,2\right.}`, do not count.
    """
    for match in reversed(list(re.finditer(r"\\(?:boxed|fbox)\s*\{", text))):
        depth = 1
        for brace in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, match.end()):
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth == 0:
                return text[match.end() : brace.start()].strip()
    return None


def expression(answer: str) -> str:
    r"""A LaTeX answer: out of its `\boxed{}` and out of the one pair of dollars around it, if any."""
    answer = (last_boxed(answer) or answer).strip()
    whole = re.fullmatch(r"\$([^$]*)\$", answer)
    return whole[1].strip() if whole else answer


def integer(answer: str) -> str:
    r"""An integer answer without `\boxed{}`, dollars, degrees, thousands commas and leading zeros.

    What is no integer then is left as text.
    """
    answer = _DEGREES.sub("", expression(answer))
    digits = answer.replace(",", "")
    return str(int(digits)) if re.fullmatch(r"[+-]?\d+", digits) else answer


def after_hashes(answer: str) -> str:
    """GSM8K's answer: what follows the last `####`."""
    return integer(answer.rsplit("####", 1)[-1].strip())
