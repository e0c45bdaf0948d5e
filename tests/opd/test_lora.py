"""Adapters: what they compute, what is trained and saved, and that nothing is left of them on export."""

import copy
from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import nn
from torch.distributed.checkpoint import FileSystemReader

from opd import distill, learner, lora, models
from opd.lm_head import head_of
from opd.models import prompt_ids
from opd.optimizer import adamw
from opd.parallel import sharding
from opd.rollout import torch_engine
from opd.rollout.decoder import Decoder, SmallQwen2Decoder, kind_for
from opd.rollout.sampling import uniforms
from opd.spec import LoraSpec, SamplingSpec
from programs.errors import UserError
from tests.json_lines import read_lines
from tests.opd.doctored import adapted, interrupt, written_down
from tests.opd.runs import started
from tests.opd.specs import distill_spec

HEAD_TOO = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
IDS = torch.tensor([[5, 9, 33, 70], [1, 2, 3, 4]])


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """What training changes, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_a_fresh_adapter_changes_nothing_and_trains_alone(folders):
    model = models.load(folders[0])
    before = model(IDS).logits
    lora.adapt(model, LoraSpec(rank=2), seed=0)
    torch.testing.assert_close(model(IDS).logits, before, rtol=0, atol=0)
    assert len(list(lora.layers(model))) == 2 * 7
    assert all(".lora_A." in name or ".lora_B." in name for name in trained(model))
    again, other = models.load(folders[0]), models.load(folders[0])
    lora.adapt(other, LoraSpec(rank=2), seed=1)
    (first, *_), (others, *_) = (trained(each).values() for each in (model, other))
    assert not torch.equal(first, others)
    lora.adapt(again, LoraSpec(rank=2), seed=0)
    assert all(torch.equal(value, trained(again)[name]) for name, value in trained(model).items())


@pytest.mark.parametrize("targets", ["all-linear", ("q_proj", "down_proj"), HEAD_TOO])
def test_model_head_decoder_and_export_agree_with_dense_weights(folders, tokenizer, tmp_path, targets):
    model = adapted(folders, targets)
    dense = written_down(folders, model)
    logits = dense(IDS).logits
    assert not torch.allclose(logits, models.load(folders[0])(IDS).logits, atol=1e-2)
    torch.testing.assert_close(model(IDS).logits, logits)
    states = model.base_model(IDS).last_hidden_state.flatten(0, 1)
    torch.testing.assert_close(head_of(model).logits(states), logits.flatten(0, 1))

    sampling = SamplingSpec(temperature=1.0, top_p=1.0, max_new_tokens=12)
    prompts = [prompt_ids(tokenizer, "x = 4 ; f * 2"), prompt_ids(tokenizer, "x = 3")]
    drawn, ends = uniforms(["0", "1"], 12), ([tokenizer.eos_token_id], tokenizer.pad_token_id)
    assert kind_for(model) is SmallQwen2Decoder
    expected = torch_engine.generate(dense, prompts, drawn, sampling, *ends, Decoder)
    for kind in (Decoder, SmallQwen2Decoder):
        found = torch_engine.generate(model, prompts, drawn, sampling, *ends, kind)
        assert [response.tokens for response in found] == [response.tokens for response in expected]

    lora.merge(model)
    models.save(model, tokenizer, tmp_path / "model")
    exported = models.load(tmp_path / "model")
    assert exported.state_dict().keys() == dense.state_dict().keys()
    assert not [name for name in (tmp_path / "model").iterdir() if "adapter" in name.name]
    torch.testing.assert_close(exported(IDS).logits, logits)


def test_master_weights_of_an_adapted_student_are_its_adapters(folders, tmp_path):
    """What is frozen rests in what it computes in; the adapters compute and are saved in float32."""
    student = learner.load(folders[0], distill_spec(lora={"rank": 2}, memory={"master_weights": True}))
    frozen = {p.dtype for p in student.model.parameters() if not p.requires_grad}
    assert frozen == {torch.bfloat16} == {student.model(IDS).logits.dtype}
    assert {p.dtype for p in trained(student.model).values()} == {torch.float32}
    with sharding.gathered(student.root):
        lora.save(student.model, tmp_path / "adapters")
    saved = load_file(tmp_path / "adapters/adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}


def test_the_adapters_are_kept_beside_the_export_as_peft_reads_them(folders, tmp_path):
    model = adapted(folders, dtype=torch.bfloat16)
    logits = model(IDS).logits
    lora.save(model, tmp_path / "adapters")
    again = PeftModel.from_pretrained(models.load(folders[0]).to(torch.bfloat16), tmp_path / "adapters")
    assert torch.equal(again(IDS).logits, logits)
    lora.merge(model)
    assert not torch.equal(model(IDS).logits, logits)
    lora.save(model, tmp_path / "adapters")
    assert not (tmp_path / "adapters").exists()


def test_a_step_is_that_of_factors_written_as_parameters(folders, monkeypatch):
    """One update against autograd on the dense product B A, and AdamW's first step by hand."""
    spec = distill_spec(lora={"rank": 3, "alpha": 6}, rollout={"minibatch_size": 4})
    run = started(spec, folders)
    model = adapted(folders)
    run.student = replace(run.student, model=model, optimizer=adamw(model, spec.optimizer))
    before = {name: value.clone() for name, value in run.student.model.state_dict().items()}

    with run.engine.awake(run.student.model):
        batch = run.tasks[0].task.collect(run.engine, spec.seed, 0).shortest_first().batch
    factors = {
        name: [layer.lora_A["default"].weight, layer.lora_B["default"].weight]
        for name, layer in lora.layers(run.student.model)
    }
    factors = {name: [f.detach().clone().requires_grad_() for f in pair] for name, pair in factors.items()}
    base = models.load(folders[0]).requires_grad_(False)
    weights = {f"{n}.weight": base.get_submodule(n).weight + 2.0 * b @ a for n, (a, b) in factors.items()}
    inputs = {"attention_mask": batch.attention.long(), "position_ids": batch.positions}
    made = torch.func.functional_call(base, weights, (), {"input_ids": batch.tokens, **inputs})
    logits = [made.logits, run.tasks[0].teacher(batch.tokens, **inputs).logits]
    ids = distill.compare(run.student.model, run.tasks[0].teacher, batch, 8, 10_000, "teacher_top_k").support
    p, q = (z[:, :-1][batch.generated[:, 1:]].gather(-1, ids).log_softmax(-1) for z in logits)
    (p.exp() * (p - q)).sum(-1).mean().backward()
    gradients = {
        f"{name}.lora_{letter}.default.weight": factor.grad
        for name, pair in factors.items()
        for letter, factor in zip("AB", pair, strict=True)
    }
    norm = torch.stack([g.norm() for g in gradients.values()]).norm()

    record = distill.distill_step(run, 0)
    assert record["gradient_norm"] == pytest.approx(float(norm), rel=1e-4)
    rate = spec.optimizer.learning_rate
    for name, after in run.student.model.state_dict().items():
        if name not in gradients:
            assert torch.equal(after, before[name]), name
            continue
        gradient = gradients[name] / norm.clamp(min=1.0)
        step = rate * gradient / (gradient.abs() + 1e-8)
        certain = gradient.abs() > 1e-5  # below, rounding decides the size of Adam's step
        assert certain.float().mean() > 0.5
        torch.testing.assert_close((before[name] - after)[certain], step[certain], rtol=2e-3, atol=1e-8)


def test_a_resumed_run_ends_with_the_same_numbers_and_the_base_is_untouched(folders, tmp_path, monkeypatch):
    spec = distill_spec(lora={"rank": 2}, steps=4, checkpoint_every=2)
    teachers, base = {"chain_arithmetic": folders[1]}, models.fingerprint(folders[0])
    distill.main(spec, folders[0], teachers, tmp_path / "whole")

    interrupt(monkeypatch, distill, "distill_step", at=3)
    with pytest.raises(KeyboardInterrupt):
        distill.main(spec, folders[0], teachers, tmp_path / "resumed")
    (saved,) = (tmp_path / "resumed" / "checkpoint").iterdir()
    names = FileSystemReader(saved).read_metadata().state_dict_metadata
    stored = [name for name in names if name.startswith(("model.", "optimizer.state."))]
    assert any(name.startswith("model.") for name in stored)
    assert all(".lora_" in name for name in stored)
    monkeypatch.undo()
    distill.main(spec, folders[0], teachers, tmp_path / "resumed")

    records = [read_lines(tmp_path / name / "metrics.jsonl") for name in ("whole", "resumed")]
    for record in (*records[0], *records[1]):
        del record["machine"]
    assert records[0] == records[1]
    for part in ("model", "adapters"):
        ends = [models.fingerprint(tmp_path / name / part) for name in ("whole", "resumed")]
        assert ends[0] == ends[1] != base == models.fingerprint(folders[0])


def test_a_bfloat16_model_gets_float32_adapters_and_a_head_that_takes_them(folders):
    model = models.load(folders[0]).to(torch.bfloat16)
    lora.adapt(model, LoraSpec(rank=2, targets=HEAD_TOO), seed=0)
    assert {parameter.dtype for parameter in trained(model).values()} == {torch.float32}
    states = model.base_model(IDS).last_hidden_state[0]
    assert states.dtype == torch.bfloat16
    rounded = model.lm_head(states).float()  # to bfloat16, by the layer itself
    torch.testing.assert_close(head_of(model).logits(states), rounded, rtol=2**-8, atol=1e-3)
    lora.merge(model)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("targets", "tied", "message"),
    [
        (("embed_tokens",), False, "embed_tokens, which is no linear layer"),
        (("lm_head",), True, "lm_head, which is the embedding, too"),
        (("nothing",), False, "nothing, which ends no layer's name"),
        (("q_proj", "k_prjo"), False, "k_prjo, which ends no layer's name"),
    ],
)
def test_a_target_that_cannot_be_merged_is_refused(student, targets, tied, message):
    model: nn.Module = copy.deepcopy(student)
    model.config.tie_word_embeddings = tied
    with pytest.raises(UserError, match=message):
        lora.adapt(model, LoraSpec(rank=2, targets=targets), seed=0)


def test_targets_are_named():
    with pytest.raises(ValidationError):
        LoraSpec(rank=2, targets=())
