"""An OpenAI-compatible HTTP server over one exported file.

guard      who may ask: host, origin, token, size
protocol   what a request may hold, what an answer looks like
queue      one request at a time, in order, with a bounded line
host       the loaded model, opened again when its process dies
engine     what is needed of a model, and which kind a file is
answers    what a request asks, as it was measured, and the pieces of an answer
llama_model, onnx_model    the kinds of models
app        the routes
run        the listening process
"""
