"""Prefix-tree packing: what the rows of a batch share is computed once, exactly.

`trie` finds what is shared, `blocks` cuts the attention into dense pieces, `attention` computes them,
`register` hands that to transformers. See docs/packing.md for why the gradients are those of the padded run.
"""
