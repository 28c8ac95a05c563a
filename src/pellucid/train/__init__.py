"""Training: the step as one graph, the loop over minibatches, callbacks, history, checkpoints."""
