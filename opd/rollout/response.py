"""What an engine answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Response:
    """Token ids of prompt and response, the end token included.

    `finished` says that the end token came before the cap; `log_prob` is the response's
    log-probability under the sampling settings, in nats (0 when greedy). `log_probs` are those of its
    tokens under the model itself, at temperature 1 and over the whole vocabulary, whatever the settings.
    vLLM reports one of the two: NaN or an empty list is in place of the other.
    """

    prompt: list[int]
    tokens: list[int]
    finished: bool
    log_prob: float
    log_probs: list[float]
