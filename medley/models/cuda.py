"""What the model libraries see of GPUs."""

from __future__ import annotations


def gpus_seen() -> dict[str, int]:
    """Counts the GPUs that each library that runs Medley's models can use."""
    import ctranslate2
    import torch

    return {"torch": torch.cuda.device_count(), "ctranslate2": ctranslate2.get_cuda_device_count()}
