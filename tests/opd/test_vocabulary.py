"""Tokenizers of one size that are not one."""

import json
import warnings

import pytest

from opd import models
from opd.vocabulary import refuse_other_tokens, refuse_tokens_beyond
from programs.errors import UserError
from tests.opd.runs import started
from tests.opd.specs import distill_spec


def copied(folder, out, model, change):
    """The model with a tokenizer whose file is changed."""
    models.save(model, models.load_tokenizer(folder), out)
    path = out / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return out


def swap(content):
    """`7` and `8` change places."""
    words = content["model"]["vocab"]
    words["7"], words["8"] = words["8"], words["7"]


def test_ids_that_are_other_tokens_are_refused(folders, tmp_path, teacher):
    other = copied(folders[1], tmp_path / "other", teacher, swap)
    with pytest.raises(UserError, match=r"2 token ids are other tokens .*: '8' there, '7' here"):
        refuse_other_tokens(folders[0], other)
    with pytest.raises(UserError, match="must share one vocabulary"):
        started(distill_spec(), (folders[0], other))


def test_a_template_of_another_wording_is_a_warning_with_both(folders, tmp_path, teacher):
    tokenizer = models.load_tokenizer(folders[1])
    tokenizer.chat_template = "be brief {{ messages[0]['content'] }}"
    models.save(teacher, tokenizer, tmp_path / "other")
    with pytest.warns(RuntimeWarning, match=r"instead of\n'be brief What is 1 \+ 1\?'"):
        refuse_other_tokens(folders[0], tmp_path / "other")


def test_one_tokenizer_in_two_folders_is_nothing_to_speak_of(folders):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_other_tokens(*folders)


def test_tokens_that_the_student_has_no_id_for_cannot_be_learnt(folders, tmp_path, teacher):
    tokenizer = models.load_tokenizer(folders[1])
    size = len(tokenizer)
    tokenizer.add_tokens(["<extra>", "<other>"])
    models.save(teacher, tokenizer, tmp_path / "larger")
    refuse_other_tokens(folders[0], tmp_path / "larger")  # a student may be scored by it
    refuse_tokens_beyond(*folders)
    refuse_tokens_beyond(tmp_path / "larger", folders[0])
    with pytest.raises(UserError, match=rf"may write 2 tokens .* such as {size}: '<extra>'"):
        refuse_tokens_beyond(folders[0], tmp_path / "larger")
