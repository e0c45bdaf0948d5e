"""Names of units: known ones with one spelling each, words for what is counted, words that are none.

What stands behind a value is a unit if it is known, or counts things (`7 \\text{ right triangles}`), which
takes a plural. Other words may make another answer of it: `2 \\text{ cubed}`, `2\\text{ bn}`, `2\\mathrm{i}`.
"""

from eval.grading.vocabulary import FUNCTIONS, NUMBER_WORDS

PERCENT = r"\%"
DEGREE = "degree"
PREFIXES = {
    "f": "femto", "p": "pico", "n": "nano", "μ": "micro", "m": "milli", "k": "kilo", "M": "mega",
    "G": "giga", "T": "tera",
}  # fmt: skip
_METRIC = {"c": "centi", "d": "deci", "h": "hecto"}  # of metres, grams and litres only: `dV` is no unit

# Symbols with their words; those of the first table take prefixes.
_SCALED = {
    "m": "meter metre", "g": "gram gramme", "L": "liter litre", "s": "second sec", "A": "ampere amp",
    "K": "kelvin", "mol": "mole", "rad": "radian", "sr": "steradian", "Hz": "hertz", "N": "newton",
    "Pa": "pascal", "J": "joule", "W": "watt", "C": "coulomb", "V": "volt", "F": "farad", "Ω": "ohm",
    "S": "siemens", "Wb": "weber", "T": "tesla", "H": "henry", "G": "gauss", "eV": "electronvolt", "Wh": "",
    "cal": "calorie", "bar": "", "pc": "parsec", "Jy": "jansky", "yr": "year", "M": "molar", "Da": "dalton",
}  # fmt: skip
_FIXED = {
    "min": "minute", "h": "hour hr", "day": "", "week": "wk", "month": "", "decade": "",
    "century": "centuries", "square": "", "inch": "in inches", "ft": "foot feet", "yd": "yard", "mi": "mile",
    "acre": "", "ha": "hectare", "pound": r"lb gbp \pounds", "oz": "ounce", "ton": "tonne", "gal": "gallon",
    "qt": "quart", "pt": "pint", "cup": "", "tbsp": "tablespoon", "tsp": "teaspoon", "knot": "", "mph": "",
    "rpm": "", "rev": "revolution", DEGREE: r"deg \circ", "arcmin": "arcminute", "arcsec": "arcsecond",
    "mas": "", "celsius": "", "fahrenheit": "", "AU": "", "ly": "lightyear", "erg": "", "dyn": "dyne",
    "atm": "atmosphere", "torr": "", "mmHg": "", "psi": "", "Å": "angstrom", "poise": "", "amu": "",
    "hp": "horsepower", "mag": "magnitude", "dex": "", "dB": "decibel", "bit": "", "byte": "", "kB": "",
    "MB": "", "GB": "", "TB": "", "unit": "", PERCENT: "percent pct percentage", "dollar": r"usd \$",
    "euro": r"eur \euro", "cent": "", "penny": "pennies pence", "nickel": "", "dime": "", "quarter": "",
    "yuan": "", "yen": "", "peso": "", "rupee": "", "pm": "", "am": "", r"M_\odot": "", r"L_\odot": "",
    r"R_\odot": "",
}  # fmt: skip


def _spellings() -> dict[str, str]:
    """Every spelling of every known unit with its one name."""
    known: dict[str, str] = {}
    for symbol, words in _SCALED.items():
        for prefix, before in ({"": ""} | PREFIXES | (_METRIC if symbol in "mgL" else {})).items():
            spellings = [prefix + symbol, *(before + word for word in words.split())]
            known |= dict.fromkeys(spellings, prefix + symbol)
            known |= {f"u{symbol}": f"μ{symbol}"} | ({f"{prefix}l": f"{prefix}L"} if symbol == "L" else {})
    for name, words in _FIXED.items():
        known |= dict.fromkeys([name, *words.split()], name)
    return known


_NAMES = _spellings()
# Raw words behind a numeral that are units without \text{}, besides known names of four letters and more.
_RAW = frozenset({
    "mm", "cm", "dm", "km", "ft", "yd", "mi", "kg", "mg", "lb", "lbs", "oz", "ml", "kJ", "kW", "kN", "Hz",
    "kHz", "MHz", "GHz", "GeV", "MeV", "keV", "eV", "Pa", "kPa", "nm", "pm", "mol", "rad", "deg", "hr",
    "hrs", "day", "yr", "pct", "mph", "mag", "ton", "yen", "cubic", "sq",
})  # fmt: skip
# `Hours`, `Kg`, but no `TH`
_IN_ANY_CASE = {
    spelling.lower(): name
    for spelling, name in reversed(_NAMES.items())
    if len(spelling) > 3 or spelling in _RAW or (name in _FIXED and len(spelling) > 1)
}

_COUNTED = frozenset({  # besides plurals
    "people", "men", "women", "children", "mice", "geese", "sheep", "fish", "dice", "person", "way",
    "solution", "value", "point", "pair", "element", "digit", "time", "integer", "total", "remaining",
    "left", "exactly",
})  # fmt: skip
_SHORT = frozenset({"a", "an", "of", "in", "per", "by"})
_MULTIPLES = (
    "ten", "hundred", "thousand", "million", "billion", "trillion", "dozen", "lakh", "crore", "score",
    "gross", "bn", "mn", "tn", "mil", "myriad", "half", "third", "fourth", "fifth", "sixth", "seventh",
    "eighth", "ninth", "tenth", "eleventh", "twelfth", "twentieth", "hundredth", "thousandth", "millionth",
    "billionth",
)  # fmt: skip
# Words that make `5 \text{ million dollars}` or `17 \text{ or more people}` another answer.
_CHANGING = frozenset({
    "and", "or", "not", "if", "for", "when", "where", "mod", "modulo", "base", "more", "less", "least",
    "most", "greater", "fewer", "than", "halves", "k", "is", "are", "was", "but", "except", "to", "from",
    "over", "under", "about", "with", "without", "each", "no", "none", "otherwise", "at", "plus", "minus",
    "as", "zero", "negative", "below", "incorrect", "wrong", "false", "factorial", "choose", "squared",
    "cubed", "doubled", "tripled", "halved", "raised", "recurring", "repeating", "repeat", "recur",
    "diverge", "converge", "continue", "inverse", "reciprocal", "equal", "exceed", "divide", "does",
    "always", "sometimes", "perhaps", *_MULTIPLES, *NUMBER_WORDS,
    *(f"{word}th" for word in NUMBER_WORDS[13:]), *(name[1:] for name in FUNCTIONS),
})  # fmt: skip


def known(word: str) -> str | None:
    """The unit that the word names, in its one spelling; None if that is none that is known."""
    singular = word[:-1] if word.endswith("s") and (len(word) > 3 or word[:-1] in _RAW) else word
    return _NAMES.get(word) or _IN_ANY_CASE.get(word.lower()) or _IN_ANY_CASE.get(singular.lower())


def counted(word: str) -> str | None:
    """The singular of a word for what is counted, cows and points, known or not; None for other words."""
    word = word.lower()
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    singular = word[:-1] if plural else word
    return singular if (plural or word in _COUNTED) and not _changes(word) else None


def named(words: list[str]) -> str | None:
    """The unit that a few words name, such as `feet tall`; None where one of them changes what is said.

    One of them must be a unit or counted, none may be a letter, which is a variable.
    """
    names = [known(word) or counted(word) or word.lower() for word in words]
    heads = any(len(word) > 2 and (known(word) or counted(word)) for word in words)
    letters = any(len(word) < 3 and word.lower() not in _SHORT and not known(word) for word in words)
    changed = any(_changes(word) for word in words if not known(word))
    return " ".join(names) if heads and not letters and not changed and len(words) <= 4 else None


def raw_unit(word: str) -> bool:
    """Whether letters without `\\text{}` are a unit and no product."""
    return word in _RAW or (len(word) > 3 and known(word) is not None)


def _changes(word: str) -> bool:
    return not {word.lower(), word.lower().removesuffix("s")}.isdisjoint(_CHANGING)
