"""Every shipped config is valid, every mistake has a sentence, every knob reaches the plan."""

import copy
import os
import re

import pytest
import yaml

from programs.provenance import ROOT
from workflows import scale
from workflows.explain import ConfigError
from workflows.needs.models import shape_of
from workflows.plan import Plan, as_param, merge
from workflows.scale import plan, read

SCALES = sorted((ROOT / "workflows/config").glob("*.yaml"))
ONLY_CHAIN9 = {
    "name": "avg@4",
    "samples": 4,
    "sampling": {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": 9},
    "suites": ["chain9"],
}


@pytest.fixture
def mini() -> dict:
    return yaml.safe_load((ROOT / "workflows/config/mini.yaml").read_text())


@pytest.mark.parametrize("path", SCALES, ids=lambda path: path.stem)
def test_shipped_configs_are_valid(path):
    made = plan(read([path]))
    made.check_runs()
    assert made.config.scale == path.stem
    for task in made.distill_spec("single_task", "lsm", 0).tasks.values():
        assert task.rollout.top_p == 0.9
    for study in made.studies:
        assert made.score_spec(study).subjects
        assert made.curves_spec(study).curves
        assert made.table_spec(study).rows
        assert made.table_spec(study).paper_scale == path.stem.startswith("paper")


def test_several_training_processes_change_no_spec(mini):
    shared = plan(mini | {"training_processes": 8})
    assert shared.distill_spec("single_task", "lsm", 0) == plan(mini).distill_spec("single_task", "lsm", 0)


def test_nodes_have_as_many_processes_each(mini):
    with pytest.raises(ConfigError, match="training_processes 8 cannot be spread over training_nodes 3"):
        plan(mini | {"training_processes": 8, "training_nodes": 3})


@pytest.mark.parametrize(
    ("processes", "nodes", "fit"), [(1, 1, 1), (3, 1, 3), (4, 4, 1), (6, 2, 3), (8, 2, 4)]
)
def test_an_engine_is_shared_by_processes_of_one_node(mini, processes, nodes, fit):
    def made(shared):
        engine = {"engine": {"name": "vllm", "tensor_parallel": shared}}
        return plan(
            merge(mini, {"training_processes": processes, "training_nodes": nodes, "distill": engine})
        )

    made(fit).check_runs()
    wrong = made(2 * fit)
    for check in (wrong.check_runs, lambda: wrong.reinforce_spec("game_teacher")):
        with pytest.raises(
            ConfigError, match=rf"tensor_parallel {2 * fit} .* a node has {processes // nodes};"
        ):
            check()


def test_numbers_of_the_paper_exist(mini):
    change = {"studies": {"table_multitask": {"paper_table": "Table 1"}}}
    with pytest.raises(
        ConfigError, match=r"paper_row 'GiGPO teacher' is no row of Table 1 .*; it has OpenThinker3"
    ):
        plan(merge(mini, change)).check_runs()


def test_columns_of_the_paper_exist(mini):
    for columns in (["Avgg"], ["Avg", "ALFWorld"]):
        change = {"studies": {"table_single_task": {"paper_columns": columns}}}
        sentence = (
            rf"table_single_task: paper_column '{columns[-1]}' is no column of Table 1 .*; it has AIME24, "
        )
        with pytest.raises(ConfigError, match=sentence):
            plan(merge(mini, change)).check_runs()


def test_every_method_file_names_itself():
    for path in (ROOT / "workflows/methods").glob("*.smk"):
        text = path.read_text()
        assert f"use rule distill as {path.stem} with:" in text
        assert f'method="{path.stem}"' in text
        assert re.search(rf'spec=method\(\s*"{path.stem}"', text)


AGAINST_B = {"label": "A", "model": "student", "against": "B"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sedes": [0]}, "sedes is not a known key; did you mean 'seeds'?"),
        ({"models": {"teacher": {"pretrian": {}}}}, "did you mean 'pretrain'?"),
        (
            {"models": {"teacher": {"pretrain": {"stepz": 3}}}},
            "pretrain.stepz is not a known key; did you mean",
        ),
        ({"evaluation": {"table_protocol": "avg@32"}}, "'avg@32' is none of ['greedy', 'avg@4']"),
        (
            {"evaluation": {"environment": "sudoku"}},
            "evaluation.environment: Input should be 'chain_arithmetic'",
        ),
        (
            {"evaluation": {"problems_per_suite": 304}},
            "evaluation: chain2 has 303 distinct problems, not 304; write problems_per_suite",
        ),
        ({"evaluation": {"problems_per_suite": 1}}, "problems_per_suite 1 leaves no interval; write 2"),
        ({"evaluation": {"problems_per_suite": None}}, "chain2 is generated; write how many problems"),
        ({"evaluation": {"suites": ["aime24"]}}, "chain_arithmetic has no suite 'aime24'; it has chain2"),
        (
            {"tasks": {"chain_arithmetic": {"environment": "mathx"}}},
            "tasks.chain_arithmetic.environment: Input should be 'chain_arithmetic', 'math' or 'math_plain' "
            "(found 'mathx')",
        ),
        (
            {"models": {"student_sft": {"sft": {"environment": "mathy"}}}},
            "models.student_sft.sft.environment: Input should be 'chain_arithmetic', 'math' or 'math_plain'",
        ),
        (
            {"evaluation": {"suites": ["chain2"], "protocols": [ONLY_CHAIN9]}},
            "protocol 'avg@4' names chain9; the suites are chain2",
        ),
        (
            {"evaluation": {"protocols": [ONLY_CHAIN9 | {"suites": ["chain2"]}]}},
            "table_protocol 'avg@4' is none of [], which ask every suite",
        ),
        (
            {"experiments": {"single_task": {"teachers": {"chain_arithmetic": "nobody"}}}},
            "teachers.chain_arithmetic names the model 'nobody'; known: teacher",
        ),
        ({"studies": {"table_ablation": {"reference": "GRPO"}}}, "reference 'GRPO' is none of the rows"),
        (
            {"studies": {"table_x": {"title": "X", "reference": "A", "rows": [AGAINST_B]}}},
            "row 'A' is against 'B', none of the rows ['A']",
        ),
        (
            {"models": {"student_sft": {"sft": {"student": "student_sft"}}}},
            "models.student_sft is made from itself",
        ),
        ({"scale": "huge"}, "'smoke', 'mini', 'small', 'paper'"),
        ({"scale": "my scale", "base": "mini"}, "scale: write a name of lower-case letters, digits and _"),
        ({"scale": "mine", "base": "mni"}, "base 'mni' is no scale; did you mean 'mini'? Known here: mini, "),
        ({"scale": "mini", "base": "mini"}, "scale 'mini' with a base would share that scale's results"),
        ({"seeds": [0, 1, 0]}, "seeds: 0 stands twice; write it once"),
        ({"seeds": 3}, "seeds: write a list, such as [a, b] (found 3)"),
        ({"seeds": []}, "seeds: write a list with more entries"),
        ({"models": ["student"]}, "models: write KEY: VALUE lines"),
        (
            {"studies": {"table_x": {"title": "X", "reference": "A", "rows": [AGAINST_B | {"modle": "b"}]}}},
            "studies.table_x.rows.A.modle is not a known key; did you mean 'model'?",
        ),
        ({"seeds": [-1]}, "seeds.0: Input should be greater than or equal to 0 (found -1)"),
        ({"studies": {"table_ablation": {"seeds": [2, 2]}}}, "studies.table_ablation.seeds: 2 stands twice"),
        ({"studies": {"table_multitask": {"panels": ["valid_unseen"] * 2}}}, "valid_unseen stands twice"),
        ({"evaluation": {"suites": ["chain2", "chain2"]}}, "evaluation.suites: chain2 stands twice"),
        *(
            ({kind: {"a b": {}}}, f"{kind}.a b: write a name of lower-case letters, digits and _")
            for kind in ("panels", "models", "tasks", "experiments", "studies")
        ),
    ],
)
def test_wrong_configs_are_explained(mini, change, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        plan(merge(mini, change))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rollout": {"tpo_p": 0.5}}, "rollout.tpo_p is not a known key; did you mean 'top_p'?"),
        ({"teacher_top_k": 257}, "larger than the vocabulary"),
        ({"teacher_top_k": 1}, "identically zero"),
        ({"objective": {"options": {"beta": 0.1}}}, "would ignore the option 'beta'"),
        ({"optimizer": {"learning_rate": 0}}, "optimizer.learning_rate: Input should be greater than 0"),
    ],
)
def test_wrong_knobs_are_explained(mini, change, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        plan(merge(mini, {"distill": change})).distill_spec("single_task", "lsm", 0)


def test_who_follows_starts_as_the_student(mini):
    made = plan(mini)
    assert made.distill_spec("self_solution", "lsm@teacher_decay=0.9", 0).teacher_decay == 0.9
    with pytest.raises(ConfigError, match=r"write student for each of the experiment's teachers, or none"):
        made.distill_spec("single_task", "lsm@teacher_decay=0.9@teacher_temperature=0.5", 0)


def test_a_training_set_is_a_list_of_prompts_or_a_file_of_them(tmp_path):
    """And only published suites can have problems in it."""
    small = read([ROOT / "workflows/config/small.yaml"])

    def evaluated(**change):
        return plan(merge(small, {"evaluation": change})).config.evaluation.contamination

    path = tmp_path / "prompts.jsonl"
    path.touch()
    assert [evaluated(contamination=name) for name in ("dapo_math_17k", str(path), None)] == [
        *("dapo_math_17k", str(path), None)
    ]
    with pytest.raises(ConfigError, match=r"'math_trian' is no file; write one of dapo_math_17k"):
        evaluated(contamination="math_trian")
    with pytest.raises(ConfigError, match=r"cannot have problems of chain2, which is generated; write null"):
        evaluated(contamination="math_train", environment="chain_arithmetic", problems_per_suite=2)


def test_unknown_method_lists_the_known_ones(mini):
    with pytest.raises(
        ConfigError, match=r"unknown method 'lms'; did you mean 'lsm'\? Known here: .*\blsm\b"
    ):
        plan(mini).distill_spec("single_task", "lms", 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rolout": {"top_p": 1.0}}, "rolout is not a known key; did you mean 'rollout'"),
        ({"beta": 0.1}, "beta is not a known key; an option of a loss is objective.options.beta"),
        ({"rollout": 5}, "rollout has keys of its own; write them below it instead of 5"),
        ({"rollout": None}, "rollout has keys of its own; write them below it instead of null"),
        ({"mask": ["<think>"]}, 'mask has keys of its own; write them below it instead of ["<think>"]'),
        ({"memory": True}, "memory has keys of its own; write them below it instead of true"),
    ],
)
def test_settings_are_explained_where_they_stand(mini, change, sentence):
    """The config's, an experiment's, a model's, a method's."""
    model = {"game_teacher": {"reinforce": {"distill": change}}}
    for place, config in (
        ("distill", {"distill": change}),
        ("experiments.single_task.distill", {"experiments": {"single_task": {"distill": change}}}),
        ("models.game_teacher.reinforce.distill", {"models": model}),
    ):
        with pytest.raises(ConfigError, match=re.escape(f"config of scale mini: {place}: {sentence}")):
            plan(merge(mini, config))
    with pytest.raises(ConfigError, match=re.escape(f"the method 'mine': {sentence}")):
        plan(mini).method("mine", **change)


def test_what_a_variant_changes_is_explained(mini):
    made = plan(mini)
    with pytest.raises(ConfigError, match="the method 'lsm@rollout=5': rollout has keys of its own"):
        made.distill_spec("single_task", "lsm@rollout=5", 0)
    with pytest.raises(
        ConfigError, match=r"the method 'lsm@mask.kind=\[a': write each change as @KNOB=VALUE"
    ):
        made.distill_spec("single_task", "lsm@mask.kind=[a", 0)
    for changes, sentence in {
        "@lora": "write each change as @KNOB=VALUE",
        "@": "write each change as @KNOB=VALUE",
        "@=3": "write each change as @KNOB=VALUE",
        "@steps=3@steps=4": "steps stands twice; write it once",
        "@optimizer.learning_rate=.inf": "optimizer.learning_rate: Input should be a finite number",
        "@objective.name=ema_pg@objective.options.importance_clip=.inf": "importance_clip: Input should be",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(sentence)):
            made.distill_spec("single_task", f"lsm{changes}", 0)
    assert made.distill_spec("single_task", "lsm@lora=null", 0).lora is None


@pytest.mark.parametrize("key", ["rollout", "vocabulary_size", "tokens_per_forward", "checkpoint_every"])
def test_what_more_than_runs_read_is_there(mini, key):
    del mini["distill"][key]
    with pytest.raises(ConfigError, match=f"config of scale mini: distill: {key} is missing; add it"):
        plan(mini)


def test_a_scale_without_runs_is_checked(mini, tmp_path):
    """It has a warm start, and the signal study, which samples as a run would."""
    models = {name: mini["models"][name] for name in ("student", "teacher", "student_sft")}
    rows = [{"label": name, "model": name} for name in models]
    study = {"title": "Models as they are", "reference": "student", "rows": rows}
    signal = {"student": "student", "teacher": "teacher", "failures": rows}
    config = mini | {"models": models, "experiments": {}, "studies": {"models": study}, "signal": signal}
    made = Plan(config, ablations=tmp_path)
    made.check_runs()
    assert made.scoring_spec().sampling.max_new_tokens == 100
    del config["distill"]["rollout"]["temperature"]
    with pytest.raises(ConfigError, match=r"signal: sampling\.temperature is missing; add it"):
        Plan(config, ablations=tmp_path).check_runs()


def test_a_method_has_a_name_of_its_own(mini):
    made = plan(mini)
    with pytest.raises(ConfigError, match="two methods are registered as 'lsm'"):
        made.method("lsm", teacher_top_k=8)
    with pytest.raises(ConfigError, match=r"'LSM-8' .*; write a name of lower-case letters, digits and _"):
        made.method("LSM-8", teacher_top_k=8)


def test_a_name_with_a_dash_is_none_for_a_rule(tmp_path, monkeypatch):
    text = (ROOT / "workflows/methods/lsm.smk").read_text()
    (tmp_path / "lsm-k.smk").write_text(text.replace('"lsm"', '"lsm-k"'))
    monkeypatch.setattr(scale, "METHODS", tmp_path)
    with pytest.raises(ConfigError, match="'lsm-k' has no name for rules and files"):
        scale.registrations()


@pytest.mark.parametrize(
    ("old", "new"), [("as lsm with", "as lsm_new with"), ('method="lsm"', 'method="lsm_new"')]
)
def test_rule_folder_and_registration_are_one_name(tmp_path, monkeypatch, old, new):
    """A file whose names differ would train into another method's folder, or never."""
    text = (scale.METHODS / "lsm.smk").read_text()
    (tmp_path / "lsm.smk").write_text(text)
    monkeypatch.setattr(scale, "METHODS", tmp_path)
    assert list(scale.registrations()) == ["lsm"]
    (tmp_path / "lsm.smk").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=r"registers 'lsm', and its (rule|folder) is \['lsm_new'\]"):
        scale.registrations()


@pytest.fixture
def method_file(tmp_path, monkeypatch):
    """The path of a method file, the only one there."""
    monkeypatch.setattr(scale, "METHODS", tmp_path)
    return tmp_path / "lsm.smk"


LSM = """use rule distill as lsm with:
    pathvars:
        method="lsm",
    params:
        spec=method({}),
        other=len("of (two)"),
"""


def test_a_registration_ends_where_its_call_does(method_file):
    method_file.write_text(LSM.format('"lsm", objective={"name": "a (b)"}'))
    assert scale.registrations() == {"lsm": {"objective": {"name": "a (b)"}}}


@pytest.mark.parametrize("call", ['"lsm", teacher_top_k=K', "NAME", "", '"lsm", "two"', '"lsm", **KNOBS'])
def test_a_registration_is_of_literals(method_file, call):
    method_file.write_text(LSM.format(call))
    with pytest.raises(ConfigError, match=r"lsm.smk: write literals in method\(\.\.\.\), the name first"):
        scale.registrations()


def test_a_registration_that_is_no_python_is_explained(method_file):
    method_file.write_text(LSM.format('"lsm" teacher_top_k=4'))
    with pytest.raises(ConfigError, match=r"lsm.smk: Python cannot read method\(\.\.\.\); a comma"):
        scale.registrations()
    method_file.write_text(LSM.replace("spec=", "specs=").format('"lsm"'))
    with pytest.raises(ConfigError, match=r"lsm.smk has no params entry spec=method"):
        scale.registrations()


def test_an_indentation_of_one_s_own_is_read(method_file):
    method_file.write_text(LSM.replace("    ", "  ").format('"lsm"'))
    assert scale.registrations() == {"lsm": {}}


def test_settings_are_read_as_snakemake_reads_them(tmp_path):
    """Nested values are texts, null among them; the specs make numbers of them."""
    given = ["distill={vocabulary_size: 151643}", "seeds=[7]", "training_processes=2"]
    config = scale.read([scale.CONFIG / "small.yaml"], given)
    assert (config["seeds"], config["training_processes"]) == (["7"], 2)
    assert config["distill"]["vocabulary_size"] == "151643"
    assert shape_of(plan(config), "student").vocabulary == 151643
    assert scale.read([scale.CONFIG / "small.yaml"], ["gpu=null"])["gpu"] == "null"
    with pytest.raises(ConfigError, match=r"--config gpu: .*name=value"):
        scale.read([scale.CONFIG / "small.yaml"], ["gpu"])


def test_a_file_that_is_no_yaml_is_named(mini, tmp_path):
    (tmp_path / "broken.yaml").write_text('title: "x\n')
    with pytest.raises(ConfigError, match=r"broken\.yaml: .*quoted scalar"):
        Plan(mini, ablations=tmp_path)


def test_an_ablation_without_a_reference_or_of_another_scale_is_explained(mini, tmp_path):
    ablation = yaml.safe_load((ROOT / "workflows/ablations/support_size.yaml").read_text())
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(ablation | {"reference": {"paper": 16}}))
    with pytest.raises(ConfigError, match=r"broken\.yaml: reference has no value for the scale mini; add it"):
        plan(mini)._ablation(path)
    path.write_text(yaml.safe_dump(ablation | {"values": {"mni": [16, 64]}}))
    with pytest.raises(ConfigError, match=r"broken\.yaml: values\.mni.*'smoke', 'mini', 'small'"):
        plan(mini)._ablation(path)


@pytest.mark.parametrize("value", [["<think>"], {"rank": 4}, None])
def test_values_of_an_ablation_have_a_place_on_an_axis(mini, tmp_path, value):
    ablation = yaml.safe_load((ROOT / "workflows/ablations/support_size.yaml").read_text())
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(ablation | {"values": {"mini": [16, value]}}))
    with pytest.raises(
        ConfigError, match=r"broken\.yaml: values\.mini\.1: write a number or a text; .* study"
    ):
        plan(mini)._ablation(path)


def test_numbers_with_an_exponent_are_numbers(mini, tmp_path):
    """To YAML 1e-4 is a text."""
    ablation = (ROOT / "workflows/ablations/learning_rate.yaml").read_text()
    path = tmp_path / "rate.yaml"
    path.write_text(re.sub(r"mini: \[0.0001, ", "mini: [1e-4, ", ablation))
    assert "1e-4" in path.read_text()
    made = plan(mini)
    made._ablation(path)
    assert {point.value for point in made.sweeps["ablation_rate"].points} == {0.0001, 0.0003, 0.001, 0.003}
    assert made.trained("ablation_rate").keys() == made.trained("ablation_learning_rate").keys()


def test_an_ablation_is_checked_as_a_config_is(mini, tmp_path):
    ablation = yaml.safe_load((ROOT / "workflows/ablations/support_size.yaml").read_text())

    def broken(name="broken.yaml", **change):
        (tmp_path / name).write_text(yaml.safe_dump(ablation | change))
        plan(mini)._ablation(tmp_path / name)

    broken()
    with pytest.raises(ConfigError, match=r"broken\.yaml: seeds\.mini: 1 stands twice; write it once"):
        broken(seeds={"mini": [1, 1]})
    with pytest.raises(
        ConfigError, match=r"broken\.yaml: unknown experiment 'singl_task'; did you mean 'single"
    ):
        broken(experiment="singl_task")
    with pytest.raises(
        ConfigError,
        match=r"a b\.yaml becomes a target's name; write a name of lower-case letters",
    ):
        broken("a b.yaml")
    with pytest.raises(ConfigError, match=r"support_size\.yaml makes the study ablation_support_size, and"):
        broken("support_size.yaml")  # there is one of that name already


def test_a_study_does_not_take_an_ablation_s_place(mini):
    mini["studies"]["ablation_support_size"] = mini["studies"]["table_ablation"]
    with pytest.raises(
        ConfigError, match=r"support_size\.yaml makes the study ablation_support_size, .*; rename one"
    ):
        plan(mini)


def test_a_scale_of_one_s_own_lies_over_another(mini, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("{scale: mine, base: mini, distill: {steps: 8, teacher_top_k: 4}}")
    config = read([file], ["distill={steps: 4}"])
    assert config == merge(
        mini, {"scale": "mine", "base": "mini", "distill": {"steps": "4", "teacher_top_k": 4}}
    )
    made = plan(config, [file])
    assert (made.results, made.distill_spec("single_task", "lsm", 0).steps) == ("results/mine", 4)
    rebuild = f"snakemake --cores all table_ablation --configfile {os.path.relpath(file)}"
    assert made.table_spec("table_ablation").rebuild == rebuild
    assert plan(mini).command("all") == "snakemake --cores all all --configfile workflows/config/mini.yaml"
    assert made.sweeps.keys() == plan(mini).sweeps.keys()


def leaves(config: dict, path: tuple = ()):
    for key, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def test_every_distill_knob_changes_the_spec(mini):
    """No knob is ignored: each changes what the program is given, and what Snakemake tracks but for two."""
    baseline = as_param(plan(mini).distill_spec("single_task", "sampled_token", 0))
    untracked = []
    alternatives = {int: lambda x: x * 2, float: lambda x: x / 2 or 0.5, str: lambda x: "sequence_mean"}
    for path in leaves(mini["distill"]):
        changed = copy.deepcopy(mini)
        *parents, last = path
        section = changed["distill"]
        for parent in parents:
            section = section[parent]
        value = section[last]
        section[last] = (
            [x / 2 for x in value] if isinstance(value, list) else alternatives[type(value)](value)
        )
        param = as_param(plan(changed).distill_spec("single_task", "sampled_token", 0))
        assert str(param) != str(baseline), path
        untracked += [last] if param == baseline else []
    assert untracked == ["tokens_per_forward", "checkpoint_every"]


def test_ablations_vary_one_knob(mini):
    made = plan(mini)
    study = made.studies["ablation_support_size"]
    specs = [made.distill_spec("single_task", row.method, 0) for row in study.rows]
    assert [spec.teacher_top_k for spec in specs] == [2, 4, 16, 64]
    first, *rest = [spec.model_dump(exclude={"teacher_top_k", "method"}) for spec in specs]
    assert all(other == first for other in rest)


def test_masks_are_knobs(mini):
    """The experiment says what the markers are, the method or its variant what is done about them."""
    markers = ["<think>", "<|im_end|>", "<th ink >"]
    experiment = {**mini["experiments"]["single_task"], "distill": {"mask": {"markers": markers}}}
    made = plan(merge(mini, {"experiments": {"markers": experiment}}))
    made.method(
        "paper_mask", **made.methods["lsm"], mask={"kind": "first_occurrence", "markers": ["<", "think"]}
    )

    def mask(experiment, method):
        return made.distill_spec(experiment, method, 0).mask.model_dump()

    nothing = {"kind": "none", "markers": ("<think>", "</think>", "<|im_end|>"), "teacher_mass": None}
    assert mask("single_task", "lsm") == nothing
    assert mask("markers", "lsm") == nothing | {"markers": tuple(markers)}
    span = {"kind": "span", "markers": tuple(markers)}
    assert mask("markers", "lsm@mask.kind=span") == nothing | span
    assert mask("markers", "sampled_token@mask.kind=span") == nothing | span
    paper = {"kind": "first_occurrence", "markers": ("<", "think")}
    assert mask("markers", "paper_mask") == nothing | paper
    assert mask("single_task", "paper_mask@mask.teacher_mass=0.1") == nothing | paper | {"teacher_mass": 0.1}
    both = mask("markers", "lsm@mask.kind=span@mask.teacher_mass=0.1")
    assert both == nothing | span | {"teacher_mass": 0.1}
    with pytest.raises(ConfigError, match=r"mask\.kinds is not a known key"):
        mask("markers", "lsm@mask.kinds=span")


def test_adapters_are_a_variant_of_any_method(mini):
    made = plan(mini)
    full, adapted = (made.distill_spec("single_task", name, 0) for name in ("lsm", "lsm@lora.rank=16"))
    assert full.lora is None
    assert (adapted.lora.rank, adapted.lora.alpha, adapted.lora.targets) == (16, 32, "all-linear")
    exclude = {"lora", "method"}
    assert adapted.model_dump(exclude=exclude) == full.model_dump(exclude=exclude)
    some = made.distill_spec("single_task", "lsm@lora.rank=4@lora.targets=[q_proj, v_proj]", 0)
    assert some.lora.targets == ("q_proj", "v_proj")
    with pytest.raises(ConfigError, match=r"lora\.rank is missing"):
        made.distill_spec("single_task", "lsm@lora.alpha=8", 0)


def test_seeds_share_everything_but_the_seed(mini):
    made = plan(mini)
    first, second = (made.distill_spec("single_task", "lsm", seed).model_dump() for seed in (0, 1))
    assert first.pop("seed") != second.pop("seed")
    assert first == second


def test_rollouts_are_changed_by_task_then_setting_then_method(mini):
    """Defaults, the task's own, the experiment's, the method's, the ablation's: the later goes before."""
    mini["experiments"]["multitask"]["distill"] = {"steps": 4, "rollout": {"prompts": 48, "top_p": 0.5}}
    made = plan(mini)
    tasks = made.distill_spec("multitask", "sampled_token", 0).tasks
    own = mini["tasks"]["alfworld"]["rollout"]
    assert tasks["alfworld"].rollout.max_new_tokens == own["max_new_tokens"]
    assert tasks["alfworld"].rollout.temperature == mini["distill"]["rollout"]["temperature"]
    assert {task.rollout.prompts for task in tasks.values()} == {48}
    assert {task.rollout.top_p for task in tasks.values()} == {0.5}
    by_method = made.distill_spec("multitask", "lsm", 0).tasks
    assert {task.rollout.top_p for task in by_method.values()} == {0.9}
    varied = made.distill_spec("multitask", "lsm@rollout.top_p=0.8", 0).tasks
    assert {task.rollout.top_p for task in varied.values()} == {0.8}


def test_games_are_named_by_panel_and_played_from_its_file(mini):
    made = plan(mini)
    games = made.distill_spec("multitask", "lsm", 0).tasks["alfworld"].games
    assert games.panel == "results/mini/alfworld/train.jsonl"
    assert made.panel_files(["chain_arithmetic", "alfworld"]) == [games.panel]
    assert made.play_spec("valid_unseen").panel == "results/mini/alfworld/valid_unseen.jsonl"
    assert made.pretrain_files("game_teacher_sft") == [
        "results/mini/alfworld/train.demonstrations.jsonl",
        "results/mini/alfworld/development.jsonl",
    ]
    assert made.pretrain_files("teacher") == []


def test_a_reinforced_model_learns_one_task_from_outcomes(mini):
    made = plan(mini)
    spec = made.reinforce_spec("game_teacher")
    assert list(spec.tasks) == ["alfworld"]
    assert (spec.method, spec.seed) == ("gigpo", 1000)
    changes = mini["models"]["game_teacher"]["reinforce"]["distill"]
    assert spec.tasks["alfworld"].rollout.samples_per_prompt == changes["rollout"]["samples_per_prompt"]
    assert spec.steps == changes["steps"]


def test_a_model_is_reinforced_by_a_method_that_looks_at_outcomes(mini):
    mini["models"]["game_teacher"]["reinforce"]["method"] = "lsm"
    with pytest.raises(
        ConfigError,
        match=r"models\.game_teacher\.reinforce: the method 'lsm' does not look at outcomes; write .* grpo",
    ):
        plan(mini).check_runs()


def test_a_reinforced_model_and_students_do_not_share_a_seed(mini):
    mini["models"]["game_teacher"]["reinforce"]["seed"] = mini["seeds"][0]
    with pytest.raises(ValueError, match=r"models\.game_teacher\.reinforce\.seed 0 is a seed of students"):
        plan(mini)


def test_a_warm_start_costs_what_the_config_allows_a_run(mini):
    """Its recipe is its own; the engine is that of all models as they are."""
    distill = {"memory": {"recompute_layers": True, "shard_teachers": True}, "checkpoint_every": 7}
    made = plan(merge(mini, {"distill": distill, "evaluation": {"engine": "vllm"}}))
    recipe = mini["models"]["student_sft"]["sft"]
    traces, spec = made.traces_spec("student_sft"), made.sft_spec("student_sft")
    assert (traces.engine, traces.traces, traces.sampling.temperature) == ("vllm", recipe["traces"], 0.3)
    assert (spec.epochs, spec.batch_size, spec.schedule) == (
        recipe["epochs"],
        recipe["batch_size"],
        "constant",
    )
    assert (spec.tokens_per_forward, spec.checkpoint_every) == (mini["distill"]["tokens_per_forward"], 7)
    assert spec.memory.model_dump(exclude_defaults=True) == {"recompute_layers": True}
    other = made.sft_spec("early_sft")
    assert other == spec
    with pytest.raises(ConfigError, match=r"models\.student_sft\.sft: memory\.ofload is not a known key"):
        plan(merge(mini, {"distill": {"memory": {"ofload": True}}})).sft_spec("student_sft")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tasks": {"alfworld": {"games": {"panel": "trian"}}}}, "names the panel 'trian'; known: train"),
        ({"studies": {"table_multitask": {"panels": ["seen"]}}}, "names the panel 'seen'; known: train"),
        ({"experiments": {"multitask": {"teachers": {"chess": "teacher"}}}}, "names the task 'chess'"),
        ({"models": {"game_teacher": {"reinforce": {"task": "chess"}}}}, "names the task 'chess'"),
        (
            {"panels": {"train": {"source": "generatd:tiny:1:1"}}},
            "panels.train: 'generatd:tiny:1:1' is neither there nor generated:SIZE:PER_TYPE:SEED",
        ),
        (
            {"panels": {"train": {"source": "generated:tiny:2:0", "per_type": 3}}},
            "panels.train: per_type 3 is more than the 2 of each type in its source; write 2 or less",
        ),
        *(
            (
                {"panels": {"drawn": {"legacy_128": True} | panel}},
                "panels.drawn: legacy_128 is the draws of all",
            )
            for panel in ({"split": "valid_seen", "per_type": 2}, {"split": "train"})
        ),
        ({"evaluation": {"games": None}}, "studies with panels need evaluation.games"),
        (
            {"studies": {"table_multitask": {"panels": ["train"]}}},
            "studies.table_multitask.panels: train shares games with "
            "models.game_teacher_sft.pretrain.tasks.alfworld.demonstrations (train), which models learn "
            "from; name a panel of another source or split",
        ),
        (
            {
                "panels": {
                    "few": {"source": "generated:tiny:250:0", "split": "train", "per_type": 5},
                    "other": {"source": "generated:tiny:250:7", "split": "train"},
                },
                "tasks": {"alfworld": {"games": {"panel": "other"}}},
                "studies": {"table_multitask": {"panels": ["few"]}},
            },
            "studies.table_multitask.panels: few shares games with "
            "models.game_teacher_sft.pretrain.tasks.alfworld.demonstrations (train)",
        ),
    ],
)
def test_wrong_names_of_tasks_and_panels_are_explained(mini, change, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        plan(merge(mini, change))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (
            ["Loss", "Loss"],
            "signal.failures: two rows share a label: ['Loss', 'Loss']; write another for each",
        ),
        (["top_p = 0.9", "Loss"], "signal.failures: label 'top_p = 0.9' has a `=`; write it without"),
    ],
)
def test_failure_cases_have_labels_of_their_own(mini, labels, sentence):
    rows = [{"label": label, "model": "student"} for label in labels]
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        plan(merge(mini, {"signal": {"failures": rows}}))


def test_games_that_models_learn_from_are_known_by_whatever_source_they_are_drawn(
    mini, tmp_path, monkeypatch
):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    sources = {"generated:tiny:250:0": "generated:tiny:2:0", None: str(tmp_path / "." / "x" / "..")}
    (tmp_path / "x").mkdir()
    for learnt, played in sources.items():
        panels = {"train": {"source": learnt}, "heldout": {"source": played, "split": "train"}}
        change = {"panels": panels, "studies": {"table_multitask": {"panels": ["heldout"]}}}
        with pytest.raises(ConfigError, match="panels: heldout shares games with"):
            plan(merge(mini, change))
        change["panels"]["heldout"]["split"] = "valid_seen"
        assert plan(merge(mini, change)).studies["table_multitask"].panels == ("heldout",)


def test_prompts_are_named_and_asked_as_they_are_written(mini):
    made = plan(mini)
    (task,) = made.distill_spec("self_hint", "lsm", 0).tasks.values()
    assert task.teacher_prompt == "hint {answer} ; {question}"
    told = made.pretrain_spec("prompted").tasks.chain_arithmetic.instructions
    assert [each.prompt for each in told] == ["hint {answer} ; {question}", "concise ; {question}"]
    assert made.generate_spec("concise").prompt == "concise ; {question}"
    assert made.generate_spec().prompt is None
    subjects = {each.row: each.responses for each in made.score_spec("table_told").subjects}
    folder = "results/mini/models/early_prompted"
    assert subjects["Model"] == f"{folder}/responses.jsonl"
    assert subjects["Model, told the answer"] == f"{folder}/asked/hint/responses.jsonl"


def test_a_table_says_what_rows_are_asked_and_teachers_read(mini):
    notes = plan(mini).table_spec("table_told").notes
    assert "Model, told the answer: asked 'hint {answer} ; {question}'." in notes
    assert "LSM, itself told the solution: the teacher read 'values {solution} ; {question}'." in notes
    assert sum("Better teacher:" in note or note.startswith("Model:") for note in notes) == 0


def test_a_model_is_cross_checked_under_each_prompt_that_it_is_asked(mini):
    mini["studies"]["table_told"]["in_all"] = True
    rows = {each.row for each in plan(mini).crosscheck_spec().subjects}
    assert {"early_prompted", "early_prompted hint", "early_prompted solution"} <= rows


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompts": {"hint": "hint {answer}"}}, "prompts.hint: write {question} where the problem's"),
        ({"tasks": {"chain_arithmetic_hint": {"teacher_prompt": "hit"}}}, "the prompt 'hit'; known: hint"),
        ({"tasks": {"alfworld": {"teacher_prompt": "hint"}}}, "teacher_prompt is put around a question"),
        ({"studies": {"table_told": {"panels": ["valid_unseen"]}}}, "is put around questions, and panels"),
        (
            {"models": {"rlvr_teacher": {"reinforce": {"task": "chain_arithmetic_hint"}}}},
            "method grpo: the teacher of chain_arithmetic_hint is told more, and log_ratio_weight 0 ignores",
        ),
        (
            {"tasks": {"chain_arithmetic_solution": {"environment": "math"}}},
            "the problems of math have no solution; write a prompt without {solution}",
        ),
    ],
)
def test_wrong_prompts_are_explained(mini, change, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        plan(merge(mini, change)).check_runs()


def test_a_study_of_the_base_can_be_left_out(mini):
    studies = plan(merge(mini, {"studies": {"table_told": None}})).config.studies
    assert set(mini["studies"]) - set(studies) == {"table_told"}


def test_a_prompt_of_a_row_is_filled_in_by_the_suites():
    small = read([ROOT / "workflows/config/small.yaml"])
    change = {
        "prompts": {"concise": "{question} {solution}"},
        "tasks": {"math_concise": {"teacher_prompt": None}},
    }
    with pytest.raises(
        ConfigError,
        match=r"asked by studies\.table_\w+, row '.*': the problems of math_plain have no solution",
    ):
        plan(merge(small, change)).check_runs()


def test_rows_and_lessons_name_prompts_that_exist(mini):
    for rows in (
        mini["studies"]["table_told"]["rows"],
        mini["models"]["prompted"]["pretrain"]["tasks"]["chain_arithmetic"]["instructions"],
    ):
        changed = copy.deepcopy(mini)
        (row,) = [row for row in rows if row.get("prompt") == "hint"][:1]
        kept, row["prompt"] = row["prompt"], "hit"
        with pytest.raises(ConfigError, match="names the prompt 'hit'; known: hint, solution, concise"):
            plan(mini)
        row["prompt"] = kept
        assert changed == mini


def test_runs_with_the_same_recipe_are_one(mini):
    made = plan(mini)
    rows = made.trained("ablation_rollout_top_p")
    folders = {
        label: folder.rsplit("/", 2)[1] for label, of_seeds in rows.items() for folder in of_seeds.values()
    }
    assert folders == {
        "LSM, 1.0": "lsm_no_top_p",
        "LSM, 0.9": "lsm",
        "LSM, 0.8": "lsm@rollout.top_p=0.8",
        "Sampled token, 1.0": "sampled_token",
        "Sampled token, 0.9": "sampled_token_top_p",
        "Sampled token, 0.8": "sampled_token@rollout.top_p=0.8",
    }


@pytest.mark.parametrize("asked", ["a", "b"])
def test_a_run_lies_in_one_folder_whatever_is_asked_for_first(mini, asked):
    """Of two spellings of a recipe the config's first names it."""
    spellings = {"a": "lsm@teacher_top_k=4@steps=2", "b": "lsm@steps=2@teacher_top_k=4"}
    mini["studies"] = {
        f"table_{name}": {
            "title": name,
            "reference": name,
            "rows": [{"label": name, "experiment": "single_task", "method": method}],
        }
        for name, method in spellings.items()
    }
    made = plan(mini)
    made.check_runs()
    (of_seeds,) = made.trained(f"table_{asked}").values()
    assert {folder.rsplit("/", 2)[1] for folder in of_seeds.values()} == {spellings["a"]}


def test_a_study_may_have_seeds_of_its_own(mini):
    mini["studies"]["table_single_task"]["seeds"] = [3, 8]
    made = plan(mini)
    assert set(made.trained("table_single_task")["LSM, top-p 0.9"]) == {3, 8}
    assert set(made.trained("table_markers")["LSM, no mask"]) == set(mini["seeds"])


def test_ablations_are_swept_and_belong_to_full(mini):
    made = plan(mini)
    sweep = made.sweeps["ablation_learning_rate"]
    points = {(point.method, point.value): point.row for point in sweep.points}
    assert points["Sampled token", 0.001] == "Sampled token, 0.001"
    assert made.studies["ablation_learning_rate"].reference == "LSM, 0.0003"
    assert made.studies["ablation_support_size"].reference == "teacher_top_k = 16"
    pairs = made.table_spec("ablation_learning_rate").pairs
    assert pairs["LSM, 0.001"] == "LSM, 0.0003"
    assert pairs["Sampled token, 0.001"] == "Sampled token, 0.0003"
    assert not {"LSM, 0.0003", "Sampled token, 0.0003"} & set(pairs)
    seeds = {name: set(made.trained(name)[made.studies[name].reference]) for name in made.sweeps}
    assert seeds["ablation_learning_rate"] == {0, 1, 2, 3, 4}
    assert seeds["ablation_rollout_top_p"] == set(mini["seeds"])
    assert set(made.sweeps) <= set(made.studies_of("full")) - set(made.studies_of("all"))


def test_a_copy_of_a_method_takes_none_of_its_runs_over(mini):
    """As long as nothing in it is changed; nor those of variants that have the method's recipe."""
    made, copied = plan(mini), plan(mini)
    copied.method("a_copy", **copied.methods["lsm"])
    for study in made.studies:
        assert copied.runs(study).keys() == made.runs(study).keys()


def test_a_table_reads_how_every_model_was_trained_that_says_so(mini):
    """Runs, and models by SFT and reinforcement, each with its recipe; others have no run.json."""
    made = plan(mini)
    runs = made.table_spec("table_multitask").runs | made.table_spec("table_single_task").runs
    trained = {
        "models/game_teacher": made.reinforce_spec("game_teacher"),
        "models/student_sft": made.sft_spec("student_sft"),
        "runs/multitask/lsm/seed1": made.distill_spec("multitask", "lsm", 1),
        "runs/single_task/sampled_token/seed0": made.distill_spec("single_task", "sampled_token", 0),
    }
    for folder, spec in trained.items():
        assert runs[f"results/mini/{folder}/run.json"] == spec.recipe_sha256()
    assert not any("student/run.json" in path for path in runs)
    sweep = made.table_spec("ablation_rollout_top_p").runs
    equal = made.distill_spec("single_task", "lsm_no_top_p", 0)  # as the ablation's lsm@rollout.top_p=1.0 is
    assert sweep["results/mini/runs/single_task/lsm_no_top_p/seed0/run.json"] == equal.recipe_sha256()
