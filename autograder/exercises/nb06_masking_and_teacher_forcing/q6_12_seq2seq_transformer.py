"""6.12 Seq2SeqTransformer: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.nb06_masking_and_teacher_forcing.block_family import (
    FlawedBlock,
    LibraryBlock,
    PlainBlock,
    block_state,
    linear_state,
    norm_state,
)
from autograder.exercises.nb06_masking_and_teacher_forcing.forcing_family import BOS, PAD_ID
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import combine_by_example, mask_by_rows
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal
from autograder.reference import nb06 as reference

MAX_LEN = 64


class FlawedTransformer(nn.Module):
    """The encoder–decoder transformer with switches that break it."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int, *, causal: str = "decoder", source_padding: str = "both",
                 target_padding: bool = True, positions: str = "both", norms: str = "both", memory: str = "encoded", result: str = "logits", shift: str = "",
                 embeddings: str = "own", depth: str = "all", lists: str = "modules", crossing: bool = True) -> None:
        super().__init__()
        self.causal, self.source_padding, self.target_padding, self.where = causal, source_padding, target_padding, positions
        self.norms, self.memory, self.result, self.shift, self.embeddings, self.depth = norms, memory, result, shift, embeddings, depth
        self.src_embedding, self.tgt_embedding = nn.Embedding(V_src, d_model), nn.Embedding(V_tgt, d_model)
        self.positions = nn.Embedding(MAX_LEN, d_model)
        reading = [FlawedBlock(d_model, H, d_ff) for _ in range(layers)]
        writing = [FlawedBlock(d_model, H, d_ff, cross=crossing) for _ in range(layers)]
        if lists in ("one block", "one block in the encoder"):
            reading = reading[:1] * layers
        if lists in ("one block", "one block in the decoder"):
            writing = writing[:1] * layers
        self.encoder: Any = reading if lists == "plain" else nn.ModuleList(reading)
        self.encoder_norm = nn.LayerNorm(d_model)
        self.decoder: Any = writing if lists == "plain" else nn.ModuleList(writing)
        self.decoder_norm = nn.LayerNorm(d_model)
        self.output = nn.Linear(d_model, V_tgt)

    def forward(self, src: Any, tgt_in: Any) -> Any:
        if self.shift == "in forward":
            tgt_in = torch.cat([tgt_in[:, :1], tgt_in[:, :-1]], dim=1)
        return self.decode(self.encode(src), src, tgt_in)

    def encode(self, src: Any) -> Any:
        x = self._embed(self.src_embedding, src, self.where != "target only", self.embeddings in ("scaled", "source scaled"))
        if self.memory == "embedded":
            return self.encoder_norm(x)
        mask = self._real(src) if self.source_padding in ("both", "encoder only") else None
        if self.causal == "everywhere":
            triangle = torch.ones(src.shape[1], src.shape[1]).tril().bool()
            mask = triangle if mask is None else mask & triangle
        for block in self.encoder[:1] if self.depth in ("one", "one in the encoder") else self.encoder:
            x = block(x, self_mask=mask)
        return self.encoder_norm(x) if self.norms in ("both", "encoder only") else x

    def decode(self, memory: Any, src: Any, tgt_in: Any) -> Any:
        if self.shift == "in decode":
            tgt_in = torch.cat([tgt_in[:, :1], tgt_in[:, :-1]], dim=1)
        x = self._embed(self.src_embedding if self.embeddings == "source for both" else self.tgt_embedding, tgt_in, self.where != "source only", self.embeddings in ("scaled", "target scaled"))
        T = tgt_in.shape[1]
        mask = torch.ones(T, T).tril().bool() if self.causal != "nowhere" else torch.ones(T, T).bool()
        if self.target_padding:
            mask = mask & self._real(tgt_in)
        memory_mask = self._real(src) if self.source_padding in ("both", "decoder only") else None
        for block in self.decoder[:1] if self.depth in ("one", "one in the decoder") else self.decoder:
            x = block(x, memory, self_mask=mask, memory_mask=memory_mask)
        logits = self.output(self.decoder_norm(x) if self.norms in ("both", "decoder only") else x)
        return logits.softmax(dim=-1) if self.result == "probabilities" else logits

    def _embed(self, table: Any, ids: Any, placed: bool, scaled: bool) -> Any:
        x = table(ids)
        if scaled:
            x = x * math.sqrt(x.shape[-1])
        if not placed or self.where == "none":
            return x
        first = 1 if self.where == "from 1" else 0
        return x + self.positions(torch.arange(first, first + ids.shape[1]))

    def _real(self, ids: Any) -> Any:
        return (ids != PAD_ID)[:, None, None, :]


class PlainTransformer(nn.Module):
    """The same on plain blocks, with masks spelled out row by row."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int) -> None:
        super().__init__()
        self.output = nn.Linear(d_model, V_tgt)
        self.positions = nn.Embedding(MAX_LEN, d_model)
        self.src_embedding, self.tgt_embedding = nn.Embedding(V_src, d_model), nn.Embedding(V_tgt, d_model)
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.encoder = nn.ModuleList(PlainBlock(d_model, H, d_ff) for _ in range(layers))
        self.decoder = nn.ModuleList(PlainBlock(d_model, H, d_ff, True) for _ in range(layers))

    def encode(self, src: Any) -> Any:
        x = self.src_embedding(src) + self.positions.weight[: src.shape[1]]
        visible = (src > 0).view(len(src), 1, 1, -1)
        for layer in self.encoder:
            x = layer(x, None, visible)
        return self.encoder_norm(x)

    def decode(self, memory: Any, src: Any, tgt_in: Any) -> Any:
        x = self.tgt_embedding(tgt_in) + self.positions.weight[: tgt_in.shape[1]]
        visible = combine_by_example(mask_by_rows(tgt_in.shape[1]), tgt_in > 0)
        for layer in self.decoder:
            x = layer(x, memory, visible, (src > 0).view(len(src), 1, 1, -1))
        return self.output(self.decoder_norm(x))

    def forward(self, src: Any, tgt_in: Any) -> Any:
        memory = self.encode(src)
        return self.decode(memory, src, tgt_in)


class LibraryBlockTransformer(FlawedTransformer):
    """The same on torch's attention, with more keyword arguments and a padding index."""

    def __init__(self, V_src: int, V_tgt: int, d_model: int, H: int, layers: int, d_ff: int, max_len: int = MAX_LEN, dropout: float = 0.0) -> None:
        super().__init__(V_src, V_tgt, d_model, H, layers, d_ff)
        self.src_embedding = nn.Embedding(V_src, d_model, padding_idx=PAD_ID)
        self.tgt_embedding = nn.Embedding(V_tgt, d_model, padding_idx=PAD_ID)
        self.positions = nn.Embedding(max_len, d_model)
        self.encoder = nn.ModuleList([LibraryBlock(d_model, H, d_ff, dropout=dropout) for _ in range(layers)])
        self.decoder = nn.ModuleList([LibraryBlock(d_model, H, d_ff, True, dropout) for _ in range(layers)])


def transformer_state(rng: Rng, V_src: int, V_tgt: int, d_model: int, layers: int, d_ff: int) -> dict[str, np.ndarray]:
    """All weights under the stub's names."""
    state = {"src_embedding.weight": normal(rng, V_src, d_model), "tgt_embedding.weight": normal(rng, V_tgt, d_model)}
    state["positions.weight"] = normal(rng, MAX_LEN, d_model)
    for layer in range(layers):
        state |= block_state(rng, d_model, d_ff, False, f"encoder.{layer}.") | block_state(rng, d_model, d_ff, True, f"decoder.{layer}.")
    state |= norm_state(rng, d_model, "encoder_norm") | norm_state(rng, d_model, "decoder_norm")
    return state | linear_state(rng, d_model, V_tgt, "output")


def sentences(rng: Rng, B: int, T: int, V: int, lengths: Sequence[int], bos: bool) -> np.ndarray:
    """Ids (B, T): real ones from 3 on, pads after each length; a decoder input begins with bos."""
    ids = rng.integers(3, V, size=(B, T))
    if bos:
        ids[:, 0] = BOS
    ids[np.arange(T)[None, :] >= np.resize(lengths, B)[:, None]] = PAD_ID
    return ids


def transformer_case(rng: Rng, B: int, S: int, T: int, *, layers: int = 1, d_model: int = 4, H: int = 2, d_ff: int = 3, V_src: int = 7, V_tgt: int = 6,
                     src_lengths: Sequence[int] | None = None, tgt_lengths: Sequence[int] | None = None, method: str | None = None, again: bool = False, **options: Any) -> Case:
    src = sentences(rng, B, S, V_src, src_lengths or [S], bos=False)
    tgt_in = sentences(rng, B, T, V_tgt, tgt_lengths or [T], bos=True)
    if again:
        other = sentences(rng, B + 1, S + 1, V_src, [S], bos=False), sentences(rng, B + 1, T, V_tgt, [T], bos=True)
        options["earlier"] = (Case(args=other),)
    args: tuple[Any, ...] = {"encode": (src,), "decode": (normal(rng, B, S, d_model), src, tgt_in)}.get(method or "", (src, tgt_in))
    return Case(
        init=(V_src, V_tgt, d_model, H, layers, d_ff), state=transformer_state(rng, V_src, V_tgt, d_model, layers, d_ff), args=args, method=method,
        sizes={"B": B, "S": S, "T": T, "d_model": d_model, "V_tgt": V_tgt}, **options,
    )


EXERCISE = Exercise(
    number="6.12",
    title="Seq2SeqTransformer",
    names=("Seq2SeqTransformer",),
    minutes=30,
    reference=reference.seq2seq,
    outputs=(Output("logits", ("...",)),),
    public=lambda rng: [
        transformer_case(rng, 1, 3, 2, d_model=4, H=2, V_src=5, V_tgt=5),
        transformer_case(rng, 2, 3, 4, d_model=4, H=2, V_src=6, V_tgt=5, src_lengths=[3, 2], tgt_lengths=[4, 2], layers=2),
        transformer_case(rng, 2, 3, 2, d_model=4, H=2, V_src=5, V_tgt=5, src_lengths=[1, 3], method="encode"),
        transformer_case(rng, 1, 2, 3, d_model=4, H=2, V_src=5, V_tgt=5, method="decode"),
    ],
    tests=(
        Test("encode", "the memory: every source token sees every other one, in both directions, through all layers and the last norm", lambda rng: [transformer_case(rng, 2, 4, 2, layers=2, method="encode"), transformer_case(rng, 1, 1, 1, method="encode")]),
        Test("decode", "logits for every position, each from the target tokens up to it and the whole memory", lambda rng: [transformer_case(rng, 2, 3, 4, layers=2, method="decode"), transformer_case(rng, 1, 5, 2, d_model=6, H=3, method="decode")]),
        Test(
            "source padding", "source pads change nothing, neither for the encoder nor for the decoder",
            lambda rng: [transformer_case(rng, 3, 4, 2, src_lengths=[4, 1, 3], method="encode"), transformer_case(rng, 3, 4, 3, src_lengths=[2, 4, 1], method="decode")],
        ),
        Test("target padding", "target pads are never attended to", lambda rng: [transformer_case(rng, 3, 2, 5, src_lengths=[2, 1], tgt_lengths=[5, 2, 3])]),
        Test(
            "end to end", "forward is decode after encode, in either width, for unequal sizes",
            lambda rng: [transformer_case(rng, 2, 5, 3, layers=2, d_model=6, H=3, d_ff=5, src_lengths=[5, 3], tgt_lengths=[2, 3]), transformer_case(rng, 2, 3, 4, layers=2, dtype="float32")],
        ),
        Test(
            "call after call", "what one call was given has no say in the next, in training as in use",
            lambda rng: [transformer_case(rng, 2, 3, 4, src_lengths=[3, 2], tgt_lengths=[4, 3], again=True), transformer_case(rng, 1, 2, 3, layers=2, again=True, training=True)],
        ),
        Test("gradients", "gradients reach every parameter", lambda rng: [transformer_case(rng, 2, 3, 2, V_src=5, V_tgt=5, gradient=True)]),
    ),
    flawed=FlawedTransformer,
    mistakes=(
        Mistake("no-causal-mask", "a decoder that sees the tokens it has to write", "The loss shifts the target, so nothing leaks.", "Position t reads token t − 1. What keeps it from reading token t at position t + 1?", "step 3 of decode", switches={"causal": "nowhere"}),
        Mistake("causal-encoder", "a causal mask in the encoder as well", "Transformers are causal.", "The whole source is there before the first word is written.", "step 2 of encode", switches={"causal": "everywhere"}),
        Mistake("source-padding-seen", "source pads attended to everywhere", "Padding embeddings are harmless.", "Would the translation change if the batch were padded further?", "the line on pads", switches={"source_padding": "nowhere"}),
        Mistake("padding-seen-by-the-decoder", "source pads hidden from the encoder but not from the decoder", "The encoder has dealt with the padding.", "The memory still has a vector at every pad.", "step 3 of decode", switches={"source_padding": "encoder only"}),
        Mistake("padding-seen-by-the-encoder", "source pads hidden from the decoder but not from the encoder", "What the decoder does not see does not matter.", "The real tokens' memories have read the pads.", "step 2 of encode", switches={"source_padding": "decoder only"}),
        Mistake("target-padding-seen", "target pads attended to", "Pads come last, so the causal mask hides them.", "From whom? A pad's own row reads the pads before it.", "step 2 of decode", switches={"target_padding": False}),
        Mistake("no-positions", "no positions at all", "The mask gives the order.", "Notebook 2: without positions the encoder reads a bag of words.", "step 1 of encode", switches={"positions": "none"}),
        Mistake("positions-in-the-encoder-only", "positions for the source only", "The decoder is causal, it knows the order.", "Both embeddings get positions.", "step 1 of decode", switches={"positions": "source only"}),
        Mistake("positions-in-the-decoder-only", "positions for the target only", "The source is a set of words to look up.", "Notebook 2: without positions the encoder reads a bag of words.", "step 1 of encode", switches={"positions": "target only"}),
        Mistake("positions-from-one", "positions counted from 1", "The first position is 1.", "Positions count from 0 in this course.", "step 1 of encode", switches={"positions": "from 1"}),
        Mistake("no-last-norms", "blocks without the last norm behind them", "Every block has its norms.", "In pre-norm nothing norms the last block's sum.", "step 4 of encode and decode", switches={"norms": "nowhere"}),
        Mistake("decoder-norm-missing", "the memory normed, but not what the output map reads", "One last norm is enough.", "Two stacks, two last norms.", "step 4 of decode", switches={"norms": "encoder only"}),
        Mistake("encoder-norm-missing", "a memory that is not normed", "The decoder norms its input.", "The blocks use the memory as it is given.", "step 4 of encode", switches={"norms": "decoder only"}),
        Mistake("embeddings-as-memory", "a memory of embeddings, without the encoder's blocks", "Cross-attention looks at the words.", "Where do the encoder's blocks come in?", "step 3 of encode", switches={"memory": "embedded"}),
        Mistake("probabilities-returned", "probabilities in place of logits", "A model returns probabilities.", "The loss takes the log-softmax itself.", "step 5 of decode", switches={"result": "probabilities"}),
        Mistake("shifts-again", "a decoder input that is shifted once more inside the model", "The decoder shifts its input.", "tgt_in has been shifted by whoever calls the model.", "the docstring", switches={"shift": "in decode"}),
        Mistake("shifts-again-in-forward", "a decoder input that forward shifts once more, and decode does not", "forward gets the target and has to shift it.", "tgt_in has been shifted by whoever calls the model.", "the docstring", switches={"shift": "in forward"}),
        Mistake("scaled-embeddings", "embeddings multiplied by √d_model", "The paper scales them.", "The stub states the sum and no factor.", "step 1 of encode", switches={"embeddings": "scaled"}),
        *(
            Mistake(f"scaled-{name}-embeddings", f"embeddings of the {name} multiplied by √d_model", "The paper scales them.", "The stub states the sum and no factor.", f"step 1 of {method}", switches={"embeddings": f"{name} scaled"})
            for name, method in (("source", "encode"), ("target", "decode"))
        ),
        Mistake("plain-list", "blocks in a plain list, which the module does not see", "A list holds the blocks.", "Which of your blocks do parameters() and state_dict() know of?", "the line on ModuleList", switches={"lists": "plain"}),
        Mistake("one-block-repeated", "one and the same block in every layer", "[block] * layers makes layers of them.", "How many blocks are there in [block] * 3, and how many names for one?", "the line on ModuleList", switches={"lists": "one block"}),
        Mistake("no-cross-attention", "decoder blocks without cross-attention", "A block is a block.", "How does the decoder hear of the source?", "the docstring", switches={"crossing": False}),
        Mistake("source-embedding-for-both", "target words looked up in the source's table", "An embedding is an embedding.", "Word 7 is *cat* on one side. What is it on the other?", "step 1 of decode", switches={"embeddings": "source for both"}),
        Mistake("first-layer-only", "the first block of each list alone", "One call runs the stack.", "A ModuleList is a list: each of its blocks has to be called.", "step 3 of encode and decode", switches={"depth": "one"}),
        *(
            Mistake(f"one-block-repeated-in-the-{stack}", f"one and the same block in every layer of the {stack}", "[block] * layers makes layers of them.", f"How many blocks has the {stack} in [block] * 3, and how many names for one?", "the line on ModuleList", switches={"lists": f"one block in the {stack}"})
            for stack in ("encoder", "decoder")
        ),
        *(
            Mistake(f"first-{stack}-layer-only", f"the first block of the {stack} alone", "One call runs the stack.", "A ModuleList is a list: each of its blocks has to be called.", f"step 3 of {method}", switches={"depth": f"one in the {stack}"})
            for stack, method in (("encoder", "encode"), ("decoder", "decode"))
        ),
    ),
    variants=(
        Variant("with flags", FlawedTransformer),
        Variant("plain blocks", PlainTransformer),
        Variant("torch's attention, extra keywords", LibraryBlockTransformer),
    ),
)
