"""What a person holds and calls: Tensors, tracing, gradients of functions, jit, custom operations."""
