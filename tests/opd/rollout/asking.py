"""What engines are asked."""

import envs


def asking(count: int) -> tuple[list[str], list[str]]:
    """(questions, keys): the first training problems of chain arithmetic."""
    problems = envs.load("chain_arithmetic").training_problems(0, 0, count)
    return [problem.question for problem in problems], [f"key {row}" for row in range(count)]
