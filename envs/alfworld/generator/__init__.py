"""New ALFWorld games from what the alfworld wheel ships: ALFRED's placement tables, goals and floor plans."""

from envs.alfworld.generator.generate import draw_game, generate
from envs.alfworld.generator.verify import verify

__all__ = ["draw_game", "generate", "verify"]
