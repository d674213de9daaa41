"""One file a way of answering: majority, TF-IDF, transformers, few-shot prompting, llama.cpp."""
