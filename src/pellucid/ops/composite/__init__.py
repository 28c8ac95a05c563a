"""Functions made of rows, in Array API spelling. They take Tensors, NumPy arrays and numbers.

In: operands of any mix; axes as people write them (negative, None, a tuple). Out: a Value of the
active recorder. `pellucid.numpy` is this package and the elementwise rows under one name. Where a
function has the name of a row, its first arguments are the row's, so that a row's forward may be
called with either.
"""

from pellucid.ops.composite.base import Axis, astype, asvalue
from pellucid.ops.composite.convolution import conv
from pellucid.ops.composite.create import (
    arange,
    eye,
    full,
    full_like,
    one_hot,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from pellucid.ops.composite.elementwise import (
    ceil,
    clip,
    cosh,
    exp2,
    floor,
    hypot,
    isinf,
    isnan,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    positive,
    pow,
    reciprocal,
    round,
    sinh,
    tan,
    trunc,
    where,
)
from pellucid.ops.composite.indexing import gather, index, scatter_add, take
from pellucid.ops.composite.movement import (
    broadcast_arrays,
    broadcast_to,
    concat,
    expand_dims,
    flip,
    fold,
    getitem,
    matrix_transpose,
    moveaxis,
    pad,
    permute_dims,
    repeat,
    reshape,
    roll,
    split,
    squeeze,
    stack,
    swapaxes,
    tile,
    unstack,
    windows,
)
from pellucid.ops.composite.pooling import avg_pool, local_response_norm, max_pool
from pellucid.ops.composite.product import (
    contract,
    diagonal,
    dot,
    einsum,
    inner,
    matmul,
    outer,
    tensordot,
    trace,
    tril,
    triu,
    vecdot,
)
from pellucid.ops.composite.reduce import (
    all,
    any,
    argmax,
    argmin,
    count,
    count_nonzero,
    cumulative_prod,
    cumulative_sum,
    diff,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    prod,
    softmax,
    std,
    sum,
    var,
    vector_norm,
)

__all__ = [
    "Axis", "all", "any", "arange", "argmax", "argmin", "astype", "asvalue", "avg_pool",
    "broadcast_arrays", "broadcast_to", "ceil", "clip", "concat", "contract", "conv", "cosh",
    "count", "count_nonzero", "cumulative_prod", "cumulative_sum", "diagonal", "diff", "dot",
    "einsum", "exp2", "expand_dims", "eye", "flip", "floor", "fold", "full", "full_like", "gather",
    "getitem", "hypot", "index", "inner", "isinf", "isnan", "local_response_norm", "log2", "log10",
    "log_softmax", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor",
    "logsumexp", "matmul", "matrix_transpose", "max", "max_pool", "mean", "min", "moveaxis",
    "one_hot", "ones", "ones_like", "outer", "pad", "permute_dims", "positive", "pow", "prod",
    "reciprocal", "repeat", "reshape", "roll", "round", "scatter_add", "sinh", "softmax", "split",
    "squeeze", "stack", "std", "sum", "swapaxes", "take", "tan", "tensordot", "tile", "trace",
    "tril", "triu", "trunc", "unstack", "var", "vecdot", "vector_norm", "where", "windows", "zeros",
    "zeros_like",
]  # fmt: skip
