"""Library parts that stand in for what a learner has not written yet, so that every experiment runs.

Each is torch's own operator or module behind the interface a notebook needs. None answers an exercise: the checks ask
for other parameter names, other return values, or that the very operator used here is not called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attnkit.data.batching import BOS, EOS, PAD
from attnkit.data.tasks import markov_sequences

LONGEST = 256  # positions of a library model
ROOM = 2048  # positions of the library's cache


def unfinished(*parts: Any) -> list[str]:
    """The names of those functions and classes that still hold a blank."""
    return [part.__name__ for part in parts if any(_blank(code) for code in _codes(part))]


def finished(*parts: Any) -> bool:
    """Whether all of `parts` are written; says in one line which are not."""
    missing = unfinished(*parts)
    if missing:
        print(f"{', '.join(missing)}: not finished yet. Run this cell again when it is.")
    return not missing


def instead_of(*parts: Any, use: Any, says: str) -> Any:
    """The first of `parts` when all of them are finished; else `use`, after one line that says what stands in."""
    missing = unfinished(*parts)
    if not missing:
        return parts[0]
    print(f"{', '.join(missing)}: not finished yet, so {says} stands in here.")
    return use


def _codes(part: Any) -> list[Any]:
    functions = [part, *vars(part).values()] if isinstance(part, type) else [part]
    return [function.__code__ for function in functions if hasattr(function, "__code__")]


def _blank(code: Any) -> bool:
    return "NotImplementedError" in code.co_names and any(
        isinstance(constant, str) and constant.startswith("Exercise ") for constant in code.co_consts
    )


class LibraryAttention(nn.Module):
    """torch's multi-head attention with the interface of exercise 4.3; the weights come in evaluation mode only.

    X_q (B, T, d_model), X_kv (B, S, d_model), mask bool, broadcasts to (B, H, T, S), True = may attend.
    Returns the output (B, T, d_model) and the weights (B, H, T, S), or None in their place while training.
    """

    def __init__(self, d_model: int, H: int) -> None:
        """Raises ValueError when H does not divide d_model."""
        super().__init__()
        if d_model % H:
            raise ValueError(f"{H} heads do not divide d_model = {d_model}")
        self.H = H
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(
        self, X_q: Tensor, X_kv: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from X_q to X_kv, or to X_q itself."""
        X_kv = X_q if X_kv is None else X_kv
        added = None if mask is None else self._added(mask, X_q, X_kv)
        output, _ = self._library(X_q, X_kv, added, need_weights=False)
        if self.training:
            return output, None
        with torch.no_grad():
            weights = self._library(X_q, X_kv, added, need_weights=True)[1]
        return output, torch.nan_to_num(weights)

    def _added(self, mask: Tensor, X_q: Tensor, X_kv: Tensor) -> Tensor:
        """What the library adds to the scores (B·H, T, S): −∞ where `mask` is False."""
        B, T, S = X_q.shape[0], X_q.shape[1], X_kv.shape[1]
        whole = mask.expand(B, self.H, T, S).reshape(B * self.H, T, S)
        return torch.where(whole, 0.0, -torch.inf).to(X_q.dtype)

    def _library(self, X_q: Tensor, X_kv: Tensor, added: Tensor | None, need_weights: bool) -> tuple[Tensor, Any]:
        query, memory = X_q.transpose(0, 1), X_kv.transpose(0, 1)
        output, weights = F.multi_head_attention_forward(
            query, memory, memory, X_q.shape[-1], self.H, None, None, None, None, False, 0.0, self.W_o.weight, None,
            training=False, need_weights=need_weights, attn_mask=added, use_separate_proj_weight=True,
            q_proj_weight=self.W_q.weight, k_proj_weight=self.W_k.weight, v_proj_weight=self.W_v.weight,
            average_attn_weights=False,
        )  # fmt: skip
        return output.transpose(0, 1), weights


class LibraryTransformer(nn.Module):
    """torch's encoder and decoder stacks with the methods of exercise 6.12: `forward`, `encode` and `decode`; pads are id 0."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int) -> None:
        super().__init__()
        self.read, self.write = nn.Embedding(V_src, d_model), nn.Embedding(V_tgt, d_model)
        self.positions = nn.Embedding(LONGEST, d_model)
        form: Any = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        reading = nn.TransformerEncoderLayer(d_model, H, d_ff, **form)
        writing = nn.TransformerDecoderLayer(d_model, H, d_ff, **form)
        self.reader = nn.TransformerEncoder(reading, layers, nn.LayerNorm(d_model), enable_nested_tensor=False)
        self.writer = nn.TransformerDecoder(writing, layers, nn.LayerNorm(d_model))
        self.score = nn.Linear(d_model, V_tgt)

    def forward(self, src: Tensor, tgt_in: Tensor) -> Tensor:
        """Ids (B, S) and (B, T) → logits (B, T, V_tgt)."""
        return self.decode(self.encode(src), src, tgt_in)

    def encode(self, src: Tensor) -> Tensor:
        """Ids (B, S) → memory (B, S, d_model)."""
        memory: Tensor = self.reader(self._placed(self.read, src), src_key_padding_mask=src.eq(PAD))
        return memory

    def decode(self, memory: Tensor, src: Tensor, tgt_in: Tensor) -> Tensor:
        """Memory (B, S, d_model) and ids (B, S), (B, T) → logits (B, T, V_tgt)."""
        later = nn.Transformer.generate_square_subsequent_mask(tgt_in.shape[1], device=tgt_in.device)
        hidden = self.writer(
            self._placed(self.write, tgt_in), memory, tgt_mask=later, memory_key_padding_mask=src.eq(PAD)
        )
        logits: Tensor = self.score(hidden)
        return logits

    def _placed(self, table: nn.Embedding, ids: Tensor) -> Tensor:
        placed: Tensor = table(ids) + self.positions.weight[: ids.shape[1]]
        return placed


class LanguageModel(nn.Module):
    """One library transformer layer that predicts the next token: ids (B, T), mask → logits (B, T, V).

    The mask is (T, T), bool with True = may attend, or additive as torch makes it; None lets every position see all.
    """

    def __init__(self, V: int, d_model: int, H: int, longest: int = LONGEST) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(V, d_model), nn.Embedding(longest, d_model)
        self.layer = nn.TransformerEncoderLayer(d_model, H, 4 * d_model, 0.0, batch_first=True, norm_first=True)
        self.score = nn.Linear(d_model, V)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (B, T, V); those at t predict the token after t."""
        added = torch.where(mask, 0.0, -torch.inf) if mask is not None and mask.dtype == torch.bool else mask
        logits: Tensor = self.score(self.layer(self.tokens(ids) + self.places.weight[: ids.shape[1]], src_mask=added))
        return logits


def library_loss(model: Callable[..., Tensor], src: Tensor, tgt: Tensor, bos: int = BOS, pad: int = PAD) -> Tensor:
    """torch's own cross-entropy of a causal model that reads bos and the whole target, over tokens that are not `pad`."""
    logits = model(src, F.pad(tgt, (1, 0), value=bos))
    return F.cross_entropy(logits[:, : tgt.shape[1]].flatten(0, 1), tgt.flatten(), ignore_index=pad)


def library_cross_entropy(logits: Tensor, y: Tensor, ignore_index: int) -> Tensor:
    """torch's own cross-entropy of logits (B, T, V) and ids (B, T)."""
    return F.cross_entropy(logits.flatten(0, -2), y.flatten(), ignore_index=ignore_index)


def library_generate(
    model: Callable[..., Tensor], src: Tensor, bos: int = BOS, eos: int = EOS, pad: int = PAD, max_len: int = 40
) -> Tensor:
    """`max_len` likeliest tokens for every row (B, max_len), with whatever comes after eos left in place."""
    written = src.new_full((src.shape[0], 1), bos)
    for _ in range(max_len):
        best = model(src, written)[:, -1:].max(dim=-1).indices
        written = torch.hstack([written, best])
    return written[:, 1:]


def library_sample(logits: Tensor, temperature: float = 1.0, top_k: int | None = None, generator: Any = None) -> Tensor:
    """One token per row from torch's categorical distribution and its global randomness, at temperature 1."""
    token: Tensor = torch.distributions.Categorical(logits=logits).sample()
    return token


def library_step(x_t: Tensor, cache: Any, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> tuple[Tensor, Any]:
    """One cached step of torch's attention; the cache is two buffers of ROOM positions and how many are filled."""
    if cache is None:
        empty = (x_t.new_zeros(len(x_t), ROOM, W.shape[1]) for W in (W_k, W_v))
        cache = (*empty, 0)
    keys, values, filled = cache
    keys[:, filled], values[:, filled] = (x_t @ W_k)[:, 0], (x_t @ W_v)[:, 0]
    output = F.scaled_dot_product_attention(x_t @ W_q, keys[:, : filled + 1], values[:, : filled + 1])
    return output, (keys, values, filled + 1)


def counted_floor(P: Tensor, steps: int = 4000) -> float:
    """An estimate of a chain's entropy rate: the mean of −ln P along `steps` steps of 100 walks."""
    walks = markov_sequences(P, 100, steps, torch.Generator().manual_seed(0))
    return float(-P[walks[:, :-1], walks[:, 1:]].log().mean())


def exact_probabilities(logits: Tensor, temperature: float, top_k: int) -> Tensor:
    """The probability of every token of one row of logits (V,), for a figure to compare draws with."""
    order = sorted(range(len(logits)), key=lambda token: -float(logits[token]))
    kept = order[: top_k if temperature else 1]
    shares = torch.zeros(len(logits))
    shares[kept] = nn.functional.softmax(logits[kept] / (temperature or 1.0), dim=0)
    return shares
