"""The training engine. A run from top to bottom, with the file that does each part:

    stages/train/run.py           one run: preflight, setup, checkpoint to continue from, session, manifest
      preflight/examine.py          every problem, before anything is loaded ...
      checks/baseline.py            ... among them a missing baseline
      setup.py                      what a run is made of: base, tokenizer, token rows, recipe
        data/rows.py                  conversations to token rows with their loss mask
        recipes/recipe.py             what the options leave open, chosen, each choice with its reason
        recipes/named.py              named recipes; recipes/rank.py the adapter's rank
        packing/choice.py             padded or packed rows; recipes/selection.py which weights are kept
      attempt.py                    the session, again with smaller micro-batches when memory runs out
        preflight/expected.py         a forecast of time and memory from a few steps (preflight/probe.py)
        session.py                    one run, from loaded weights to saved ones
          weights.py                    all weights, or an adapter; fused/ puts faster operations in
          packing/calibration.py        what each layout of a batch costs on this machine
          objectives/                   what is minimised: sft, dpo, or a plug-in's
          trainer.py                    the loop of transformers, with our loss, seeds and checkpoints
            data/batches.py               the order of rows, and padded batches; data/word_dropout.py
            packing/                      batches packed as a trie, and their attention
            forward.py                    logits at positions with loss alone (fused/last_layer.py)
            monitor.py                    trace, dev evaluations, checkpoints, early stop, cancel
            checks/dev_score.py           the task's metric on dev rows
          checks/forgetting.py          general text, read before and after
          outputs/saved_run.py          weights, tokenizer, `run.json`, the index of runs
        outputs/checkpoints.py        checkpoints count when they are whole; outputs/trace.py; outputs/disk.py
        tracking/                     figures to MLflow, Weights & Biases or a plug-in
        failures.py                   what was raised, as one of the codes `training_*`
      checks/overfitting.py         a warning where the dev loss rose

`options.py` holds every option, by subject.
"""
