"""The words a reward file may use: helpers, torch functions, tensor methods. Data only, no torch.

The rules check a file against these lists and the runtime offers nothing else, so that what the
prompt promises, what is accepted and what exists cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Helper:
    """A function or number in scope of every reward file."""

    signature: str
    doc: str


HELPERS: dict[str, Helper] = {
    "tolerance": Helper(
        "tolerance(x, lower=0.0, upper=0.0, margin=0.0, value_at_margin=0.1)",
        "1 where lower <= x <= upper, falling off as a Gaussian outside, to value_at_margin at a "
        "distance of margin; with margin=0 it is 0 outside",
    ),
    "bell": Helper("bell(x, sigma)", "exp(-(x / sigma)**2 / 2): 1 at x = 0, falling to both sides"),
    "distance": Helper(
        "distance(a, b)", "Euclidean distance over the last dimension: [B, n], [B, n] -> [B]"
    ),
    "norm": Helper("norm(x)", "Euclidean norm over the last dimension: [B, n] -> [B]"),
    "inf": Helper("inf", "infinity, for open bounds: tolerance(x, lower=1.0, upper=inf)"),
    "pi": Helper("pi", "3.14159..."),
}


def describe_helpers() -> str:
    """Return one Markdown list line per helper, for prompts and for people."""
    return "\n".join(f"- `{helper.signature}`: {helper.doc}" for helper in HELPERS.values())


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BUILTINS = _words("abs bool dict enumerate float int len list max min range round sum tuple zip")

MATH_NAMES = _words("""
    acos acosh asin asinh atan atan2 atanh ceil cos cosh degrees dist e exp expm1 fabs floor
    fmod hypot inf isclose isfinite isinf isnan log log10 log1p log2 pi prod radians sin sinh sqrt
    tan tanh tau trunc""")
MATH_CONSTANTS = frozenset({"e", "inf", "pi", "tau"})

_ELEMENTWISE = """abs absolute acos acosh add arccos arcsin arctan arctan2 asin asinh atan
     atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min clip
    copysign cos cosh deg2rad div divide eq erf exp exp2 expm1 fix float_power floor floor_divide
    fmax fmin fmod frac ge greater greater_equal gt heaviside hypot isclose isfinite isinf isnan le
    lerp less less_equal log log10 log1p log2 logaddexp logical_and logical_not logical_or
    logical_xor lt maximum minimum mul multiply nan_to_num ne neg negative not_equal pow rad2deg
    reciprocal remainder round rsqrt sgn sigmoid sign sin sinc sinh sqrt square sub subtract tan
    tanh true_divide trunc xlogy"""
_REDUCTIONS = """all amax amin any argmax argmin argsort count_nonzero cumprod cumsum diff dist dot
    logsumexp matmul max mean median min nanmean nansum norm prod quantile softmax log_softmax
    sort std sum topk var"""
_SHAPES = """broadcast_to chunk diagonal flatten flip gather index_select moveaxis movedim permute
    ravel reshape roll split squeeze swapaxes tile transpose unbind unsqueeze where"""

TORCH_FUNCTIONS = _words(f"""
    {_ELEMENTWISE} {_REDUCTIONS} {_SHAPES} addcdiv addcmul arange as_tensor bmm
    broadcast_tensors bucketize cartesian_prod cat cdist column_stack concat concatenate
    cosine_similarity cross cummax cummin deg2rad einsum empty_like eye full full_like hstack inner
    linspace logspace meshgrid mv ones ones_like outer relu repeat_interleave row_stack
    scalar_tensor searchsorted selu stack tensor tensordot tril triu vstack zeros
    zeros_like""")
TORCH_CONSTANTS = _words("""
    pi inf nan e Tensor float float16 float32 float64 double half bool int int8 int16 int32
    int64 long uint8""")
TORCH_LINALG = _words("cross det inv matmul matrix_norm norm vecdot vector_norm")
TORCH_FUNCTIONAL = _words("""
    celu cosine_similarity elu gelu hardsigmoid hardtanh huber_loss kl_div l1_loss leaky_relu
    log_softmax logsigmoid mse_loss normalize one_hot pad pairwise_distance relu relu6 sigmoid silu
    smooth_l1_loss softmax softmin softplus softsign tanh tanhshrink threshold""")
TORCH_MODULES: dict[str, frozenset[str]] = {
    "torch": TORCH_FUNCTIONS,
    "torch.linalg": TORCH_LINALG,
    "torch.nn.functional": TORCH_FUNCTIONAL,
    "torch.special": _words("erf expit log1p logit sinc xlogy"),
}
"""Callable names by module path, as a reward file spells it."""

TENSOR_METHODS = _words(f"""
    {_ELEMENTWISE} {_REDUCTIONS} {_SHAPES} bool bmm clone contiguous cross detach dim double
    expand expand_as float index_fill int long masked_fill mm mv narrow new_full new_ones new_tensor
    new_zeros numel outer relu repeat repeat_interleave reshape_as scatter select size softmax
    take_along_dim to tril triu type_as unflatten unfold view view_as""")
TENSOR_PROPERTIES = _words("T mT shape device dtype ndim values indices")
DICT_METHODS = _words("items keys values")
MEMORY_METHODS = _words("get setdefault")

ALLOCATORS = _words("""
    arange empty eye full linspace logspace new_full new_ones new_zeros one_hot ones
    repeat repeat_interleave expand broadcast_to tile tril triu unfold pad zeros""")
"""Functions and methods whose number arguments are sizes."""
