"""What a person holds and calls: Tensors, tracing, gradients, jit, operations of their own."""
