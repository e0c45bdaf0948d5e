"""What counts as the same answer where mathematics alone does not say: every convention, named."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Conventions:
    """Each field accepts one kind of difference between gold and answer. The defaults are the protocol.

    A score under `STRICT` beside the default one shows how much of it rests on conventions.
    """

    missing_unit: bool = True
    """`15` for `15 cm^2`, `45` for `45^\\circ`, `18.90` for `\\$18.90`. Two different units never agree."""

    missing_percent: bool = True
    """`20` for `20\\%`. That `20\\%` is `1/5` is no convention."""

    missing_base: bool = True
    """`52` for `52_8`: the question names the base. Digits are compared, nothing is converted.

    A gold without one has base ten: `40_9` is no answer to 40.
    """

    missing_left_side: bool = True
    """`2x+3` for `y = 2x+3`, `4, 5` for `AB = 4, CD = 5`: the left side only names the answer.

    In an answer it may also compute it: `m+n = 13` and `2^{10} = 1024` are 13 and 1024. In a gold it may not.
    The chain is not checked, and what is to be solved is not told from what computes: `2x = 4` is 4.
    """

    any_list_order: bool = True
    """`1, 2` for `2, 1`: a list without brackets names its members, as a set does."""

    missing_brackets: bool = True
    """`1, 2, 3` for `(1, 2, 3)`, in that order."""

    vector_as_tuple: bool = True
    """`(1, 2, 3)` for the column or the row with these entries."""

    any_case: bool = True
    """`evelyn` for `Evelyn`, `c` for `C`, in answers that are words or a single choice letter."""

    article: bool = True
    """`an ellipse` for `ellipse`."""

    number_words: bool = True
    """`five` for `5`, up to twenty."""

    approximation_sign: bool = True
    """`\\approx 5` for `5`, `\\sqrt{3} \\approx 1.73` for `\\sqrt{3}`."""

    rounded_after: int | None = 10
    """`0.0833333333333` for `1/12`: a decimal of so many significant digits may be rounded; None: never."""

    joined_boxes: bool = True
    """`\\boxed{1}` and `\\boxed{2}`: boxes with nothing but connectives between them may be one list."""


DEFAULT = Conventions()
STRICT = Conventions(**{f.name: None if f.name == "rounded_after" else False for f in fields(Conventions)})  # type: ignore[arg-type]
