"""Words of LaTeX, Unicode and plain text, and which of them mean the same."""

UNICODE = {
    "√": r"\sqrt ", "×": r"\times ", "÷": "/", "−": "-", "–": "-", "—": "-", "·": r"\cdot ", "⋅": r"\cdot ",
    "∞": r"\infty ", "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "∈": r"\in ",
    "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "°": r"^\circ ", "±": r"\pm ",
    "∓": r"\mp ", "′": "'", "″": "''", '"': "''",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "€": r"\euro ", "£": r"\pounds ", "∖": r"\setminus ", "⟨": r"\langle ", "⟩": r"\rangle ",
    "½": r"\frac12 ", "⅓": r"\frac13 ", "¼": r"\frac14 ", "⅔": r"\frac23 ", "¾": r"\frac34 ",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "θ": r"\theta ", "λ": r"\lambda ",
    "μ": r"\mu ", "π": r"\pi ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi ", "ω": r"\omega ",
    r"\mathring{A}": r"\AA ",
    "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "", "\u2060": "", "\x00": "",
}  # fmt: skip
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+", strict=True))
UNICODE |= {digit: f"_{i}" for i, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")}

LETTERS = frozenset({
    r"\alpha", r"\beta", r"\gamma", r"\delta", r"\epsilon", r"\zeta", r"\eta", r"\theta", r"\iota", r"\kappa",
    r"\lambda", r"\mu", r"\nu", r"\xi", r"\rho", r"\sigma", r"\tau", r"\upsilon", r"\phi", r"\chi", r"\psi",
    r"\omega", r"\Gamma", r"\Delta", r"\Theta", r"\Lambda", r"\Xi", r"\Pi", r"\Sigma", r"\Upsilon", r"\Phi",
    r"\Psi", r"\Omega", r"\hbar", r"\ell", r"\vartheta",
})  # fmt: skip

SAME = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\dbinom": r"\binom",
    r"\tbinom": r"\binom", r"\leq": r"\le", r"\leqslant": r"\le", r"\leqq": r"\le", r"\geq": r"\ge",
    r"\geqslant": r"\ge", r"\geqq": r"\ge", r"\neq": r"\ne", r"\lt": "<", r"\gt": ">", r"\cdot": "*",
    r"\times": "*", r"\ast": "*", r"\div": "/", r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[",
    r"\rbrack": "]", r"\vert": "|", r"\lvert": "|", r"\rvert": "|", r"\mid": "|", r"\simeq": r"\approx",
    r"\sim": r"\approx", r"\thickapprox": r"\approx", r"\cong": r"\approx", r"\backslash": r"\setminus",
    r"\varnothing": r"\emptyset", r"\degree": r"\circ", r"\dotsc": r"\ldots", r"\dots": r"\ldots",
    r"\cdots": r"\ldots", r"\colon": ":",
    r"\langle": "(", r"\rangle": ")", r"\varphi": r"\phi",
    r"\varepsilon": r"\epsilon", r"\tg": r"\tan", r"\ctg": r"\cot", r"\arctg": r"\arctan",
    r"\cosec": r"\csc", r"\lparen": "(", r"\rparen": ")", r"\texteuro": r"\euro",
    r"\textsterling": r"\pounds",
}  # fmt: skip

DROPPED = frozenset({  # sizes and fonts
    r"\left", r"\right", r"\big", r"\Big", r"\bigg", r"\Bigg", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr",
    r"\biggl", r"\biggr", r"\displaystyle", r"\textstyle", r"\limits", r"\nolimits", r"\middle", r"\rm",
    r"\bf", r"\it", r"\mathop", r"\mathstrut", r"\boldsymbol", r"\bm", r"\underline", r"\boxed", r"\fbox",
    r"\mathbf", r"\mathit", r"\mathsf", r"\mathcal", r"\scriptstyle", r"\tiny", r"\scriptsize",
    r"\footnotesize", r"\small", r"\normalsize", r"\large", r"\Large", r"\LARGE", r"\huge", r"\Huge",
})  # fmt: skip
CONNECTIVES = {r"\lor": "or", r"\land": "and"}
UNPRINTED = frozenset({  # with a length, a blank or a colour as the argument that follows
    r"\hspace", r"\vspace", r"\phantom", r"\hphantom", r"\vphantom", r"\color", r"\textcolor",
})  # fmt: skip
SPACES = frozenset({r"\quad", r"\qquad", r"\space", r"\enspace", r"\thinspace"})
TEXT = frozenset({
    r"\text", r"\mbox", r"\textrm", r"\textbf", r"\textit", r"\mathrm", r"\operatorname", r"\hbox",
    r"\texttt", r"\textnormal", r"\textsf", r"\emph",
})  # fmt: skip

FUNCTIONS = frozenset({
    r"\sin", r"\cos", r"\tan", r"\cot", r"\sec", r"\csc", r"\arcsin", r"\arccos", r"\arctan", r"\sinh",
    r"\cosh", r"\tanh", r"\ln", r"\log", r"\lg", r"\exp", r"\max", r"\min", r"\gcd", r"\lcm",
})  # fmt: skip
ACCENTS = frozenset({
    r"\dot", r"\ddot", r"\bar", r"\hat", r"\vec", r"\tilde", r"\overline", r"\widehat", r"\widetilde",
    r"\overrightarrow", r"\mathbb",
})  # fmt: skip
PLAIN = {  # what plain text and Python write without a backslash
    **{name[1:]: name for name in FUNCTIONS},
    **{name: f"\\{name}" for name in ("sqrt", "pi", "infty", "theta", "alpha", "beta")},
    "inf": r"\infty", "oo": r"\infty", "infinity": r"\infty", "Infinity": r"\infty", "cup": r"\cup",
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan",
}  # fmt: skip

CURRENCIES = {r"\$": "dollar", r"\euro": "euro", r"\pounds": "pound"}

NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
