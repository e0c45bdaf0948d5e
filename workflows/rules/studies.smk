"""Named targets: one per study of the config, one per ablation file, and all of them."""

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
