"""What other libraries call the arguments of `compile` and `fit`, and attributes of a model.

In: nothing. Out: tables for `core.errors.nearest`, which names the meaning of such a name here.
"""

from __future__ import annotations

_RATE = "Give it to the optimizer: compile(pel.optim.SGD(0.1), …)."
_CLIP = "Give it to the optimizer: compile(pel.optim.SGD(0.1, clip_norm=1.0), …)."
_FROZEN = "Write rates={'dense_1': 0} for a layer whose weights stay."
_COMPILE = "Give it to compile: compile(optimizer, loss, metrics=…)."
_FIT = "Give it to fit: fit(x, y, batch_size=32, epochs=10)."
_STOP = "Write callbacks=[pel.EarlyStopping(patience=5)], with validation_data."
_ONE_CALL = "Leave it out: fit takes many steps in one native call."

COMPILE = {
    "lr": _RATE,
    "learning_rate": _RATE,
    "momentum": "Give it to the optimizer: compile(pel.optim.SGD(0.1, momentum=0.9), …).",
    "clipnorm": _CLIP,
    "clipvalue": _CLIP,
    "regularizers": "regularizer",
    "penalty": "regularizer",
    "weight_decay": "Write regularizer=pel.nn.L2(1e-4).",
    "l2": "Write regularizer=pel.nn.L2(1e-4).",
    "l1": "Write regularizer=pel.nn.L1(1e-4).",
    "criterion": "loss",
    "objective": "loss",
    "scoring": "metrics",
    "metric": "metrics",
    "weighted_metrics": "Weights of rows are those of the loss: fit(…, sample_weight=…).",
    "trainable": _FROZEN,
    "freeze": _FROZEN,
    "run_eagerly": "Leave it out: pel.show(model, x) shows every value.",
    "steps_per_execution": _ONE_CALL,
    "jit_compile": _ONE_CALL,
    "batch_size": _FIT,
    "epochs": _FIT,
    "callbacks": "Give it to fit: fit(x, y, callbacks=[…]).",
}

FIT = {
    "validation": "validation_data",
    "eval_set": "validation_data",
    "validation_steps": "Leave it out: validation takes all rows of validation_data.",
    "validation_batch_size": "Leave it out: validation takes as many rows at once as are quick.",
    "random_state": "seed",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "nb_epoch": "epochs",
    "num_epochs": "epochs",
    "max_epochs": "epochs",
    "bs": "batch_size",
    "minibatch_size": "batch_size",
    "num_workers": "threads",
    "n_jobs": "threads",
    "use_multiprocessing": "threads",
    "deterministic": "Leave it out: runs of one seed give the same bits. For any number of workers "
    "write chunks=8.",
    "lr": _RATE,
    "learning_rate": _RATE,
    "optimizer": _COMPILE,
    "loss": _COMPILE,
    "metrics": _COMPILE,
    "early_stopping": _STOP,
    "patience": _STOP,
    "save_path": "checkpoint",
    "class_weights": "class_weight",
}

_SAVE = "Call model.save(path) for each model behind it."
_MANY = "Make a model for each value: fit_many([make(rate) for rate in rates], x, y)."

FIT_MANY = {
    **{name: FIT[name] for name in FIT if FIT[name] != "threads"},
    **dict.fromkeys(("seeds", "random_states"), "seed"),
    **dict.fromkeys(("client", "address", "executor", "scheduler"), "cluster"),
    **dict.fromkeys(
        ("n_jobs", "workers", "num_workers", "max_workers"),
        "Leave it out: as many runs as there are processors go on at once.",
    ),
    "num_cpus": "threads",
    "model": "models",
    "verbose": "Leave it out: it prints nothing.",
    "checkpoint": _SAVE,
    "save_path": _SAVE,
    "resume": "Call fit(…, resume=True) for each model.",
    **dict.fromkeys(("param_grid", "param_distributions", "hyperparameters", "config"), _MANY),
}

_QUIET = "Leave it out: it prints nothing."

EVALUATE = {
    "verbose": _QUIET,
    "return_dict": "Leave it out: evaluate always returns a dict.",
    "steps": "Leave it out: all rows of x are taken.",
    "callbacks": "Callbacks are for training: fit(x, y, callbacks=[…]).",
}

PREDICT = {name: EVALUATE[name] for name in ("verbose", "steps", "callbacks")}

CALL = {
    "training": "Write model.apply(params, state, x, train=True, key=pel.Key(seed, step)).",
    "train": "Write model.apply(params, state, x, train=True, key=pel.Key(seed, step)).",
    "mask": "Leave it out: no layer here takes a mask.",
}

ATTRIBUTES = {
    "stop_training": "Set run.stop = True in a Callback's on_epoch or on_step.",
    "trainable": "Freeze layers in compile: rates={'dense_1': 0}.",
    "learning_rate": "Give it to the optimizer: compile(pel.optim.SGD(0.1), …).",
    "lr": "Give it to the optimizer: compile(pel.optim.SGD(0.1), …).",
}

_OWN_LOOP = "Write a step with pel.value_and_grad and optimizer.update: see docs/training-loops.md."
_TYPES = "Print model.summary(), which shows the shape of each layer's output."
_SYMBOLS = "Keep the symbols that the model was made of: x = pel.Input((4,)); h = layer(x)."

# What is read from a model of another library.
READ = {
    "train_on_batch": _OWN_LOOP,
    "train_step": _OWN_LOOP,
    "test_on_batch": "evaluate",
    "predict_on_batch": "predict",
    "predict_classes": "Write model.predict(x).argmax(axis=1).",
    "fit_generator": "fit",
    "score": "evaluate",
    "transform": "predict",
    "save_weights": "save",
    "load_weights": "Write model.set_weights(pel.load(path).get_weights()).",
    "load_state_dict": "set_weights",
    "state_dict": "get_weights",
    "parameters": "params",
    "trainable_weights": "weights",
    "trainable_variables": "params",
    "non_trainable_weights": "state",
    "variables": "weights",
    "inputs": _SYMBOLS,
    "outputs": _SYMBOLS,
    "input": _SYMBOLS,
    "output": _SYMBOLS,
    "input_shape": _TYPES,
    "output_shape": _TYPES,
    "pop": "Write Sequential(model.layers[:-1]), which shares the weights.",
    "clone": "Write copy.deepcopy(model).",
    "forward": "apply",
    "call": "apply",
    "to_json": "save",
    "get_config": "Write model.save(path), and pel.load(path) for the model again.",
    "trainable": "Freeze layers in compile: rates={'dense_1': 0}.",
    "train": "Call fit; apply(…, train=True) is one forward pass of training.",
    "eval": "Leave it out: predict and evaluate switch dropout off.",
}

# What is looked for among the models.
MODELS = {
    "load_model": "Write pel.load(path).",
    "Functional": "Model",
    "LeNet": "lenet5",
    "LeNet5": "lenet5",
    "AlexNet": "alexnet",
    "save_model": "Write model.save(path).",
    "clone_model": "Write copy.deepcopy(model).",
    "LRFinder": "rate_range",
}
