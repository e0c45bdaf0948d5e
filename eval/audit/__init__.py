"""The grader audited: golds respelled as models would write them, and other graders on the same answers."""
