"""Files of a JSON value per line."""

import json
from pathlib import Path
from typing import Any


def read_lines(path: Path) -> list[Any]:
    """All values of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
