"""What a config needs before it runs, job by job, and what of it is missing here.

`workflows.plan` says which jobs there are, `opd.plan` what a model of some shape takes. `training` and
`answering` put the two together for a kind of job, `jobs` for a target or a DAG; `lacks` and `sources` say
what is missing, `requests` what to ask a cluster for, and `tables` are what `python -m opd.plan` prints.
"""
