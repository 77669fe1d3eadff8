"""Where a model runs, and in which number format."""

from __future__ import annotations

from interloom.pipeline.errors import ConfigError


def device_and_precision(device: str, precision: str) -> tuple[str, str]:
    """ "cpu" or "cuda", and "fp32" or "bf16", for settings that may be "auto".

    Raises ConfigError for `device` "cuda" without a GPU.

    Parameters:
        device: "cpu", "cuda", or "auto", which takes the GPU if there is one.
        precision: "fp32", "bf16", or "auto", which is bf16 on a GPU and fp32 on the CPU.
    """
    import torch

    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise ConfigError(f"device: cuda, but torch {torch.__version__} sees no GPU here")
    device = ("cuda" if has_gpu else "cpu") if device == "auto" else device
    return device, ("bf16" if device == "cuda" else "fp32") if precision == "auto" else precision
