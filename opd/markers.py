"""Where a text stands in a response, whatever tokens spell it.

What a model samples need not be what its tokenizer makes of the text: Qwen2.5 reads `<think>` as `<th`
`ink` `>`, and writes it as `<` `think` `>`; the last of these may hold a line break, too.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from torch import Tensor
from transformers import PreTrainedTokenizerBase


def token_texts(ids: Tensor, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Each token of (N,) ids decoded alone."""
    distinct = {token: str(tokenizer.decode([token])) for token in ids.unique().tolist()}
    return [distinct[token] for token in ids.tolist()]


def occurrences(tokens: Sequence[str], *texts: str) -> Iterator[tuple[int, int]]:
    """(first, end) of the tokens that hold each occurrence of each text in those of a response's tokens."""
    starts = list(accumulate(map(len, tokens), initial=0))
    whole = "".join(tokens)
    for text in texts:
        found = whole.find(text)
        while found >= 0:
            last = found + len(text) - 1
            yield bisect_right(starts, found) - 1, bisect_right(starts, last)
            found = whole.find(text, last + 1)
