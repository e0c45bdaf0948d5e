"""The jobs of the shipped scales: those of the DAG, and what they need."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from opd.plan import memory, work
from opd.plan.devices import DEVICES
from opd.plan.shape import UnknownShapeError
from tests.workflows.needs.scales import scale
from workflows.needs import answering, models, tables, training
from workflows.needs.job import Job
from workflows.needs.jobs import job_of, jobs


@pytest.fixture(scope="module")
def paper():
    return scale("paper")


def test_the_jobs_are_those_of_the_studies(paper):
    found = {(job.rule, job.of): job.count for job in jobs(paper, "all") if job.rule != "generate"}
    assert found["fetch", "teacher"] == 1
    assert found["lsm", "single_task"] == found["lsm", "multitask"] == 3
    assert found["topk_unnormalized", "single_task"] == 1  # for the failure cases alone
    assert found["score_signal", ""] == 1 + len(paper.config.signal.failures)  # the teacher spells as itself
    rows = paper.studies["table_multitask"].rows
    runs = sum(row.model is None for row in rows)
    assert found["play", "valid_seen"] == 3 * runs + len(rows) - runs


def test_a_target_s_models_are_made_and_no_others(paper):
    def made(target):
        rules = ("reinforce", "traces", "sft")
        return {(job.rule, job.of) for job in jobs(paper, target) if job.rule in rules}

    assert made("all") == set()
    sft = {(rule, model) for rule in ("traces", "sft") for model in ("student_sft", "rlvr_sft")}
    assert made("full") == {("reinforce", "rlvr_teacher")} | sft
    of_all = {job.of for job in jobs(scale("mini"), "all") if job.rule in ("sft", "reinforce")}
    assert of_all == {"student_sft"}


def test_an_averaged_teacher_needs_room_for_its_average():
    """In float32, beside the teacher and in the checkpoint; a live one needs none."""
    small = scale("small")
    frozen, live, averaged = (
        training.run(small, "self_answer", f"lsm{decay}")
        for decay in ("", "@teacher_decay=0.0", "@teacher_decay=0.99")
    )
    room = 4 * models.shape_of(small, "student").parameters
    assert live.scratch == frozen.scratch == averaged.scratch - room
    assert live.memory == frozen.memory
    for phase, components in frozen.memory.items():
        assert memory.total(averaged.memory[phase]) - memory.total(components) == room


def test_a_warm_start_by_hand(paper):
    traces, trained = answering.traces(paper, "rlvr_sft"), training.warm_start(paper, "rlvr_sft")
    assert (traces.gpus, trained.gpus) == (1, 8)
    assert traces.work["rollout"].tokens == 13_976 * 16384 * work.MEAN_LENGTH
    assert trained.work["training"].tokens == 2 * (13_976 // 8) * 16384 * work.MEAN_LENGTH
    student = models.shape_of(paper, "student")
    updates = 2 * -(-1747 // 16)  # two epochs; a rank's part of 128 traces is 16
    assert trained.work["update"].bytes_read == updates * 24 * (4 * student.parameters // 8)
    assert trained.memory["training"]["optimiser"] == 2 * (4 * student.parameters // 8)
    assert trained.scratch == training.run(paper, "recipe", "lsm").scratch == 12 * student.parameters
    alone = training.warm_start(scale("paper", training_processes=1), "rlvr_sft")
    assert 8 * trained.work["training"].operations == pytest.approx(alone.work["training"].operations)
    card = DEVICES["h100"].usable_bytes
    assert memory.peak(alone.memory) > card


def test_offloaded_weights_are_copied_for_every_pass_and_gradients_for_every_update():
    """Two updates of 64 responses; two of 8,704 tokens in a pass; forwards and backwards, in float32."""
    job = training.run(scale("paper", "paper_1gpu"), "single_task", "lsm")
    parameters = models.shape_of(scale("paper"), "student").parameters
    assert job.work["training"].copied == 400 * 2 * 32 * 2 * 4 * parameters
    assert job.work["update"].copied == 400 * 2 * 4 * parameters
    assert job.work["update"].on_host == 10 * job.work["update"].copied
    shared = training.run(scale("paper"), "single_task", "lsm").work
    assert shared["training"].copied == 0
    assert shared["update"].bytes_read == 400 * 2 * 24 * (4 * parameters // 8)


def test_a_measured_rate_of_training_has_its_updates_in_it(paper, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / paper.results / "runs/single_task/lsm/seed0"
    folder.mkdir(parents=True)
    machine = {f"{phase}_tokens_per_s": 1000.0 for phase in ("rollout", "scoring", "training")}
    machine |= {"processes": 8, "device": "NVIDIA H100 80GB HBM3", "device_gib": 79.1}
    line = {"task": "math", "machine": machine, "response_length": 8192.0}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    job = training.run(paper, "single_task", "lsm")
    assert job.rates.keys() == job.work.keys() == {"rollout", "scoring", "training"}


def test_full_has_variants_under_the_rule_that_runs_them(paper):
    found = {(job.rule, job.of): job.count for job in jobs(paper, "full")}
    assert found["distill", "single_task/lsm@mask.kind=span"] == 3
    assert found["topk_unnormalized", "single_task"] == 3


def test_two_teachers_of_one_shape_are_two_models(paper):
    one, two = (training.run(paper, name, "lsm") for name in ("single_task", "multitask"))
    assert two.memory["training"]["teachers"] == 2 * one.memory["training"]["teachers"]


def test_tokens_of_a_run_by_hand(paper):
    job = training.run(paper, "single_task", "lsm")
    assert job.gpus * job.work["rollout"].tokens == 400 * 128 * 16384 * work.MEAN_LENGTH
    assert job.disk == models.shape_of(paper, "student").weights


def test_tasks_by_turns_share_the_steps():
    """Of 41 steps by turns, arithmetic has the first and so 21, and games the other 20."""
    smoke = scale("smoke", experiments={"multitask": {"distill": {"steps": 41}}})
    tasks = smoke.distill_spec("multitask", "lsm", 0).tasks
    arithmetic, games = tasks["chain_arithmetic"], tasks["alfworld"]
    assert next(iter(tasks)) == "chain_arithmetic"
    tokens = [
        task.rollout.prompts * task.rollout.samples_per_prompt * task.rollout.max_new_tokens
        for task in (arithmetic, games)
    ]
    job = training.run(smoke, "multitask", "lsm")
    expected = (21 * tokens[0] + 20 * games.games.max_steps * tokens[1]) * work.MEAN_LENGTH
    assert job.work["rollout"].tokens == expected


def test_every_suite_s_problems_are_counted(paper):
    assert sum(answering.problems_of(paper, suite) for suite in paper.suites) == 500 + 30 + 30 + 272 + 675
    mini = scale("mini")
    assert [answering.problems_of(mini, suite) for suite in mini.suites] == [80] * 5


def test_a_protocol_of_some_suites_is_planned_for_those(paper):
    (job,) = [job for job in jobs(paper, "all") if job.rule == "generate"]
    responses = 1507 + 32 * 30
    assert job.work["rollout"].tokens == pytest.approx(responses * 16384 * work.MEAN_LENGTH)


def test_panels_have_the_games_of_their_source():
    mini, paper = scale("mini").config.panels, scale("paper").config.panels
    assert answering.games_of(mini["valid_unseen"]) == 60
    assert [answering.games_of(paper[name]) for name in ("train", "legacy_128", "valid_seen")] == [
        3553,
        128,
        140,
    ]


def test_a_config_at_hand_goes_before_the_table(paper, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path(paper.model_folder("student"))
    folder.mkdir(parents=True)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "vocab_size": 999999} | shape))
    found = models.shape_of(paper, "student")
    assert (found.hidden, found.vocabulary, found.width) == (64, 151_665, 4)
    assert models.shape_of(paper, "teacher").hidden == 3584


def test_an_unknown_hub_model_says_what_to_do():
    made = scale("small", models={"student": {"hub": {"hub_id": "nobody/nothing"}}})
    with pytest.raises(UnknownShapeError, match=r"hf download nobody/nothing config\.json"):
        jobs(made, "all")


def test_heads_of_both_paddings_become_one_vocabulary():
    small = scale("small")
    student, teacher = (models.shape_of(small, name) for name in ("student", "teacher"))
    assert student.vocabulary == teacher.vocabulary == 151_665
    assert (student.tied, teacher.tied) == (True, False)


def largest(made) -> int:
    """Bytes of the largest job of every study."""
    return max(memory.peak(job.memory) for job in jobs(made, "full") if job.memory)


def test_small_fits_a_card_of_24_gb():
    card = DEVICES["rtx4090"].usable_bytes
    assert largest(scale("small")) <= card
    # None of its three knobs is there in vain.
    for knob in ("master_weights", "recompute_layers", "offload"):
        changed = largest(scale("small", distill={"memory": {knob: False}}))
        assert (changed > card) == (knob != "master_weights")
    assert largest(scale("small", distill={"tokens_per_forward": 32768})) > card


def test_small_needs_no_offload_on_a_card_of_80_gb():
    """The settings of docs/planning.md, a third of the hours."""
    on_card = {"memory": {"offload": False}, "tokens_per_forward": 16384}
    as_it_is, laid_over = scale("small", gpu="h100"), scale("small", gpu="h100", distill=on_card)
    card = DEVICES["h100"]
    assert largest(laid_over) <= card.usable_bytes
    hours = [
        sum(job.count * work.seconds(job.work, card, job.rates) for job in jobs(made, "all")) / 3600
        for made in (as_it_is, laid_over)
    ]
    assert hours == pytest.approx([3.8, 1.4], abs=0.05)


def test_the_paper_s_pair_fits_one_card_of_141_gb_with_the_overlay_alone():
    card = DEVICES["h200"].usable_bytes
    assert largest(scale("paper", training_processes=1)) > card
    assert largest(scale("paper", "paper_1gpu")) <= card
    assert (
        largest(scale("paper", "paper_1gpu", distill={"memory": {"offload": False, "hold_gradients": False}}))
        > card
    )
    assert largest(scale("paper", "paper_1gpu", distill={"memory": {"recompute_layers": False}})) > card


def test_the_paper_s_pair_fits_its_eight_cards_of_80_gb_and_not_one():
    card = DEVICES["h100"].usable_bytes
    assert largest(scale("paper")) <= card
    assert largest(scale("paper", training_processes=2)) > card


def test_the_work_of_a_step_is_divided(paper):
    alone = training.run(scale("paper", training_processes=1), "single_task", "lsm")
    shared = training.run(paper, "single_task", "lsm")
    assert (alone.gpus, shared.gpus) == (1, 8)
    assert 8 * shared.work["training"].operations == pytest.approx(alone.work["training"].operations)
    assert 8 * shared.memory["scoring"]["scores"] == alone.memory["scoring"]["scores"]


def test_the_overlay_is_a_scale_of_its_own_over_the_paper_s_recipe():
    paper, overlay = scale("paper"), scale("paper", "paper_1gpu")
    assert overlay.results == "results/paper_1gpu"
    assert overlay.command("all").endswith(" all --configfile workflows/config/paper_1gpu.yaml")
    assert set(overlay.studies) == set(paper.studies)  # ablations included
    where = {"memory", "engine", "tokens_per_forward"}
    recipes = [
        made.distill_spec("single_task", "lsm", 0).model_dump(exclude=where) for made in (paper, overlay)
    ]
    assert recipes[0] == recipes[1]


def test_a_job_of_the_dag_is_the_one_that_its_target_counts(paper):
    """Whatever Snakemake is about to start needs what the same kind of job needs in a target."""
    student, lsm = f"models/{paper.config.signal.student}", {"experiment": "single_task", "seed": "1"}
    asked = [
        ("fetch", {"model": "teacher"}),
        ("panel", {"panel": "valid_seen"}),
        ("contamination", {}),
        ("reinforce", {"model": "rlvr_teacher"}),
        ("traces", {"model": "rlvr_sft"}),
        ("sft", {"model": "rlvr_sft"}),
        ("lsm", lsm),
        ("distill", lsm | {"experiment": "single_task", "variant": "lsm@mask.kind=span"}),
        ("generate", {"subject": student}),
        ("play", {"subject": student, "panel": "valid_seen"}),
        ("score_signal", {"subject": student, "teacher": paper.config.signal.teacher}),
    ]
    counted = {(job.rule, job.name): job for job in jobs(paper, "full")}
    for rule, wildcards in asked:
        found = job_of(paper, rule, wildcards)
        assert found == replace(counted[rule, found.name], count=1)


def test_a_method_that_is_in_no_study_is_planned_too(paper):
    found = job_of(paper, "grpo", {"experiment": "single_task", "seed": "0"})
    assert found.memory
    assert found.work
    assert not any(job.name == found.name for job in jobs(paper, "full"))


def test_what_grades_reads_the_suites_and_what_draws_needs_nothing(paper):
    assert job_of(paper, "score", {"study": "table_ablation"}).reads == set(paper.suites)
    assert job_of(paper, "contamination", {}).reads == {*paper.suites, "dapo_math_17k"}
    assert job_of(paper, "table", {"study": "table_ablation"}) == Job("table", "table")
    assert job_of(scale("mini"), "score", {"study": "table_ablation"}).reads == set()


def test_tables_name_every_job(paper):
    def first_column(table):
        return [re.split(r"\s{2,}", line)[0] for line in table.splitlines()[2:]]

    found = jobs(paper, "full")
    card = DEVICES["rtx3090"]
    memory_table, work_table = tables.memory_table(found, card), tables.work_table(found, card)
    assert first_column(memory_table) == [job.name for job in found if job.memory]
    assert first_column(work_table) == [*(job.name for job in found if job.work or job.disk), "all"]
    assert "too large" in memory_table


def test_models_that_are_asked_in_other_words_answer_once_more():
    found = [job for job in jobs(scale("small"), "full") if job.rule == "generate_asked"]
    assert [(job.name, job.count) for job in found] == [("generate asked, 1.5 B", 2)]
    folders = {folder for study in scale("small").studies for *_, folder in scale("small").subjects(study)}
    plain = [job for job in jobs(scale("small"), "full") if job.rule == "generate"]
    assert sum(job.count for job in plain) == len(folders)
