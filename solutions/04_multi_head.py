# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4 · Many heads
#
# **Goal.** Let attention look in several places at once: split the features into heads, attend with each, and merge what they find. Then share keys and values between heads, and count the memory that this saves.
# And we measure, instead of guessing, which head looks where.
#
# *Nine exercises, the last one further · 51 points.* About 95 minutes to write, 24 to read, 2 to wait for experiments; the further exercise takes 10 more. You need scaled attention with a mask (notebook 3): scores divided by √d_k, softmax over the keys, zeros for a query that may see nothing.
#
# | symbol | meaning |
# |---|---|
# | B | batch |
# | T, S | query positions (index t), key positions (index s) |
# | d_model | width of a position's vector |
# | H, G | query heads; key/value heads (G = H: multi-head, G = 1: multi-query, between: grouped-query) |
# | d_k | width of one head, d_model / H |
#
# Tensors are (B, H, T, d): batch first, then head, then position, then feature. Masks are boolean and True means *may attend*.
# Every function keeps the number type of its inputs (float32 stays float32), leaves the inputs themselves unchanged, and remembers nothing from call to call.

# %% tags=["setup"]
import copy
import math
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import attnkit
from attnkit import plots
from attnkit.data import BOS, PAD, Vocabulary, load_en_es, pad_batch
from attnkit.training import progress, train

grader = attnkit.start("04_multi_head.ipynb")

# %% [markdown]
# ## The detectives
#
# A case has many clues, and one detective can stare at one of them at a time. So we send several. The handwriting expert reads the letter, the locksmith looks at the door. Each writes a **short** report, the reports are put **side by side**, and the inspector reads them together.
#
# A detective is a **head**. Each has its own questions (queries), its own way to read a clue (keys) and its own words for it (values).


# %% tags=["experiment"]
def draw_detectives(
    looks=((0.05, 0.8, 0.05, 0.05, 0.05), (0.05, 0.05, 0.05, 0.15, 0.7)),
):
    figure, axes = plt.subplots(figsize=(6.6, 3.8))
    clues = ("ticket", "letter", "glove", "clock", "door")
    for s, clue in enumerate(clues):
        axes.annotate(
            clue,
            (s, 0),
            ha="center",
            va="center",
            bbox={"boxstyle": "round", "facecolor": "w", "edgecolor": "0.4"},
        )
    for h, (look, colour) in enumerate(
        zip(looks, (plots.BLUE, plots.VERMILION), strict=True)
    ):
        x, report = 1 + 2 * h, 1.36 + 1.28 * h
        for s, weight in enumerate(look):
            axes.plot(
                (x, s),
                (1.4, 0.2),
                color=colour,
                linewidth=9 * weight,
                alpha=0.7,
                marker="",
                linestyle=("-", "--")[h],
            )
        axes.annotate(
            f"head {h}",
            (x, 1.6),
            ha="center",
            va="center",
            bbox={"boxstyle": "circle", "facecolor": colour},
            color="w",
            fontsize=9,
        )
        axes.annotate(
            f"report of head {h}",
            (report, 2.7),
            ha="center",
            va="center",
            color="w",
            bbox={"boxstyle": "square,pad=0.4", "facecolor": colour},
        )
        axes.annotate(
            "",
            (report, 2.52),
            (x, 1.9),
            arrowprops={"arrowstyle": "->", "color": colour},
        )
    axes.annotate(
        "the inspector reads both ($W_o$)",
        (2, 2.88),
        (2, 3.4),
        ha="center",
        arrowprops={"arrowstyle": "<-"},
    )
    axes.set(
        xlim=(-0.6, 4.6),
        ylim=(-0.35, 3.6),
        xticks=[],
        yticks=[],
        xlabel="key position s (line width: the head's weight)",
    )
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    return figure


plots.show(
    draw_detectives(),
    "Two heads above five clues: head 0 looks mostly at the letter, head 1 at the "
    "door; their reports stand side by side and are read together.",
)

# %% [markdown]
# **Where the analogy stops.** Detectives are hired for different talents. Heads begin as random numbers, and *nothing* in the loss asks them to differ: they may come out alike, share one job, or do nothing that anyone would miss. Exercise 4.7 finds such heads.
# And a detective sees the whole case, while a head gets only d_k = d_model / H numbers for its questions and its report.

# %% [markdown]
# ## 4.1 Split
# *Goal: cut a vector into one piece for each head.* · 10 min · 6 points
#
# Take one vector of d_model numbers for each position, and cut it into H pieces of d_k = d_model / H neighbours. Every head then holds a thinner copy of the *whole sequence*. (What is cut in 4.3 is not the word itself but the result of a linear map, so each piece may depend on *all* features of the word.)
#
# $$\mathrm{heads}[b, h, t, j] = X[b, t, h \cdot d_k + j]$$
#
# Shapes: X (B, T, d_model) → heads (B, H, T, d_k).
#
# *On paper:* two positions, (0, 1, 2, 3) and (10, 11, 12, 13), two heads. Head 0 gets (0, 1) and (10, 11); head 1 gets (2, 3) and (12, 13).


# %% tags=["exercise", "q4_1"]
def split_heads(X, H):
    """Cut the features of every position into H heads.

    heads[b, h, t, j] = X[b, t, h·d_k + j], with d_k = d_model / H.
    X (B, T, d_model), a torch tensor. Returns (B, H, T, d_k), in the number type of X.
    Raises ValueError when H does not divide d_model. Gradients reach X.
    """
    # 1. refuse sizes that cannot work
    # 2. cut the last axis in two: which head, which feature of it
    # 3. move the head axis in front of the positions
    # BEGIN SOLUTION
    B, T, d_model = X.shape
    if d_model % H:
        raise ValueError(f"{H} heads cannot share {d_model} features equally")
    return X.reshape(B, T, H, d_model // H).transpose(1, 2)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Cutting an axis in two never moves a number: the features of a position are neighbours in memory already. Moving the head axis to the front is a second step, and a different one.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if H does not divide d_model: raise ValueError
# pieces ← X seen as (B, T, H, d_k)
# answer ← pieces with the axes of T and H exchanged
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why two steps?** Memory holds X position by position. Seen as (B, T, H, d_k) nothing moves: the first d_k numbers of a position are head 0's. `transpose(1, 2)` then changes the *order in which we walk* through memory, so that one head's positions follow each other.
# Asking for (B, H, T, d_k) at once, with `view` or `reshape`, has the right shape and the wrong meaning: it hands out memory in order, so head 0 gets all features of the first positions.

# %% [markdown]
# ### What happens to memory
#
# Below, each number is its own place in memory, and its colour says which *position* it belongs to. A head needs one row of every colour.
#
# **Predict:** with three positions, two heads and `view` alone, whose features does head 0 get?

# %% tags=["experiment"]
SHADES = ("#FFFFFF", "#F5D76E", "#56B4E9", "#0072B2")


def draw_grid(axes, numbers, d_model, title):
    for (row, column), number in np.ndenumerate(numbers):
        t = number // d_model
        axes.add_patch(
            plt.Rectangle(
                (column, -row), 1, -1, facecolor=SHADES[t], edgecolor="k", linewidth=0.8
            )
        )
        axes.text(
            column + 0.5,
            -row - 0.5,
            number,
            ha="center",
            va="center",
            fontsize=9,
            color="w" if t == 3 else "k",
        )
    rows, columns = numbers.shape
    axes.set(
        xlim=(-0.1, columns + 0.1), ylim=(-rows - 0.1, 0.1), aspect="equal", title=title
    )
    axes.axis("off")


# %% tags=["experiment"]
def draw_memory(H, T, d_model=4):
    X = torch.arange(T * d_model).view(1, T, d_model)
    ways = {
        "right: split_heads": split_heads(X, H)[0],
        "wrong: view alone": X.view(1, H, T, d_model // H)[0],
    }
    figure = plt.figure(figsize=(6.4, 1.6 + 0.8 * T))
    for part, (name, heads) in zip(figure.subfigures(2, 1), ways.items(), strict=True):
        part.suptitle(name, x=0.02, ha="left", fontweight="bold")
        row = part.subplots(
            1, H + 1, gridspec_kw={"width_ratios": [d_model] + [d_model / H + 0.6] * H}
        )
        draw_grid(row[0], X[0].numpy(), d_model, "X")
        for h in range(H):
            draw_grid(row[h + 1], heads[h].numpy(), d_model, f"head {h}")
    positions = [
        sorted({int(n) // d_model for n in heads[0].flatten()})
        for heads in ways.values()
    ]
    return (
        figure,
        f"{T} positions, {H} heads. Head 0 holds features of positions {positions[0]} "
        f"after split_heads, of {positions[1]} after view alone.",
    )


plots.turn_by_hand(draw_memory, H=[2, 1, 4], T=[3, 2, 4])

# %% [markdown]
# After `split_heads` every head has one row per position (one of each colour). After `view` alone head 0 has all features of position 0 and half of position 1, and the last positions belong to head 1: what should be *two views of three words* has become *six half-words in two heaps*.
# Every shape is right, which is why this mistake trains without complaint.

# %% tags=["claim"]
numbers = torch.arange(12.0).view(1, 3, 4)
assert split_heads(numbers, 2)[0, 0].tolist() == [[0, 1], [4, 5], [8, 9]]
assert numbers.view(1, 2, 3, 2)[0, 0].tolist() == [[0, 1], [2, 3], [4, 5]]
paper = torch.tensor([[[0, 1, 2, 3], [10, 11, 12, 13]]])
assert split_heads(paper, 2)[0].tolist() == [[[0, 1], [10, 11]], [[2, 3], [12, 13]]]
# control: with one head there is nothing to mix, and view alone is right
assert torch.equal(numbers.view(1, 1, 3, 4), split_heads(numbers, 1))

# %% [markdown]
# ## 4.2 Merge
# *Goal: put the heads' reports side by side again.* · 5 min · 5 points
#
# After attention each head holds a report of d numbers for every position. Merging is the way back: for each position, head 0's numbers, then head 1's, and so on:
#
# $$\mathrm{merged}[b, t, h \cdot d + j] = X[b, h, t, j]$$
#
# Shapes: X (B, H, T, d) → (B, T, H·d).
#
# *On paper:* head 0 holds (0, 1) and (10, 11), head 1 holds (2, 3) and (12, 13). Merged: (0, 1, 2, 3) and (10, 11, 12, 13).


# %% tags=["exercise", "q4_2"]
def merge_heads(X):
    """Put the heads of a position side by side: merged[b, t, h·d + j] = X[b, h, t, j].

    X (B, H, T, d), a torch tensor. Returns (B, T, H·d), in the number type of X.
    Gradients reach X.
    """
    # 1. bring head and feature next to each other
    # 2. make one axis of the two
    # BEGIN SOLUTION
    B, H, T, d = X.shape
    return X.transpose(1, 2).reshape(B, T, H * d)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# It is 4.1 backwards, so the two steps come in the other order. Two axes can become one only when they stand next to each other.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# pieces ← X with the axes of H and T exchanged      (B, T, H, d)
# answer ← pieces with the last two axes as one      (B, T, H·d)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why `reshape` and not `view`?** After `transpose` the numbers no longer lie in memory in the order of the axes. `view` can only relabel memory, so it refuses; `reshape` copies when it must. (`.contiguous().view(…)` says the same in two words.)
# Here `reshape` *without* the transpose is once more the dangerous answer: it runs, and mixes positions.

# %% tags=["experiment"]
X = torch.arange(24.0).view(1, 3, 8)
heads = split_heads(X, 2)
ways_back = {
    "merge_heads": merge_heads(heads),
    "reshape without transposing back": heads.reshape(1, 3, 8),
}
plots.show_table(
    [
        {
            "way back": name,
            "same as X": str(torch.equal(back, X)),
            "first position": str(back[0, 0].int().tolist()),
        }
        for name, back in ways_back.items()
    ]
)

# %% [markdown]
# Split and merge together change nothing. Without the transpose the first position gets its own first half, then the first half of its neighbour.

# %% tags=["claim"]
unturned = ways_back["reshape without transposing back"]
assert torch.equal(ways_back["merge_heads"], X) and not torch.equal(unturned, X)
assert unturned[0, 0].tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
# control: with one position or one head, nothing is mixed without the transpose
for few in (X[:, :1], X[:, :, :4]):
    H = 2 if few.shape[1] == 1 else 1
    assert torch.equal(split_heads(few, H).reshape(few.shape), few)

# %% [markdown]
# ## 4.3 Multi-head attention
# *Goal: H attentions in parallel, with one linear map in front and one behind.* · 25 min · 9 points
#
# Begin with H single heads side by side. Head h has three small maps of its own, $W_q^{(h)}$, $W_k^{(h)}$ and $W_v^{(h)}$, each (d_k, d_model): it reads *all* d_model features of a position and makes d_k numbers of them. Then it attends as in notebook 3:
#
# $$Q_h = X_q W_q^{(h)\top} \quad K_h = X_{kv} W_k^{(h)\top} \quad V_h = X_{kv} W_v^{(h)\top} \qquad \mathrm{head}_h = \mathrm{softmax}\!\left(\frac{Q_h K_h^{\top}}{\sqrt{d_k}}\right) V_h$$
#
# Now put the H small maps on top of each other. That is one d_model × d_model map, and 4.1 cuts its result back into heads: the same numbers from one product. What the heads found is merged and goes through $W_o$. Cut $W_o$ into H blocks of d_k columns, and it is a *sum*: each head adds its own part to the output.
#
# $$\mathrm{output} = \mathrm{merge}(\mathrm{head}_0, \dots, \mathrm{head}_{H-1})\, W_o^{\top} = \sum_h \mathrm{head}_h\, W_o^{(h)\top}$$
#
# Shapes: X_q (B, T, d_model), X_kv (B, S, d_model), each of Q (B, H, T, d_k), K and V (B, H, S, d_k) → weights (B, H, T, S), output (B, T, d_model). `nn.Linear` stores its matrix as (out, in), hence the transpose.
#
# *On paper:* d_model = 4, H = 2. A score is a sum of d_k = 2 products, so it is divided by √2, not √4: with q = (1, 1) and k = (2, 0) it is 2/√2 ≈ 1.41.


# %% tags=["experiment"]
X, small = torch.randn(2, 5, 8), [nn.Linear(8, 2, bias=False) for _ in range(4)]
big = torch.cat([one.weight for one in small])  # the four maps on top of each other
side_by_side = torch.stack([one(X) for one in small], dim=1)
reports, W_o = torch.randn(2, 4, 5, 2), torch.randn(8, 8)
added = sum(reports[:, h] @ W_o[:, 2 * h : 2 * h + 2].T for h in range(4))
gaps = {
    "four small maps, and one big map that is split": split_heads(X @ big.T, 4)
    - side_by_side,
    "a sum over the heads, and W_o on the merged heads": merge_heads(reports) @ W_o.T
    - added,
}
plots.show_table(
    [
        {"the same?": name, "largest difference": f"{gap.abs().max():.6f}"}
        for name, gap in gaps.items()
    ]
)

# %% [markdown]
# Both pairs are the same up to rounding. So a head owns *rows* of W_q, W_k and W_v, not features of X; and it owns *columns* of W_o, which we shall use to silence it.

# %% tags=["claim"]
assert all(gap.abs().max() < 1e-5 for gap in gaps.values())
# control: maps put together in another order belong to other heads
mixed = torch.cat([one.weight for one in reversed(small)])
assert (split_heads(X @ mixed.T, 4) - side_by_side).abs().max() > 0.1
# control: a head reads all features: with those of X cut instead, it is another map
assert (
    split_heads(X, 4) @ big.view(4, 2, 8)[..., :2].mT - side_by_side
).abs().max() > 0.1


# %% tags=["exercise", "q4_3"]
def masked_weights(scores, mask=None):
    """Softmax of the scores (…, T, S) over the allowed keys.

    Your helper for 4.3 and 4.4, not checked by itself.
    mask: bool, broadcasts to the scores, True = may attend. Blocked keys get weight 0;
    a row with nothing allowed is all 0.
    """
    # 4. shares over the keys, with exact zeros where attention is not allowed
    # BEGIN SOLUTION
    if mask is None:
        return torch.softmax(scores, dim=-1)
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=-1).masked_fill(
        ~mask, 0.0
    )
    # END SOLUTION


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention in H heads of width d_k = d_model / H.

    Parameters: four `nn.Linear` without bias, named W_q, W_k, W_v and W_o,
    each d_model → d_model.
    Head h uses the features h·d_k to (h+1)·d_k − 1 of what the first three return.
    Raises ValueError when H does not divide d_model.
    Write the attention yourself: no F.scaled_dot_product_attention, no
    nn.MultiheadAttention. Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model, H):
        super().__init__()
        # 1. refuse sizes that cannot work; keep H; make the four linear maps
        # BEGIN SOLUTION
        if d_model % H:
            raise ValueError(f"{H} heads cannot share {d_model} features equally")
        self.H = H
        self.W_q, self.W_k, self.W_v, self.W_o = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(4)
        )
        # END SOLUTION

    def forward(self, X_q, X_kv=None, mask=None):
        """Queries from X_q (B, T, d_model), keys and values from X_kv (B, S, d_model).

        Where X_kv is None, keys and values come from X_q, too.
        mask: bool, broadcasts to (B, H, T, S), True = may attend. A query that may
        attend to nothing gets all-zero weights and a zero output; without a mask,
        all may attend to all. Scores may be tens of thousands, of either sign.
        Returns the output (B, T, d_model) and the weights (B, H, T, S), in the number
        type of the inputs. Gradients reach X_q, X_kv and all four maps; stay finite.
        A call depends on its arguments alone, also in train() mode: no dropout here.
        """
        # 2. queries, keys and values, split into heads
        # 3. scores, divided by √d_k
        # 4. weights (the helper above)
        # 5. every head's average of its values; merged; through W_o
        # BEGIN SOLUTION
        X_kv = X_q if X_kv is None else X_kv
        Q = split_heads(self.W_q(X_q), self.H)
        K = split_heads(self.W_k(X_kv), self.H)
        V = split_heads(self.W_v(X_kv), self.H)
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
        weights = masked_weights(scores, mask)
        return self.W_o(merge_heads(weights @ V)), weights
        # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# After the split, heads are one more batch axis: `@` and softmax look at the last two axes and never see it. For a blocked row: a very low *finite* score keeps the softmax finite, and what it says there can be set to 0 afterwards.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# masked_weights:  low     ← scores, with the lowest finite number where the mask is False
#                  weights ← softmax(low) over the keys, then 0 where the mask is False
# __init__:        check; four maps with bias=False
# forward:         source  ← X_kv, or X_q if there is none
#                  Q ← split(W_q(X_q));  K ← split(W_k(source));  V ← split(W_v(source))
#                  weights ← masked_weights(Q Kᵀ / √(width of one head), mask)
#                  return W_o(merge(weights V)), weights
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** *The scale* is that of one head, because a head's score adds up d_k products (notebook 3). *The mask* goes in before the softmax, so that what a blocked key would have taken is shared among the others. With −∞ in place of the lowest finite number a fully blocked row is 0/0, and its NaN
# spreads to every gradient; with the finite number it is an even row that the second `masked_fill` turns into zeros, through which no gradient flows. *W_o* is more than tidying up: it *adds* what the heads found. Without it, feature 0 of the output would be head 0's alone.
#
# **Cost.** The four maps have the same 4·d_model² parameters for one head as for sixteen, and all scores together take the same multiplications (H·d_k is always d_model). What grows with H is the table of weights, (B, H, T, S).

# %% tags=["experiment"]
torch.manual_seed(3)
words = ["the", "cat", "sat", "on", "the", "mat"]
attention, X = MultiHeadAttention(8, 2), 3 * torch.randn(1, 6, 8)
with torch.no_grad():
    output, weights = attention(X, mask=torch.tensor([[True] * 5 + [False]]))
description = (
    "Two untrained heads on six words: two different maps; "
    "the last key is masked and gets no weight in either."
)
plots.show_heads(weights[0], description, queries=words, keys=words)
print(
    f"output {tuple(output.shape)}, weights {tuple(weights.shape)},",
    f"most on the masked key: {weights[..., -1].max():.0f}",
)

# %% [markdown]
# One sentence, two maps: the heads differ because their rows of W_q and W_k do (nothing is trained yet). The last key is masked, and both leave it out entirely.

# %% tags=["claim"]
assert weights[..., -1].max() == 0
assert torch.allclose(weights.sum(-1), torch.ones(1, 2, 6))
assert not torch.allclose(weights[0, 0], weights[0, 1], atol=0.05)
for H in (1, 2, 16):
    module = MultiHeadAttention(16, H)
    assert sum(p.numel() for p in module.parameters()) == 4 * 16**2
# control: without the mask the last key gets weight
assert attention(X)[1][..., -1].min() > 0
# control: with equal rows in W_q and W_k, the two maps are the same
twins = copy.deepcopy(attention)
with torch.no_grad():
    for W in (twins.W_q.weight, twins.W_k.weight):
        W[4:] = W[:4]
same = twins(X)[1]
assert torch.allclose(same[:, 0], same[:, 1])

# %% [markdown]
# ### Experiment: two questions, one vector
#
# Eight slots hold a key and a value (one of 10), as in notebook 2. But now *two* keys are asked for at once, in one vector: "the value of key 3 **first**, that of key 7 **second**". A linear layer reads both answers off the output, in this order.
#
# With one head there is one row of weights: one *mixture* of values, for both questions. If it shows one value clearly, one answer is right and the other a guess, (1 + 1/10) / 2 = .55; and if it shows two, which of them belongs to which question?
# Two heads have two rows. Both models have the same number of parameters.
#
# **Predict:** will the one head look at one of the two slots, or at both? And how many of the answers will be right?


# %% tags=["experiment"]
predicted = {
    "one head: share of right answers": ...,
    "one head: its weight on the slot of the first question": ...,
    "two heads: share of right answers": ...,
}


# %% tags=["experiment"]
class TwoQuestions(NamedTuple):
    keys: torch.Tensor  # (B, 8), all different
    values: torch.Tensor  # (B, 8)
    query: torch.Tensor  # (B, 2): the key asked for first, and second
    answer: torch.Tensor  # (B, 2): their values
    slot: torch.Tensor  # (B, 2): where they are


def draw_questions(n, generator):
    keys = torch.rand(n, 16, generator=generator).argsort(dim=1)[:, :8]
    values = torch.randint(10, (n, 8), generator=generator)
    slot = torch.rand(n, 8, generator=generator).argsort(dim=1)[:, :2]
    return TwoQuestions(
        keys, values, keys.gather(1, slot), values.gather(1, slot), slot
    )


# %% tags=["experiment"]
TEST = draw_questions(2000, torch.Generator().manual_seed(99))


def accuracy(model):
    """The share of right answers to each of the two questions, on 2000 new memories."""
    with torch.no_grad():
        return (model(TEST)[0].argmax(-1) == TEST.answer).float().mean(dim=0)


def size_of(model):
    return sum(p.numel() for p in model.parameters())


def by_seed(models):
    """The mean accuracy over both questions, as rows for a table."""
    return [
        {
            "model": name,
            "mean accuracy, by seed": "  ".join(
                f"{accuracy(model).mean():.2f}" for model in group
            ),
        }
        for name, group in models.items()
    ]


# %% tags=["experiment"]
class Answerer(nn.Module):
    def __init__(self, attention, d_model, read=None):
        super().__init__()
        self.key, self.value = nn.Embedding(16, d_model), nn.Embedding(10, d_model)
        self.first, self.second = nn.Embedding(16, d_model), nn.Embedding(16, d_model)
        self.attention = attention
        self.read = read or nn.Linear(d_model, 20)

    def forward(self, task):
        memory = self.key(task.keys) + self.value(task.values)  # (B, 8, d_model)
        question = self.first(task.query[:, :1]) + self.second(
            task.query[:, 1:]
        )  # (B, 1, d_model): both in one vector
        found, weights = self.attention(question, memory)
        return self.read(found).view(-1, 2, 10), weights  # (B, 2, 10), (B, H, 1, 8)


def practise(model, steps, generator, **options):
    def loss():
        task = draw_questions(128, generator)
        return nn.functional.cross_entropy(
            model(task)[0].flatten(0, 1), task.answer.flatten()
        )

    train(model, loss, steps, quiet=True, **options)
    return model


# %% tags=["experiment"]
def learn(seed, make_attention, d_model=32, make_read=lambda: None):
    torch.manual_seed(seed)
    model = Answerer(make_attention(), d_model, make_read())
    return practise(
        model, 400, torch.Generator().manual_seed(seed), lr=1e-2, decay=True
    )


one_head = [
    learn(seed, lambda: MultiHeadAttention(32, 1))
    for seed in progress(range(5), "one head")
]
two_heads = [
    learn(seed, lambda: MultiHeadAttention(32, 2))
    for seed in progress(range(5), "two heads")
]


# %% tags=["experiment"]
def draw_answers(groups):
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    for column, group in enumerate(groups.values()):
        pairs = torch.stack([accuracy(model) for model in group])
        x = column + (torch.arange(len(group)) - 2) * 0.12
        axes.vlines(x, pairs.amin(dim=1), pairs.amax(dim=1), color="0.6", linewidth=1)
        first, second = (
            ("first question", "second question") if not column else (None, None)
        )
        axes.plot(
            x, pairs[:, 0], marker="o", color=plots.BLUE, linestyle="", label=first
        )
        axes.plot(
            x,
            pairs[:, 1],
            marker="s",
            color=plots.VERMILION,
            linestyle="",
            fillstyle="none",
            label=second,
        )
    axes.axhline(
        0.1,
        color="0.35",
        linewidth=1,
        linestyle=(0, (1, 2)),
        marker="",
        label="guessing",
    )
    axes.set(
        xticks=range(len(groups)),
        xticklabels=list(groups),
        ylim=(0, 1.05),
        ylabel="accuracy",
        title="each pair of marks is one seed",
    )
    axes.legend(loc="center right")
    return figure


models = {"one head": one_head, "two heads": two_heads}
plots.show(
    draw_answers(models),
    "Five seeds each: with one head one question is answered well and the other "
    "hardly; with two heads both always.",
)
plots.show_table(by_seed(models))


# %% tags=["experiment"]
def row_of(name, seed, model):
    """Accuracy and mean weight for each of two questions, of a model with one head."""
    with torch.no_grad():
        on_slots = model(TEST)[1][:, 0, 0].gather(1, TEST.slot)  # (2000, 2)
    right, mass = accuracy(model), on_slots.mean(dim=0)
    louder = (on_slots[:, 0] > on_slots[:, 1]).float().mean().item()
    row = {"model": name, "seed": seed}
    for place, question in enumerate(("first", "second")):
        row[f"{question} right"] = right[place].item()
        row[f"weight on {question}"] = mass[place].item()
    with torch.no_grad():
        written = model(TEST)[0].argmax(-1)
    row["same answer to both"] = (written[:, 0] == written[:, 1]).float().mean().item()
    return row | {"first one louder": louder}


looks = [row_of("one head", seed, model) for seed, model in enumerate(one_head)]
plots.show_table(looks, "accuracy, mean weight, and shares of the 2000 memories")
found = [accuracy(model).mean().item() for model in (one_head[0], two_heads[0])]
plots.show_predictions(predicted, [found[0], looks[0]["weight on first"], found[1]])

# %% [markdown]
# One head stays near .55 in every seed. It does *not* choose one slot: it puts between .39 and .47 of its weight on *each* of the two. One of them is a little louder, the same one in nearly every memory; which one differs from seed to seed. The linear reader finds the louder value and writes it down as the answer to both questions, about nine times in ten. So one answer is right more than nine times in ten, and the other about one time in five. Two heads answer both, always.

# %% tags=["claim"]
for model, row in zip(one_head, looks, strict=True):
    pair = accuracy(model)
    assert 0.50 < pair.mean() < 0.62 and pair.max() > 0.9 and 0.15 < pair.min() < 0.25
    on_slots = row["weight on first"], row["weight on second"]
    assert 0.38 < min(on_slots) < max(on_slots) < 0.48
    assert 0.86 < row["same answer to both"] < 0.96
    assert max(row["first one louder"], 1 - row["first one louder"]) > 0.9
assert {row["first one louder"] > 0.5 for row in looks} == {True, False}
assert all(accuracy(model).mean() > 0.99 for model in two_heads)
assert size_of(one_head[0]) == size_of(two_heads[0])
# control: with two heads, each slot has a row of weights nearly for itself
with torch.no_grad():
    heads = two_heads[0](TEST)[1][:, :, 0]  # (2000, 2, 8)
    on_slots = heads.gather(2, TEST.slot[:, None].expand(-1, 2, -1)).mean(dim=0)
assert on_slots.amax(dim=1).min() > 0.9 and on_slots.amin(dim=1).max() < 0.05

# %% [markdown]
# **Is it a matter of width?** And how far does the claim reach? Two more models with one head: one twice as wide, and one that reads the answers with a *two-layer* network instead of a linear layer.

# %% tags=["experiment"]
SEEDS = range(3)


def two_layers():
    return nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 20))


wider = [
    learn(seed, lambda: MultiHeadAttention(64, 1), 64)
    for seed in progress(SEEDS, "one head, twice as wide")
]
deeper = [
    learn(seed, lambda: MultiHeadAttention(32, 1), make_read=two_layers)
    for seed in progress(SEEDS, "one head, two-layer reader")
]
models |= {"one head, twice as wide": wider, "one head, two-layer reader": deeper}
plots.show_table(by_seed(models))

# %% tags=["experiment"]
louder = [row_of("two-layer reader", seed, model) for seed, model in enumerate(deeper)]
plots.show_table(louder)

# %% [markdown]
# Width does not help: the one row of weights is the limit. A two-layer reader *does* help. In the last table its head puts about two thirds of the weight on one slot and a quarter on the other, in the same order in every memory, and the reader learns to tell the louder value from the quieter one. So a single head is not blind to a second place. It hands over a mixture,
# and what stands behind it has to take the mixture apart. A second head makes that unnecessary.

# %% tags=["claim"]
assert all(accuracy(model).mean() < 0.62 for model in wider)
assert all(accuracy(model).mean() > 0.95 for model in deeper)
for row in louder:
    pair = row["weight on first"], row["weight on second"]
    assert max(pair) > 0.6 and 0.2 < min(pair) < 0.3
    assert row["first one louder"] in (0.0, 1.0)
# control: the same reader on a head that cannot tell loud from quiet
for model in deeper:
    level = copy.deepcopy(model)
    with torch.no_grad():  # without queries all scores are 0, and all weights 1/8
        level.attention.W_q.weight.zero_()
    assert accuracy(level).mean() < 0.4

# %% [markdown]
# ## 4.4 ★ Grouped queries
# *Goal: let several query heads share one key head and one value head.* · 15 min · 8 points
#
# A model that writes a text keeps the keys and values of all earlier positions in memory, for every head. Queries are used once and forgotten. So it pays to have many query heads and few key/value heads: G of them, each shared by H/G query heads that stand next to each other:
#
# $$\text{query head } h \text{ uses the keys and values of group } \left\lfloor h \,/\, (H/G) \right\rfloor$$
#
# G = H is multi-head attention. G = 1 is **multi-query** attention (Shazeer 2019), and between them lies **grouped-query** attention (Ainslie et al. 2023).
#
# Shapes: W_q and W_o stay (d_model, d_model); W_k and W_v become (G·d_k, d_model), so K and V split into (B, G, S, d_k). Weights (B, H, T, S) and output (B, T, d_model) are as before.
#
# *On paper:* H = 4, G = 2: heads 0 and 1 use group 0, heads 2 and 3 use group 1. (H = 6, G = 3: 0, 0, 1, 1, 2, 2.)


# %% tags=["exercise", "q4_4"]
class GroupedQueryAttention(nn.Module):
    """Attention with H query heads and G key/value heads of width d_k = d_model / H.

    Parameters: four `nn.Linear` without bias, named W_q, W_k, W_v and W_o.
    W_q and W_o: d_model → d_model. W_k and W_v: d_model → G·d_k.
    Query head h uses group h // (H/G). Write the attention yourself, as in 4.3: no
    F.scaled_dot_product_attention, no nn.MultiheadAttention.
    Raises ValueError when H does not divide d_model, or G does not divide H.
    Ainslie et al. 2023.
    """

    def __init__(self, d_model, H, G):
        super().__init__()
        # 1. refuse sizes that cannot work; keep H and G; make the four linear maps
        # BEGIN SOLUTION
        if d_model % H or H % G:
            raise ValueError(
                f"{d_model} features, {H} heads and {G} groups do not fit together"
            )
        self.H, self.G = H, G
        self.W_q, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(2))
        self.W_k, self.W_v = (
            nn.Linear(d_model, G * (d_model // H), bias=False) for _ in range(2)
        )
        # END SOLUTION

    def forward(self, X_q, X_kv=None, mask=None):
        """As in 4.3, with the same promises about masks, number types and large scores.

        Returns the output (B, T, d_model) and the weights (B, H, T, S). Gradients reach
        X_q, X_kv and all four maps.
        """
        # 2. queries in H heads; keys and values in G heads
        # 3. every query head gets the keys and values of its group
        # 4. scores, divided by √d_k, and their weights
        # 5. averages, merged, through W_o
        # BEGIN SOLUTION
        X_kv = X_q if X_kv is None else X_kv
        Q = split_heads(self.W_q(X_q), self.H)
        K, V = (split_heads(W(X_kv), self.G) for W in (self.W_k, self.W_v))
        K, V = (shared.repeat_interleave(self.H // self.G, dim=1) for shared in (K, V))
        weights = masked_weights(Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1]), mask)
        return self.W_o(merge_heads(weights @ V)), weights
        # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Everything is 4.3, once K and V have H heads again. Two functions make copies along an axis: one gives 0, 1, 0, 1, the other 0, 0, 1, 1. Which do you need?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# Q ← split(W_q(X_q), H);  K ← split(W_k(source), G);  V ← split(W_v(source), G)
# K, V ← each of their G heads H/G times in a row, along the head axis
# go on as in 4.3
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **`repeat_interleave` or `repeat`?** `repeat` puts whole copies behind each other (groups 0, 1, 0, 1), `repeat_interleave` repeats each element (0, 0, 1, 1). Trained from the start, both would learn. But weights are exchanged between programs, and with the other order a loaded model talks nonsense.
# Copying K and V is for clarity only: fast implementations let the H/G query heads read the same memory, and only that saves time. `F.scaled_dot_product_attention(…, enable_gqa=True)` does so.

# %% [markdown]
# Which group does each of eight query heads read?

# %% tags=["experiment"]
kinds = {8: "multi-head", 4: "grouped-query", 2: "grouped-query", 1: "multi-query"}
plots.show_table(
    [
        {
            "G": str(G),
            "kind": kind,
            "group of query heads 0 … 7": "  ".join(
                str(h // (8 // G)) for h in range(8)
            ),
        }
        for G, kind in kinds.items()
    ]
)

# %% [markdown]
# **Predict:** four query heads on the two-questions task. Does it need four key/value heads, or two, or is one enough?

# %% tags=["experiment"]
grouped = {
    G: [
        learn(seed, lambda G=G: GroupedQueryAttention(32, 4, G))
        for seed in progress(SEEDS, f"H = 4, G = {G}")
    ]
    for G in (4, 2, 1)
}
plots.show_table(
    [
        {
            "G": str(G),
            "kind": {4: "multi-head", 2: "grouped-query", 1: "multi-query"}[G],
            "mean accuracy, by seed": "  ".join(
                f"{accuracy(model).mean():.2f}" for model in group
            ),
            "parameters of the attention": f"{size_of(group[0].attention):,}",
        }
        for G, group in grouped.items()
    ]
)

# %% [markdown]
# One key/value head is enough here: different *questions* suffice to look in two places, even when all heads read the clues in the same way. Shazeer (2019), with models that are small by today's measure, reports only minor loss of quality with one key/value head; Ainslie et al. (2023) write that it can cost quality and make training unstable, and propose values of G in between. Our task is too small to show either.

# %% tags=["claim"]
for group in grouped.values():
    assert all(accuracy(model).mean() > 0.99 for model in group)
# control: four query heads with the same question are one head again
alike = copy.deepcopy(grouped[1][0])
with torch.no_grad():
    alike.attention.W_q.weight.copy_(alike.attention.W_q.weight[:8].repeat(4, 1))
assert accuracy(alike).mean() < 0.8

# %% [markdown]
# > **Out in the wild.** Four query heads, two key/value heads: which one does each read? torch {{guide:version/torch}}: {{guide:sdpa/gqa}}; JAX {{guide:version/jax}}: {{guide:jax/gqa}}; Llama in Transformers {{guide:version/transformers}}: {{guide:llama_eager/gqa}};
# > x-transformers {{guide:version/x-transformers}}: {{guide:xtr/gqa}}. Weights moved from one order to the other run, and are wrong.
# > Measured in `docs/field-guide.md`.

# %% [markdown]
# ## 4.5 ★ What the cache weighs
# *Goal: count the bytes of all cached keys and values.* · 10 min · 4 points
#
# Writing one token at a time, a model would recompute the keys and values of all earlier positions at every step. It keeps them instead, in the **KV cache**. In each layer there are G heads, each with one key and one value of d_k numbers for every position of every sequence in the batch. Everything multiplies.
#
# H does not appear: queries are not kept. That is the whole point of grouping. (The other saving, in parameters, is counted in 4.8; there both stand side by side.)
#
# *On paper:* one layer, G = 2, d_k = 4, three positions, one sequence, 2 bytes per number: 2 tensors (K and V) of 2·4·3 = 24 numbers, 48 numbers, 96 bytes.


# %% tags=["exercise", "q4_5"]
def kv_cache_bytes(layers, G, d_k, seq_len, batch, bytes_per_number):
    """The bytes of all cached keys and values, as an int.

    `layers` layers with G key/value heads of width d_k; `seq_len` cached positions of
    `batch` sequences.
    All arguments are ints. The result is exact, also for the largest models.
    """
    # 1. numbers at one position of one layer
    # 2. times everything there is more of
    # 3. in bytes
    # BEGIN SOLUTION
    return 2 * layers * G * d_k * seq_len * batch * bytes_per_number
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# How many *tensors* does a layer keep, and which shape (B, G, S, d_k) has each?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# numbers ← (keys and values) · G · d_k          at one position
# numbers ← numbers · positions · sequences · layers
# bytes   ← numbers · bytes of one
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **The 2 that is forgotten.** K *and* V are kept. And the query heads do not count: with H instead of G, the cache of Llama 2 70B would come out eight times too large.

# %% [markdown]
# ### Published models
#
# The shapes below are those that the papers, or the configuration files released with the weights, state. We count the cache of one sequence of 2048 tokens in 16-bit numbers, and what it would be with a key/value head for each query head.

# %% tags=["experiment"]
MODELS = {  # name: (layers, H, G, d_k, where it is stated)
    "GPT-3 175B": (96, 96, 96, 128, "Brown et al. 2020, table 2.1"),
    "Llama 2 7B": (32, 32, 32, 128, "params.json of the release (Touvron et al. 2023)"),
    "Llama 2 70B": (80, 64, 8, 128, "params.json of the release (Touvron et al. 2023)"),
    "Mistral 7B": (32, 32, 8, 128, "Jiang et al. 2023, table 1"),
    "Llama 3.1 405B": (126, 128, 8, 128, "Grattafiori et al. 2024, table 3"),
    "Falcon 7B": (32, 71, 1, 64, "config.json of the release (Almazrouei et al. 2023)"),
}
MIB = 2**20
cache, ungrouped = (
    {
        name: kv_cache_bytes(layers, heads, d_k, 2048, 1, 2) / MIB
        for name, (layers, heads, d_k) in shapes.items()
    }
    for shapes in (
        {name: (layers, G, d_k) for name, (layers, H, G, d_k, _) in MODELS.items()},
        {name: (layers, H, d_k) for name, (layers, H, G, d_k, _) in MODELS.items()},
    )
)
columns = ("layers", "H", "G", "d_k", "source of the shape")
plots.show_table(
    [
        {
            "model": name,
            "MiB": f"{cache[name]:,.0f}",
            "MiB if G were H": f"{ungrouped[name]:,.0f}",
        }
        | dict(zip(columns, shape, strict=True))
        for name, shape in MODELS.items()
    ]
)


# %% tags=["experiment"]
def draw_caches():
    figure, axes = plt.subplots(figsize=(6.6, 3.4))
    names = list(cache)
    rows = range(len(names))
    every = [ungrouped[name] for name in names]
    axes.hlines(rows, list(cache.values()), every, color="0.6", linewidth=1.5)
    hollow = {"linestyle": "", "marker": "o", "markersize": 9, "fillstyle": "none"}
    axes.plot(every, rows, color="0.3", label="if G were H", **hollow)
    full = {
        "linestyle": "",
        "marker": "o",
        "color": plots.BLUE,
        "label": "as published",
    }
    axes.plot(list(cache.values()), rows, **full)
    for row, name in enumerate(names):
        less = ungrouped[name] / cache[name]
        text = f"{cache[name]:,.0f} MiB" + (f", 1/{less:.0f}" if less > 1 else "")
        axes.annotate(text, (cache[name], row - 0.22), ha="center", fontsize=9)
    axes.set_xscale("log", base=2)
    ticks = [2**power for power in range(3, 15)]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], rotation=45, ha="right")
    axes.set_yticks(rows, names)
    axes.set(xlim=(8, 2**14.7), ylim=(len(names) - 0.5, -0.7))
    axes.set_xlabel("MiB for 2048 cached tokens of one sequence, 16-bit numbers")
    axes.minorticks_off()
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure


plots.show(
    draw_caches(),
    "The cache of 2048 tokens on a logarithmic axis: "
    + ", ".join(f"{name} {value:,.0f} MiB" for name, value in cache.items())
    + ".",
)

# %% [markdown]
# Llama 2 70B keeps less than Llama 2 7B, though it has ten times the parameters: eight query heads share each key/value head. With one sequence the cache of GPT-3 is 9,216 MiB, or 9 GiB; with sixteen users it would be 144 GiB. Falcon 7B shows the other end: 71 query heads, one key/value head, 16 MiB. (Llama 3 8B has the shape of Mistral 7B, and so the same cache.)

# %% tags=["claim"]
assert kv_cache_bytes(1, 2, 4, 3, 1, 2) == 96
assert cache["GPT-3 175B"] == 9 * 1024 and cache["Falcon 7B"] == 16
assert cache["Llama 2 70B"] == 640 < cache["Llama 2 7B"] == 1024
assert cache["Mistral 7B"] == kv_cache_bytes(32, 8, 128, 2048, 1, 2) / MIB
# control: with a key/value head for each query head the larger Llama keeps more
assert ungrouped["Llama 2 70B"] == 8 * cache["Llama 2 70B"] > cache["Llama 2 7B"]

# %% [markdown]
# ## 4.6 ★ Pool a trained model
# *Goal: turn multi-head weights into grouped-query weights.* · 10 min · 5 points
#
# What if the model is already trained, with G = H? Ainslie et al. (2023) average the key heads of each group, and the value heads likewise, and train a little longer. With $W^{(h)}$ the d_k rows of head h:
#
# $$W_{\mathrm{new}}^{(g)} = \frac{G}{H} \sum_{h \,=\, g H/G}^{(g+1) H/G - 1} W^{(h)}$$
#
# Shapes, as `nn.Linear` stores them: W_k and W_v (H·d_k, d_model) → (G·d_k, d_model) each. Head h owns the rows h·d_k to (h+1)·d_k − 1.
#
# *On paper:* H = 2, G = 1, d_k = 2, d_model = 1. Rows 1, 2 (head 0) and 5, 8 (head 1) become (1+5)/2 = 3 and (2+8)/2 = 5.


# %% tags=["exercise", "q4_6"]
def mha_to_gqa(W_k, W_v, H, G):
    """Pool the key and value heads of a trained attention: the mean over each group.

    W_k and W_v (H·d_k, d_model) as in `nn.Linear`: the rows of head 0 first.
    Group g pools the heads g·H/G … (g+1)·H/G − 1.
    Returns the new W_k and W_v, (G·d_k, d_model) each, in the number type of the
    inputs, which stay as they are.
    Raises ValueError when G does not divide H, or H does not divide the number of rows.
    """
    # 1. check the sizes; see the rows as (group, head in the group, row of the head)
    # 2. the mean over the heads of a group, for the keys and for the values
    # BEGIN SOLUTION
    rows, d_model = W_k.shape
    if H % G or rows % H:
        raise ValueError(f"{rows} rows, {H} heads and {G} groups do not fit together")
    pooled_k, pooled_v = (
        W.reshape(G, H // G, rows // H, d_model).mean(dim=1) for W in (W_k, W_v)
    )
    return pooled_k.reshape(-1, d_model), pooled_v.reshape(-1, d_model)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# It is `split_heads` for rows: cut the first axis into (groups, heads of a group, d_k), and one of these three axes is averaged away. Which?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# for W in (W_k, W_v):
#     blocks ← W seen as (G, H/G, d_k, d_model)
#     W_new  ← mean of blocks over the heads of a group, seen as (G·d_k, d_model)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Two traps.** The mean runs over *heads*, row by row: row 0 of one head with row 0 of the next. Averaging neighbouring rows, (G, d_k, H/G, …), mixes different features of one head. And the groups are blocks of neighbours, because 4.4 hands them out in blocks.

# %% [markdown]
# ### What pooling costs
#
# We take the trained four-head models of 4.4 (G = 4), pool them, measure, then train on for 20 steps. That is 5 % of the 400 that they had, the share that Ainslie et al. recommend.
#
# **Predict:** how much of the accuracy survives the pooling alone?


# %% tags=["experiment"]
def pool(model, G):
    pooled = Answerer(GroupedQueryAttention(32, 4, G), 32)
    state = copy.deepcopy(model.state_dict())
    names = "attention.W_k.weight", "attention.W_v.weight"
    state |= dict(
        zip(names, mha_to_gqa(*(state[name] for name in names), 4, G), strict=True)
    )
    pooled.load_state_dict(state)
    return pooled


cost = []
for G in progress((2, 1), "pooling"):
    for seed in SEEDS:
        model = pool(grouped[4][seed], G)
        row = {
            "G": str(G),
            "seed": str(seed),
            "trained with G = 4": accuracy(grouped[4][seed]).mean().item(),
        }
        row["pooled"] = accuracy(model).mean().item()
        practise(model, 20, torch.Generator().manual_seed(1000 + seed), lr=5e-3)
        cost.append(row | {"after 20 more steps": accuracy(model).mean().item()})
plots.show_table(cost, "mean accuracy of both answers, chance .10")

# %% [markdown]
# Pooling alone costs a good part of the accuracy, and most of it with G = 1: the heads had learned different keys, and their mean is nobody's. But it is a good place to start from. Another 20 steps bring back all of it with G = 2. With G = 1 they come back most of the way, and stop between .9 and .97. (A fresh model is nowhere near that after 20 steps, as the next table shows.)


# %% tags=["experiment"]
def fresh_start(seed):
    torch.manual_seed(seed)
    beginner = Answerer(GroupedQueryAttention(32, 4, 1), 32)
    return practise(beginner, 20, torch.Generator().manual_seed(1000 + seed), lr=5e-3)


fresh = [fresh_start(seed) for seed in SEEDS]
plots.show_table(by_seed({"fresh, G = 1, after 20 steps": fresh}))

# %% tags=["claim"]
for row in cost:
    assert row["trained with G = 4"] > 0.99 and row["pooled"] < 0.9
pooled = {G: [row["pooled"] for row in cost if row["G"] == G] for G in "12"}
later = {G: [row["after 20 more steps"] for row in cost if row["G"] == G] for G in "12"}
assert max(pooled["1"]) < min(pooled["2"])
assert min(later["2"]) > 0.99 > 0.98 > max(later["1"]) and min(later["1"]) > 0.87
# control: it is the pooled weights that help: 20 steps from fresh ones are not enough
assert all(accuracy(model).mean() < 0.4 for model in fresh)
# control: pooling heads that are the same costs nothing
model = copy.deepcopy(grouped[4][0])
with torch.no_grad():
    for W in (model.attention.W_k.weight, model.attention.W_v.weight):
        W.copy_(W[:8].repeat(4, 1))
assert torch.allclose(accuracy(pool(model, 1)), accuracy(model), atol=2e-3)

# %% [markdown]
# ## 4.7 ★ Who looks where?
# *Goal: measure what a head looks at, instead of judging pictures by eye.* · 15 min · 4 points
#
# Maps of weights invite stories. When we *know* where a head should look (the gold position), we can measure: how much of its weight is there, on average?
#
# $$m_h = \frac{1}{N} \sum_{b,t:\; \mathrm{gold}_{b,t} \ge 0} \mathrm{weights}[b, h, t, \mathrm{gold}_{b,t}] \qquad N = \text{how many } (b, t) \text{ have gold} \ge 0$$
#
# Shapes: weights (B, H, T, S), gold (B, T) with −1 where there is nothing to look at → masses (H,).
#
# *On paper:* one head, three queries with weights (.7, .3), (.4, .6), (.5, .5) and gold (0, 1, −1): (.7 + .6) / 2 = .65. The third query does not count.


# %% tags=["exercise", "q4_7"]
def head_gold_mass(weights, gold):
    """For each head the mean weight on the gold position.

    The mean is over all positions of the batch that have gold; a weight of 0 counts.
    weights (B, H, T, S), gold (B, T) int64 with −1 where a query has no gold position.
    Returns (H,), in the number type of the weights; zeros when no position has gold.
    """
    # 1. which positions count
    # 2. each head's weight on its gold key (take care of −1)
    # 3. the sum over the positions that count, divided by how many there are
    # BEGIN SOLUTION
    real = gold >= 0
    index = gold.clamp(min=0)[:, None, :, None].expand(-1, weights.shape[1], -1, 1)
    on_gold = weights.gather(-1, index).squeeze(-1) * real[:, None]
    return on_gold.sum(dim=(0, 2)) / real.sum().clamp(min=1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `gather` looks up one entry per row, but its index needs as many axes as the weights, and it refuses −1. Any valid index will do where the result is thrown away. (Two short loops are right as well.)
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# real    ← gold ≥ 0                               (B, T)
# index   ← gold, with 0 in place of −1, the same for every head   (B, H, T, 1)
# on_gold ← weights at index along the keys; 0 where not real      (B, H, T)
# answer  ← sum of on_gold over batch and positions / (number of real positions, at least 1)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Mass or accuracy?** Exercise 1.7 asked whether the *largest* weight is on gold. Mass also tells .95 from .35, and for a head that shares its attention between two places it says how. **−1** is a valid index in Python, the last key; `gather` refuses it, loops do not. **The count** is over the whole batch: a mean of per-sentence means would let a sentence with one aligned word count as much as one with ten.

# %% [markdown]
# ### The detectives, measured
#
# Back to the two questions. There are two gold positions for each example, the slot of the first question and that of the second, so we measure each head twice. And we ask a second question of every head: what is lost when it is *silenced* (its columns of W_o set to zero)?
#
# **Predict:** with four heads for two jobs, will two heads work and two rest? Or will all four share the work?


# %% tags=["experiment"]
def masses(model):
    """Each head's mean weight on the slots of the two questions: (H, 2)."""
    with torch.no_grad():
        weights = model(TEST)[1]
    return torch.stack(
        [head_gold_mass(weights, TEST.slot[:, [place]]) for place in (0, 1)], dim=1
    )


def silenced(model, head):
    """A copy of the model in which one head's report never reaches the output."""
    quiet = copy.deepcopy(model)
    d_k = 32 // quiet.attention.H
    with torch.no_grad():
        quiet.attention.W_o.weight[:, head * d_k : (head + 1) * d_k] = 0
    return quiet


def lost(model):
    """How much mean accuracy is lost by silencing each head: (H,)."""
    whole = accuracy(model).mean()
    return torch.stack(
        [
            whole - accuracy(silenced(model, head)).mean()
            for head in range(model.attention.H)
        ]
    )


# %% tags=["experiment"]
def draw_masses(models):
    widths = {"width_ratios": [model.attention.H + 1 for model in models.values()]}
    figure, grid = plt.subplots(
        1, len(models), figsize=(6.8, 3.5), sharey=True, gridspec_kw=widths
    )
    for axes, (name, model) in zip(grid, models.items(), strict=True):
        mass, loss = masses(model), lost(model)
        for place, (colour, hatch, slot) in enumerate(
            ((plots.BLUE, "", "first"), ("#E69F00", "///", "second"))
        ):
            style = {
                "color": colour,
                "hatch": hatch,
                "edgecolor": "k",
                "linewidth": 0.5,
                "label": f"on the {slot} slot",
            }
            axes.bar(
                np.arange(len(mass)) + 0.38 * place - 0.19,
                mass[:, place],
                0.36,
                **style,
            )
        below = [f"{h}\n{max(0, x):.2f}" for h, x in enumerate(loss.tolist())]
        axes.set(title=name, ylim=(0, 1.05), xticks=range(len(mass)), xticklabels=below)
        axes.set_xlabel(
            "head h\n(below: what it costs to silence it)"
            if axes is grid[1]
            else "head h\n"
        )
        axes.grid(axis="x", visible=False)
    grid[0].set_ylabel("mean weight")
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return figure


shown = {
    "two heads": two_heads[0],
    "four heads, seed 0": grouped[4][0],
    "four heads, seed 1": grouped[4][1],
}
plots.show(
    draw_masses(shown),
    "Mean weight of every head on the two gold slots; below each head the accuracy "
    "lost when it is silenced.",
)

# %% tags=["experiment"]
plots.show_table(
    [
        {
            "model": name,
            "head": str(h),
            "mass on first": a,
            "mass on second": b,
            "lost when silenced": max(0.0, x),
        }
        for name, model in shown.items()
        for h, ((a, b), x) in enumerate(
            zip(masses(model).tolist(), lost(model).tolist(), strict=True)
        )
    ]
)

# %% [markdown]
# With two heads the jobs are divided cleanly, one slot each. With four, some heads look where another looks already, and some spread their weight over both slots and the rest. In each of our three models with G = 4 at least one can be silenced at next to no cost (less than .005): its map may look purposeful, and nobody would miss it.
# No term of the loss asked for anything else. These heads specialised as far as the task needed it, and no further.

# %% tags=["claim"]
for model in two_heads:
    mass = masses(model)
    assert {int(place) for place in mass.argmax(dim=1)} == {0, 1}
    assert mass.amax(dim=1).min() > 0.9 > 0.05 > mass.amin(dim=1).max()
assert all(lost(model).min() < 0.005 for model in grouped[4])
for model in grouped[4][:2]:
    assert (masses(model).amax(dim=1) < 0.7).any()  # one that spreads its weight
    assert (masses(model) > 0.8).sum(dim=0).max() >= 2  # two that look at one slot
example = torch.tensor([[[[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]]]])
paper = head_gold_mass(example, torch.tensor([[0, 1, -1]]))
assert abs(paper.item() - 0.65) < 1e-6
# control: with two heads none can be silenced
assert all(lost(model).min() > 0.2 for model in two_heads)
# control: on slots that nobody asked for, there is next to no weight
other = TEST._replace(slot=(TEST.slot + 1) % 8)
asked = (other.slot[:, :, None] == TEST.slot[:, None]).any(dim=(1, 2))
with torch.no_grad():
    weights = two_heads[0](TEST)[1][~asked]
assert head_gold_mass(weights, other.slot[~asked][:, [0]]).max() < 0.05

# %% [markdown]
# ## 4.8 Count the parameters
# *Goal: the parameters of 4.4, by formula.* · 5 min · 4 points
#
# Grouping saves cache first of all. It also makes W_k and W_v narrower. How much of the attention's parameters is that?
#
# Shapes again: W_q and W_o (d_model, d_model); W_k and W_v (G·d_k, d_model); no biases.
#
# *On paper:* d_model = 6, H = 3, G = 1: d_k = 2, so W_q and W_o have 36 each, W_k and W_v 12 each, 96 together.


# %% tags=["exercise", "q4_8"]
def count_parameters(d_model, H, G):
    """The number of parameters of `GroupedQueryAttention(d_model, H, G)`, by formula.

    Returns an int, also for sizes in the thousands: no floats on the way.
    Raises ValueError when H does not divide d_model, or G does not divide H.
    """
    # 1. the two square maps
    # 2. the two narrow ones
    # BEGIN SOLUTION
    if d_model % H or H % G:
        raise ValueError(
            f"{d_model} features, {H} heads and {G} groups do not fit together"
        )
    d_k = d_model // H
    return 2 * d_model * d_model + 2 * d_model * G * d_k
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# A linear map without bias has (inputs · outputs) parameters. Write down inputs and outputs of all four.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# check the sizes as in 4.4
# square ← d_model · d_model                 for W_q and for W_o
# narrow ← d_model · (G · width of a head)   for W_k and for W_v
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **What it says.** 2·d_model²·(1 + G/H). With G = H that is 4·d_model²; with G = 1 it approaches half of it, and never falls below: queries and output stay. The cache, in contrast, shrinks by the whole factor H/G.

# %% tags=["experiment"]
groups = [64, 32, 16, 8, 4, 2, 1]
parameters = [
    count_parameters(8192, 64, G) / count_parameters(8192, 64, 64) for G in groups
]
memory = [
    kv_cache_bytes(80, G, 128, 2048, 1, 2) / kv_cache_bytes(80, 64, 128, 2048, 1, 2)
    for G in groups
]
plots.show_curves(
    groups,
    {"parameters of the attention": parameters, "bytes of the cache": memory},
    "Parameters fall from 1 to about one half as G falls from 64 to 1; the cache "
    "falls from 1 to one sixty-fourth.",
    x_label="key/value heads G (H = 64, d_model = 8192, as in Llama 2 70B)",
    y_label="share of G = H",
    log_x=True,
    y_limits=(0, 1.05),
    vertical=(8, "Llama 2 70B: G = 8"),
)

# %% [markdown]
# Parameters cannot fall below one half. The cache falls all the way: with G = 8 it is down to one eighth.
#
# Here are both savings for the published models of 4.5, whose d_model is H · d_k.

# %% tags=["experiment"]
rows = []
for name, (layers, H, G, d_k, _) in MODELS.items():
    published, full = (count_parameters(H * d_k, H, groups) for groups in (G, H))
    row = {"model": name, "H": H, "G": G}
    row["cache / cache if G were H"] = cache[name] / ungrouped[name]
    row["parameters / if G were H"] = published / full
    rows.append(row | {"all attentions (10⁹)": layers * published / 1e9})
plots.show_table(rows, "what grouping saves; the parameters are those of all layers")

# %% [markdown]
# The cache shrinks by the whole factor H/G, the attention's parameters by less than one half. Where the cache is down to 1/16 or 1/71, the parameters are still more than half of what they were.

# %% tags=["claim"]
assert count_parameters(6, 3, 1) == 96
for G in (1, 2, 3, 6):
    assert count_parameters(24, 6, G) == size_of(GroupedQueryAttention(24, 6, G))
assert min(parameters) > 0.5 and min(memory) == 1 / 64
assert memory[groups.index(8)] == 1 / 8
for row in rows:
    assert row["cache / cache if G were H"] == row["G"] / row["H"]
    assert 0.5 < row["parameters / if G were H"] <= 1
assert {row["H"] // row["G"] for row in rows} >= {16, 71}
# control: counted for H heads instead of G, nothing is saved
assert kv_cache_bytes(80, 64, 128, 2048, 1, 2) == 8 * kv_cache_bytes(
    80, 8, 128, 2048, 1, 2
)
assert count_parameters(8192, 64, 64) == 4 * 8192**2

# %% [markdown]
# ## 4.9 Dropout on the weights
# *Goal: hide some keys at random while the model learns.* · 10 min · 6 points · further
#
# A model that has read the same few sentences many times comes to rely on one key for one answer. *Dropout* (Srivastava et al. 2014) takes such supports away at random, and many transformers use it on the attention weights, too:
#
# $$\tilde w_{t,s} = \begin{cases} 0 & \text{with probability } p \\ w_{t,s} \,/\, (1-p) & \text{otherwise}\end{cases}$$
#
# Every weight has a draw of its own. Dividing by 1 − p keeps the *mean over many draws* at w (this is called *inverted* dropout), so that nothing has to be changed when the model is used. A single row no longer sums to 1, and that is meant: dividing by its sum would hand what is hidden to the keys that are left, and the mean would be another one.
# This surprises people, because `nn.MultiheadAttention` returns its weights *after* dropout: rows above 1 have been reported as a bug more than once.
#
# Shapes: weights (B, H, T, S) → (B, H, T, S).
#
# *On paper:* p = ½, a row (.5, .3, .2), and the draw says keep, drop, keep: (1, 0, .4). It sums to 1.4.


# %% tags=["exercise", "q4_9"]
def attention_dropout(weights, p, generator, training):
    """Set each weight to 0 with probability p, and divide the others by 1 − p.

    weights (B, H, T, S), p a float, training a bool. Each weight is drawn for itself;
    all randomness comes from `generator`, a `torch.Generator`: the function itself
    remembers nothing from call to call.
    Out of training the weights come back as they are, for every p that is possible.
    Returns (B, H, T, S), in the number type of the weights, which are not changed.
    Rows need not sum to 1 afterwards. Gradients reach the weights.
    Raises ValueError when p is below 0, or 1 or more, in training or not.
    Srivastava et al. 2014.
    """
    # 1. refuse an impossible p; out of training there is nothing to do
    # 2. for each weight one draw: is it dropped?
    # 3. 0 where it is dropped; the others made larger
    # BEGIN SOLUTION
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}, and should be at least 0 and below 1")
    if not training:
        return weights
    drawn = torch.rand(weights.shape, generator=generator, device=generator.device)
    return weights.masked_fill(drawn.to(weights.device) < p, 0.0) / (1 - p)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `torch.rand` takes a shape and `generator=…`, and gives numbers between 0 and 1. What share of them lies below p? One number for each weight, so which shape?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if p is not in 0 … 1, without 1: raise ValueError
# if not training: return weights
# dropped ← uniform numbers, as many as weights, below p
# return weights, 0 where dropped, divided by what is kept on average
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Not a mask.** A mask goes in before the softmax, and what a blocked key would have had is shared out among the others. Dropout comes after it and shares out nothing. That is why a mask must not be left to chance, and dropout must not be left on when the model is used.
# **Why a generator of its own?** A run can be repeated draw by draw, and other randomness (the order of the batches) stays what it was.
# A generator belongs to a device, and draws only there: `device=generator.device`, and `.to` afterwards, let it serve weights on another one.

# %% [markdown]
# **Predict:** p = .5, and a row (.5, .3, .2). Between which numbers does its sum lie, and what is the mean of the sums over many draws?

# %% tags=["experiment"]
row = torch.tensor([0.5, 0.3, 0.2])
many = row.expand(1, 1, 20000, 3)
drawn = attention_dropout(many, 0.5, torch.Generator().manual_seed(0), True)[0, 0]
sums = drawn.sum(-1)
again = torch.nan_to_num(drawn / sums[:, None])  # made to sum to 1, but for empty rows


def in_one(numbers):
    return "  ".join(f"{number:.2f}" for number in numbers.tolist())


plots.show_table(
    [
        {"": "the row", "key 0, 1, 2": in_one(row)},
        {"": "first draw", "key 0, 1, 2": in_one(drawn[0])},
        {"": "mean of 20,000 draws", "key 0, 1, 2": in_one(drawn.mean(0))},
        {"": "the same, made to sum to 1", "key 0, 1, 2": in_one(again.mean(0))},
    ],
    f"sums of rows: {sums.min():.2f} to {sums.max():.2f}, mean {sums.mean():.2f}",
)
theirs = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
torch.manual_seed(0)
X = torch.randn(1, 4, 8)
trained, used = (theirs.train(on)(X, X, X)[1].sum(-1) for on in (True, False))
print("row sums of nn.MultiheadAttention, in training:", in_one(trained[0]))
print("and out of it:", in_one(used[0]))

# %% [markdown]
# Sums go from 0 to 2, and their mean is 1. The mean of the draws is the row itself. Rows that are made to sum to 1 again have another mean: the largest weight loses most of all, and the smallest one gains. torch's own module shows the same sums in training, and 1 out of it.

# %% tags=["claim"]
assert sums.min() == 0 and sums.max() == 2 and abs(sums.mean() - 1) < 0.02
assert torch.allclose(drawn.mean(0), row, atol=0.02)
assert (trained - 1).abs().max() > 0.05 and torch.allclose(used, torch.ones(1, 4))
# control: made to sum to 1, the mean is not the row
assert again.mean(0)[0] < row[0] - 0.05 and again.mean(0)[2] > row[2] + 0.02
# control: out of training nothing happens
quiet = attention_dropout(many, 0.5, torch.Generator().manual_seed(0), False)
assert torch.equal(quiet, many)

# %% [markdown]
# ### Experiment: a small corpus
#
# Does it help? A small language model (one layer of your attention, a causal mask, learned positions) reads 200 Spanish sentences of the course's corpus again and again, and learns to name the next word. The loss, in nats a word, is measured on these sentences and on 200 others, for three values of p and two seeds. For comparison, the same on 5,000 sentences.
#
# **Predict:** with p = .5, will the loss on the 200 sentences be higher or lower than with p = 0? And on the others?

# %% tags=["experiment"]
SENTENCES = [pair.target for pair in load_en_es("train")[:5000]]
OTHERS = [pair.target for pair in load_en_es("test")[:200]]
VOCABULARY = Vocabulary.of(SENTENCES)


def as_ids(sentences):
    rows = [[BOS, *VOCABULARY.encode(words, eos=True)] for words in sentences]
    return pad_batch(rows)[0]


class DropoutAttention(MultiHeadAttention):
    """4.3 with dropout on its weights."""

    def __init__(self, d_model, H, p, seed):
        super().__init__(d_model, H)
        self.p, self.generator = p, torch.Generator().manual_seed(seed)

    def forward(self, X, mask):
        weights = super().forward(X, mask=mask)[1]
        weights = attention_dropout(weights, self.p, self.generator, self.training)
        return self.W_o(merge_heads(weights @ split_heads(self.W_v(X), self.H)))


# %% tags=["experiment"]
class NextWord(nn.Module):
    def __init__(self, p, seed, d_model=32, H=4):
        super().__init__()
        self.words = nn.Embedding(len(VOCABULARY), d_model)
        self.places = nn.Embedding(40, d_model)
        self.attention = DropoutAttention(d_model, H, p, seed)
        self.read = nn.Linear(d_model, len(VOCABULARY))

    def forward(self, ids):  # (B, T) → logits (B, T, V)
        T = ids.shape[1]
        X = self.words(ids) + self.places.weight[:T]
        seen = torch.ones(T, T, dtype=torch.bool).tril()
        return self.read(X + self.attention(X, seen))


def word_loss(model, ids):
    logits, words = model(ids[:, :-1]), ids[:, 1:]
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), words.flatten(), ignore_index=PAD
    )


# %% tags=["experiment"]
NEW, PARTS = as_ids(OTHERS), 4


def read_again_and_again(sentences, p, seed):
    """Losses (PARTS, 2), on the sentences and on new ones, after 50, 100, … steps."""
    torch.manual_seed(seed)
    model, corpus = NextWord(p, seed), as_ids(sentences)
    generator = torch.Generator().manual_seed(seed)

    def loss():
        chosen = torch.randint(len(corpus), (32,), generator=generator)
        ids = corpus[chosen]
        return word_loss(model, ids[:, : (ids != PAD).sum(dim=1).max()])

    losses = []
    for _ in range(PARTS):
        train(model, loss, 50, lr=5e-3, quiet=True)
        with torch.no_grad():
            losses.append([word_loss(model, ids).item() for ids in (corpus[:200], NEW)])
    return torch.tensor(losses)


few = [(p, seed) for p in (0.0, 0.2, 0.5) for seed in (0, 1)]
runs = {
    (200, p, seed): read_again_and_again(SENTENCES[200 * seed :][:200], p, seed)
    for p, seed in progress(few, "200 sentences")
}
runs |= {
    (5000, p, 0): read_again_and_again(SENTENCES, p, 0)
    for p in progress((0.0, 0.5), "5,000 sentences")
}

# %% tags=["experiment"]
steps = [50 * (part + 1) for part in range(PARTS)]
curves = {}
for p in (0.0, 0.5):
    both = torch.stack([runs[200, p, seed] for seed in (0, 1)])  # (seeds, PARTS, 2)
    curves |= {f"p = {p:g}, new": both[..., 1], f"p = {p:g}, read": both[..., 0]}
plots.show_curves(
    steps,
    curves,
    "Loss over training on 200 sentences. On those that are read it falls, on new ones "
    "it rises; with p = 0.5 both move less, and the two stay nearer to each other.",
    x_label="steps",
    y_label="loss (nats a word)",
    title="200 sentences, read again and again",
)
rows = []
for size, p in ((200, 0.0), (200, 0.2), (200, 0.5), (5000, 0.0), (5000, 0.5)):
    ends = torch.stack([run[-1] for key, run in runs.items() if key[:2] == (size, p)])
    read, new = ends.mean(0).tolist()
    rows.append(
        {"sentences": size, "p": p, "read": read, "new": new, "gap": new - read}
    )
plots.show_table(rows, "loss after 200 steps (nats a word), mean of the seeds")

# %% [markdown]
# On the small corpus dropout does what it is for: the loss on what was read is *higher*, the loss on new sentences is *lower*, and the gap between the two shrinks, the more the larger p is. It does not close: the loss on new sentences rises all the while, with p = .5, too. The best model is in each case the first one that we measured, so stopping early would do more here than any p.
# On 5,000 sentences there is hardly a gap to close, and dropout makes both losses a little worse.

# %% tags=["claim"]
gaps = {(row["sentences"], row["p"]): row["gap"] for row in rows}
losses = {(row["sentences"], row["p"]): (row["read"], row["new"]) for row in rows}
assert gaps[200, 0.0] > gaps[200, 0.2] + 0.5 > gaps[200, 0.5] + 1
assert (
    losses[200, 0.5][0] > losses[200, 0.0][0]
    and losses[200, 0.5][1] < losses[200, 0.0][1]
)
for key, run in runs.items():
    if key[0] == 200:
        assert run[:, 1].argmin() == 0 and (run[1:, 1] > run[:-1, 1]).all()
# control: on a corpus that is large enough there is no gap to close, and dropout costs
assert gaps[5000, 0.0] < 0.6
assert losses[5000, 0.5][0] > losses[5000, 0.0][0]
assert losses[5000, 0.5][1] > losses[5000, 0.0][1]

# %% [markdown]
# > **Out in the wild.** Do returned weights sum to 1 in training? `nn.MultiheadAttention` (torch {{guide:version/torch}}): {{guide:mha/dropout}}; Flax: {{guide:linen/dropout}}; Keras: {{guide:keras_mha/dropout}}. Measured in `docs/field-guide.md`.

# %% [markdown]
# ## What you have built
#
# * **Split and merge**, and a picture of memory in which the mistake that has the right shape can be seen.
# * **Multi-head attention** with masks and cross-attention, and its **grouped-query** form, of which multi-head and multi-query are the two ends.
# * The bytes and parameters that grouping saves, for models in use; and a way to pool a trained model, with its cost.
# * A **measure** of what heads look at, which tells a specialist from a bystander.
# * Further: **dropout** on the weights, what it changes in a row, and what it does to the gap between training and test.
#
# **Three questions to think about**
#
# 1. With H = d_model every head is one number wide. What can such a head still express, and what not? (What is the rank of its scores?)
# 2. In the pooling experiment we averaged *neighbouring* heads. If you could choose which heads form a group, how would you choose, and how would you renumber W_q and W_o?
# 3. A silenced head cost nothing. Does that show that it is useless? Think of two heads that do the same job.
#
# **Where to read more.** Vaswani et al. (2017), *Attention is all you need*, section 3.2.2. Shazeer (2019), *Fast transformer decoding: one write-head is all you need*. Ainslie et al. (2023), *GQA: training generalized multi-query transformer models from multi-head checkpoints*.
# Michel, Levy and Neubig (2019), *Are sixteen heads really better than one?* Voita et al. (2019), *Analyzing multi-head self-attention: specialized heads do the heavy lifting, the rest can be pruned*. Elhage et al. (2021), *A mathematical framework for transformer circuits*.
