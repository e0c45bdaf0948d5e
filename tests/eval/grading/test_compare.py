"""The rules: for each what it accepts and, as counter-examples, what lies just beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.grading.compare import decide
from eval.grading.conventions import DEFAULT
from eval.grading.grader import grade_answer

ACCEPTED = {
    "numerals are compared exactly": r"""
        1000 | 1000.0
        0.5 | \frac12
        73 | 073
        -3./2 | -1.5
        1e-3 | 0.001
        4.5e33 | 4.5 \times 10^{33}
        2025 | 2,025
        32,\!348 | 32348
        1234567 | 1 234 567
        1000000 | 1\,000\,000
        14916 | 14{,}916
        0 | -0
        5 | 5.0\overline{0}
        \frac13 | 0.\dot3
        \frac16 | 0.1\dot{6}
        \frac17 | 0.\dot{1}4285\dot{7}
        \frac{4}{11} | 0.\dot3\dot6
        +2 | 2
    """,
    "typesetting means nothing": r"""
        5 | $5$
        5 | \(5\)
        5 | \mathbf{5}
        5 | {5}
        5 | **5**
        5 | 5\hspace{1mm}
        5 | \hspace*{-2pt}5
        5x | 5\hspace{0.5em}x
        5x | 5\phantom{00}x
        5 | \large 5
        5 | {\Large{5}}
        5 | \color{red}5
        5 | {\color{blue}{5}}
        \frac{1}{2} | \frac{\textcolor{red}{1}}{\color{#00f}2}
        (1,2) | \textcolor{green}{(1, 2)}
        \frac{3}{4} | \boxed{\dfrac{3}{4}}
        5 | 5​
        -5 | −5
        \left(1,2\right) | (1, 2)
        \angle B E A_{1}=90 | \angle BEA_1=90^\circ
        A B=4 | AB=4
        x \le 3 | x ⩽ 3
        1 \le x | 1 ⩽ x
    """,
    "expressions are compared as functions": r"""
        \frac{x+2}{7} | \frac{x}{7}+\frac{2}{7}
        p - q | -q + p
        5\sqrt[3]{4} | \sqrt[3]{500}
        120 | 5!
        \mathrm{e} | e
        \frac{GM}{r^2} | GM/r^2
    """,
    "units may be missing": r"""
        15\mbox{ cm}^2 | 15
        15\mbox{ cm}^2 | 15\,\text{cm}^2
        10 | \$10
        45 | 45^\circ
        \frac{270}7\text{ degrees} | \frac{270}{7}^\circ
        0.003 | 0.003^{\prime\prime}
        5 \mathrm{~m} / \mathrm{s} | 5\text{ meters per second}
        90^\circ | \frac{\pi}{2}
        5 | €5
        £5 | 5
        2\text{ euros} | €2
        2\text{ euros} | 2 €
        €2 | 2 \euro
        €2 | \text{€}2
        £5 | \pounds 5
        -€5 | -5
        300\text{ K} | 300
    """,
    "per cent are hundredths, or their sign is missing": r"""
        62.5% | \frac{5}{8}
        28\% | 28 pct
        20\% | 20
        100% | 1
    """,
    "a base belongs to the numeral": r"""
        52_8 | 52_{8}
        0_8 | 00_8
        40 | 40_{10}
    """,
    "a left side may be missing": r"""
        11 | x = 11
        5 | x=2+3=5
        y = 2x+3 | 2x+3
        (p,q)=(3,2) | (3,2)
        AB=4, CD=5 | 4, 5
        f(x)=2 x | 2x
        z = 1 + 1 = 2 | z = 3 - 1 = 2
        a=4, -8, -10 | -10, -8, 4
    """,
    "equations hold for the same points": r"""
        2x+4y-3=0 | y = -\frac{1}{2}x + \frac{3}{4}
        5x - 7y + 4 = 0 | -10x + 14y = 8
        m v^{\prime}+b v=f | mv'=f-bv
        x \ne 3 | 3 \ne x
    """,
    "a derivative is one symbol": r"""
        \frac{d x}{d t}=k x-a | \frac{dx}{dt}=kx-a
        \frac{d x}{d t}=k x-a | \frac{dx}{dt}-kx+a=0
        \frac{d x}{d t}=k x-a | \dfrac{\mathrm{d}x}{\mathrm{d}t}=kx-a
        \frac{d M}{d t}=\frac{10^{5} L_{\odot}}{c^{2}} M^{6} | \frac{dM}{dt}=10^5\frac{L_\odot}{c^2}M^6
        m \frac{d v}{d t}+b v=f | m\frac{dv}{dt}=f-bv
        I \frac{d \omega}{d t}+2 B \omega=T | I\frac{d\omega}{dt}+2B\omega=T
        \frac{d^{2} v_{o}}{d t^{2}}+v_{o}=1 | \frac{d^2v_o}{dt^2}=1-v_o
        2\frac{\partial u}{\partial t}=a | \frac{\partial u}{\partial t}=\frac{a}{2}
    """,
    "inequalities may be turned around": r"""
        x \leq 5 | 5 \geq x
        x < 1 | -x > -1
        2a < b | b > 2a
        a < b < c | c > b > a
    """,
    "sets of reals are compared by their members": r"""
        (3,4] | 3 < x \le 4
        (-\infty, 0] | x\leq 0
        x \in [-2,7] | [-2,7]
        (0,1) | 0<f(x)<1
        (-\infty, 2) \cup (3, \infty) | x<2 \text{ or } x>3
        (0,9) \cup (9,36) | (0,36)\setminus\{9\}
        \mathbb{R} | (-\infty,\infty)
        x \neq 3 | (-\infty,3)\cup(3,\infty)
        [2,5) | 2\le x, x<5
        [2,5) | x\ge2 \text{ and } x<5
        (-\infty,0)\cup\{1\} | x<0 \text{ or } x=1
        (-\infty,0]\cup\{1,2\} | x=2 \text{ or } 1=x \text{ or } x\le0
        (2,\infty) | \{x : x > 2\}
        \mathbb{R} | \text{all real numbers}
        \emptyset | \{\}
    """,
    "lists and sets have no order": r"""
        1,-2 | -2 \text{ and } 1
        \{1,2\} | 2, 1
        3, 5, 7 | 7,5,3
        3 \pm 2\sqrt{2} | 3-2\sqrt{2}, 3+2\sqrt{2}
        \{1\pm\sqrt{5},-2\} | -2, 1+\sqrt{5}, 1-\sqrt{5}
        (1,2), (3,4) | (3,4), (1,2)
        -12;-11 | \{-11, -12\}
        p=5,q=2;p=7,q=2 | (5,2),(7,2)
        100,200,300 | 300, 200, 100
    """,
    "plus or minus stands for two": r"""
        5, -5 | \pm 5
        -2, 1+\sqrt5, 1-\sqrt5 | (\{1\pm\sqrt5,-2\})
        (0,2),(0,-2) | (0,\pm2)
        (0,2),(0,-2),(4,23),(4,-23) | (0,\pm2),(4,\pm23)
        (0,2),(0,-2),(4,23),(4,-23) | (0,\pm2) \text{ and } (4,\pm23)
        (0,2),(0,-2),(4,23),(4,-23) | \{(0,\pm 2), (4,\pm 23)\}
        (1+\sqrt2,\sqrt2),(1-\sqrt2,-\sqrt2) | (1\pm\sqrt2,\pm\sqrt2)
        (1,-2),(-1,2) | (\pm1,\mp2)
        (3,2),(-3,2),(3,-2),(-3,-2) | (3,\pm2),(-3,\pm2)
        (3,2),(-3,2),(3,-2),(-3,-2) | (\pm3,\pm2)
        (0,1,1),(0,-1,-1),(1,1,0),(-1,-1,0) | (0,\pm1,\pm1),(\pm1,\pm1,0)
    """,
    "a set of one is what it holds": r"""
        5 | \{5\}
        (2,4) | \{(2,4)\}
        (2,251,252) | \left\{(2,251,252)\right\}
        [2,4) | \{[2,4)\}
    """,
    "in brackets a comma separates": r"""
        (1,234.5) | (1, 234.5)
        (100,200) | (100, 200)
        (1,000) | (1000)
    """,
    "brackets may be missing": r"""
        (1,-16,-4) | 1,-16,-4
        (5, 8) | x=5, y=8
    """,
    "matrices go entry by entry, vectors may be tuples": r"""
        \begin{pmatrix}1 & \frac12\end{pmatrix} | \begin{bmatrix}1&0.5\\\end{bmatrix}
        \begin{pmatrix}-2\\-14\end{pmatrix} | (-2,-14)
        \begin{pmatrix}1\\2\end{pmatrix} | \begin{bmatrix}1\\[2pt]2\end{bmatrix}
        \begin{bmatrix}1&2\\3&4\end{bmatrix} | \begin{bmatrix}1&2\\ [0.5em] 3&4\end{bmatrix}
    """,
    "a matrix between bars is its determinant": r"""
        \begin{vmatrix}1&2\\3&4\end{vmatrix} | -2
        \begin{vmatrix}a&b\\c&d\end{vmatrix} | ad-bc
        \begin{vmatrix}1&2&3\\0&1&4\\5&6&0\end{vmatrix} | 1
        \begin{vmatrix}1&2\\3&4\end{vmatrix} | \begin{vmatrix}1&3\\2&4\end{vmatrix}
    """,
    "dots are an ellipsis": r"""
        1,2,\ldots,n | 1, 2, ..., n
        1,2,\ldots | 1,2,...
        1,2,\dots | 1,2,…
    """,
    "words are compared without case, font, article and brackets": r"""
        \text{Evelyn} | evelyn
        \text{(C)} | C
        C | \textbf{C}
        \text{ellipse} | \text{an ellipse}
        5 | \text{five}
        5 | five
    """,
    "approximation signs add nothing": r"""
        11 | x\approx11
        \sqrt{3} | \sqrt{3} \approx 1.732
        17 | \sim 17
    """,
    "ten digits may be rounded": r"""
        \frac{1}{12} | 0.0833333333333
        \sqrt{2} | 1.4142135624
        \frac{\pi}{6} | +0.523598775598299
        -\frac{\pi}{6} | -0.523598775598299
        -\frac{1}{12} | -0.0833333333333
    """,
}

REJECTED = {
    "lists that go on": r"""
        1,2,3 | 1,2,3,...
        1,2,3 | 1, 2, 3, …
        \{1,2,3\} | \{1,2,3,...\}
        0.333 | 0.333...
        1+x+x^2 | 1+x+x^2...
        5 | 5...
    """,
    "primes that math-verify would drop": r"""
        x^2 | (x^2)'
        f(x) | f(x)'
        \frac1x | \left(\frac1x\right)'
        \sin x | (\sin x)^\prime
        56 | 5'6
        34 | 3"4
        \sqrt{13} | \sqrt{1'3}
    """,
    "what stands behind a formula in dollars": r"""
        (6,3),(9,3),(9,5),(54,5) | $(6,3),(9,3),(9,5),(54,5)$+1
        (-\infty,0)\cup\{1\} | $(-\infty,0)\cup\{1\}$.+1
    """,
    "and is not or": r"""
        x<1 \text{ or } x>2 | x<1 \text{ and } x>2
        x>1 \text{ and } x<3 | x>1 \text{ or } x<3
    """,
    "bounds near zero": r"""
        x>0 | x>10^{-15}
        x<3e-14 | x<7e-15
        (0,10^{-13})\cup(1,2) | (0,10^{-14})\cup(1,2)
    """,
    "numerals": r"""
        109890 | 109891
        5 | 5.001
        2 | 2.0001
        4.5e33 | 4.5e32
        4.5e33 | 4.5
        100! | 100!+1
        1000 | 1
        58,500 | 585,00
        3,45 | 345
        (1,000) | (1,0)
        64 | 6 4
        27,54,108 | 2754108
    """,
    "digits that are too few": r"""
        \frac13 | 0.3333
        0.3 | 0.\dot3
        \frac{4}{11} | 0.\dot36
        \pi | 3.14159
        \sqrt{2} | 1.4142135625
        -\sqrt{2} | -1.4142135625
        -\frac{\pi}{6} | -0.5236
        -\frac{\pi}{6} | 0.523598775598299
        \frac{\pi}{6} | -0.523598775598299
        -0.333333333333 | -0.3333333333333
    """,
    "expressions": r"""
        \frac{a}{b} | \frac{b}{a}
        x^{12} | x^{1}2
        f' | f
        R | r
        4\sqrt(2) | 4
        p-q | q-p
        \dot{x} | x
        x | \hat{x}
        \ln x | \log_{10} x
        5 | 5x
        5 | 5\hspace{1mm}x
        5 | \textcolor{red}{6}
        5 | \textcolor{5}{r}
        5\cdot\infty | 5
        5 | 5i
    """,
    "other units": r"""
        5\text{ cm} | 5\text{ m}
        5 cm | 5 m
        12 \text{ cm}^2 | 12 \text{ cm}^3
        \$18.90 | 1890
        30^\circ | 30'
        \frac{37}{4} m | \frac{37}{4}
        \$5 | 5\%
        \$5 | €5
        \$5 | £5
        £5 | €5
        5\text{ dollars} | €5
        €5 | 5\%
    """,
    "words behind a value that are no unit": r"""
        5 | 5 \text{ million}
        5 | 5 \text{ millions}
        5 | 5\text{k}
        5 | \$5\text{k}
        5 | 5\text{ tens}
        5 | 5\text{ hundreds}
        5 | 5\text{ tenths}
        17 | 17 \text{ or more}
        17 | \text{not }17
        17 | \text{at least } 17
        17 | 17 \text{ but maybe } 18
    """,
    "per cent": r"""
        500 | 5
        20\% | 2000
        0.1 | 1\%
    """,
    "bases": r"""
        52_8 | 52_9
        52_8 | 52_{10}
        52_8 | -52
        52_8 | 42
        52_8 | 53
    """,
    "sides of an equation that are no name": r"""
        7 = 11a+c | 11a+c
        x=5 \text{ if } y=3 | 3
        x=5 \lor y=3 | 3
        x=5 \text{ or } y=3 | 3
        a^2 + b = 0 | 0
        a = 1 | b = 1
    """,
    "relations": r"""
        17 | \neq 17
        17 | > 17
        x < 5 | x > 5
        x < 5 | x \le 5
        x < 5 | 5
        y=2x+1 | x=2y+1
        x < 1 | -x < -1
        x < 5 | y < 5
    """,
    "derivatives": r"""
        \frac{d x}{d t}=k x-a | \frac{dt}{dx}=kx-a
        \frac{d x}{d t}=k x-a | \frac{dy}{dt}=kx-a
        \frac{d x}{d t}=k x-a | \frac{x}{t}=kx-a
        \frac{d x}{d t}=k x-a | \frac{\partial x}{\partial t}=kx-a
        m \frac{d v}{d t}+b v=f | bv=f
        m \frac{d v}{d t}+b v=f | \frac{dv}{dt}+bv=f
        m \frac{d v}{d t}+b v=f | 2m\frac{dv}{dt}+bv=f
        m \frac{d v}{d t}+b v=f | m\frac{dV}{dt}+bv=f
        I \frac{d \omega}{d t}+2 B \omega=T | 2B\omega=T
        I \frac{d \omega}{d t}+2 B \omega=T | J\frac{d\omega}{dt}+2B\omega=T
        \frac{d^{2} v_{o}}{d t^{2}}+v_{o}=1 | \frac{dv_o}{dt}+v_o=1
        \frac{d^{2} v_{o}}{d t^{2}}+v_{o}=1 | \frac{v_o d}{t^2}+v_o=1
    """,
    "intervals and tuples": r"""
        (3,4] | (3,4)
        (1,2) | [1,2]
        (1,2) | (2,1)
        (1,2) | \{1,2\}
        (1,2) | \{(2,1)\}
        (1,2) | \{[1,2]\}
        \{1,2\} | \{(1,2)\}
        1,2 | \{(1,2)\}
        (1,2) | \{(1,2),(3,4)\}
        (0,9) \cup (9,36) | (0,36)
        (2,\infty) | x \ge 2
        \emptyset | 0
        \infty | -\infty
        17 | [0,100]
        x<2, x>5 | x<1, x>6
        [2,5) | 2\le x, y<5
        [2,5) | 2\le x, x\le5
        [2,5) | 2\le x \text{ or } x<5
        (-\infty, 2) \cup (3, \infty) | x<2 \text{ or } y>3
        (-\infty,0)\cup\{1\} | x<0 \text{ or } x=2
        (-\infty,0)\cup\{1\} | x<0 \text{ and } x=1
        (-\infty,0)\cup\{1\} | x<0, x=1
        (-\infty,0)\cup\{1\} | x<0 \text{ or } y=1
        (-\infty,0)\cup\{1\} | x<0 \text{ or } 2x=1
        (-\infty,0)\cup\{1\} | x<0 \text{ or } x=1 \text{ or } x=2
    """,
    "lists": r"""
        1,-2 | 1
        1,-2 | 1,-2,3
        1,-2 | 1,-3
        5 | 5 \text{ or } 6
        1,2 | 1,1
        x=1,y=2 | x=2,y=1
        x=1,y=2 | 2,1
        1 \pm \sqrt{19} | -1 \pm \sqrt{19}
        (0,2) | (0,\pm2)
        (0,2),(0,-2),(4,23),(4,-23) | (0,\pm2),(4,\pm22)
        (0,2),(0,-2),(4,23) | (0,\pm2),(4,\pm23)
        (1,2),(1,-2) | (\pm1,\pm2)
        (1,-2),(-1,2) | (\pm1,\pm2)
        (1,2),(-1,-2) | (\pm1,\mp2)
        (1,2),(-1,2),(1,-2),(-1,-2) | (\pm1,\mp2)
        (1,2),(-1,2),(1,-2) | (\pm1,\pm2)
        C | C, D
        1, 2, \ldots, n | 1, 3, \ldots, 2n-1
    """,
    "matrices": r"""
        \begin{pmatrix}0&1\\2&3\end{pmatrix} | \begin{pmatrix}0&2\\1&3\end{pmatrix}
        \begin{pmatrix}1\\2\end{pmatrix} | \begin{pmatrix}1&2\end{pmatrix}
        \begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{vmatrix}1&2\\3&4\end{vmatrix}
        \begin{vmatrix}1&2\\3&4\end{vmatrix} | 2
        \begin{vmatrix}1&2\\3&4\end{vmatrix} | \begin{Vmatrix}1&2\\3&4\end{Vmatrix}
    """,
    "words": r"""
        \text{odd} | \text{even}
        \text{odd} | \text{oddd}
        B | A
        5 | \text{six}
    """,
    "nothing and nonsense": r"""
        0 | 
        5 | ?
        5 | \ldots
        1 | \frac{\infty}{\infty}
        5 | \frac{5}{0}
        12:00 | 12
        12:00 | 1:00
        1 | ().__class__.__bases__[0]
    """,
}


# Right as answers to these golds; wrong the other way round, where the gold says more than the answer.
ONE_WAY = {
    "an answer may leave out the base": r"""
        52_8 | 52
        40_9 | 40
        0_8 | 0
        (40_9, 1) | \begin{pmatrix}40\\1\end{pmatrix}
        \{40_9\} | 40
    """,
    "a chain of equations says its last side": r"""
        13 | m+n=13
        13 | m + n = 10 + 3 = 13
        1024 | 2^{10}=1024
        1024 | 2^{10} = 1{,}024
        13 | \boxed{m+n=13}
        13 | m+n=13\text{ cm}
        \sqrt{170} | \sqrt{a^2+b^2} = \sqrt{170} \approx 13.04
        55 | \sum_{k=1}^{10} k = 55
        0 | \lim_{x \to 0} x = 0
        0 | 2-2=0
        x^2+2x+1 | (x+1)^2 = x^2+2x+1
        2x+3 | f(x)+g(x) = 2x+3
        (2,3) | (1,1)+(1,2) = (2,3)
        \begin{pmatrix}1&2\\3&4\end{pmatrix} | A^{-1} = \begin{pmatrix}1&2\\3&4\end{pmatrix}
        204_5 | 101_5 + 103_5 = 204_5
        2 | x^2=4 \Rightarrow x=2
    """,
}

EQUATIONS = {
    "an equation is no value": r"""
        2x + z = 1 | 1
        0 | x^2-5x+6=0
        0 | a^2 + b = 0
        11a+c | 7 = 11a+c
        4 | \{x : x^2 = 4\}
        4 | \{x \mid x^2 = 4\}
        13 | m+n=12
        13 | m+n=13=14
        13 | 13=m+n
        13 | m+n=13, m=3
        13 | m+n \ge 13
        13 | 0 < m+n = 13
        13 | 13 < m+n = 20
        3 | m+n=13 \text{ where } m=3
        3 | m+n=13 \text{ or } m-n=3
        3, 1 | x+y=3, x-y=1
        5, 3 | x=5 \text{ or } y=3 \text{ or } z=1
        x+y=3 | x-y=3
    """,
}


def flat(table):
    """The pairs of a table of lines `gold | answer`, each with its rule as part of its name."""
    cases = [(rule, line) for rule, text in table.items() for line in text.strip().splitlines()]
    pairs = [(rule, *(side.strip() for side in line.split(" |", 1))) for rule, line in cases]
    return [pytest.param(gold, answer, id=f"{rule}: {gold} | {answer}") for rule, gold, answer in pairs]


@pytest.mark.parametrize(("gold", "answer"), flat(ACCEPTED))
def test_accepted(gold, answer):
    assert decide(gold, answer, DEFAULT).decision == "correct"
    assert decide(answer, gold, DEFAULT).decision == "correct"


@pytest.mark.parametrize(("gold", "answer"), flat(REJECTED))
def test_rejected(gold, answer):
    """By all readers together; the other way round the gold may be what nobody reads."""
    assert grade_answer(gold, answer, DEFAULT).verdict == "wrong"
    assert grade_answer(answer, gold, DEFAULT).verdict != "correct"


@pytest.mark.parametrize(("gold", "answer"), flat(ONE_WAY))
def test_accepted_one_way(gold, answer):
    assert decide(gold, answer, DEFAULT).decision == "correct"
    assert decide(answer, gold, DEFAULT).decision == "wrong"


@pytest.mark.parametrize(("gold", "answer"), flat(EQUATIONS))
def test_an_equation_against_a_value(gold, answer):
    assert grade_answer(gold, answer, DEFAULT).verdict == "wrong"


HUGE = [("5", "9**9**9**9"), ("1", "(" * 100 + "1" + ")" * 100), ("1", "(10^{10^{10}})!")]


@pytest.mark.parametrize(("gold", "answer"), HUGE)
def test_what_is_too_large_is_ungraded(gold, answer):
    assert decide(gold, answer, DEFAULT).decision == "ungraded"


# Random rationals in random notations.

rationals = st.fractions(min_value=-50, max_value=50, max_denominator=40)


def notations(exact):
    """Ways of writing a rational that all mean it."""
    top, bottom = exact.numerator, exact.denominator
    sign, size = ("-" if top < 0 else ""), abs(top)
    written = [
        f"{top}/{bottom}",
        rf"\frac{{{top}}}{{{bottom}}}",
        rf"{sign}\dfrac{{{size}}}{{{bottom}}}",
        rf"\frac{{{3 * top}}}{{{3 * bottom}}}",
    ]
    whole, rest = divmod(size, bottom)
    if whole and rest:
        written += [rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}", f"{sign}{whole} {rest}/{bottom}"]
    if 1000 % bottom == 0:
        thousandths = size * 1000 // bottom
        written += [
            f"{sign}{thousandths // 1000}.{thousandths % 1000:03d}",
            f"{sign}{thousandths}e-3",
            rf"{sign}{thousandths} \times 10^{{-3}}",
            rf"{sign}{thousandths / 10:.1f}\%",
        ]
    return written


@given(rationals, st.data())
def test_one_number_in_two_notations(exact, data):
    first, second = (data.draw(st.sampled_from(notations(exact))) for _ in range(2))
    assert decide(first, second, DEFAULT).decision == "correct"


@given(rationals, rationals, st.data())
def test_two_numbers_in_any_notation(first, second, data):
    """Different numbers never agree, but for the convention that a percent sign may be missing."""
    texts = [data.draw(st.sampled_from(notations(exact))) for exact in (first, second)]
    percents = [text.endswith("%") for text in texts]
    if first != second and not (percents[0] != percents[1] and first in (100 * second, second / 100)):
        assert decide(*texts, DEFAULT).decision == "wrong"


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_permuted_sets(members, random):
    other = list(members)
    random.shuffle(other)
    gold, answer = (r"\{" + ", ".join(map(str, one)) + r"\}" for one in (members, other))
    assert decide(gold, answer, DEFAULT).decision == "correct"
    other[0] += 200
    assert decide(gold, ", ".join(map(str, other)), DEFAULT).decision == "wrong"


@given(st.integers(10, 10**9), st.data())
def test_perturbed_digits(gold, data):
    digits = list(str(gold))
    place = data.draw(st.integers(0, len(digits) - 1))
    digits[place] = data.draw(st.sampled_from([d for d in "123456789" if d != digits[place]]))
    assert decide(f"{gold:,}", "".join(digits), DEFAULT).decision == "wrong"
    assert decide(rf"x = {gold}\text{{ cm}}", f"{gold:,}", DEFAULT).decision == "correct"


@given(st.text(max_size=60))
def test_any_text_gets_a_decision_and_equals_itself(text):
    outcome = decide("5", text, DEFAULT)
    assert outcome.decision in ("correct", "wrong", "ungraded")
    if text.strip() and outcome.reason != "empty answer":
        assert decide(text, text, DEFAULT).decision == "correct" or not any(c.isalnum() for c in text)
