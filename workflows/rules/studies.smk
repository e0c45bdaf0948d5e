"""Named targets: one per study of the config and one per ablation file."""

try:
    PLAN.check_runs()
except ConfigError as error:
    raise WorkflowError(str(error)) from None


for study in PLAN.studies:

    rule:
        name:
            study
        input:
            collect("<results>/studies/{study}/{file}", study=study, file=STUDY_FILES),
