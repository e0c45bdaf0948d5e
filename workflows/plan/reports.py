"""The fourth layer of a plan: what is scored, tabulated, drawn and judged."""

from collections.abc import Iterator
from functools import cache

from eval.claims.missing import missing
from eval.claims.spec import ClaimsSpec, Ledger
from eval.spec import CurvesSpec, ScoreSpec, TableSpec
from opd.spec import SamplingSpec
from studies.signal.spec import SUBJECTS, FailureSpec, ScoringSpec, SignalSpec
from workflows.explain import check
from workflows.plan.studies import WORKFLOWS, Studies
from workflows.plan.values import read_yaml


class Plan(Studies):
    """One scale, its methods and its ablations, with the specs of its tables, figures and verdicts."""

    @property
    def ledger(self) -> Ledger:
        """Every claim."""
        return _ledger()

    def score_spec(self, study: str) -> ScoreSpec:
        """The models of a study and where their responses lie."""
        subjects = [
            {
                "row": row.label,
                "seed": seed,
                "responses": self.responses(row, folder),
                "episodes": {panel: f"{folder}/games/{panel}" for panel in self.studies[study].panels},
            }
            for row, seed, folder in self.subjects(study)
        ]
        return ScoreSpec(**self.config.evaluation.asked, subjects=subjects)

    def crosscheck_spec(self) -> ScoreSpec:
        """Every model behind the studies of `all`, each once and under its own name."""
        subjects = {
            self.responses(row, folder): {
                "row": " ".join(filter(None, (row.model or f"{row.experiment}/{row.method}", row.prompt))),
                "seed": seed,
                "responses": self.responses(row, folder),
            }
            for study in self.studies_of("all")
            for row, seed, folder in self.subjects(study)
        }
        return ScoreSpec(**self.config.evaluation.asked, subjects=list(subjects.values()))

    def table_spec(self, study: str) -> TableSpec:
        """How a study's table is rendered."""
        config, evaluation = self.studies[study], self.config.evaluation
        return TableSpec(
            title=config.title,
            scale=self.config.scale,
            scale_description=self.config.description,
            protocol=evaluation.table_protocol,
            paper_scale=self.config.origin == "paper",
            paper_table=config.paper_table,
            paper_columns=config.paper_columns,
            panels=config.panels,
            notes=(*self._told(study), *config.notes),
            reference_row=config.reference,
            rows=[
                {"row": r.label, "label": r.label, "against": r.against, "paper_row": r.paper_row}
                for r in config.rows
            ],
            evaluation=evaluation.asked,
            contamination=self.contamination_report,
            runs={path: trained.recipe_sha256() for path, trained in self.runs(study).items()},
            rebuild=self.command(study),
        )

    def _told(self, study: str) -> Iterator[str]:
        """Of the rows that are asked, or whose teachers read, more than the questions: what."""
        for row in self.studies[study].rows:
            if row.prompt:
                yield f"{row.label}: asked {self.config.prompts[row.prompt]!r}."
            for task in self.config.experiments[row.experiment].teachers if row.experiment else ():
                if prompt := self.config.tasks[task].teacher_prompt:
                    yield f"{row.label}: the teacher read {self.config.prompts[prompt]!r}."

    def curves_spec(self, study: str) -> CurvesSpec:
        """The training curves of a study: its rows that were trained."""
        curves = [
            {
                "label": label,
                "metrics": {seed: f"{folder}/metrics.jsonl" for seed, folder in folders.items()},
            }
            for label, folders in self.trained(study).items()
        ]
        title = f"Training curves: {self.studies[study].title}"
        return CurvesSpec(title=title, scale_description=self.config.description, curves=curves)

    def claims_spec(self, target: str) -> ClaimsSpec:
        """Every claim, and the studies of this scale; those of the target `all` or `full` are run."""
        run = self.studies_of(target)
        studies = {
            name: {
                "rows": [row.label for row in study.rows],
                "panels": study.panels,
                "run": name in run,
                "rebuild": self.command(name),
            }
            for name, study in self.studies.items()
        }
        for name in ("estimators", "signal"):
            if getattr(self.config, name) is not None:
                studies[name] = {"run": True, "rebuild": self.command(name)}
        if self.config.signal is not None:
            studies["signal"]["subjects"] = [SUBJECTS[role] for role in self.signal_scores]
        asked = {claim.test.study for claim in self.ledger.claims if claim.test}
        return ClaimsSpec(
            title="Claims of arXiv 2603.25562 and 2605.11182",
            scale=self.config.scale,
            scale_description=self.config.description,
            results=self.results,
            protocol=self.config.evaluation.table_protocol,
            claims=self.ledger.claims,
            studies={name: study for name, study in studies.items() if name in asked},
            rebuild=self.command(f"claims_{target}"),
        )

    def claims_files(self, target: str) -> list[str]:
        """What the claims that can be measured are read from."""
        spec = self.claims_spec(target)
        tests = [claim.test for claim in spec.claims if claim.test and not missing(claim, spec.studies)]
        return sorted({f"{self.results}/{file}" for test in tests for file in test.files})

    def check_runs(self) -> None:
        """The same, and the sampling of the signal study."""
        super().check_runs()
        if self.config.signal:
            self.scoring_spec()

    def scoring_spec(self) -> ScoringSpec:
        """How responses are sampled and scored for the signal study: by `distill.rollout`, one a problem."""
        signal, distill = self.config.signal, self.config.distill
        assert signal is not None
        rollout = distill["rollout"]
        recipe = {
            "environment": self.config.evaluation.environment,
            "seed": self.config.seeds[0],
            "responses": signal.responses,
            "sampling": {name: rollout[name] for name in SamplingSpec.model_fields if name in rollout},
            "tokens_per_forward": signal.tokens_per_forward or distill["tokens_per_forward"],
            "batch_size": signal.batch_size,
            "recompute_layers": distill.get("memory", {}).get("recompute_layers", False),
        }
        return check(ScoringSpec, recipe, "signal")

    def signal_spec(self) -> SignalSpec:
        """How the signal study is summarised."""
        return SignalSpec(scale_description=f"{self.config.scale}: {self.config.description}")

    def failure_spec(self) -> FailureSpec:
        """Which failure cases are shown."""
        return FailureSpec(scale_description=f"{self.config.scale}: {self.config.description}")

    @property
    def signal_scores(self) -> dict[str, str]:
        """Teacher's role -> folder of the scores of the signal study's student."""
        signal = self.config.signal
        assert signal is not None
        teachers = {"teacher": signal.teacher, "respelled": signal.respelled}
        student = f"{self.results}/models/{signal.student}"
        return {role: self._scores(student, name) for role, name in teachers.items() if name}

    @property
    def failure_scores(self) -> dict[str, str]:
        """Label -> folder of the scores of every student whose failures are shown."""
        signal, seed = self.config.signal, self.config.seeds[0]
        assert signal is not None
        return {row.label: self._scores(self.folder(row, seed), signal.teacher) for row in signal.failures}

    def _scores(self, student: str, teacher: str) -> str:
        return f"{self.results}/signal/scores/{student.removeprefix(f'{self.results}/')}/{teacher}"


@cache
def _ledger() -> Ledger:
    """The claims, read once a process."""
    return check(Ledger, {"claims": read_yaml(WORKFLOWS / "claims.yaml")}, "claims.yaml")
