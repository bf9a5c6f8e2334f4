"""The code of strangers, run without harm: a fresh process locks itself, and reads the code only then.

`protocol` has the forms of request and answer, `lint` friendly messages about a source. Neither needs numpy, and the API and the
runner import only these. The function `strategy_sandbox` imports `parent`, which starts a process of `child` for each run.
`lock` are the child's locks, `jobs` its work. docs/sandbox.md says which lock holds which attack.
"""
