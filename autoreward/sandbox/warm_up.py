"""Touches what torch loads late, because nothing can be loaded once the walls stand."""

from __future__ import annotations

import traceback

import torch


def warm_up() -> None:
    """Call one of each kind of torch function, and make one error, before the lockdown."""
    # oneDNN writes machine code at run time, which the walls forbid; torch's own kernels do not.
    torch._C._set_mkldnn_enabled(False)
    x = torch.ones(4, 3)
    repr(x)
    torch.einsum("bi,bi->b", x, x)
    torch.linalg.norm(x, dim=-1)
    torch.nn.functional.softmax(x @ x.T, dim=-1)
    torch.manual_seed(0)
    try:
        torch.stack([x, x[0]])
    except RuntimeError:
        traceback.format_exc()
