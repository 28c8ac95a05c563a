"""Rows of `test_arguments.py`: callables written by hand, and another value of each argument."""

from __future__ import annotations

import numpy as np

from pellucid import keras
from pellucid.keras import callbacks, layers, metrics, ops, random, utils
from tests.keras.calls import (
    Call,
    Recorder,
    X,
    Y,
    add_weight,
    added,
    compile_,
    counted,
    doubled,
    fit,
    layer_of,
    listed,
    loaded,
    logged,
    looked_up,
    measured,
    model,
    nested,
    normalized,
    of,
    popped,
    saved_twice,
    steps_of,
    terminated,
    variable,
    weights_of,
    wrapped,
)

HELD = {"validation_data": (X[:4], 1 - Y[:4])}
SPEED = "how many rows are worked on together changes no result"
CALLS = [
    Call(
        "Model.compile", compile_, {},
        {
            "optimizer": "adam", "loss": "mae", "loss_weights": [0.5], "metrics": ["mse"],
            "weighted_metrics": ["mse"], "run_eagerly": True, "steps_per_execution": 4,
            "jit_compile": False, "auto_scale_loss": False,
        },
    ),
    Call(
        "Model.fit", fit, {"x": X, "y": Y, "batch_size": 4, "shuffle": False, "verbose": 0},
        {
            "x": X + 1, "y": 1 - Y, "batch_size": 2, "epochs": 3, "verbose": 2,
            "callbacks": [Recorder()], "validation_split": 0.5, **HELD, "shuffle": True,
            "class_weight": {0: 3.0}, "sample_weight": np.arange(8.0), "initial_epoch": 1,
            "steps_per_epoch": 1, "validation_steps": 1, "validation_batch_size": 2,
            "validation_freq": 2,
        },
        {
            "initial_epoch": {"epochs": 3},
            "validation_steps": {**HELD, "validation_batch_size": 2},
            "validation_batch_size": HELD, "validation_freq": {**HELD, "epochs": 3},
        },
        {"validation_batch_size": SPEED},
    ),
    Call(
        "Model.evaluate", lambda **a: model().evaluate(**a), {"x": X, "y": Y, "verbose": 0},
        {
            "x": X + 1, "y": 1 - Y, "batch_size": 2, "verbose": 1, "steps": 2,
            "sample_weight": np.arange(8.0), "callbacks": [Recorder()], "return_dict": True,
        },
        {"steps": {"batch_size": 2}}, {"batch_size": SPEED},
    ),
    Call(
        "Model.predict", lambda **a: model().predict(**a), {"x": X, "verbose": 0},
        {"x": X + 1, "batch_size": 2, "verbose": 1, "steps": 2, "callbacks": [Recorder()]},
        {"steps": {"batch_size": 2}}, {"batch_size": SPEED},
    ),
    Call("Model.predict_on_batch", lambda **a: model().predict_on_batch(**a), {"x": X},
         {"x": X + 1}),
    Call(
        "Model.train_on_batch", lambda **a: model().train_on_batch(**a), {"x": X, "y": Y},
        {
            "x": X + 1, "y": 1 - Y, "sample_weight": np.arange(8.0), "class_weight": {0: 3.0},
            "return_dict": True,
        },
    ),
    Call(
        "Model.test_on_batch", lambda **a: model().test_on_batch(**a), {"x": X, "y": Y},
        {"x": X + 1, "y": 1 - Y, "sample_weight": np.arange(8.0), "return_dict": True},
    ),
    Call(
        "Model.save", saved_twice("save", ".keras"), {"filepath": "x.keras"},
        {"filepath": "y.keras", "overwrite": False, "zipped": True},
    ),
    Call(
        "Model.save_weights", saved_twice("save_weights", ".weights.h5"),
        {"filepath": "x.weights.h5"},
        {"filepath": "y.weights.h5", "overwrite": False, "max_shard_size": 2},
    ),
    Call(
        "Model.load_weights", weights_of, {"filepath": "a.weights.h5"},
        {"filepath": "b.weights.h5", "skip_mismatch": True},
    ),
    Call(
        "Model.get_layer", lambda **a: model().get_layer(**a).name, {"name": "a"},
        {"name": "b", "index": 1},
    ),
    Call(
        "Model.summary", lambda **a: nested().summary(**a), {},
        {
            "line_length": 80, "positions": [0.5, 1.0], "print_fn": lambda line: None,
            "expand_nested": True, "show_trainable": True, "layer_range": ["a", "a"],
        },
    ),
    Call("Sequential.add", added, {"layer": layers.Dense(2, name="c")}, {
        "layer": layers.Dense(2, name="d"), "rebuild": False}),
    Call("Sequential.pop", popped, {}, {"rebuild": False}),
    Call(
        "Sequential", lambda **a: [keras.Sequential(**a).name, len(keras.Sequential(**a).layers),
        keras.Sequential(**a).trainable], {},
        {"layers": [keras.Input((4,)), layers.Dense(3)], "trainable": False, "name": "own"},
    ),
    Call("Layer.add_weight", add_weight, {}, {
        "shape": (1,), "initializer": "ones", "dtype": "float64", "trainable": False,
        "autocast": False, "regularizer": "l2", "constraint": "non_neg", "aggregation": "sum",
        "overwrite_with_gradient": True, "name": "own"}),
    Call("models.load_model", loaded, {"filepath": "here.keras"}, {
        "custom_objects": {"a": 1}, "compile": False, "safe_mode": False}),
    Call("callbacks.EarlyStopping", of(callbacks.EarlyStopping), {}, {
        "monitor": "loss", "min_delta": 10.0, "patience": 2, "verbose": 1, "mode": "max",
        "baseline": -1.0, "restore_best_weights": True, "start_from_epoch": 3},
        {"min_delta": {"monitor": "loss"}, "baseline": {"patience": 3}}),
    Call("callbacks.ModelCheckpoint", of(callbacks.ModelCheckpoint),
         {"filepath": "{epoch}.keras"}, {
        "filepath": "own{epoch}.keras", "monitor": "loss", "verbose": 1, "save_best_only": True,
        "save_weights_only": True, "mode": "max", "save_freq": 2, "initial_value_threshold": -1.0},
        {"save_weights_only": {"filepath": "{epoch}.weights.h5"},
         "monitor": {"save_best_only": True}, "mode": {"save_best_only": True},
         "initial_value_threshold": {"save_best_only": True, "monitor": "loss"}}),
    Call("callbacks.ReduceLROnPlateau", of(callbacks.ReduceLROnPlateau), {"patience": 1}, {
        "monitor": "loss", "factor": 0.5, "patience": 3, "verbose": 1, "mode": "max",
        "min_delta": 10.0, "cooldown": 3, "min_lr": 0.005},
        {"min_delta": {"monitor": "loss"}}),
    Call("callbacks.LearningRateScheduler", of(callbacks.LearningRateScheduler),
         {"schedule": lambda epoch, rate: 0.01}, {
        "schedule": lambda epoch, rate: 0.02, "verbose": 1}),
    Call("callbacks.LambdaCallback", of(callbacks.LambdaCallback), {}, {
        name: lambda *_, word=name: print(word) for name in (
            "on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end",
            "on_train_batch_begin", "on_train_batch_end")}),
    Call("callbacks.TerminateOnNaN", terminated, {}, {"raise_error": True}),
    Call("callbacks.CSVLogger", logged, {"filename": "a.csv"}, {
        "filename": "b.csv", "separator": ";", "append": True}),
    Call("callbacks.TensorBoard", of(callbacks.TensorBoard), {}, {
        "log_dir": "own", "histogram_freq": 1, "write_graph": False, "write_images": True,
        "write_steps_per_second": True, "update_freq": "batch", "profile_batch": 2,
        "embeddings_freq": 1, "embeddings_metadata": "x"},
        same={"write_graph": "no graph is written"}),
    Call("layers.Layer", doubled, {}, {
        "name": "own", "trainable": False, "dtype": "float64", "activity_regularizer": "l1",
        "autocast": False}),
    Call("layers.ActivityRegularization", measured(layers.ActivityRegularization), {"l1": 0.5}, {
        "l1": 0.25, "l2": 0.5}),
    Call("layers.EinsumDense", measured(layers.EinsumDense),
         {"equation": "ab,bc->ac", "output_shape": 3}, {
        "equation": "ab,bc->ac", "output_shape": 5, "activation": "tanh", "bias_axes": "c",
        "kernel_initializer": "ones", "bias_initializer": "ones", "kernel_regularizer": "l2",
        "bias_regularizer": "l2", "kernel_constraint": "non_neg",
        "bias_constraint": "non_neg", "lora_rank": 2, "lora_alpha": 2.0,
        "gptq_unpacked_column_size": 2, "quantization_config": {"a": 1}}, {
        "bias_initializer": {"bias_axes": "c"},
        "bias_regularizer": {"bias_axes": "c", "bias_initializer": "ones"},
        "bias_constraint": {"bias_axes": "c", "bias_initializer": keras.initializers.Constant(-1)}},
        {"equation": "the axes that the output has"}),
    *(
        Call(f"layers.Adaptive{kind}Pooling{rank}D",
             layer_of(getattr(layers, f"Adaptive{kind}Pooling{rank}D"),
                      np.ones((1, *[8] * rank, 2))),
             {"output_size": 2}, {"output_size": 4, "data_format": "channels_first"})
        for kind in ("Average", "Max") for rank in (1, 2)
    ),
    Call("metrics.Mean", counted(metrics.Mean), {}, {"name": "own", "dtype": "float16"}),
    Call("metrics.Sum", counted(metrics.Sum), {}, {"name": "own", "dtype": "float16"}),
    Call("metrics.MeanMetricWrapper", wrapped, {"fn": metrics.mean_squared_error}, {
        "fn": metrics.mean_absolute_error, "name": "own", "dtype": "float16"}),
    Call("metrics.Metric", lambda **a: [metrics.Metric(**a).name, metrics.Metric(**a).dtype], {}, {
        "dtype": "float64", "name": "own"}),
    Call("metrics.Metric.add_variable", variable, {"shape": (2,), "initializer": "zeros"}, {
        "shape": (3,), "initializer": "ones", "dtype": "int32", "aggregation": "mean",
        "name": "own"}),
    Call("random.SeedGenerator", lambda **a: [random.SeedGenerator(**a).next(),
         random.SeedGenerator(**a).name], {}, {"seed": 5, "name": "own"}),
    Call("callbacks.BackupAndRestore", of(callbacks.BackupAndRestore), {"backup_dir": "x"}, {
        "backup_dir": "y", "save_freq": 2, "double_checkpoint": True, "delete_checkpoint": False},
        {"backup_dir": {"delete_checkpoint": False}, "save_freq": {"delete_checkpoint": False}}),
    Call("callbacks.CallbackList", listed, {"callbacks": [Recorder()]}, {
        "callbacks": [Recorder(), Recorder()], "add_history": True, "add_progbar": True,
        "model": keras.Sequential([keras.Input((4,)), layers.Dense(1)])}),
    Call("layers.Lambda", layer_of(layers.Lambda), {"function": lambda x: x * 2.0}, {
        "function": lambda x: x * 3.0, "output_shape": (5,), "mask": 1,
        "arguments": {"k": 3.0}}, {"arguments": {"function": lambda x, k=1.0: x * k}}),
    Call("layers.Normalization", normalized, {}, {
        "axis": None, "mean": 1.0, "variance": 4.0, "invert": True},
        {"mean": {"variance": 1.0}, "variance": {"mean": 0.0}}),
    Call("layers.CategoryEncoding", layer_of(layers.CategoryEncoding, np.array([[0, 2], [1, 1]])),
         {"num_tokens": 3}, {"num_tokens": 4, "output_mode": "count", "sparse": True}),
    Call("layers.Discretization", layer_of(layers.Discretization), {"bin_boundaries": [0.0, 1.0]}, {
        "bin_boundaries": [0.5], "num_bins": 3, "epsilon": 0.1, "output_mode": "one_hot",
        "sparse": True, "dtype": "float64", "name": "own"}),
    Call("layers.IntegerLookup", looked_up(layers.IntegerLookup, np.array([3, 3, 5, 7])), {}, {
        "max_tokens": 2, "num_oov_indices": 0, "mask_token": 5, "oov_token": -9,
        "vocabulary": [5, 7], "vocabulary_dtype": "int32", "idf_weights": [1.0], "invert": True,
        "output_mode": "one_hot", "sparse": True, "pad_to_max_tokens": True, "oov_method": "x",
        "salt": 3, "name": "own"}),
    Call("layers.StringLookup", looked_up(layers.StringLookup, np.array(["c", "c", "a", "b"])),
         {}, {
        "max_tokens": 2, "num_oov_indices": 0, "mask_token": "a", "oov_token": "?",
        "vocabulary": ["a", "b"], "idf_weights": [1.0], "invert": True, "output_mode": "one_hot",
        "pad_to_max_tokens": True, "sparse": True, "encoding": "latin-1", "name": "own",
        "salt": 3}),
    Call("layers.Concatenate", lambda **a: layers.Concatenate(**a)([X, X]), {}, {"axis": 0}),
    Call("layers.Dot", lambda **a: layers.Dot(**a)([X, X]), {"axes": 1}, {
        "axes": (1, 1), "normalize": True}, same={"axes": "the same axes in another form"}),
    Call("layers.Input", lambda **a: [str(layers.Input(**a).shape), layers.Input(**a).name],
         {"shape": (4,)}, {
        "shape": (5,), "batch_size": 3, "dtype": "int32", "sparse": True, "batch_shape": (None, 6),
        "name": "own", "tensor": X, "ragged": True, "optional": True},
        {"batch_shape": {"shape": None}}, {"dtype": "whole numbers are read as the model's dtype"}),
    Call("layers.InputLayer", lambda **a: [str(layers.InputLayer(**a).output.shape),
         layers.InputLayer(**a).name], {"shape": (4,)}, {
        "shape": (5,), "batch_size": 3, "dtype": "int32", "sparse": True, "ragged": True,
        "batch_shape": (None, 6), "input_tensor": X, "optional": True, "name": "own"},
        {"batch_shape": {"shape": None}}, {"dtype": "whole numbers are read as the model's dtype"}),
    *(
        Call(f"layers.{name}", getattr(layers, name), {
            "inputs": [X, X + 1], **({"axes": 1} if name == "dot" else {})}, {
            "inputs": [X + 5, X + 2], "axis": 0, "axes": 0})
        for name in ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply",
                     "subtract")
    ),
    Call("utils.to_categorical", utils.to_categorical, {"x": [0, 1]}, {
        "x": [1, 0], "num_classes": 4}),
    Call("utils.normalize", utils.normalize, {"x": X}, {"x": X + 1, "axis": 0, "order": 1}),
    Call("utils.pad_sequences", utils.pad_sequences, {"sequences": [[1, 2, 3], [4]]}, {
        "sequences": [[1], [2]], "maxlen": 2, "dtype": "float32", "padding": "post",
        "truncating": "post", "value": 9}, {"truncating": {"maxlen": 2}}),
    Call("utils.plot_model", utils.plot_model, {"model": model(), "to_file": "a.svg"}, {
        "model": keras.Sequential([keras.Input((2,)), layers.Dense(1)]),
        "to_file": "b.svg", "show_shapes": True, "show_dtype": True, "show_layer_names": True,
        "rankdir": "BT", "expand_nested": True, "dpi": 100, "show_layer_activations": True,
        "show_trainable": True, "splines": "curved"},
        same=dict.fromkeys(("show_shapes", "show_layer_names", "show_layer_activations"),
                           "they always stand there") | {"dpi": "of PNG"}),
    Call("utils.set_random_seed", lambda **a: [utils.set_random_seed(**a), np.random.rand()],
         {"seed": 1}, {"seed": 2}),
    Call("utils.is_keras_tensor", utils.is_keras_tensor, {"x": 1}, {"x": keras.Input((2,))}),
    Call("utils.clear_session", utils.clear_session, {}, {"free_memory": False},
         same={"free_memory": "memory alone"}),
    Call("utils.PyDataset", steps_of, {}, {
        "workers": 2, "use_multiprocessing": True, "max_queue_size": 3}),
    Call("ops.convert_to_tensor", ops.convert_to_tensor, {"x": [1, 2]}, {
        "x": [2, 3], "dtype": "float64", "sparse": True, "ragged": True}),
    Call("ops.convert_to_numpy", ops.convert_to_numpy, {"x": [1, 2]}, {"x": [2, 3]}),
    Call("ops.shape", ops.shape, {"x": X}, {"x": X[:2]}),
    Call("config.set_floatx", lambda **a: [keras.config.set_floatx(**a), keras.config.floatx(),
         keras.config.set_floatx("float32")], {"value": "float32"}, {"value": "float64"}),
    Call("config.set_epsilon", lambda **a: [keras.config.set_epsilon(**a), keras.config.epsilon(),
         keras.config.set_epsilon(1e-7)], {"value": 1e-7}, {"value": 1e-3}),
    Call("config.set_image_data_format", keras.config.set_image_data_format,
         {"data_format": "channels_last"}, {"data_format": "channels_first"}),
]  # fmt: skip
