"""User messages around a problem, by name. Every math suite and training set shares them.

Fill one in with `PROMPTS[name].format(problem=...)`; the model's chat template comes around it.
"""

from types import MappingProxyType

PROMPTS = MappingProxyType(
    {
        # arXiv 2603.25562, code: agent_system/environments/prompts/math.py, word for word.
        "paper": (
            "Math problem: {problem}\n\n"
            "Please carefully reason through the math problem step by step and derive the correct answer. "
            "You must conduct reasoning inside <think> and </think> and give the final answer within "
            "\\boxed{{}}.\n"
        ),
        # The wording of Qwen2.5-Math and of most reports on these suites.
        "plain": "{problem}\n\nPlease reason step by step, and put your final answer within \\boxed{{}}.",
    }
)
