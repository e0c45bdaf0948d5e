"""The rows of a made-up suite."""

ROWS = [
    {"id": 1, "problem": "What is $1 + 1$?", "answer": "002"},
    {"id": 2, "problem": "What is\n$2 + 2$?", "answer": "\\boxed{4}"},
    {"id": 3, "problem": "How large is the angle?", "answer": "$336^\\circ$"},
]
