"""The claims ledger: each claim of a paper, the comparison that tests it, and a computed verdict.

`docs/claims.md` says how verdicts come about. Nothing here loads torch.
"""
