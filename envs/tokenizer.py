"""The word-level tokenizer of models from scratch, in the Hugging Face format.

It knows the words of chain arithmetic and of ALFWorld's generated games in the compact form. Text reads
as a reasoning model's does (`<think>`, `\\boxed{6}`), while each marker is several tokens (`<` `think`
`>`), as in Qwen2.5 for the strings it was not given as special tokens. As there, the same text has a
second spelling (`<th` `ink` `>`), which a model may have learnt. There a tokenizer makes the second of the
text, and a model that was not trained on such text samples the first; of `</think>` it has one alone.
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from envs.alfworld.vocabulary import words as game_words
from envs.chain_arithmetic.demonstration import CONNECTIVES, FILLERS
from envs.chain_arithmetic.problem import LABELS, MODULUS, OPERANDS

VOCABULARY_SIZE = 256
PAD, START, END, UNKNOWN = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|unknown|>"

# Marker text and the tokens that spell it.
_SPELLINGS = {
    "<think>": "< think >",
    "</think>": "</ think >",
    "\\boxed{": "\\boxed{ ",
    "}": " }",
}
_OTHER_SPELLINGS = {"<think>": "<th ink >", "</think>": "</th ink >"}

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    f"{START} {{{{ message['role'] }}}} {{{{ message['content'] }}}} {END} "
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{START} assistant{{% endif %}}"
)


def respell(text: str, markers: Iterable[str]) -> str:
    """The text with these think markers written so that they are read as their other tokens."""
    for marker in markers:
        text = text.replace(marker, _OTHER_SPELLINGS[marker])
    return text


def build_tokenizer(end: str = END, size: int = VOCABULARY_SIZE) -> PreTrainedTokenizerFast:
    """A tokenizer of `size` ids; `end` ends responses. ValueError if there are more words than ids.

    `decode(encode(text))` returns a text of known words with single spaces between them. Line breaks are read
    as spaces, other words as the unknown token, and think markers in either spelling come back in the first.
    """
    tokenizer = Tokenizer(models.WordLevel(_vocabulary(size), unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(text, f" {spelling} ") for text, spelling in _SPELLINGS.items()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Sequence(
        [
            # The word-piece decoder puts the spaces back between words; no token starts with ##.
            decoders.WordPiece(prefix="##", cleanup=False),
            decoders.Fuse(),
            *(decoders.Replace(spelling, text) for text, spelling in _OTHER_SPELLINGS.items()),
            *(decoders.Replace(spelling, text) for text, spelling in _SPELLINGS.items()),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=end,
        unk_token=UNKNOWN,
        additional_special_tokens=[START, END],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def _vocabulary(size: int) -> dict[str, int]:
    words = [PAD, START, END, UNKNOWN]
    words += [str(number) for number in range(MODULUS)]
    words += [*LABELS, "x", *OPERANDS, "=", ";", "of", "wait", "the", "answer", "is"]
    words += [*CONNECTIVES, *FILLERS, "user", "assistant"]
    words += ["<", "</", "think", ">", "\\boxed{", "}"]
    # After those of arithmetic, whose models thus do not depend on what games need.
    words += [word for word in game_words() if word not in words]
    words += ["<th", "</th", "ink"]
    words += ["hint", "concise", "values"]  # what prompts of privileged teachers say
    if len(words) > size:
        raise ValueError(f"{size} ids are too few for {len(words)} words")
    words += [f"<|unused_{index}|>" for index in range(size - len(words))]
    return {word: index for index, word in enumerate(words)}
