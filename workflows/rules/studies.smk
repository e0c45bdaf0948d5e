"""Named targets: one per study of the config, one per ablation file, and all of them."""

try:
    PLAN.check_runs()
except ConfigError as error:
    raise WorkflowError(str(error)) from None


for study in PLAN.studies:

    rule:
        name:
            study
        input:
            collect(
                "<results>/studies/{study}/{file}", study=study, file=files_of(study)
            ),


rule full:
    input:
        rules.all.input,
        study_files("full"),
        "<results>/full/claims.html",
