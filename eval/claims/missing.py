"""Why a claim cannot be measured at a scale, before anything is read."""

from eval.claims.spec import Claim, Comparison, StudyState


def missing(claim: Claim, studies: dict[str, StudyState]) -> str | None:
    """Why a claim cannot be measured, in words; None if it can."""
    test = claim.test
    if test is None:
        return claim.why_not
    study = studies.get(test.study)
    if study is None:
        return f"this scale has no study {test.study}"
    if absent := _absent(test, study):
        return f"study {test.study} of this scale has no {absent}"
    return None if study.run else f"study {test.study} was not run: {study.rebuild}"


def _absent(test: Comparison, study: StudyState) -> str | None:
    """What a comparison needs and the study lacks, in words."""
    played = set(test.panels) & set(study.panels)
    needed = {
        "row": [row for row in test.rows if row not in study.rows],
        "panel": [] if played else test.panels,
        "subject": [subject for subject in test.subjects if subject not in study.subjects],
    }
    found = (f"{noun} {', '.join(map(repr, names))}" for noun, names in needed.items() if names)
    return next(found, None)
