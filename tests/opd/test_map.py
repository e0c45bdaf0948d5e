"""The map of the package in its docstring."""

import re
from pkgutil import iter_modules

import opd


def test_every_module_stands_on_the_map_once():
    lines = re.findall(r"^(\w+(?:, \w+)*)  +\S", opd.__doc__, re.M)
    named = [name for line in lines for name in line.split(", ")]
    assert sorted(named) == sorted(module.name for module in iter_modules(opd.__path__))
