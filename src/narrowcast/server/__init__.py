"""An OpenAI-compatible HTTP server over one exported file.

guard      who may ask: host, origin, token, size
protocol   what a request may hold, what an answer looks like
queue      one request at a time, in order, with a bounded line
host       the child process, started again when it dies
answers    a request through the task's handler, as it was measured
app        the routes
run        the listening process
"""
