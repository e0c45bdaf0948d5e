"""What stands behind a value: units in every spelling, what is counted, and words that are neither."""

import pytest

from eval.grading.compare import decide
from eval.grading.conventions import DEFAULT, STRICT

UNITS = r"""
    \text{ cm} | \text{ cm}^2 | \text{ cm^2} | \ \mathrm{cm^{2}} | \text{ sq cm} | \text{ sq. units}
    \text{ ft}^3 | \ \mathrm{m/s^2} | \,\mathrm{m\,s^{-2}} | \text{ m/s$^2$} | \text{ m/s²} | \text{ m s⁻²}
    \text{ m s-2} | \ \frac{\text{m}}{\text{s}} | \ \mathrm{\frac{m}{s^2}} | \ \left(\mathrm{m/s}\right)
    \text{ (meters)} | \ \mathrm{erg\,s^{-1}} | \,\text{erg s}^{-1}\text{ cm}^{-2} | \ \mathrm{kg \cdot m/s}
    /\text{s} | \ \mathrm{atoms/cm^3} | \text{ J/(mol K)} | \ \mathrm{J\cdot mol^{-1}\cdot K^{-1}}
    \text{ J}/\text{mole} | \text{ mM} | \text{ kWh} | \,\Omega | \ \mathrm{k\Omega} | \,\text{k}\Omega
    \ \mu\mathrm{m} | \ \mathrm{\mu m} | \text{ µm} | \text{ um} | \,\text{\AA} | \,\AA | \text{ Å}
    \ \mathrm{\mathring{A}} | \text{ Angstroms} | \,M_\odot | \ \mathrm{M}_{\odot} | ^\circ | ^{\circ}
    \degree | ^\circ C | ^\circ\text{C} | \text{ °C} | \text{ degrees Celsius} | \text{ K} | \%
    \text{ min} | \text{sec} | \text{ hrs} | \text{ p.m.} | \text{ PM} | \text{ Kg} | \text{ mph}
    \text{ in.} | \text{ cows} | \text{ ways.} | \text{ right triangles} | \text{ people}
    \text{ years old} | \text{ feet tall} | \text{ dollars per hour} | \text{ USD} | \text{ per cent}
    \text{ light-years} | \text{ solar masses}
"""
OTHER = r"""
    \mathrm{i} | \text{ i} | \mathrm{e} | \mathrm{e}^3 | \mathrm{x}^2 | \text{n} | \mathrm{\pi} | \text{ pi}
    \text{th} | \text{ factorial} | \text{ squared} | \text{ cubed} | \text{ doubled} | \text{ fifths}
    \text{ sixteenths} | \text{ negative} | \text{ below zero} | \text{ degrees below zero}
    \text{ recurring} | \text{ repeats} | \text{ (incorrect)} | \text{ undefined} | \text{ diverges}
    \text{ log n} | \text{ sin x} | \text{ in three} | \text{ bn} | \text{ lakh} | \text{ bn dollars}
    \text{ M dollars} | \text{ K dollars} | \text{M} | \text{k} | \text{ million people}
    \text{ dozen eggs} | \text{ times } 3 | \text{ times x} | \text{ cm x} | \text{ cm}^{n}
    \text{ cm or } 3 | \text{ in 3} | \text{ mod } 7 | \text{ ppm} | \mathrm{d}x | \mathrm{dV} | \,m
    \Omega x
"""


def split(table):
    return [suffix.strip() for line in table.strip().splitlines() for suffix in line.split(" | ")]


@pytest.mark.parametrize("unit", split(UNITS))
@pytest.mark.parametrize(
    ("gold", "answer"), [("7", "7"), ("2.5e-3", r"2.5 \times 10^{-3}"), (r"\frac34", "0.75")]
)
def test_a_unit_may_be_missing(gold, answer, unit):
    assert decide(gold, answer + unit, DEFAULT).decision == "correct"
    assert decide(answer + unit, gold, DEFAULT).decision == "correct"
    assert decide("8", answer + unit, DEFAULT).decision == "wrong"
    assert unit == r"\%" or decide(gold, answer + unit, STRICT).decision == "wrong"


@pytest.mark.parametrize("other", split(OTHER))
def test_other_words_make_another_answer(other):
    assert decide("7", "7" + other, DEFAULT).decision == "wrong"
    assert decide("7" + other, "7", DEFAULT).decision == "wrong"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("7", r"3+4\mathrm{i}"),
        (r"0.3\text{ recurring}", "0.3"),
        (r"\$5\text{M}", r"\$5"),
        (r"f^\prime", "f"),
        ("3", r"3\frac{1}{s}"),
    ],
)
def test_what_is_behind_other_values(gold, answer):
    assert decide(gold, answer, DEFAULT).decision == "wrong"


SAME = r"""
    15\text{ cm}^2 | 15\text{ cm^2} | 15\,\mathrm{cm}^{2} | 15\text{ square centimeters} | 15\text{ sq. cm}
    5\text{ m/s} | 5\ \frac{\text{m}}{\text{s}} | 5\text{ m s}^{-1} | 5\text{ meters per second}
    5\text{ m/s} | 5\,\mathrm{m\,s^{-1}} | 5\text{ m}/\text{s}
    36\text{ square feet} | 36\text{ ft}^2 | 36\text{ feet squared}
    3\text{ kg m/s} | 3\ \mathrm{m\cdot kg\cdot s^{-1}} | 3\text{ kilogram meters per second}
    2\ \mu\mathrm{m} | 2\text{ μm} | 2\text{ micrometers}
    3:30\text{ p.m.} | 3:30\text{ PM}
    20^\circ\text{C} | 20\text{ °C} | 20^\circ C
    28 \text{ s}^{-1} | 28\ \frac{1}{\mathrm{s}} | 28 / \text{s}
    \frac23 \frac{C}{S} \text{ kg} | \frac{2C}{3S}\ \mathrm{kg}
    2\sin(40^\circ)\text{ m} | \sin(40^\circ) \cdot 2\ \mathrm{m}
    6i | 6\mathrm{i}
    2\pi | 2\mathrm{\pi}
    10^{-23} | 10⁻²³
"""
DIFFERENT = r"""
    15\text{ cm}^2 | 15\text{ cm^3} | 15\text{ cm} | 15\text{ mm}^2 | 15\text{ cubic centimeters}
    5\text{ m/s} | 5\text{ s/m} | 5\text{ m s} | 5\text{ m/s}^2 | 5\text{ mm/s} | 5\text{ ms}
    2\text{ cows} | 2\text{ horses}
    3:30\text{ p.m.} | 3:30\text{ a.m.}
    20^\circ\text{C} | 20^\circ\text{F} | 20^\circ
    2\ \mathrm{m}\Omega | 2\ \mathrm{M}\Omega
"""


def pairs(table):
    lines = [line.strip().split(" | ") for line in table.strip().splitlines()]
    return [(first, other) for first, *others in lines for other in others]


@pytest.mark.parametrize(("gold", "answer"), pairs(SAME))
def test_one_unit_in_two_spellings(gold, answer):
    assert decide(gold, answer, STRICT).decision == "correct"
    assert decide(answer, gold, STRICT).decision == "correct"


@pytest.mark.parametrize(("gold", "answer"), pairs(DIFFERENT))
def test_two_units(gold, answer):
    assert decide(gold, answer, DEFAULT).decision == "wrong"
    assert decide(answer, gold, DEFAULT).decision == "wrong"
