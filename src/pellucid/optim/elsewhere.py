"""What other libraries call optimizers, schedules and their arguments.

In: nothing. Out: tables for `core.errors.nearest`, which names the meaning of such a name here.
"""

from __future__ import annotations

_NONE = "The nearest here is Adam()."

NAMES = {
    "gd": "SGD",
    "gradient_descent": "SGD",
    "stochastic_gradient_descent": "SGD",
    "momentum": "Write pel.optim.SGD(0.1, momentum=0.9).",
    "nesterov": "Write pel.optim.SGD(0.1, momentum=0.9, nesterov=True).",
    "nag": "Write pel.optim.SGD(0.1, momentum=0.9, nesterov=True).",
    "bfgs": "LBFGS",
    "l_bfgs_b": "LBFGS",
    "newton_cg": "Newton",
    "spsa": "Perturb",
    "rprop": "The nearest here is RMSprop(), which also works on minibatches.",
    "amsgrad": "Write pel.optim.Adam(amsgrad=True).",
    "radam": _NONE,
    # schedules
    "StepLR": "Step",
    "StepDecay": "Step",
    "ExponentialLR": "Exponential",
    "ExponentialDecay": "Exponential",
    "CosineDecay": "Cosine",
    "CosineAnnealingLR": "Cosine",
    "MultiStepLR": "Piecewise",
    "PiecewiseConstantDecay": "Piecewise",
    "OneCycleLR": "OneCycle",
    "ConstantLR": "Constant",
    "CosineDecayRestarts": "CosineRestarts",
    "CosineAnnealingWarmRestarts": "CosineRestarts",
    "InverseTimeDecay": "InverseTime",
    "PolynomialLR": "PolynomialDecay",
    "LinearLR": "WarmUp",
    "LinearWarmup": "WarmUp",
    "LearningRateSchedule": "Schedule",
    "LRScheduler": "Schedule",
    "ReduceLROnPlateau": "Write fit(…, callbacks=[pel.ReduceOnPlateau()]).",
}

ARGUMENTS = {
    "alpha": "rho",  # PyTorch's of RMSprop
    "eta": "learning_rate",
    "eta0": "learning_rate",
    "step_size": "learning_rate",
    "learning_rate_init": "learning_rate",
    "betas": "Write beta_1=0.9, beta_2=0.999.",
    "eps": "epsilon",
    "clipnorm": "clip_each_norm",
    "clipvalue": "clip_value",
    "global_clipnorm": "clip_norm",
    "max_norm": "clip_norm",
    "max_grad_norm": "clip_norm",
    "use_ema": "average",
    "ema_momentum": "average",
    "ema_overwrite_frequency": "average_every",
    "gradient_accumulation_steps": "gather_steps",
    "accumulate_grad_batches": "gather_steps",
    "clip": "Write clip_norm=1.0, or clip_value=1.0 for each element.",
    "weight_decay": "Write compile(…, regularizer=L2(1e-4)), or AdamW(weight_decay=0.01).",
    "decay": "Give a schedule as the rate: SGD(pel.optim.Exponential(0.1, 0.9, 1000)).",
    "params": "Leave it out: fit and update hand over the weights.",
    "history_size": "memory",
    "initial_accumulator_value": "initial_accumulator",
    "lr_decay": "Give a schedule as the rate: SGD(pel.optim.Exponential(0.1, 0.9, 1000)).",
}

# What is read from an optimizer of another library.
READ = {
    "param_groups": "Write compile(…, rates={'dense_1': 0.1}) for a rate of one layer.",
    "zero_grad": "Leave it out: gradients are made anew for each step.",
    "apply_gradients": "Write weights, slots = optimizer.update(gradients, slots, weights).",
    "state_dict": "Write model.save(path): the file has the slots too.",
    "minimize": "Write model.fit(x, y), or optimizer.update in a loop of your own.",
}
