"""A stand-in for textworld's Z-machine games, to be imported before textworld.

They need jericho, and with it spaCy: 300 MB and a second GPL for games that are not PDDL. ALFWorld has none.
"""

import sys
from types import ModuleType
from typing import Any

_module: Any = ModuleType("textworld.envs.zmachine.jericho")
_module.JerichoEnv = None
sys.modules[_module.__name__] = _module
