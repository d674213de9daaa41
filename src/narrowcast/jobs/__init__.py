"""Long commands as durable jobs: a queue in a database, a worker, a process per step.

`control` submits, lists and steers; `worker` runs what is queued; `schedule` submits by the clock. The queue
is DBOS's: it survives `kill -9` of anything, and a step that has finished is not run again.
"""
