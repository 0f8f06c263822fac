"""The tiny Whisper as a Transformers model, with a helper head on its encoder that is dropped at export."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional
from transformers import WhisperConfig, WhisperForConditionalGeneration

from tests.demo_models.tokens import IGNORED, LETTERS, Tokens
from tests.demo_models.windows import Batch

_WIDTH = 160


def whisper_config(tokens: Tokens) -> WhisperConfig:
    """2.5 M parameters: 3 encoder and 2 decoder layers of width 160."""
    return WhisperConfig(
        vocab_size=tokens.size,
        num_mel_bins=80,
        d_model=_WIDTH,
        encoder_layers=3,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=4 * _WIDTH,
        decoder_ffn_dim=4 * _WIDTH,
        max_source_positions=1500,  # faster-whisper pads every window to 30 s
        max_target_positions=448,  # faster-whisper goes as far as that before it gives up on a window
        dropout=0.0,
        init_std=0.08,  # about 1 / sqrt(width): the default suits models five times as wide
        pad_token_id=tokens.end,
        bos_token_id=tokens.end,
        eos_token_id=tokens.end,
        decoder_start_token_id=tokens.start,
    )


class TrainedWhisper(nn.Module):
    """The model, and a linear layer that reads letters off the encoder (CTC): it teaches the alignment.

    Letters, because all words share them: a layer that reads whole words learns each from its own examples.
    """

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self.whisper = WhisperForConditionalGeneration(whisper_config(tokens))
        self.reads = nn.Linear(_WIDTH, len(LETTERS) + 1)  # the last one is CTC's blank

    def encode(self, features: torch.Tensor) -> torch.Tensor:
        """Features (batch x 80 x frames, any even number) to states (batch x frames / 2 x width).

        The library's own forward takes whole 30 s windows only; shorter ones use the first positions.
        """
        encoder = self.whisper.model.encoder
        states = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(features)))).permute(0, 2, 1)
        states = states + encoder.embed_positions.weight[: states.shape[1]]
        for layer in encoder.layers:
            states = layer(states, None)
        return encoder.layer_norm(states)

    def says(self, states: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Logits (batch x tokens x vocabulary) for what comes behind each token read."""
        hidden = self.whisper.model.decoder(input_ids=read, encoder_hidden_states=states, use_cache=False)
        return self.whisper.proj_out(hidden.last_hidden_state)

    def losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy of the decoder and the CTC loss of the helper, each for one token."""
        states = self.encode(batch.features)
        logits = self.says(states, batch.read).float()
        spoken = functional.cross_entropy(logits.flatten(0, 1), batch.said.flatten(), ignore_index=IGNORED)
        odds = self.reads(states).float().log_softmax(-1).transpose(0, 1)
        frames = torch.full((odds.shape[1],), odds.shape[0], dtype=torch.long)
        blank = self.reads.out_features - 1
        return spoken, functional.ctc_loss(odds, batch.letters, frames, batch.lengths, blank, zero_infinity=True)

    @torch.inference_mode()
    def transcribe(self, features: torch.Tensor, languages: Sequence[str], tokens: Tokens, most: int = 90) -> list[str]:
        """The likeliest word after word, without times: enough to see how the training goes."""
        states = self.encode(features)
        read = torch.tensor([tokens.prompt(language) for language in languages], device=features.device)
        done = torch.zeros(len(features), dtype=torch.bool, device=features.device)
        while not done.all() and read.shape[1] < most:
            best = self.says(states, read)[:, -1].argmax(-1)
            read = torch.cat([read, best[:, None]], dim=1)
            done |= best == tokens.end
        return [tokens.decode(row[4:].tolist()) for row in read]
