"""An lm-eval model that generates nothing: it gives back the stored responses of a run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from programs.errors import UserError


class StoredResponses(LM):
    """Answers sample j of a problem with its stored sample j, as text.

    That is all lm-eval ever sees of a response: whether it ended by itself or at the token cap is lost,
    here as with a live model.
    """

    def __init__(self, records: Iterable[dict]) -> None:
        """`records`: lines of a responses.jsonl, of one protocol."""
        super().__init__()
        self._responses: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
        for record in records:
            samples = self._responses[record["suite"], record["problem"]]
            if record["sample"] in samples:
                raise UserError(f"sample {record['sample']} of {record['problem']!r} is stored twice")
            samples[record["sample"]] = record["response"]

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        """The stored samples in order; UserError unless each problem is asked for all it has."""
        asked: dict[tuple[str, str], Iterator[str]] = {}
        texts = []
        for request in requests:
            key = request.doc["suite"], request.doc["id"]
            if key not in asked:
                samples = self._responses[key]
                if sorted(samples) != list(range(request.repeats or 1)):
                    raise UserError(f"{key}: {len(samples)} samples stored, {request.repeats} asked for")
                asked[key] = (samples[j] for j in range(len(samples)))
            texts.append(next(asked[key]))
        return texts

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        """Refused: there is no model here."""
        raise NotImplementedError("stored responses have no likelihoods")

    def loglikelihood_rolling(self, requests: Sequence[Instance]) -> list[float]:
        """Refused: there is no model here."""
        raise NotImplementedError("stored responses have no likelihoods")
