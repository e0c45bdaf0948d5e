"""Names that configs choose from, with their meaning. Loads no torch."""

SUPPORTS = {
    "sampled": "the sampled token alone: the support of estimators",
    "teacher_top_k": "the teacher's K most probable tokens",
    "student_top_k": "the student's K most probable tokens before the update",
    "intersection": "tokens that both top K hold; may be empty",
    "union": "tokens that either top K holds",
    "teacher_top_k_and_sampled": "the teacher's top K and the sampled token",
    "student_top_k_and_sampled": "the student's top K and the sampled token",
    "teacher_nucleus": "the fewest teacher tokens that hold `nucleus_mass`, K at most",
    "vocabulary": "all tokens",
}
