"""6.11 TransformerBlock: what is asked, the tests, the mistakes known by name, and right answers in other styles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from attnkit.checking.case import Case
from attnkit.checking.compare import Output
from autograder.exercises.heads_family import flaw
from autograder.exercises.nb06_masking_and_teacher_forcing.block_family import (
    FlawedBlock,
    LibraryBlock,
    PlainBlock,
    block_state,
)
from autograder.exercises.nb06_masking_and_teacher_forcing.mask_family import lower
from autograder.judging.declare import Exercise, Mistake, Rng, Test, Variant, normal, numbered_rng, rounded
from autograder.reference import nb06 as reference


class NamedFeedForward(nn.Sequential):
    """The feed-forward part as a module of its own."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))

    def forward(self, x: Any) -> Any:
        return self[2](torch.clamp(self[0](x), min=0.0))


class WrittenOutBlock(PlainBlock):
    """The block with its own feed-forward class and layer norms written out."""

    def __init__(self, d_model: int, H: int, d_ff: int, cross: bool = False) -> None:
        super().__init__(d_model, H, d_ff, cross)
        self.feed_forward = NamedFeedForward(d_model, d_ff)


def block_case(rng: Rng, B: int, T: int, d_model: int, H: int, d_ff: int, *, S: int = 0, self_mask: Any = None, memory_mask: Any = None,
               digits: int | None = None, **options: Any) -> Case:
    """One call of a block; with S > 0 it has cross-attention over a memory of S positions."""
    draw = normal if digits is None else rounded
    init = (d_model, H, d_ff) if not S else (d_model, H, d_ff, True)
    args: tuple[Any, ...] = (2.0 * draw(rng, B, T, d_model) + 0.5,)
    if S:
        args += (2.0 * draw(rng, B, S, d_model) - 0.5,)
    masks = {name: mask for name, mask in (("self_mask", self_mask), ("memory_mask", memory_mask)) if mask is not None}
    sizes = {"B": B, "T": T, "S": S, "d_model": d_model}
    if options.get("earlier") == "others":
        other = [normal(rng, B + 1, T, d_model)] + ([normal(rng, B + 1, S, d_model)] if S else [])
        options["earlier"] = (Case(args=tuple(other), kwargs={"self_mask": lower(T, T)}),)
    return Case(init=init, state=block_state(rng, d_model, d_ff, S > 0, digits=digits), args=args, kwargs=masks, sizes=sizes, **options)


def real_keys(B: int, S: int) -> np.ndarray:
    """(B, 1, 1, S): S, S − 1, 1, … real keys in turn."""
    return (np.arange(S)[None, :] < np.resize([S, max(S - 1, 1), 1], B)[:, None])[:, None, None, :]


def nothing_to_see(B: int, T: int, S: int) -> np.ndarray:
    """(B, 1, T, S): the first query of the first example may attend to nothing."""
    mask = np.ones((B, 1, T, S), dtype=bool)
    mask[0, 0, 0] = False
    return mask


def block_without_memory(d_model: int = 4, H: int = 2) -> Case:
    rng = numbered_rng(610)
    state = block_state(rng, d_model, 5, True)
    return Case(init=(d_model, H, 5), init_kwargs={"cross": True}, state=state, args=(normal(rng, 2, 3, d_model),), raises="ValueError")


EXERCISE = Exercise(
    number="6.11",
    title="TransformerBlock",
    names=("TransformerBlock",),
    minutes=25,
    reference=reference.transformer_block,
    outputs=(Output("output", ("B", "T", "d_model")),),
    public=lambda rng: [
        block_case(rng, 1, 2, 2, 1, 3, digits=1),
        block_case(rng, 2, 3, 4, 2, 3, self_mask=lower(3, 3), digits=1),
        block_case(rng, 2, 2, 4, 2, 3, S=3, self_mask=lower(2, 2), memory_mask=real_keys(2, 3), digits=1),
        block_without_memory(),
        block_case(rng, 1, 3, 4, 2, 3, self_mask=nothing_to_see(1, 3, 3), digits=1),
        block_case(rng, 1, 2, 4, 2, 3, S=2, self_mask=lower(2, 2), earlier="others", digits=1),
        block_case(rng, 1, 2, 4, 2, 3, earlier="others", digits=1),
    ],
    tests=(
        Test(
            "self-attention and feed-forward", "x + attention(norm(x)), then x + feed_forward(norm(x)), for any sizes",
            lambda rng: [block_case(rng, 2, 5, 6, 3, 7), block_case(rng, 3, 1, 4, 1, 2), block_case(rng, 1, 3, 6, 2, 5, dtype="float32"), block_case(rng, 2, 4, 4, 2, 3, training=True)],
        ),
        Test(
            "call after call", "what one call was given has no say in the next, in training as in use",
            lambda rng: [block_case(rng, 2, 3, 4, 2, 3, earlier="others"), block_case(rng, 2, 3, 4, 2, 5, S=4, earlier="others", training=True)],
        ),
        Test(
            "self mask", "self_mask says which positions of x may be attended to, for (T, T) and (B, 1, T, T) masks",
            lambda rng: [block_case(rng, 2, 4, 6, 2, 5, self_mask=lower(4, 4)), block_case(rng, 3, 3, 4, 2, 3, self_mask=lower(3, 3)[None, None] & real_keys(3, 3))],
        ),
        Test(
            "cross-attention", "self-attention, then attention from x to the memory as it is given, then feed-forward",
            lambda rng: [block_case(rng, 2, 3, 6, 3, 4, S=5), block_case(rng, 1, 4, 4, 2, 5, S=2), block_case(rng, 2, 3, 4, 2, 3, S=3), block_case(rng, 2, 4, 6, 2, 3, S=4)],
        ),
        Test(
            "both masks", "self_mask goes to self-attention and memory_mask to cross-attention; a query with nothing to attend to gets zeros from it",
            lambda rng: [
                block_case(rng, 3, 4, 4, 2, 3, S=4, self_mask=lower(4, 4), memory_mask=real_keys(3, 4)),
                block_case(rng, 2, 2, 4, 1, 3, S=3, memory_mask=nothing_to_see(2, 2, 3)),
            ],
        ),
        Test("cross without a memory", "a ValueError when cross=True and no memory is given", lambda rng: [block_without_memory()]),
        Test(
            "gradients", "gradients reach x, the memory and every parameter, and stay finite",
            lambda rng: [
                block_case(rng, 2, 2, 4, 2, 3, S=3, self_mask=lower(2, 2), memory_mask=real_keys(2, 3), gradient=True),
                block_case(rng, 1, 3, 2, 1, 3, self_mask=nothing_to_see(1, 3, 3), gradient=True),
            ],
        ),
    ),
    flawed=FlawedBlock,
    mistakes=(
        Mistake("post-norm", "the norm taken after the residual sum, as in the paper of 2017", "The paper draws Add & Norm.", "Pre-norm: what does each part read, and what is it added to?", "the equations above the stub", switches={"place": "post"}),
        Mistake("norms-left-out", "no layer norm at all", "The norms only help training.", "Each part reads norm(x).", "step 3 of the stub", switches={"place": "none"}),
        Mistake("residual-of-the-normed", "a residual that starts from norm(x)", "x has been normed by then.", "Keep x itself for the sum; the road past the part stays untouched.", "the equations above the stub", switches={"residual": "normed"}),
        Mistake("no-residual", "parts that replace x and are not added to it", "Each layer gives the new x.", "Where is x + … in the equations?", "the equations above the stub", switches={"residual": "none"}),
        Mistake("self-mask-forgotten", "self-attention without its mask", "The mask is for the decoder.", "Which attention does self_mask belong to?", "step 3 of the stub", switches={"self_masked": False}),
        Mistake("memory-mask-forgotten", "cross-attention without its mask", "The memory has no future to hide.", "It may have padding.", "step 4 of the stub", switches={"memory_masked": False}),
        Mistake("memory-normed", "the memory normed inside the block", "Everything is normed before attention.", "The stub says how the memory is used.", "step 4 of the stub", switches={"normed_memory": True}),
        Mistake("cross-before-self", "cross-attention before self-attention", "First look at the source.", "The order is fixed in the stub.", "the docstring", switches={"order": "cross first"}),
        Mistake("keys-from-x", "cross-attention with keys and values from x", "Attention(x) is attention.", "Who asks, and who answers?", "step 4 of the stub", switches={"keys": "x"}),
        Mistake("one-norm-for-all", "the first norm used for every part", "A norm is a norm.", "Each part has a norm of its own.", "step 2 of the stub", switches={"norms": "shared"}),
        Mistake("no-nonlinearity", "a feed-forward part of two linear maps with nothing between", "Two layers are a network.", "Two linear maps in a row are one linear map.", "step 2 of the stub", switches={"activation": "none"}),
        Mistake("gelu", "GELU where the stub asks for ReLU", "Modern models use GELU.", "Read the line on the feed-forward part.", "the docstring", switches={"activation": "gelu"}),
        Mistake("cross-skipped", "cross-attention left out in silence when there is no memory", "No memory, no cross-attention.", "What should a decoder block do that was given no source?", "step 4 of the stub", switches={"refuse": False}),
        Mistake("masks-inverted", "masks turned round before they are used", "True is blocked.", "In this course True means: may attend.", "step 3 of the stub", switches={"polarity": "blocked"}),
        *(
            Mistake(f"no-residual-at-{place}", f"no residual around {part}: its result replaces x", "The part gives the new x.", "Where is x + … in each of the equations?", "the equations above the stub", switches={"residual": "none", "at": at})
            for place, part, at in (("self-attention", "self-attention", "self"), ("cross-attention", "cross-attention", "cross"), ("feed-forward", "the feed-forward part", "feed-forward"))
        ),
        *(
            Mistake(f"no-norm-at-{place}", f"{part} that reads x itself, without its norm", "x has been normed before.", "Each part reads norm(x), and each has a norm of its own.", "the equations above the stub", switches={"place": "none", "at": at})
            for place, part, at in (("self-attention", "self-attention", "self"), ("cross-attention", "cross-attention", "cross"), ("feed-forward", "a feed-forward part", "feed-forward"))
        ),
        *(
            Mistake(f"residual-of-the-normed-at-{place}", f"a residual around {part} that starts from the normed x", "x has been normed by then.", "Keep x itself for the sum; the road past the part stays untouched.", "the equations above the stub", switches={"residual": "normed", "at": at})
            for place, part, at in (("self-attention", "self-attention", "self"), ("cross-attention", "cross-attention", "cross"), ("feed-forward", "the feed-forward part", "feed-forward"))
        ),
        *(
            Mistake(f"first-norm-again-at-{place}", f"the norm of self-attention used for {part} as well", "A norm is a norm.", "Each part has a norm of its own.", "step 2 of the stub", switches={"norms": f"shared at {at}"})
            for place, part, at in (("cross-attention", "cross-attention", "cross"), ("feed-forward", "the feed-forward part", "feed-forward"))
        ),
        Mistake("feed-forward-first", "the feed-forward part before attention", "First each word by itself.", "The order is fixed in the stub.", "the docstring", switches={"order": "feed-forward first"}),
        Mistake("keys-not-normed", "self-attention with normed queries, and keys and values of x itself", "The query is what is normed.", "SelfAttention(norm(x)): from what do queries, keys and values come?", "step 3 of the stub", switches={"keys_normed": False}),
        Mistake("masks-exchanged", "self_mask given to cross-attention, and memory_mask to self-attention", "One mask for each attention.", "Which of the two is (T, T), and which (T, S)?", "steps 3 and 4 of the stub", switches={"exchanged": True}),
        Mistake("memory-asks", "queries from the memory, keys and values from x", "The memory comes first.", "The block has T positions to fill: who asks?", "step 4 of the stub", switches={"asks": "memory"}),
        Mistake("tuple-added", "the pair (output, weights) added to x", "Attention returns its output.", "What does your attention return? The block needs the first of the two.", "step 3 of the stub", switches={"tuples": True}),
        Mistake("causal-unasked", "a causal mask although none was given", "Transformers are causal.", "An encoder block gets no self_mask: what may its positions see?", "step 3 of the stub", switches={"causal": True}),
        Mistake("scores-not-scaled", "attention whose scores are not divided by √d_k", "The norm keeps them small.", "Is the attention you pasted that of 4.3? Look at its scores.", "your MultiHeadAttention", switches={"heads": flaw("not-scaled")}),
        Mistake("scaled-by-d_model", "attention whose scores are divided by √d_model", "d is the width of the model.", "Which width does one head's dot product run over?", "your MultiHeadAttention", switches={"heads": flaw("scaled-by-d_model")}),
        Mistake("masked-after-the-softmax", "attention masked after the softmax", "Weight 0 is not attended to.", "Do the weights of a masked row still sum to 1?", "your MultiHeadAttention", switches={"heads": flaw("mask-after-softmax")}),
        Mistake("softmax-over-the-queries", "attention with a softmax over the queries", "Axis −2 is the sequence.", "Over which axis do the weights of one query sum to 1?", "your MultiHeadAttention", switches={"heads": flaw("softmax-over-queries")}),
        Mistake("rows-of-nan", "NaN where a query may attend to nothing", "−∞ blocks.", "What is the softmax of a row of −∞? In this course such a row gives zeros.", "your MultiHeadAttention", switches={"heads": flaw("nan-where-nothing-is-allowed")}),
        Mistake("blocked-rows-look-everywhere", "a query that may attend to nothing and attends to everything alike", "−10⁹ is low enough.", "When all scores are −10⁹, what is their softmax? In this course such a row gives zeros.", "your MultiHeadAttention", switches={"heads": flaw("uniform-where-nothing-is-allowed")}),
        Mistake("heads-not-moved-back", "heads merged without being moved back beside their position", "reshape joins the heads.", "Which axes must change places before (B, H, T, d) becomes (B, T, H·d)?", "your MultiHeadAttention", switches={"heads": flaw("merged-without-transposing-back")}),
        Mistake("no-output-map", "attention without W_o", "The heads are joined, that is all.", "The joined heads go through one more map.", "your MultiHeadAttention", switches={"heads": flaw("no-W_o")}),
        Mistake("last-mask-kept", "a block that goes on using the mask of an earlier call", "The mask does not change.", "What may a call without a mask see?", "step 3 of the stub", switches={"keeps": "mask"}),
        Mistake("first-memory-kept", "a block that goes on using the memory of its first call", "The memory is the same at every step.", "The next batch has another source.", "step 4 of the stub", switches={"keeps": "memory"}),
        Mistake("weights-returned", "a pair in place of x", "Attention returns its weights, so the block does too.", "The stub says: x only.", "the docstring of forward", switches={"result": "pair"}),
    ),
    variants=(
        Variant("with flags", FlawedBlock),
        Variant("plain", PlainBlock),
        Variant("torch's attention, extra keyword", LibraryBlock),
        Variant("parts written out", WrittenOutBlock),
    ),
)
