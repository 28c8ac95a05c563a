"""A Program becomes LLVM. Only this folder and `runtime/native.py` know llvmlite."""
