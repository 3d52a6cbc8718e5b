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
# # 6 · Masks and teacher forcing
#
# **Goal.** Put everything together. Masks say who may see what, the shift says what is to be written, teacher forcing trains all positions at once, and generation lets the model go alone.
# At the end an encoder–decoder transformer made of your parts translates English sentences it has never seen.
#
# *Seventeen exercises · about 175 minutes, and 95 for the five further ones · 99 points.* You need attention (notebooks 2 and 3), heads (4) and the idea of positions (5).
# You can run all cells from the first to the last before you have written anything: where an exercise is not finished, a part of torch's stands in for it, or the picture waits, and the cell says so.
#
# | symbol | meaning |
# |---|---|
# | B | batch |
# | T | target positions, index t (queries) |
# | S | source or key positions, index s |
# | d_model, d_k, d_v | widths of the model, of queries and keys, of values |
# | H | heads |
# | V | vocabulary size |
# | bos, eos, pad | the tokens that begin a sentence, end it, and fill up a batch (ids 1, 2 and 0 in this course's data) |
#
# Masks are bool, and **True = may attend**. Every function leaves its inputs unchanged.

# %% tags=["setup"]
import math
import time

import matplotlib.pyplot as plt
import sacrebleu
import torch
from torch import nn
from torch.nn import functional as F

import attnkit
from attnkit import plots, standins
from attnkit.data import BOS, EOS, FIRST_SYMBOL, PAD, Vocabulary, gold_matrix, load_en_es, markov_sequences, pad_batch
from attnkit.maps import collected_weights
from attnkit.training import train

grader = attnkit.start("06_masking_and_teacher_forcing.ipynb")

# %% [markdown]
# ## Corrected after every word
#
# A child learns a poem. The teacher corrects **after every word**, so each next word starts from the right place: that is *teacher forcing*. On the evening of the show nobody corrects. One slip, and what follows starts from the wrong place.

# %% tags=["experiment"]
def draw_two_walks(steps=24):
    slips = 0.5 * torch.randn(steps, generator=torch.Generator().manual_seed(2))
    figure, axes = plt.subplots(figsize=(6.4, 2.8))
    axes.axhline(0, color="0.4", linewidth=1, linestyle=(0, (1, 2)), marker="", label="the poem")
    axes.plot(range(steps), slips, label="with a teacher: every slip is put right", color=plots.BLUE)
    axes.plot(range(steps), slips.cumsum(0), label="alone: every slip stays", color=plots.VERMILION, linestyle="--", marker="s")
    axes.set(xlabel="position t", ylabel="distance from the text", ylim=(-4.5, 4.5))
    axes.legend(loc="upper left", fontsize=9)
    return figure, slips


figure, slips = draw_two_walks()
plots.show(figure, "Two walks with the same slips: corrected after each step one stays near the line, the other adds its slips up and drifts away.")

# %% tags=["claim"]
assert slips.abs().max() < slips.cumsum(0).abs().max()

# %% [markdown]
# **Where the analogy stops.** A teacher waits for the word and then corrects it. Here the right words are all known beforehand, so the decoder reads them *at once*, and all positions are trained in one pass; only the mask keeps each from reading ahead.
# A teacher would also stay silent when the word is right. And a child learns from slips of its own, while a teacher-forced model never sees one (the experiment after 6.6 measures what that costs).

# %% [markdown]
# ## 6.1 The causal mask
# *Goal: let no position see a later one.* · 5 min · 4 points
#
# All T positions of a target are trained at once. Position t has to predict the next token, so it must not see it: it may attend to positions up to its own, and no further. As a table of True and False that is a triangle.
#
# When words are written one after another, the queries are only the newest T of S positions. Query t then stands at position $S - T + t$:
#
# $$\mathrm{mask}[t, s] = \big(s \le S - T + t\big)$$
#
# Shape: (T, S), bool.
#
# *On paper:* T = 2, S = 3: query 0 stands at position 1, its row is (True, True, False); query 1 stands at position 2 and sees all three.


# %% tags=["exercise", "q6_1"]
def causal_mask(T, S=None):
    """Who may see whom when nobody may look ahead: a bool (T, S), True = may attend.

    Query t stands at position S − T + t and may attend to every position s up to and including its own.
    S is T unless it is given. Raises ValueError when S < T: there would be no place for the first query.
    """
    # 1. S, and sizes that cannot be
    # 2. the triangle
    # BEGIN SOLUTION
    S = T if S is None else S
    if S < T:
        raise ValueError(f"{T} queries do not fit into {S} positions")
    return torch.ones(T, S, dtype=torch.bool).tril(S - T)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Write the 3 × 3 table by hand, then the 2 × 3 one. It is a lower triangle whose edge ends in the lower right corner. torch has a function that keeps a lower triangle, and a number that moves its edge.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# S ← T if it is not given; complain if S < T
# all  ← a (T, S) table of True
# keep the lower triangle, its edge moved right by (S − T)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The diagonal belongs to the triangle: a position sees itself, since what it reads is the *previous* word (exercise 6.3). Without the diagonal the first query would have nothing at all.
# With S > T the triangle is aligned at the lower right, because the queries are the newest positions. Aligned at the upper left, a query that stands at the end would see the first position only: shapes are right and every number is wrong.

# %% tags=["experiment"]
if standins.finished(causal_mask):
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.6))
    for panel, (T, S) in zip(axes, ((5, 5), (2, 5)), strict=True):
        plots.draw_weights(panel, causal_mask(T, S), title=f"T = {T}, S = {S}", numbers=False)
    plots.show(figure, "Two causal masks, light where attention is allowed: a lower triangle for five queries, and its last two rows for two queries over five positions.")

# %% [markdown]
# The second mask is the last two rows of the first: the same two words, asked with the same past.

# %% tags=["claim"]
assert torch.equal(causal_mask(2, 5), causal_mask(5)[-2:])
assert causal_mask(2, 3).tolist() == [[True, True, False], [True, True, True]]

# %% [markdown]
# ## 6.2 Three conventions
# *Goal: read any library's mask.* · 10 min · 6 points
#
# Three ways to write a mask are in use, and they disagree about what True means:
#
# | convention | may attend | blocked | used by |
# |---|---|---|---|
# | ours | True | False | `F.scaled_dot_product_attention` |
# | key padding | False | True | `nn.MultiheadAttention` |
# | additive | 0 | −∞, or a very negative number | added to the scores, in many code bases |
#
# Nothing complains when they are mixed up. The second function below turns a padding mask into ours, the third an additive one. The first puts two of ours together: a key must be allowed by the causal mask **and** be a real word. The axis of length 1 is for the heads, which share the mask:
#
# $$\mathrm{combined}[b, 0, t, s] = \mathrm{causal}[t, s] \wedge \mathrm{real}[b, s]$$
#
# *On paper:* T = S = 2, and the second word of the sentence is padding. Causal rows: (1, 0), (1, 1). Real keys: (1, 0). Combined: (1, 0), (1, 0).


# %% tags=["exercise", "q6_2"]
def combine_masks(causal, key_is_real):
    """Allowed by both: causal (T, S) bool and key_is_real (B, S) bool → (B, 1, T, S) bool.

    Only keys are looked at: a query that is itself padding keeps its row, and a row may end up with nothing.
    """
    # 1. give both the axes (B, 1, T, S); a length of 1 is enough where a mask does not depend on an axis
    # BEGIN SOLUTION
    return causal[None, None, :, :] & key_is_real[:, None, None, :]
    # END SOLUTION


def from_key_padding(key_padding_mask):
    """nn.MultiheadAttention's padding mask (B, S) bool, True = padding → ours (B, S) bool, True = may attend."""
    # BEGIN SOLUTION
    return ~key_padding_mask
    # END SOLUTION


def from_additive(mask):
    """A mask to be added to scores, of any shape: 0 where attention is allowed, −∞ or a very negative number where not.

    Very negative is −1e4, −1e9, the smallest float32 … Returns ours: bool, the same shape, True = may attend.
    """
    # BEGIN SOLUTION
    return mask == 0
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `None` in an index adds an axis of length 1. key_is_real speaks of keys, so its S must be the *last* axis. For the other two: which values mean "allowed"?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# combine:     causal as (1, 1, T, S)  AND  real as (B, 1, 1, S)
# key padding: every entry turned round
# additive:    True where nothing is added
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Padding blocks *keys*, the last axis. If it is laid along the queries, shapes fit whenever T = S and real words go on reading padding. `mask.bool()` is the tempting way to read an additive mask, and exactly wrong: bool(0) is False and bool(−∞) is True.
# Testing for −∞ alone misses the finite numbers that half-precision code uses.

# %% tags=["experiment"]
if standins.finished(causal_mask, combine_masks):
    real = torch.tensor([[True, True, True, True], [True, True, False, False]])
    mask = combine_masks(causal_mask(4), real)
    plots.show_heads(mask[:, 0], "Masks of two sentences of four positions; in the second the last two keys are padding, so their columns are blocked in every row.", titles=["no padding", "two pads"])

# %% tags=["claim"]
assert mask.shape == (2, 1, 4, 4) and not mask[1, ..., 2:].any()
assert combine_masks(causal_mask(2), torch.tensor([[True, False]]))[0, 0].tolist() == [[True, False], [True, False]]

# %% [markdown]
# ### Why −∞, and why before the softmax
#
# Scores (2, 1, 3), and the third key is blocked. Three ways are tried that look harmless beside the right one, and then a query that may attend to nothing.
#
# **Predict:** in which rows of the table does the blocked key still have a say?

# %% tags=["experiment"]
scores, allowed = torch.tensor([2.0, 1.0, 3.0]), torch.tensor([True, True, False])
ways = {
    "−∞ before the softmax": scores.masked_fill(~allowed, -torch.inf).softmax(0),
    "0 before the softmax": scores.masked_fill(~allowed, 0.0).softmax(0),
    "0 after the softmax": scores.softmax(0) * allowed,
    "nothing allowed: −∞": torch.full((3,), -torch.inf).softmax(0),
    "nothing allowed: −10⁴": torch.full((3,), -1e4).softmax(0),
}
plots.show_table([{"way": name, "weights": "  ".join(f"{w:.2f}" for w in row.tolist()), "sum": f"{row.sum().item():.2f}"} for name, row in ways.items()])

# %% [markdown]
# A score of 0 is no blocking: exp(0) = 1, so the key keeps a share. Zeroing *after* the softmax removes the key but not its effect: it has taken two thirds of the sum, and the rest no longer adds up to 1. Only −∞ before the softmax gives what a softmax over the two allowed keys gives.
#
# When nothing is allowed, −∞ gives 0/0 = NaN, which spreads to every weight at the first backward pass. A finite −10⁴ hides the problem: the query then attends to all *blocked* keys alike. In this course such a row has zero weights and a zero output (exercise 3.4).

# %% tags=["claim"]
assert torch.allclose(ways["−∞ before the softmax"][:2], scores[:2].softmax(0))
assert ways["0 before the softmax"][2] > 0.05 and ways["0 after the softmax"].sum() < 0.4
assert ways["nothing allowed: −∞"].isnan().all() and torch.allclose(ways["nothing allowed: −10⁴"], torch.full((3,), 1 / 3))

# %% [markdown]
# > **Out in the wild.** True in a boolean mask: torch {{guide:version/torch}}'s function "{{guide:sdpa/polarity}}", its `nn.MultiheadAttention` "{{guide:mha/polarity}}"; JAX and Keras "{{guide:jax/polarity}}". The eager Llama function of Transformers {{guide:version/transformers}}: {{guide:llama_eager/polarity}}.
# > The causal flag with 3 queries and 5 keys: torch {{guide:sdpa/causal}}, JAX {{guide:jax/causal}}, ONNX {{guide:ort/causal}}; x-transformers {{guide:version/x-transformers}} {{guide:xtr/causal}}, as your `causal_mask`.
# > Measured in `docs/field-guide.md`.

# %% [markdown]
# ## 6.3 The shift
# *Goal: read one word, write the next.* · 5 min · 4 points
#
# At position t the decoder has to write word t. What may it read? The words before: so its input is the target moved one place to the right, with bos in front to start from. The last word (eos) is never read, because nothing comes after it.
#
# | position t | 0 | 1 | 2 | 3 |
# |---|---|---|---|---|
# | reads | bos | el | gato | duerme |
# | has to write | el | gato | duerme | eos |
#
# Shapes: (B, T) → (B, T).
#
# *On paper:* y = (5, 9, 2) with bos = 1 gives (1, 5, 9).


# %% tags=["exercise", "q6_3"]
def shift_right(y, bos):
    """The decoder's input for the target y (B, T) int64: bos first, then every token but the last.

    Returns a new int64 tensor (B, T); y stays as it is.
    """
    # 1. every token moves one place to the right; the last one falls out
    # 2. bos stands at position 0
    # BEGIN SOLUTION
    first = torch.full_like(y[:, :1], bos)
    return torch.cat([first, y[:, :-1]], dim=1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Two pieces side by side: a column of bos, and y without its last column.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# first ← a (B, 1) column of bos
# rest  ← all columns of y but the last
# return first and rest, joined along time
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The causal mask lets position t see itself. That is only safe because what stands there is word t − 1. Shift and mask belong together: without the shift the answer lies under the model's nose, with a double shift it has to guess two words ahead, and both train without an error message.
# `torch.roll` carries the last token round to the front, and changing y in place would spoil the targets of the loss.

# %% [markdown]
# > **Out in the wild.** Given `labels`, does the model shift them itself? Llama, GPT-J and GPT-NeoX in Transformers {{guide:version/transformers}}: {{guide:llama_eager/shift}}, {{guide:gptj/shift}}, {{guide:neox/shift}}; BERT and T5: {{guide:bert/shift}}, {{guide:t5/shift}}. Shift twice, and a model learns to predict the word after the next.
# > The label left out of the loss is {{guide:sdpa/ignore}} in torch and in all five models; Keras has {{guide:keras_ops/ignore}} by default. Measured in `docs/field-guide.md`.

# %% [markdown]
# ## On paper: four tokens
#
# The target is *el gato duerme* with its eos: four tokens. Here is the whole machinery on one sheet. The last row is what a model might answer: the probability it gives to the right word.
#
# | position t | 0 | 1 | 2 | 3 |
# |---|---|---|---|---|
# | reads (shifted) | bos | el | gato | duerme |
# | may see positions (mask) | 0 | 0–1 | 0–2 | 0–3 |
# | has to write | el | gato | duerme | eos |
# | p(right word) | ½ | ¼ | ½ | 1 |
# | −ln p | .69 | 1.39 | .69 | 0 |
#
# The loss is the mean over the four real tokens: (.69 + 1.39 + .69 + 0) / 4 = .69, which is ln 2. If the batch were padded to five positions and the pad counted as well (with a cost of 0), the loss would shrink to .55 and nothing would have become better.

# %% tags=["claim"]
paper = -torch.tensor([0.5, 0.25, 0.5, 1.0]).log()
assert abs(paper.mean().item() - math.log(2)) < 1e-6 and f"{paper.sum().item() / 5:.2f}" == "0.55"
assert shift_right(torch.tensor([[5, 9, 2]]), 1).tolist() == [[1, 5, 9]]

# %% [markdown]
# ## 6.4 Cross-entropy over real tokens
# *Goal: measure surprise, and only where there is a word.* · 15 min · 6 points
#
# How good is a model that gives logits $z$ (B, T, V)? Its surprise at the right token y is $-\ln p(y)$, in nats. The loss is the mean over the n tokens that are real:
#
# $$\mathrm{loss} = -\frac{1}{n} \sum_{b,t:\ y_{bt} \ne \mathrm{ignore}} \log\mathrm{softmax}(z_{bt})_{y_{bt}}$$
#
# Shapes: logits (B, T, V), y (B, T) → one number.
#
# *On paper:* the sheet above, or: logits (0, ln 3) and y = 1 give p = ¾ and a loss of ln 4 − ln 3 ≈ .29. A model that knows nothing gives every token 1/V and pays ln V.


# %% tags=["exercise", "q6_4"]
def cross_entropy(logits, y, ignore_index):
    """The mean of −ln p(y) over the tokens that are not `ignore_index`, in nats.

    logits (B, T, V), y (B, T) int64. Returns a tensor with one number, in the floating type of the logits.
    `ignore_index` may be any int, also a negative one such as −100, which is no place in the vocabulary.
    Every real token counts the same, whichever sentence it is in. Logits may be in the hundreds.
    When no token is real the loss is 0, and its gradient too. Gradients reach the logits and stay finite.
    Written from log-softmax: without torch's cross_entropy and nll_loss, which the check watches for.
    """
    # 1. log-probabilities of all tokens, safe for large logits
    # 2. those of the right tokens (mind indices that are no place in the vocabulary)
    # 3. the mean over real tokens, also when there is none
    # BEGIN SOLUTION
    log_p = torch.log_softmax(logits, dim=-1)
    real = y != ignore_index
    right = y.masked_fill(~real, 0)
    costs = -log_p.gather(-1, right.unsqueeze(-1)).squeeze(-1)
    return (costs * real).sum() / real.sum().clamp(min=1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `log_softmax` gives ln p of every token; `gather` picks one along the last axis. Padding may be −100: give it some harmless index before gathering, and remove its cost afterwards. What should you divide by?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# log_p ← log-softmax over the vocabulary
# real  ← where y is not ignore_index
# cost  ← −log_p at y (at any valid index where y is not real)
# answer ← sum of the cost where real, divided by how many are real (at least 1)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `log(softmax(z))` underflows to log 0 as soon as a token lies some hundred nats behind; log-softmax never leaves the logarithms (exercise 3.6). The harmless index keeps `gather` inside the vocabulary. Dividing by B·T would reward padding.
# `clamp(min=1)` turns 0/0 into 0/1 and keeps the result connected to the logits, so that `backward()` works on a batch of padding alone; a constant 0 would not.

# %% tags=["experiment"]
if standins.finished(cross_entropy):
    generator = torch.Generator().manual_seed(0)
    y = torch.tensor([[4, 2, 0, 0, 0], [5, 6, 3, 4, 2]])
    logits = torch.randn(2, 5, 7, generator=generator)
    rows = [("real tokens only (yours)", cross_entropy(logits, y, 0).item()), ("pads as tokens to be written", cross_entropy(logits, y, -100).item())]
    rows.append(("a model that knows nothing: ln 7", cross_entropy(torch.zeros(2, 5, 7), y, 0).item()))
    plots.show_table([{"what is averaged": name, "loss": value} for name, value in rows])

# %% tags=["claim"]
assert abs(rows[2][1] - math.log(7)) < 1e-6 and abs(rows[0][1] - rows[1][1]) > 1e-3
assert abs(cross_entropy(torch.tensor([[[0.0, math.log(3)]]]), torch.tensor([[1]]), 0).item() - math.log(4 / 3)) < 1e-6

# %% [markdown]
# ## 6.5 Teacher forcing
# *Goal: train every position at once.* · 10 min · 5 points
#
# The decoder reads the *right* words, shifted, whatever it would have written itself, and is asked for the next word at every position. That is teacher forcing: T lessons in one pass. Three things you have make it: the shift, the model, the loss.
#
# $$\mathrm{loss} = \mathrm{CE}\big(\mathrm{model}(\mathrm{src},\ \mathrm{shift}(\mathrm{tgt})),\ \mathrm{tgt}\big)$$
#
# Shapes: src (B, S), tgt (B, T), logits (B, T, V) → one number.


# %% tags=["exercise", "q6_5"]
def teacher_forcing_loss(model, src, tgt, bos, pad):
    """The loss of a model that reads the right words and has to write the next one, at every position at once.

    `model(src, tgt_in)` returns logits (B, T, V). src (B, S); tgt (B, T) has no bos and ends with eos, then pads.
    The model is called once. Every real token counts the same; pads are not counted.
    Returns a tensor with one number; gradients reach the model's logits.
    """
    # 1. what the decoder reads
    # 2. what the model says
    # 3. how surprised it is by the target
    # BEGIN SOLUTION
    logits = model(src, shift_right(tgt, bos))
    return cross_entropy(logits, tgt, ignore_index=pad)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Two lines with your `shift_right` and `cross_entropy`. Which of the two, input or target, is shifted?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# logits ← model of the source and the shifted target
# return the cross-entropy of logits and the target itself, without pads
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Only the input is shifted; the target stays. In other code you may see `logits[:, :-1]` against `tgt[:, 1:]`: that is the same shift, made by cutting, for sequences that already begin with bos. Doing both is the double shift.

# %% [markdown]
# ### Forced and free, step by step
#
# A toy model has learned *el gato duerme en la casa*, with one fault: after *gato* it writes *come* (eats), and after *come* it goes on with *pan*. Left column: what it reads with a teacher; right: what it reads alone.

# %% tags=["experiment"]
words = "el gato duerme en la casa <eos>".split()
habit = {"<bos>": "el", "el": "gato", "gato": "come", "come": "pan", "pan": "<eos>", "duerme": "en", "en": "la", "la": "casa", "casa": "<eos>", "<eos>": "<eos>"}
forced, free, steps = "<bos>", "<bos>", []
for word in words:
    steps.append({"reads (teacher)": forced, "writes": habit[forced], "reads (alone)": free, "writes ": habit[free], "right word": word})
    forced, free = word, habit[free]
plots.show_table(steps, "One fault: with a teacher it costs one word, alone it costs the rest of the sentence.")

# %% tags=["claim"]
assert sum(step["writes"] == step["right word"] for step in steps) == 6
assert sum(step["writes "] == step["right word"] for step in steps) == 3

# %% [markdown]
# ## 6.6 Greedy generation
# *Goal: let the model go alone.* · 20 min · 5 points
#
# Now nobody supplies the words. Start from bos, ask for the next word, take the likeliest, append it, ask again. A transformer has no state: at every step it reads the *whole* prefix, and its newest position holds the answer.
#
# Sentences of a batch end at different times. A row that has written eos is finished: it gets pads while the others go on, and when all are finished there is nothing left to do.
#
# Shapes: src (B, S) → tokens (B, L), L ≤ max_len.
#
# *On paper:* two rows write (5, 7, 2) and (9, 2, …) with eos = 2 and pad = 0. The answer is (5, 7, 2) and (9, 2, 0), after three calls of the model.


# %% tags=["exercise", "q6_6"]
def generate(model, src, bos, eos, pad, max_len):
    """Write the likeliest next token again and again.

    `model(src, tgt_in)` returns logits (B, t, V) for a prefix tgt_in (B, t) int64 that begins with bos; src (B, S).
    Returns int64 tokens (B, L): bos not among them, each row's eos kept, after it only pad.
    L is the length of the longest row: stop when every row has ended, or at max_len ≥ 1 tokens.
    """
    # 1. prefixes of bos alone; again and again, at most max_len times:
    # 2.   the likeliest token after each whole prefix
    # 3.   pad where the row has ended; note rows that end now
    # 4.   append; stop when all rows have ended
    # BEGIN SOLUTION
    prefix = torch.full((src.shape[0], 1), bos, dtype=torch.int64)
    ended = torch.zeros(src.shape[0], dtype=torch.bool)
    for _ in range(max_len):
        token = model(src, prefix)[:, -1].argmax(dim=-1)
        token = torch.where(ended, pad, token)
        ended = ended | (token == eos)
        prefix = torch.cat([prefix, token[:, None]], dim=1)
        if ended.all():
            break
    return prefix[:, 1:]
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Keep two things: the prefixes (B, t) and which rows have ended (B,). `torch.where(ended, pad, token)` protects finished rows.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# prefix ← a column of bos;  ended ← all False
# repeat max_len times:
#     token  ← argmax of the logits at the newest position
#     token  ← pad where ended
#     ended  ← ended or token is eos
#     prefix ← prefix with token appended
#     leave if all ended
# return prefix without its first column
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The order inside the loop matters: first pad the rows that ended *before*, then note the ones that end *now*, so that eos itself is kept. `ended.all()`, not `any()`: the longest sentence decides. And the model reads the whole prefix; a decoder that reads the last token alone is an RNN without its state.

# %% [markdown]
# ### Experiment: exposure bias
#
# A model is trained with a teacher and used without one, so in use it meets its own errors, which it has never been *exposed* to. How much does that cost? We take a task where an error cannot heal: the **running total** of digits (modulo 10). Each answer is the previous answer plus the next digit. Four digits in a hundred are smudged, so nobody can be perfect.
# The decoder here is the smallest there is: a little network that reads one digit and the last answer.
#
# **Predict:** with a teacher it is right about 96 % of the time at every position. Alone, at position 23? If every answer needs all those before it, that is .96 to the power of 24.

# %% tags=["experiment"]
class RunningTotal(nn.Module):
    """The next total from one digit and the last total: model(src, tgt_in) → logits, causal by construction."""

    def __init__(self, width=24):
        super().__init__()
        self.digit, self.total = nn.Embedding(14, width), nn.Embedding(14, width)
        self.add = nn.Sequential(nn.Linear(2 * width, 48), nn.ReLU(), nn.Linear(48, 14))

    def forward(self, src, tgt_in):
        n = min(src.shape[1], tgt_in.shape[1])
        return self.add(torch.cat([self.digit(src[:, :n]), self.total(tgt_in[:, :n])], dim=-1))


def smudged_totals(n, T, generator, smudged=0.04):
    digits = torch.randint(10, (n, T), generator=generator)
    other = (digits + torch.randint(1, 10, (n, T), generator=generator)) % 10
    seen = torch.where(torch.rand(n, T, generator=generator) < smudged, other, digits)
    return seen + FIRST_SYMBOL, digits.cumsum(1) % 10 + FIRST_SYMBOL


# %% tags=["experiment"]
loss_with_teacher = standins.instead_of(teacher_forcing_loss, shift_right, cross_entropy, use=standins.library_loss, says="torch's cross-entropy")
write = standins.instead_of(generate, use=standins.library_generate, says="a greedy loop that does not mind eos")
generator = torch.Generator().manual_seed(6)
torch.manual_seed(0)
adder = RunningTotal()
train(adder, lambda: loss_with_teacher(adder, *smudged_totals(64, 24, generator), BOS, PAD), 400, lr=5e-3, label="learning to add")

digits, totals = smudged_totals(2000, 24, generator)
with torch.no_grad():
    taught = adder(digits, F.pad(totals, (1, 0), value=BOS)).argmax(-1)  # position t reads the right total t − 1
    alone = write(adder, digits, BOS, EOS, PAD, 24)
forced_accuracy, free_accuracy = ((answer == totals).float().mean(0) for answer in (taught, alone))
p = forced_accuracy.mean().item()
by_theory = [p ** (t + 1) for t in range(24)]
plots.show_curves(
    range(24), {"with a teacher": forced_accuracy, "alone": free_accuracy, f"{p:.2f} to the power of t + 1": by_theory},
    "Accuracy against position: with a teacher it stays level, alone it falls at every position, close to the power law and a little above it.",
    x_label="position t", y_label="share of right totals", y_limits=(0, 1.05),
)  # fmt: skip
plots.show_table([{"position": t, "with a teacher": forced_accuracy[t].item(), "alone": free_accuracy[t].item(), "power law": by_theory[t]} for t in (0, 5, 11, 23)])

# %% [markdown]
# With a teacher the accuracy is the same everywhere; alone it falls with every position, a little above the power law because two errors sometimes cancel. The training loss said nothing of this: it only ever saw the upper curve. Translation is kinder than adding (a wrong adjective does not spoil the verb), but the gap is real, and the finale measures it again.

# %% tags=["claim"]
assert 0.94 < p < 0.98 and forced_accuracy.min() > 0.93
assert free_accuracy[23] < 0.6 < free_accuracy[5] and all(free_accuracy[t] > by_theory[t] - 0.03 for t in range(24))

# %% [markdown]
# ## 6.7 Sampling
# *Goal: draw the next word, with a hand on the dial.* · 15 min · 7 points
#
# The likeliest word at each step gives one sentence, always the same. To get others, draw from the distribution. Two dials shape it: the **temperature** divides the logits (below 1 it sharpens, above 1 it flattens, and 0 stands for greedy), and **top-k** keeps only the k largest:
#
# $$p = \mathrm{softmax}\big(\mathrm{top}_k(z / \mathrm{temperature})\big)$$
#
# Shapes: logits (B, V) → tokens (B,).
#
# *On paper:* z = (0, ln 3). At temperature 1: (¼, ¾). At ½ the logits double, 3 becomes 9: (.1, .9). At 2: (.37, .63).


# %% tags=["exercise", "q6_7"]
def sample(logits, temperature=1.0, top_k=None, generator=None):
    """Draw one token for each row from softmax(logits / temperature).

    logits (B, V), temperature ≥ 0; returns int64 (B,). Each row has its own distribution.
    Temperature 0 is greedy: the largest logit. With top_k ≥ 1 only the top_k largest logits of a row can come, in their own
    proportions (ties at the last place may fall either way); top_k ≥ V keeps all.
    Logits may lie at any level, and the temperature may be small.
    All randomness comes from `generator`, a torch.Generator; with None from torch's global one.
    """
    # 1. temperature 0
    # 2. temperature
    # 3. top_k: which logit makes a token impossible?
    # 4. probabilities, and one draw from each row
    # BEGIN SOLUTION
    if temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        smallest_kept = scaled.topk(top_k, dim=-1).values[:, -1:]
        scaled = scaled.masked_fill(scaled < smallest_kept, -torch.inf)
    probabilities = torch.softmax(scaled, dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Leaving tokens out is masking again: the same number that blocked keys in attention blocks tokens here. `torch.multinomial` draws from rows of probabilities and takes a generator.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if temperature is 0: return the argmax of each row
# z ← logits / temperature
# if top_k < V: z ← −∞ wherever z is below the k-th largest of its row
# p ← softmax of z
# return one draw from each row of p, as (B,)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Greedy has to be a case of its own, because z/0 is infinite. The k-th largest value is a threshold; what lies below gets −∞ and with it probability 0, and the softmax shares out the rest. A logit of 0 would not do: next to negative logits it would *win*. `multinomial` returns a column (B, 1), hence the squeeze.

# %% [markdown]
# **Predict before you turn it.** Six words with falling logits. Which dial takes the rare words out for good, and which only makes them rarer?

# %% tags=["experiment"]
CHOICES = ("gato", "perro", "pájaro", "caballo", "oso", "piano")
CHOICE_LOGITS = torch.tensor([2.0, 1.4, 0.8, 0.1, -0.6, -1.5])


def draw_sampling(temperature, top_k):
    tokens = sample(CHOICE_LOGITS.repeat(2000, 1), temperature, top_k, torch.Generator().manual_seed(0))
    shares = torch.bincount(tokens, minlength=6) / 2000
    figure, axes = plt.subplots(figsize=(6.4, 2.6))
    axes.bar(CHOICES, shares, color=plots.BLUE)
    axes.set(ylim=(0, 1.02), ylabel="share of 2000 draws", xlabel="token", title=f"temperature {temperature}, top_k {top_k}")
    return figure, f"At temperature {temperature} with top_k {top_k} the shares are " + ", ".join(f"{word} {share:.2f}" for word, share in zip(CHOICES, shares, strict=True))


if standins.finished(sample):
    plots.turn_by_hand(draw_sampling, temperature=[1.0, 0.0, 0.3, 0.6, 1.5, 3.0], top_k=[6, 3, 2, 1])

# %% [markdown]
# Temperature changes all shares and never makes one zero (until it is 0 itself); top-k cuts the tail off and leaves the proportions of the rest.

# %% tags=["claim"]
draws = sample(CHOICE_LOGITS.repeat(2000, 1), 3.0, 3, torch.Generator().manual_seed(0))
assert draws.max() == 2 and (sample(CHOICE_LOGITS.repeat(2000, 1), 3.0, None, torch.Generator().manual_seed(0)) == 5).any()
assert torch.allclose((torch.tensor([0.0, math.log(3)]) / 0.5).softmax(0), torch.tensor([0.1, 0.9]))

# %% [markdown]
# ## 6.8 ★ The key–value cache
# *Goal: do not compute the past again.* · 15 min · 6 points
#
# `generate` reads the whole prefix at every step. But under a causal mask the past never changes: the keys and values of old positions are the same as a step ago. So keep them. The newest token makes one query, one key and one value; the key and value go to the end of the cache, and the query looks at all of it:
#
# $$q = x_t W_q,\quad K \leftarrow [K;\ x_t W_k],\quad V \leftarrow [V;\ x_t W_v],\quad o = \mathrm{softmax}\Big(\frac{q K^{\top}}{\sqrt{d_k}}\Big) V$$
#
# Shapes: x_t (B, 1, d_model), K (B, n, d_k), V (B, n, d_v) → output (B, 1, d_v), new K and V with n + 1 positions.
#
# No mask is needed: the newest token may see everything there is (the last row of the causal mask).
#
# *On paper:* without a cache there is one key, so the weight is 1 and the output is x_t W_v.


# %% tags=["exercise", "q6_8"]
def step_with_cache(x_t, cache, W_q, W_k, W_v):
    """One step of causal attention for the newest token, with the past taken from a cache.

    x_t (B, 1, d_model); cache None (no past) or (K, V) with K (B, n, d_k) and V (B, n, d_v) in order of time;
    W_q and W_k (d_model, d_k), W_v (d_model, d_v).
    Returns the output (B, 1, d_v) and the new cache (K, V) with n + 1 positions. Scores are divided by √d_k and may be large.
    The number type is kept, the given cache is not changed, and gradients reach x_t, the cache and the matrices.
    """
    # 1. query, key and value of the newest token
    # 2. the cache, with the new key and value at its end
    # 3. scaled attention of the one query over the whole cache
    # BEGIN SOLUTION
    q, K, V = x_t @ W_q, x_t @ W_k, x_t @ W_v
    if cache is not None:
        K = torch.cat([cache[0], K], dim=1)
        V = torch.cat([cache[1], V], dim=1)
    weights = torch.softmax(q @ K.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
    return weights @ V, (K, V)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Only the newest token is projected. Time is axis 1 of the cache, and the newest comes last. Is the new key part of what the query may see?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# q, k, v ← x_t times W_q, W_k, W_v
# K, V ← cache with k, v joined at the end of axis 1   (k, v alone if there is no cache)
# weights ← softmax of q Kᵀ / √d_k over the keys
# return weights · V, and (K, V)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The key and value are appended *before* attending: position t sees itself. `torch.cat` makes new tensors, so the caller's cache stays what it was. A causal mask of shape (1, n+1), if aligned at the upper left, would blind the query to all but the first position: that is why 6.1 has two sizes.

# %% [markdown]
# ### Experiment: what the cache saves
#
# Per new token the cached step does work proportional to n; without a cache everything is done again for all n positions, with n² scores. **Predict:** when the sentence gets eight times longer, by what factor does the *ratio* of the two times grow, roughly?

# %% tags=["experiment"]
step = standins.instead_of(step_with_cache, use=standins.library_step, says="torch's attention over a buffer")
W_q, W_k, W_v = (torch.randn(64, 64, generator=torch.Generator().manual_seed(i)) / 8 for i in range(3))


def with_cache(X):
    cache, outputs = None, []
    for t in range(X.shape[1]):
        output, cache = step(X[:, t : t + 1], cache, W_q, W_k, W_v)
        outputs.append(output)
    return torch.cat(outputs, dim=1)


def without_cache(X):
    outputs = []
    for t in range(1, X.shape[1] + 1):
        past = X[:, :t]  # everything again, and only the last row is used
        outputs.append(F.scaled_dot_product_attention(past @ W_q, past @ W_k, past @ W_v, is_causal=True)[:, -1:])
    return torch.cat(outputs, dim=1)


# %% tags=["experiment"]
def seconds(run, X):
    times = []
    for _ in range(2):
        started = time.process_time()
        run(X)
        times.append(time.process_time() - started)
    return min(times)


LENGTHS = (64, 128, 256, 512)
sequences = {n: torch.randn(4, n, 64, generator=torch.Generator().manual_seed(n)) for n in LENGTHS}
ratios = [seconds(without_cache, X) / seconds(with_cache, X) for X in sequences.values()]
gap = max((with_cache(X) - without_cache(X)).abs().max().item() for X in sequences.values())
plots.show_curves(LENGTHS, {"uncached / cached": ratios}, "The ratio of times grows with the length of the sentence.", x_label="tokens written", y_label="times slower without a cache")
plots.show_table([{"tokens": n, "uncached / cached": ratio} for n, ratio in zip(LENGTHS, ratios, strict=True)], f"The outputs agree to {gap:.0e} at every position.")

# %% [markdown]
# The outputs are the same up to rounding, at every position to the last; the time is not. The ratio grows with the length, as it must when one side does n times the work of the other; how steep it is depends on the machine.

# %% tags=["claim"]
assert gap < 1e-4
assert ratios[-1] > 2 * ratios[0] and ratios[-1] > 3

# %% [markdown]
# ## 6.9 ★ The floor under the loss
# *Goal: know how low a loss can honestly go.* · 15 min · 5 points
#
# Some text cannot be predicted perfectly. If the next token is drawn from row i of a matrix $P$ (V, V) whenever the last one was i, then the best possible predictor is $P$ itself, and its loss is the **entropy rate**: the entropy of each row, counted as often as its state is visited,
#
# $$\mathrm{floor} = \sum_i \pi_i \sum_j -P_{ij} \ln P_{ij}, \qquad \pi P = \pi,\quad \sum_i \pi_i = 1$$
#
# A loss below the floor is not good news. It is a proof that something leaks.
#
# *On paper:* a fair coin (every entry ½) has the floor ln 2 ≈ .69. With rows (.9, .1) and (.5, .5): π = (5/6, 1/6), row entropies .325 and .693, floor .386.


# %% tags=["exercise", "q6_9"]
def loss_floor(P):
    """The entropy rate of a Markov chain in nats: the lowest loss that predicting its next state can have.

    P (V, V), floating; row i is the distribution after state i, and entries may be 0 (0 · ln 0 counts as 0).
    Every state can reach every other. The chain may be periodic (it may go back and forth for ever, as with rows (0, 1)
    and (1, 0)), and then following a distribution step by step never settles: solve for π instead.
    Returns one number.
    """
    # 1. π: shares of 1 that P leaves as they are
    # 2. the entropy of every row, averaged with π
    # BEGIN SOLUTION
    V = len(P)
    P = P.double()
    equations = torch.cat([P.T - torch.eye(V).double(), torch.ones(1, V).double()])
    wanted = torch.zeros(V + 1, 1).double()
    wanted[-1] = 1.0
    pi = torch.linalg.lstsq(equations, wanted).solution[:, 0]
    return (pi * torch.special.entr(P).sum(dim=1)).sum().item()
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# π P = π is V linear equations (one of them follows from the others), and "sums to 1" is one more. A least-squares solver takes V + 1 equations for V unknowns. For the entropies: what does `torch.special.entr` do at 0?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# A ← (Pᵀ − identity) with a row of ones below it
# b ← zeros, with a one at the end
# π ← solution of A π = b
# h ← for each row i: −Σ_j P[i, j] ln P[i, j], zero entries left out
# return Σ_i π[i] h[i]
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Multiplying a distribution by P again and again is the usual way to find π, and it fails for a chain that alternates between two camps: it swings for ever. The linear equations do not care. Averaging the rows plainly would be right only if all states were visited equally often. `entr(p)` is −p ln p with 0 at p = 0.

# %% [markdown]
# ### Experiment: the leak detector
#
# A source with 24 tokens: after each token four others can follow, with fixed probabilities. The floor is about 1.12 nats. Two models of one layer each learn to predict the next token of windows from this source. They differ in one thing: one has your causal mask, the other none.
#
# **Predict:** where does each loss end? Which model would you rather have, judging by the loss alone?

# %% tags=["experiment"]
def make_source(V=24, followers=4, seed=25):
    generator = torch.Generator().manual_seed(seed)
    P = torch.zeros(V, V)
    for i in range(V):
        after = torch.randperm(V, generator=generator)[:followers]
        P[i, after] = torch.softmax(torch.randn(followers, generator=generator), 0)
    return P


entropy_loss = standins.instead_of(cross_entropy, use=standins.library_cross_entropy, says="torch's cross-entropy")
triangle = standins.instead_of(causal_mask, use=nn.Transformer.generate_square_subsequent_mask, says="torch's additive mask")
floor_of = standins.instead_of(loss_floor, use=standins.counted_floor, says="an estimate from long walks")

P = make_source()
floor = floor_of(P)
text = markov_sequences(P, 3000, 33, torch.Generator().manual_seed(0))
new_text = markov_sequences(P, 500, 33, torch.Generator().manual_seed(1))
print(f"floor {floor:.3f} nats; knowing nothing costs ln 24 = {math.log(24):.3f}")

# %% tags=["experiment"]
def learn_source(mask, label):
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    model = standins.LanguageModel(24, 32, 2)

    def loss():
        window = text[torch.randint(len(text), (64,), generator=generator)]
        return entropy_loss(model(window[:, :-1], mask), window[:, 1:], -1)

    return model, train(model, loss, 600, lr=4e-3, label=label)


causal_model, causal_curve = learn_source(triangle(32), "causal")
leaking_model, leaking_curve = learn_source(None, "no mask")
with torch.no_grad():
    causal_loss, leaking_loss = (
        entropy_loss(model(new_text[:, :-1], mask), new_text[:, 1:], -1).item() for model, mask in ((causal_model, triangle(32)), (leaking_model, None))
    )
plots.show_curves(
    range(0, 600, 10), {"causal mask": causal_curve[::10], "no mask": leaking_curve[::10]},
    "Two losses against training steps: with the causal mask the loss settles on the floor, without a mask it falls far below it.",
    x_label="training step", y_label="loss (nats)", reference=(floor, "the floor"),
)  # fmt: skip

# %% [markdown]
# The causal model ends on the floor, within a few hundredths. The other falls *through* it, almost to zero, on new text as well: no overfitting could do that. It reads its answer at the next position. Now let both write, with your `sample`.

# %% tags=["experiment"]
draw = standins.instead_of(sample, use=standins.library_sample, says="torch's categorical distribution")


def write_text(model, masked, n=300, length=32):
    generator = torch.Generator().manual_seed(5)
    written = torch.randint(24, (n, 1), generator=generator)
    with torch.no_grad():
        for t in range(1, length + 1):
            logits = model(written, triangle(t) if masked else None)[:, -1]
            written = torch.cat([written, draw(logits, generator=generator)[:, None]], dim=1)
    return (P[written[:, :-1], written[:, 1:]] == 0).float().mean().item()


impossible = {"causal mask": write_text(causal_model, True), "no mask": write_text(leaking_model, False), "blind guessing": (P == 0).float().mean().item()}
plots.show_table(
    [{"model": "causal mask", "loss on new text": causal_loss, "impossible steps when writing": impossible["causal mask"]},
     {"model": "no mask", "loss on new text": leaking_loss, "impossible steps when writing": impossible["no mask"]}],
    f"The floor is {floor:.2f}; blind guessing takes an impossible step in {impossible['blind guessing']:.2f} of cases.",
)  # fmt: skip

# %% [markdown]
# The model with the wonderful loss writes nonsense: when it writes, there is no next token to copy. (How bad it gets depends on the seed; in runs with other seeds we saw between three and nine of ten steps impossible.) The arithmetic caught it before any text was read: *below the floor means a leak*. Copy and reverse tasks would not have shown it, as their floor is zero.

# %% tags=["claim"]
assert abs(floor - 1.12) < 0.006 and abs(causal_loss - floor) < 0.05 and leaking_loss < 0.12
assert impossible["causal mask"] < 0.03 and impossible["no mask"] > 0.25
assert abs(loss_floor(torch.tensor([[0.9, 0.1], [0.5, 0.5]])) - 0.386) < 1e-3

# %% [markdown]
# ## 6.10 Layer norm
# *Goal: give every position the same mean and the same spread.* · 10 min · 5 points
#
# The blocks of the next exercise *add* to what they read, one after another, so the vectors grow. Before a part reads its input, each position's vector is therefore brought to mean 0 and variance 1: by itself, so no other position and no other sentence has a say. A gain and a bias for each feature, both learned, then give it the size it needs.
#
# $$\mu = \frac{1}{d}\sum_j x_j \qquad \sigma^2 = \frac{1}{d}\sum_j (x_j - \mu)^2 \qquad \mathrm{norm}(x)_j = \frac{x_j - \mu}{\sqrt{\sigma^2 + \varepsilon}}\; \mathrm{gain}_j + \mathrm{bias}_j$$
#
# Shapes: x (…, d), gain and bias (d,) → (…, d).
#
# *On paper:* x = (1, 2, 6), gain 1, bias 0, ε = 0. The mean is 3, the variance (4 + 1 + 9) / 3 = 4.67, its root 2.16; so (−.93, −.46, 1.39). Divided by d − 1 = 2 the variance would be 7, and the last number 1.13.


# %% tags=["exercise", "q6_10"]
def layer_norm(x, gain, bias, eps=1e-5):
    """Every position's features to mean 0 and variance 1, times gain, plus bias.

    (x − μ) / √(σ² + eps) · gain + bias, with μ and σ² over the last axis alone and
    σ² divided by d. x (…, d), gain (d,), bias (d,), eps > 0 → (…, d), in the floating
    type of x. Features may all lie in the thousands. Gradients reach x, gain and bias
    and stay finite, also where all features are equal.
    Written without torch's layer_norm, which the check watches for. Ba et al. 2016.
    """
    # 1. mean and variance of each vector
    # 2. take off the one, divide by the root of the other and eps
    # 3. gain, then bias
    # BEGIN SOLUTION
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).square().mean(dim=-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps) * gain + bias
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Two means along the last axis: of x, and of the squares of what is left. `keepdim=True` keeps the axis, so that both fit x again.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# mean     ← average over the features
# variance ← average of (x − mean)² over the features
# return (x − mean) / root of (variance + eps), times gain, plus bias
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `x.std()` is tempting and differs twice: it divides by d − 1, and an eps added to it stands outside the root. With d = 512 nobody sees the first, with d = 3 everybody does; trained weights do not carry over either way. The mean of the squares minus the square of the mean is the same on paper, but in float32 it has no digits left when the features lie in the thousands.
# Where all features are equal the variance is 0, and eps alone keeps the result (bias) and the gradient finite. Llama leaves the mean in and divides by the root mean square: one step less, and as good in practice.

# %% tags=["experiment"]
def lengths_through_blocks(blocks, with_norm):
    """The mean length of x after each of some random parts that are added to it."""
    generator = torch.Generator().manual_seed(0)
    x, lengths = torch.randn(64, 32, generator=generator), []
    for _ in range(blocks):
        W = torch.randn(32, 32, generator=generator) / 32**0.5
        read = layer_norm(x, torch.ones(32), torch.zeros(32)) if with_norm else x
        x = x + read @ W
        lengths.append(x.norm(dim=-1).mean().item())
    return lengths


if standins.finished(layer_norm):
    growth = {
        "parts read x": lengths_through_blocks(12, with_norm=False),
        "parts read norm(x)": lengths_through_blocks(12, with_norm=True),
    }
    plots.show_curves(
        range(1, 13), growth,
        "Two curves of the length of x over twelve random parts: without the norm it"
        " doubles every other part, with the norm it grows slowly.",
        x_label="parts added", y_label="mean length of x", log_y=True,
    )  # fmt: skip

# %% [markdown]
# A random part returns about as much as it reads. Without the norm that is the whole sum, so the length doubles with every second part; with it each part adds a vector of the same size, and the length grows like a square root.

# %% tags=["claim"]
raw, normed = growth["parts read x"], growth["parts read norm(x)"]
assert raw[11] / raw[1] > 16 and normed[11] / normed[1] < 4
on_paper = layer_norm(torch.tensor([1.0, 2.0, 6.0]), torch.ones(3), torch.zeros(3))
assert [f"{value:.2f}" for value in on_paper.tolist()] == ["-0.93", "-0.46", "1.39"]
# control: the other variance, divided by d − 1, gives the other number of the text
line = torch.tensor([1.0, 2.0, 6.0])
assert f"{((line - 3) / line.std())[2].item():.2f}" == "1.13"

# %% [markdown]
# ## Your attention goes here
#
# The next two exercises build on multi-head attention. **Paste your `MultiHeadAttention` of exercise 4.3 into the next cell**, below its last line, with the functions it calls. As long as nothing is pasted, torch's own attention stands in, under the same names; both are fine for the exercises and the finale.

# %% tags=["setup"]
MultiHeadAttention = standins.LibraryAttention  # torch's attention; your class, pasted below this line, takes its place

# %% [markdown] tags=["explanation"]
# In this solved copy, the class of exercise 4.3 is pasted here (its helpers written into it), so that the transformer below is made of the course's own parts.

# %% tags=["setup", "explanation"]
class MultiHeadAttention(nn.Module):  # noqa: F811
    """Exercise 4.3: scaled dot-product attention in H heads."""

    def __init__(self, d_model, H):
        super().__init__()
        if d_model % H:
            raise ValueError(f"{H} heads cannot share {d_model} features equally")
        self.H = H
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X_q, X_kv=None, mask=None):
        X_kv = X_q if X_kv is None else X_kv
        Q, K, V = (W(X).unflatten(-1, (self.H, -1)).transpose(1, 2) for W, X in ((self.W_q, X_q), (self.W_k, X_kv), (self.W_v, X_kv)))
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
        if mask is not None:
            nothing_open = ~mask.any(dim=-1, keepdim=True)
            scores = scores.masked_fill(~mask, -torch.inf).masked_fill(nothing_open, 0.0)
        weights = torch.softmax(scores, dim=-1)
        if mask is not None:
            weights = weights.masked_fill(~mask, 0.0)
        return self.W_o((weights @ V).transpose(1, 2).flatten(2)), weights


# %% [markdown]
# ## 6.11 A transformer block
# *Goal: attention, a little thinking, and a road past both.* · 25 min · 8 points
#
# A block passes its input on and *adds* to it: first what attention found, then what a small network makes of each position by itself. Each part reads a normed copy (pre-norm); the sum itself is left alone, so that gradients have a free road through many blocks:
#
# $$x \leftarrow x + \mathrm{SelfAttention}(\mathrm{norm}(x)) \qquad x \leftarrow x + \mathrm{FeedForward}(\mathrm{norm}(x))$$
#
# A decoder block has one part more, in the middle: $x \leftarrow x + \mathrm{CrossAttention}(\mathrm{norm}(x), \mathrm{memory})$, where queries come from x, keys and values from the encoder's memory.
#
# Shapes: x (B, T, d_model), memory (B, S, d_model) → (B, T, d_model).
#
# *On paper:* set the attention's W_o and the last linear map of the feed-forward part to zero. What does the block return? (x itself: a block that has learned nothing does no harm.)


# %% tags=["exercise", "q6_11"]
class TransformerBlock(nn.Module):
    """A pre-norm transformer block: self-attention, cross-attention if `cross`, then a feed-forward part, each added to x.

    Submodules, by name:
      norm_self          nn.LayerNorm(d_model)
      self_attention     MultiHeadAttention(d_model, H)
      norm_cross         nn.LayerNorm(d_model)               only if cross
      cross_attention    MultiHeadAttention(d_model, H)      only if cross
      norm_feed_forward  nn.LayerNorm(d_model)
      feed_forward       nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
    Each norm is read by the part it is named after. The memory is used as it is given, without a norm.
    """

    def __init__(self, d_model, H, d_ff, cross=False):
        super().__init__()
        # 1. self-attention with its norm, and cross-attention with its own
        # 2. the feed-forward part with its norm
        # BEGIN SOLUTION
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = MultiHeadAttention(d_model, H)
        self.cross = cross
        if cross:
            self.norm_cross = nn.LayerNorm(d_model)
            self.cross_attention = MultiHeadAttention(d_model, H)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
        # END SOLUTION

    def forward(self, x, memory=None, self_mask=None, memory_mask=None):
        """x (B, T, d_model), memory (B, S, d_model) → x (B, T, d_model), alone, without any weights.

        self_mask broadcasts to (B, H, T, T) and memory_mask to (B, H, T, S); bool, True = may attend, None = all.
        Without `cross` the memory is not looked at. Raises ValueError when cross=True and there is no memory.
        Gradients reach x, the memory and every parameter, and stay finite. There is no dropout,
        and what one call was given has no say in the next.
        """
        # 3. self-attention      4. cross-attention      5. feed-forward
        # BEGIN SOLUTION
        x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]
        if self.cross:
            if memory is None:
                raise ValueError("a block with cross-attention needs a memory")
            x = x + self.cross_attention(self.norm_cross(x), memory, mask=memory_mask)[0]
        return x + self.feed_forward(self.norm_feed_forward(x))
        # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Three lines of the same form: x = x + part(norm(x)). Your attention returns (output, weights); the block needs the output only.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# x ← x + output of self_attention(norm_self(x), with self_mask)
# if cross:
#     complain if there is no memory
#     x ← x + output of cross_attention(norm_cross(x), memory, with memory_mask)
# x ← x + feed_forward(norm_feed_forward(x))
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The residual is x, not norm(x): the sum is a road on which nothing is multiplied. The 2017 paper norms *after* the sum (post-norm), which needs a slow warm-up to train; almost everyone norms before by now. The memory is not normed here because the encoder norms it once, at its end.

# %% tags=["experiment"]
if standins.finished(causal_mask, TransformerBlock):
    torch.manual_seed(0)
    block, x = TransformerBlock(16, 4, 32), torch.randn(1, 5, 16)
    with torch.no_grad():
        changed = block(x + torch.eye(5)[4][:, None], self_mask=causal_mask(5)) - block(x, self_mask=causal_mask(5))
    moved = changed.abs().amax(dim=(0, 2))
    plots.show_bars({f"position {t}": value for t, value in enumerate(moved.tolist())}, "Only the output at position 4 moves.", x_label="largest change of the output when the input at position 4 changes")

# %% [markdown]
# With the causal mask a change of the last word moves no earlier position: nothing in the block leaks, because norm and feed-forward part work on each position alone.

# %% tags=["claim"]
assert moved[:4].max() == 0 and moved[4] > 0.1

# %% [markdown]
# ## 6.12 The transformer
# *Goal: all of it in one model.* · 30 min · 8 points
#
# The **encoder** reads the source, every word seeing every other one, in both directions. Its output is the *memory*. The **decoder** reads the target so far under the causal mask and looks into the memory. A last linear map turns its vectors into logits.
#
# Positions are the simplest scheme of notebook 5: a learned vector for each position, added to the word's. One table serves both sides.
#
# Shapes: src (B, S), tgt_in (B, T) → memory (B, S, d_model), logits (B, T, V_tgt).
#
# | | queries see | mask |
# |---|---|---|
# | encoder self-attention | source words | real source |
# | decoder self-attention | target words so far | causal and real target |
# | decoder cross-attention | the memory | real source |


# %% tags=["exercise", "q6_12"]
class Seq2SeqTransformer(nn.Module):
    """An encoder–decoder transformer (Vaswani et al. 2017, in pre-norm form). Pads are id 0, on both sides.

    Submodules, by name:
      src_embedding  nn.Embedding(V_src, d_model)      tgt_embedding  nn.Embedding(V_tgt, d_model)
      positions      nn.Embedding(max_len, d_model)    one table for both sides; sentences are at most max_len = 64 long
      encoder        nn.ModuleList of `layers` blocks  decoder        nn.ModuleList of `layers` blocks with cross=True
      encoder_norm   nn.LayerNorm(d_model)             decoder_norm   nn.LayerNorm(d_model)
      output         nn.Linear(d_model, V_tgt)
    The input of the first block is embedding + position, positions counted from 0, without any factor.
    There is no dropout, and what one call was given has no say in the next.
    """

    def __init__(self, V_src, V_tgt, d_model, H, layers, d_ff, max_len=64):
        super().__init__()
        # the parts, under the names above
        # BEGIN SOLUTION
        self.src_embedding = nn.Embedding(V_src, d_model)
        self.tgt_embedding = nn.Embedding(V_tgt, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.encoder = nn.ModuleList([TransformerBlock(d_model, H, d_ff) for _ in range(layers)])
        self.decoder = nn.ModuleList([TransformerBlock(d_model, H, d_ff, cross=True) for _ in range(layers)])
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.output = nn.Linear(d_model, V_tgt)
        # END SOLUTION

    def forward(self, src, tgt_in):
        """src (B, S), tgt_in (B, T), already shifted by the caller → logits (B, T, V_tgt): `decode` after `encode`."""
        # BEGIN SOLUTION
        return self.decode(self.encode(src), src, tgt_in)
        # END SOLUTION

    def encode(self, src):
        """src (B, S) → memory (B, S, d_model). Every word sees every real word, before and after it; pads are never attended to."""
        # 1. embedding + position      2. which keys are real
        # 3. every block in turn       4. the last norm
        # BEGIN SOLUTION
        x = self.src_embedding(src) + self.positions(torch.arange(src.shape[1]))
        real = (src != 0)[:, None, None, :]
        for block in self.encoder:
            x = block(x, self_mask=real)
        return self.encoder_norm(x)
        # END SOLUTION

    def decode(self, memory, src, tgt_in):
        """memory (B, S, d_model), src (B, S), tgt_in (B, T) → logits (B, T, V_tgt), not probabilities.

        Position t sees the real target words up to its own, and the memory of real source words (src says which).
        """
        # 1. embedding + position      2. causal mask and real target words; real source words
        # 3. every block in turn       4. the last norm       5. logits
        # BEGIN SOLUTION
        x = self.tgt_embedding(tgt_in) + self.positions(torch.arange(tgt_in.shape[1]))
        self_mask = combine_masks(causal_mask(tgt_in.shape[1]), tgt_in != 0)
        memory_mask = (src != 0)[:, None, None, :]
        for block in self.decoder:
            x = block(x, memory, self_mask=self_mask, memory_mask=memory_mask)
        return self.output(self.decoder_norm(x))
        # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# You have everything: `causal_mask`, `combine_masks`, `TransformerBlock`. `positions(torch.arange(n))` gives the first n position vectors, and `(src != 0)[:, None, None, :]` is a mask for every query and head.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# encode: x ← src_embedding + positions
#         for each encoder block: x ← block(x, real source keys)
#         return encoder_norm(x)
# decode: x ← tgt_embedding + positions
#         self_mask ← causal and real target keys;  memory_mask ← real source keys
#         for each decoder block: x ← block(x, memory, self_mask, memory_mask)
#         return output(decoder_norm(x))
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The encoder has no causal mask: the source is there as a whole, and *will the cat …?* can only be read with what follows. In pre-norm the last block's sum has not been normed, so each stack ends with a norm of its own. `decode` takes `src` only to know which memories are padding. Logits, because the loss takes the log-softmax itself.
# The shift stays outside: the caller does it, once.

# %% [markdown]
# ## The finale: translate
#
# The corpus is the project's own: English and Spanish sentences from a small grammar, with genders that must agree, adjectives that change sides and subjects that disappear. Nothing in the test sentences is new except the sentence. The split `test_combinations` is harder: in each of its sentences an adjective meets a noun, or a verb an object, that it never met in training.
#
# Parts of yours that are not finished are replaced by torch's, and the cell says so.

# %% tags=["experiment"]
pairs = {split: load_en_es(split) for split in ("train", "test", "test_combinations")}
english = Vocabulary.of(pair.source for pair in pairs["train"])
spanish = Vocabulary.of(pair.target for pair in pairs["train"])


def as_tensors(some_pairs):
    src, _ = pad_batch([english.encode(pair.source) for pair in some_pairs])
    tgt, _ = pad_batch([spanish.encode(pair.target, eos=True) for pair in some_pairs])
    return src, tgt


by_length = sorted(pairs["train"], key=lambda pair: (len(pair.target), len(pair.source)))
training_batches = [as_tensors(by_length[i : i + 64]) for i in range(0, len(by_length), 64)]
print(f"{len(pairs['train'])} pairs, {len(english)} English and {len(spanish)} Spanish words, {len(training_batches)} batches")
for pair in pairs["train"][:3]:
    print(" ".join(pair.source), "→", " ".join(pair.target))

# %% tags=["experiment"]
Transformer = standins.instead_of(
    Seq2SeqTransformer, TransformerBlock, causal_mask, combine_masks, use=standins.LibraryTransformer, says="torch's nn.Transformer"
)
torch.manual_seed(0)
translator = Transformer(len(english), len(spanish), d_model=64, H=4, layers=2, d_ff=128)
with torch.no_grad():
    for module in translator.modules():
        if isinstance(module, nn.Embedding):
            module.weight.mul_(0.15)  # small to begin with: the model then prefers rules to memories


def in_random_order(batches, epochs, generator):
    for _ in range(epochs):
        for i in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[i]


EPOCHS = 6
order = in_random_order(training_batches, EPOCHS, torch.Generator().manual_seed(0))
started = time.process_time()
curve = train(translator, lambda: loss_with_teacher(translator, *next(order), BOS, PAD), EPOCHS * len(training_batches), lr=3e-3, warm_up=60, decay=True, label="learning Spanish")
print(f"{time.process_time() - started:.0f} s of computing; about {sum(p.numel() for p in translator.parameters()):,} numbers learned")

# %% [markdown]
# Now it goes alone. The source is encoded once, and `generate` calls the decoder only: a function that remembers the memory is a model, too. To sample, the function hands over a one-hot of the token that your `sample` has drawn; its argmax is that token.

# %% tags=["experiment"]
def translate(sentences, temperature=0.0, top_k=None, generator=None):
    """Spanish for a list of English token lists; temperature 0 is greedy."""
    src, _ = pad_batch([english.encode(sentence) for sentence in sentences])
    with torch.no_grad():
        memory = translator.encode(src)

        def next_token(src, prefix):
            logits = translator.decode(memory, src, prefix)[:, -1:]
            if temperature == 0:
                return logits
            return F.one_hot(draw(logits[:, 0], temperature, top_k, generator), len(spanish))[:, None]

        return [spanish.decode(row) for row in write(next_token, src, BOS, EOS, PAD, 32)]


for text_ in ("the cat sat on the mat", "the old woman sees the white horse", "do the girls sing ?"):
    print(text_, "→", " ".join(translate([text_.split()])[0]))

# %% tags=["experiment"]
def translate_all(some_pairs, **options):
    order = sorted(range(len(some_pairs)), key=lambda i: len(some_pairs[i].source))
    answers = {}
    for i in range(0, len(order), 100):
        part = order[i : i + 100]
        answers |= dict(zip(part, translate([some_pairs[j].source for j in part], **options), strict=True))
    return [answers[j] for j in range(len(some_pairs))]


def score(some_pairs, **options):
    answers = translate_all(some_pairs, **options)
    exact = sum(tuple(answer) == pair.target for answer, pair in zip(answers, some_pairs, strict=True)) / len(some_pairs)
    said, right = [" ".join(answer) for answer in answers], [" ".join(pair.target) for pair in some_pairs]
    bleu = sacrebleu.corpus_bleu(said, [right], tokenize="none", force=True).score
    return {"exact match": exact, "chrF": sacrebleu.corpus_chrf(said, [right]).score, "BLEU": bleu}


results = {
    "test, greedy": score(pairs["test"]),
    "test, sampled (temperature 1)": score(pairs["test"], temperature=1.0, generator=torch.Generator().manual_seed(0)),
    "test, sampled (temperature 1, top 2)": score(pairs["test"], temperature=1.0, top_k=2, generator=torch.Generator().manual_seed(0)),
    "new combinations, greedy": score(pairs["test_combinations"]),
}
plots.show_table([{"": name, **values} for name, values in results.items()], "exact match as a share; chrF and BLEU from sacrebleu, 0–100")

# %% [markdown]
# Most held-out sentences come out right to the last letter of every ending. Drawing from the whole distribution costs some of that, and cutting the tail off (top 2) wins a part back. On combinations it has not seen the same model is weaker: it has learned the grammar well, and some of what looked like grammar was habit.

# %% tags=["claim"]
assert results["test, greedy"]["exact match"] >= 0.9
assert results["test, sampled (temperature 1)"]["exact match"] < results["test, sampled (temperature 1, top 2)"]["exact match"] <= results["test, greedy"]["exact match"]
assert results["new combinations, greedy"]["exact match"] < results["test, greedy"]["exact match"]
assert translate(["the cat sat on the mat".split()])[0] == "el gato se sentó en la alfombra".split()

# %% [markdown]
# ### Forced and free once more
#
# Exposure bias, on real sentences: with a teacher, what share of words is right? And alone, word by word in the same places?

# %% tags=["experiment"]
src, tgt = as_tensors(pairs["test_combinations"])
with torch.no_grad():
    forced = translator(src, F.pad(tgt, (1, 0), value=BOS))[:, : tgt.shape[1]].argmax(-1)
alone = [spanish.encode(answer, eos=True) for answer in translate_all(pairs["test_combinations"])]
alone = torch.stack([F.pad(torch.tensor(row), (0, 40))[: tgt.shape[1]] for row in alone])
real = tgt != PAD
by_place = {"with a teacher": (forced == tgt)[real].float().mean().item(), "alone": (alone == tgt)[real].float().mean().item()}
plots.show_table([{"new combinations": name, "share of right words": f"{share:.3f}"} for name, share in by_place.items()])

# %% tags=["claim"]
assert by_place["with a teacher"] > by_place["alone"]

# %% [markdown]
# Alone it gets fewer words right than with a teacher, as in the running total, but the gap is small: a sentence offers more chances to get back on the road than a sum does.
#
# ### Every head
#
# Where do the heads look? Below are all of them, for one sentence: four heads in each of two layers, three times over. Squares mark the gold alignment where there is one.

# %% tags=["experiment"]
shown = next(pair for pair in pairs["test"] if " ".join(pair.source) == "the cat sat on the mat")
source_ids, target_ids = as_tensors([shown])
gold = gold_matrix([shown], T=target_ids.shape[1])
with collected_weights(translator) as weights, torch.no_grad():
    translator(source_ids, F.pad(target_ids, (1, 0), value=BOS))  # reads one word more than it has to write
reading, writing = list(shown.source), [*shown.target, "<eos>"]
KINDS = {"encoder.{}.self_attention": (reading, reading), "decoder.{}.self_attention": (["<bos>", *shown.target], ["<bos>", *shown.target]), "decoder.{}.cross_attention": (writing, reading)}
for kind, (queries, keys) in KINDS.items():
    maps = [weights[kind.format(layer)][0, :, : len(queries), : len(keys)] for layer in range(2) if kind.format(layer) in weights]
    if not maps:
        print("torch's nn.Transformer keeps its weights to itself: finish 6.11 and 6.12 to see your own heads.")
        break
    place, name = kind.split(".{}.")
    marks = gold[0].tolist() if "cross" in kind else None
    titles = [f"layer {layer}, head {h}" for layer in range(2) for h in range(4)]
    plots.show_heads(torch.cat(maps), f"Eight maps of the {place}'s {name.replace('_', '-')} for one sentence.", titles=titles, queries=queries, keys=keys, gold=marks)

# %% tags=["claim"]
assert not torch.cat([weights[f"decoder.{layer}.self_attention"] for layer in range(2)]).triu(1).any()

# %% [markdown]
# The first eight maps are the encoder's self-attention, the next eight the decoder's (all in the lower triangle: the causal mask at work), the last eight its cross-attention. Now the count over the whole test split: how often is the largest weight of a head on the gold word?

# %% tags=["experiment"]
src, tgt = as_tensors(pairs["test"])
gold = gold_matrix(pairs["test"], T=tgt.shape[1])
with collected_weights(translator) as weights, torch.no_grad():
    translator(src, F.pad(tgt, (1, 0), value=BOS))
has_gold = gold >= 0
looks = {
    f"layer {layer}, head {h}": head[:, : gold.shape[1]].argmax(-1)
    for layer in range(2)
    for h, head in enumerate(weights.get(f"decoder.{layer}.cross_attention", torch.zeros(len(src), 0, 1, 1)).unbind(1))
}
on_gold = {name: (look == gold)[has_gold].float().mean().item() for name, look in looks.items()}
guessing = (1 / (src != PAD).sum(1, keepdim=True)).expand(gold.shape)[has_gold].mean().item()
if on_gold:
    plots.show_bars(on_gold | {"looking anywhere": guessing}, "The share of target words whose largest weight is on the gold source word, for each of eight heads.", x_label="share of target words with the largest weight on gold")

# %% [markdown]
# Nobody told the model which word comes from which, and yet its best head looks at the gold word about nine times out of ten. The heads differ, and a miss can be good sense. *El, la, los, las* all come from *the*, and the noun that follows decides between them.
#
# **Predict:** is there a head in which most articles look past their own *the*, at the word that the *next* Spanish word comes from?

# %% tags=["experiment"]
articles = torch.tensor([spanish.encode([word])[0] for word in ("el", "la", "los", "las")])
counted = torch.isin(tgt[:, :-1], articles) & has_gold[:, :-1] & has_gold[:, 1:]
on_own, on_next = (
    {name: (look[:, :-1] == aim)[counted].float().mean().item() for name, look in looks.items()} for aim in (gold[:, :-1], gold[:, 1:])
)
if looks:
    plots.show_table([{"head": name, "on its own the": on_own[name], "on the next word's": on_next[name]} for name in looks], f"where {counted.sum()} articles have their largest weight, as shares")

# %% [markdown]
# There is: in at least one head most articles look at what the next word comes from, while in others nearly all of them find their own *the*. (In a run with another seed we saw the same, in another head.) A high weight is not an explanation, only a place to start asking.

# %% tags=["claim"]
assert 0.85 < max(on_gold.values()) < 0.95 and 3 * guessing < 0.5
assert max(on_next.values()) > 0.6 and max(on_own.values()) > 0.9
assert max(on_gold.values()) - min(on_gold.values()) > 0.1

# %% [markdown]
# ## Further
#
# The road ends here. What follows stands beside it, for a second reading, in any order: somebody else's weights, a softer target, a cut for sampling, a wider search, and the learning rate of 2017. Nothing above uses it.

# %% [markdown]
# ## 6.13 ★ Somebody else's model
# *Goal: run Llama's weights with your own parts.* · 25 min · 5 points · further
#
# A model somebody else trained is a file of matrices; what they mean is in the conventions. Llama keeps each matrix as `nn.Linear` does (outputs first), turns features i and i + d/2 together (5.7 has the other layout), shares key/value heads in blocks (4.4), and sees from left to right. In a cache only the last positions ask, and all positions answer:
#
# $$q_t = R_{S-\mathrm{last}+t}\,W_q x,\quad k_s = R_s W_k x_s,\quad v_s = W_v x_s,\quad o_t = W_o\,[\ldots;\ \mathrm{softmax}(q_t \cdot k_s/\sqrt{d})\,v\ ;\ldots]$$
#
# Shapes: x (B, S, d_model), W_q (H·d, d_model), W_k and W_v (G·d, d_model), W_o (d_model, H·d) → (B, last, d_model).
#
# *On paper:* with d = 2 there is one pair, and both layouts are the same. With d = 4, feature 0 turns with feature 2.


# %% tags=["exercise", "q6_13"]
def llama_attention(x, W_q, W_k, W_v, W_o, H, G, last):
    """Llama's causal attention, for the last positions of x, with its weights as they are in its file.

    x (B, S, d_model); W_q (H·d, d_model), W_k and W_v (G·d, d_model), W_o (d_model, H·d), d even, G divides H, 1 ≤ last ≤ S.
    Features i and i + d/2 of queries and keys are turned by position · 10000^(−2i/d), in the number type of x; head h reads key/value head h // (H/G).
    Returns (B, last, d_model); gradients reach x and the four matrices.
    """
    # 1. queries of the last positions, keys and values of all, split into heads
    # 2. queries and keys turned, each by its own position
    # 3. key/value heads repeated for the query heads
    # 4. scaled causal attention; 5. heads merged, and W_o
    # BEGIN SOLUTION
    S, d = x.shape[1], W_q.shape[0] // H
    Q, K, V = ((x @ W.T).unflatten(-1, (heads, d)).transpose(1, 2) for W, heads in ((W_q, H), (W_k, G), (W_v, G)))
    angles = torch.arange(S, dtype=x.dtype)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
    cos, sin = angles.cos(), angles.sin()
    Q, K = (torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1) for a, b in (Q.chunk(2, -1), K.chunk(2, -1)))
    K, V = K.repeat_interleave(H // G, dim=1), V.repeat_interleave(H // G, dim=1)
    future = torch.ones(last, S, dtype=torch.bool).triu(S - last + 1)
    weights = (Q[:, :, S - last :] @ K.mT / math.sqrt(d)).masked_fill(future, -torch.inf).softmax(dim=-1)
    return (weights @ V).transpose(1, 2).flatten(2) @ W_o.T
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Three of your parts, in order: the turn of 5.5 in the other layout, the shared heads of 4.4, the mask of 6.1. Only the queries are cut to the last positions.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# Q, K, V ← x times each matrix, transposed; split into H, G, G heads
# for Q and K: a, b ← first and second half of the features; join a·cos − b·sin and a·sin + b·cos
# K, V ← each head H/G times, side by side
# weights ← softmax of the last rows of Q Kᵀ / √d, the future blocked
# return the merged heads times W_o, transposed
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Turning all queries and cutting afterwards gives each its true position. `repeat_interleave` puts the copies side by side, so head h finds group h // (H/G). The mask's diagonal is shifted by S − last, as in 6.1.

# %% [markdown]
# Does it run a real one? Transformers builds a Llama from a config, with random weights; nothing is downloaded.

# %% tags=["experiment"]
def compare_with_transformers():
    try:
        from transformers import LlamaConfig, LlamaModel
    except ImportError:
        print("Transformers is not installed here, so this comparison is left out.")
        return
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}
    rest = {"vocab_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    llama = LlamaModel(LlamaConfig(**sizes, **rest, initializer_range=0.5))
    theirs, x = llama.layers[0].self_attn, torch.randn(2, 6, 32)
    blocked = torch.full((6, 6), -torch.inf).triu(1)[None, None]
    turns = llama.rotary_emb(x, torch.arange(6)[None])
    matrices = [getattr(theirs, f"{name}_proj").weight for name in "qkvo"]
    with torch.no_grad():
        wanted = theirs(x, position_embeddings=turns, attention_mask=blocked)[0]
        found = llama_attention(x, *matrices, 4, 2, 3)
    gap = (wanted[:, -3:] - found).abs().max()
    print(f"largest difference to Transformers: {gap:.1e}")


if standins.finished(llama_attention):
    compare_with_transformers()

# %% [markdown]
# ## 6.14 A softer target
# *Goal: do not ask for certainty.* · 15 min · 7 points · further
#
# Cross-entropy is never content: a right word with p = .99 still pays, and pushing the logits apart always helps. **Label smoothing** asks for less. A share ε of the target's weight is spread evenly over the whole vocabulary, the right word included, and the rest stays with the right word:
#
# $$q_v = \frac{\varepsilon}{V} + (1-\varepsilon)\,[v = y] \qquad \mathrm{loss} = -\frac{1}{n}\sum_{b,t:\ y_{bt} \ne \mathrm{ignore}}\ \sum_v q_v \log\mathrm{softmax}(z_{bt})_v$$
#
# Shapes: logits (B, T, V), y (B, T) → one number.
#
# Code bases differ here: torch and Transformers do as above; fairseq and the Annotated Transformer give the right word no share of ε.
#
# *On paper:* V = 4, ε = .2: the right word weighs .05 + .8 = .85, each other one .05. If the model says ½ for the right word and ⅙ for the others, the loss is .85 · .693 + .15 · 1.792 = .86; the plain one would be .69.


# %% tags=["exercise", "q6_14"]
def label_smoothed_loss(logits, y, epsilon, ignore_index):
    """The mean of −Σ_v q(v) ln p(v) over the tokens that are not `ignore_index`, in nats.

    q(v) is epsilon / V for every v in the vocabulary, and 1 − epsilon more at v = y.
    logits (B, T, V), y (B, T) int64, 0 ≤ epsilon ≤ 1; epsilon = 0 is exercise 6.4.
    Returns a tensor with one number, in the floating type of the logits.
    `ignore_index` may be any int, also one that is no place in the vocabulary; such
    tokens count with neither part. Every real token counts the same. Logits may be in
    the hundreds. When no token is real the loss is 0, and its gradient too.
    Written without torch's cross_entropy and nll_loss, which the check watches for.
    Szegedy et al. 2016, section 7.
    """
    # 1. log-probabilities of all tokens, safe for large logits
    # 2. each token's cost: the right token's part and the even part
    # 3. the mean over real tokens, also when there is none
    # BEGIN SOLUTION
    log_p = torch.log_softmax(logits, dim=-1)
    real = y != ignore_index
    index = y.masked_fill(~real, 0).unsqueeze(-1)
    right = -log_p.gather(-1, index).squeeze(-1)
    even = -log_p.mean(dim=-1)
    costs = (1 - epsilon) * right + epsilon * even
    return (costs * real).sum() / real.sum().clamp(min=1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# The sum over v falls into two: 1 − ε times the cost of the right word, which is 6.4, and ε times the *mean* cost of all V words. A pad must lose both.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# log_p ← log-softmax over the vocabulary
# right ← −log_p at y (at any valid index where y is not real)
# even  ← −mean of log_p over the vocabulary
# cost  ← (1 − ε) · right + ε · even
# return the sum of the cost where real, divided by how many are real (at least 1)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** ε/V times the sum over the vocabulary is ε times the mean, and no distribution q has to be built. The even part exists at pads too, so the mask comes after both parts. The smallest loss is no longer 0 but the entropy of q: a model is best when it gives the right word 1 − ε + ε/V, and pays for more.

# %% tags=["experiment"]
def smoothed_cost_of(p, V=5, epsilon=0.1):
    """What a model pays that gives the right word p and shares the rest evenly."""
    logits = torch.log(torch.tensor([p] + [(1 - p) / (V - 1)] * (V - 1)))
    return label_smoothed_loss(logits[None, None], torch.tensor([[0]]), epsilon, -1).item()


if standins.finished(label_smoothed_loss):
    confidence = [0.5 + 0.005 * i for i in range(100)]
    costs = {
        "ε = 0": [smoothed_cost_of(p, epsilon=0.0) for p in confidence],
        "ε = .1": [smoothed_cost_of(p) for p in confidence],
    }
    plots.show_curves(
        confidence, costs,
        "Loss against the probability of the right word, five words in all: without"
        " smoothing it falls to the end, with ε = .1 it turns up again after .92.",
        x_label="probability of the right word", y_label="loss (nats)",
    )  # fmt: skip

# %% [markdown]
# Without smoothing more certainty is always better. With ε = .1 the best is .92, which is 1 − ε + ε/V for five words, and from there on certainty costs.

# %% tags=["claim"]
best = {name: confidence[min(range(100), key=values.__getitem__)] for name, values in costs.items()}
assert abs(best["ε = .1"] - 0.92) < 0.006
# control: with nothing smoothed, the most certain model pays the least
assert best["ε = 0"] == max(confidence)
paper = torch.log(torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6]))[None, None]
pays = [label_smoothed_loss(paper, torch.tensor([[0]]), epsilon, -1).item() for epsilon in (0.2, 0)]
assert [f"{value:.2f}" for value in pays] == ["0.86", "0.69"]

# %% [markdown]
# ## 6.15 The nucleus
# *Goal: cut the tail where it begins.* · 15 min · 6 points · further
#
# Top-k keeps k words whether the model is sure or not. After *the cat sat on the* three words may hold nearly everything, after *she said* three hundred do. **Nucleus sampling** (top-p) lets each row decide: take the likeliest words, one after another, until together they have the share $p$; the word that lifts the sum to $p$ or above is the last one in. What is left is divided by its sum.
#
# $$N = \text{the likeliest words, as few as have } \sum_{v \in N} p_v \ge \mathrm{top}_p \qquad \hat p_v = \frac{p_v}{\sum_{u\in N} p_u}\ \text{for}\ v \in N,\quad 0\ \text{otherwise}$$
#
# with $p = \mathrm{softmax}(z / \mathrm{temperature})$. Shapes: logits (…, V) → probabilities (…, V).
#
# *On paper:* p = (.5, .3, .2) and top_p = .6. The first word has .5, which is not enough; with the second it is .8. So N has two words: (.625, .375, 0). With top_p = .4 the first is enough: (1, 0, 0).


# %% tags=["exercise", "q6_15"]
def nucleus(logits, top_p, temperature=1.0):
    """The probabilities of nucleus sampling: the likeliest tokens that reach top_p, the rest 0.

    logits (…, V) → (…, V) in their floating type; each row has a nucleus of its own,
    and entry v belongs to token v. 0 < top_p ≤ 1, temperature > 0.
    The logits are divided by the temperature first. Then tokens are taken from the
    likeliest on until the sum of their probabilities is top_p or more: the token that
    gets it there stays, so at least one does. The kept ones are divided by their sum.
    No sum will be so near to top_p that rounding decides. Logits may be in the hundreds.
    Holtzman et al. 2020.
    """
    # 1. probabilities at this temperature, the likeliest first
    # 2. which of them are out, brought back into the order of the vocabulary
    # 3. the others, so that they sum to 1
    # BEGIN SOLUTION
    p = torch.softmax(logits / temperature, dim=-1)
    ordered, order = p.sort(dim=-1, descending=True)
    sum_before = ordered.cumsum(dim=-1) - ordered
    out = torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, sum_before >= top_p)
    kept = p.masked_fill(out, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Sort, and look at the sum *before* each token: while it is below top_p the token is needed. `sort` also gives the order, and `scatter` along it brings a mask back to the tokens' own places.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# p ← softmax of logits / temperature
# ordered, order ← p sorted, largest first
# before ← running sum of ordered, without the token itself
# out    ← before ≥ top_p, scattered back along order
# p ← 0 where out; return p divided by its sum
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The sum *before* the first token is 0, so the first is always in: nothing has to be said about an empty nucleus. With `cumsum > top_p` the token that crosses is lost, and where the first one crosses, everything is. The temperature comes first, because a flatter distribution needs more words to reach top_p.

# %% tags=["experiment"]
if standins.finished(nucleus):
    z = torch.tensor([[6.0, 2.0, 1.0, 0.5, 0.0, -0.5], [1.2, 1.1, 1.0, 0.9, 0.5, 0.2]])
    cut = nucleus(z, 0.9)
    kept = (cut > 0).sum(-1).tolist()
    probability = torch.cat([z.softmax(-1), cut])
    plots.show_heads(
        probability[:, None],
        "Four rows of six probabilities: a sure and an unsure row, before and after"
        " the cut at .9; the sure one keeps a single word, the unsure one five.",
        titles=["sure", "not sure", f"sure, cut: {kept[0]} kept", f"not sure, cut: {kept[1]} kept"],
    )

# %% [markdown]
# One and the same top_p leaves one word where the model is sure, and five of six where it is not. No single k does both.

# %% tags=["claim"]
assert kept == [1, 5]
# control: top-k keeps the same number in both rows
assert [len(row.topk(3).indices) for row in z] == [3, 3]
line = torch.tensor([0.5, 0.3, 0.2]).log()
assert [f"{value:.3f}" for value in nucleus(line, 0.6).tolist()] == ["0.625", "0.375", "0.000"]
assert nucleus(line, 0.4).tolist() == [1, 0, 0]

# %% [markdown]
# ## 6.16 Beam search
# *Goal: keep several sentences in mind.* · 30 min · 7 points · further
#
# Greedy generation never takes a word back. A likely first word may lead to unlikely sentences, and then it is too late. **Beam search** keeps the `width` best *sentences so far*. At each step every one of them is continued by every word of the vocabulary, all continuations compete, and the best `width` are kept. A sentence's score is the logarithm of its probability, which falls with every word; dividing by a power of the length $L$ makes long and short ones comparable:
#
# $$\mathrm{score}(y_1 \ldots y_L) = \frac{1}{L^{\,\mathrm{length\ penalty}}} \sum_{t=1}^{L} \ln p(y_t \mid y_{<t})$$
#
# An ended sentence is not continued. It stays as it is, with the score it has, as long as it is among the best. Shapes: src (B, S) → tokens (B, L), as in 6.6.
#
# *On paper:* after bos the model says *a* .6, *b* .4; after *a*: eos .4, *a* .3, *b* .3; after *b*: eos .9, *c* .1. Greedy takes *a* and then eos: .24. With width 2 both first words live on. Then *b* eos has .36, *a* eos .24, *a a* and *a b* .18 each: the best two have ended, and *b* eos wins.


# %% tags=["exercise", "q6_16"]
def beam_search(model, src, bos, eos, pad, width, max_len, length_penalty=0.0):
    """For each source the best sentence that a beam of `width` finds.

    `model(src, tgt_in)` returns logits (n, t, V) for n sources (n, S) and n prefixes
    (n, t) int64 that begin with bos; n is up to you. src (B, S), width ≥ 1 (also more
    than V), max_len ≥ 1, length_penalty ≥ 0. Sources do not compete with each other.
    The search begins with one empty sentence. At each step all continuations of the
    open sentences, and the ended ones as they are, are compared by their score: the sum
    of ln p over the tokens, divided by L ** length_penalty, where L is the sentence's
    own number of tokens, eos counted and bos not. The best `width` are kept. It is over
    when all kept ones have ended, or after max_len tokens; then the best of the kept
    ones, ended or not, is the answer. No two scores will be equal.
    Returns int64 tokens (B, L) as `generate` does: bos not among them, eos kept, after
    it only pad, and L the length of the longest answer. Width 1 is greedy.
    """
    # 1. for each source one sentence of bos alone, with a sum of 0
    # 2. max_len times: ln p of every next token, for every kept sentence
    # 3.   scores of all continuations; an ended sentence has one, which costs nothing
    # 4.   the best `width`: which sentence does each continue, and with what?
    # 5. the best sentence of each source, padded
    # BEGIN SOLUTION
    B, rows = src.shape[0], torch.arange(src.shape[0])[:, None]
    sources = src.repeat_interleave(width, dim=0)
    prefix = torch.full((B, width, 1), bos, dtype=torch.int64)
    total = torch.full((B, width), -torch.inf)
    total[:, 0] = 0.0  # one sentence; the other places are empty
    length = torch.zeros(B, width, dtype=torch.int64)
    ended = torch.zeros(B, width, dtype=torch.bool)
    while prefix.shape[-1] <= max_len and not ended.all():
        log_p = model(sources, prefix.flatten(0, 1))[:, -1].log_softmax(-1)
        V = log_p.shape[-1]
        log_p = log_p.unflatten(0, (B, width))
        stays = torch.where(torch.arange(V) == pad, 0.0, -torch.inf)
        total = total[..., None] + torch.where(ended[..., None], stays, log_p)
        length = length + ~ended
        score = total / length[..., None] ** length_penalty
        best = score.flatten(1).topk(width).indices
        old, token = best // V, best % V
        prefix = torch.cat([prefix[rows, old], token[..., None]], dim=-1)
        total, length = total[rows, old, token], length[rows, old]
        ended = ended[rows, old] | (token == eos)
    return prefix[:, 0, 1 : 1 + length[:, 0].max()]
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Write it for one source first, with a list of (sum, tokens) and a loop. Sort all continuations and the ended sentences by score, keep the first `width`. Only then, if you like, with tensors: for (B, width) sentences the V continuations lie side by side, so place i of width · V belongs to sentence i // V and token i % V.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# for each source:
#     kept ← [(0, no tokens)]
#     repeat max_len times, unless all kept have ended:
#         candidates ← the ended ones of kept, unchanged
#         for each open one: its logits after bos and its tokens → ln p
#             candidates gains (sum + ln p(v), tokens and v) for every v
#         kept ← the `width` candidates with the best sum / length ** length_penalty
#     answer ← the best of kept
# pad the answers to the longest
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** All beams begin with bos; if `width` copies of it started, each would be continued in the same way, and the beam would be one sentence many times. So the other places begin at −∞. An ended sentence has a single continuation, pad, which costs nothing, so it competes with what it has. `prefix[rows, old]` is the step that is easily forgotten: the best continuations may all come from the same sentence, so prefixes (and a cache, if there is one) move to where their continuations are.
# Libraries differ in what they do with ended sentences and with the length; the differences show in the answers, and hardly in what they are called.

# %% tags=["experiment"]
AFTER = {BOS: {3: 0.6, 4: 0.4}, 3: {EOS: 0.4, 3: 0.3, 4: 0.3}, 4: {EOS: 0.9, 5: 0.1}, 5: {EOS: 1.0}}
table = torch.zeros(6, 6)
for word, following in AFTER.items():
    for next_word, share in following.items():
        table[word, next_word] = share


def by_table(src, tgt_in):
    """The model of the paper example: the next word depends on the last one."""
    return table.log()[tgt_in]


def probability_of(tokens):
    steps = zip([BOS, *tokens[:-1]], tokens, strict=True)
    return math.prod(table[a, b].item() for a, b in steps)


if standins.finished(beam_search):
    found = {w: beam_search(by_table, torch.zeros(1, 1), BOS, EOS, PAD, w, 5)[0] for w in (1, 2)}
    names = {EOS: "eos", 3: "a", 4: "b", 5: "c"}
    plots.show_table([
        {"width": w, "sentence": " ".join(names[v] for v in one.tolist()), "probability": f"{probability_of(one.tolist()):.2f}"}
        for w, one in found.items()
    ])  # fmt: skip

# %% [markdown]
# Two sentences in mind are enough to see past the first word.

# %% tags=["claim"]
assert found[1].tolist() == [3, EOS] and found[2].tolist() == [4, EOS]
assert f"{probability_of([3, EOS]):.2f}" == "0.24" and f"{probability_of([4, EOS]):.2f}" == "0.36"
# control: where the likelier first word also leads to the likelier sentence, width changes nothing
table[3], table[4] = table[4].clone(), table[3].clone()
same = [beam_search(by_table, torch.zeros(1, 1), BOS, EOS, PAD, w, 5)[0].tolist() for w in (1, 2)]
assert same == [[3, EOS], [3, EOS]]

# %% [markdown]
# ## 6.17 ★ Warm-up, then decay
# *Goal: begin gently.* · 10 min · 5 points · further
#
# At its first steps a model's gradients point anywhere, and large steps along them do harm that post-norm models do not recover from. The paper of 2017 lets the learning rate rise in a line for `warm_up` steps and then fall with the root of the step:
#
# $$\mathrm{rate}(s) = d_{model}^{-1/2} \cdot \min\big(s^{-1/2},\ s \cdot \mathrm{warm\_up}^{-3/2}\big)$$
#
# The two branches meet at s = warm_up; there the rate is highest, $1/\sqrt{d_{model} \cdot \mathrm{warm\_up}}$. At s = 0 the first branch is infinite and the second 0, so the rate is 0.
#
# *On paper:* d_model = 16, warm_up = 4. At the turning point 1/√64 = .125; at step 1 a quarter of that, .031; at step 16 half of it, .0625.


# %% tags=["exercise", "q6_17"]
def warm_up_then_decay(step, d_model, warm_up):
    """The learning rate of Vaswani et al. 2017, eq. 3, at a step counted from 0.

    d_model^(−1/2) · min(step^(−1/2), step · warm_up^(−3/2)); 0 at step 0.
    step ≥ 0, d_model ≥ 1 and warm_up ≥ 1 are ints. Returns a Python float.
    """
    # 1. step 0
    # 2. the smaller of the two branches, times the factor of the width
    # BEGIN SOLUTION
    if step == 0:
        return 0.0
    return d_model**-0.5 * min(step**-0.5, step * warm_up**-1.5)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `min` chooses the branch; only step 0 needs a word of its own, because 0 ** −0.5 is an error in Python.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# at step 0 the rate is 0
# rising  ← step / warm_up^1.5;  falling ← 1 / √step
# return the smaller one / √d_model
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** The exponent −3/2 is what makes the branches meet: warm_up · warm_up^(−3/2) = warm_up^(−1/2). Implementations differ at step 0, which torch's schedulers ask for first: Tensor2Tensor gives 0 as here, the Annotated Transformer the rate of step 1.

# %% tags=["experiment"]
if standins.finished(warm_up_then_decay):
    steps = range(0, 20_001, 50)
    rates = {
        f"d_model {d}, warm_up {w}": [1000 * warm_up_then_decay(s, d, w) for s in steps]
        for d, w in ((512, 4000), (512, 8000), (2048, 4000))
    }
    plots.show_curves(
        list(steps), rates,
        "Three learning rates against steps: each rises in a line to its turning point"
        " and falls slowly; a longer warm-up and a wider model have lower tops.",
        x_label="step", y_label="learning rate · 1000",
    )  # fmt: skip

# %% tags=["claim"]
for (name, values), turn in zip(rates.items(), (4000, 8000, 4000), strict=True):
    assert steps[max(range(len(steps)), key=values.__getitem__)] == turn, name
numbers = [warm_up_then_decay(step, 16, 4) for step in (0, 1, 4, 16)]
assert numbers == [0, 0.03125, 0.125, 0.0625]
# control: the falling branch alone is highest at the first step, far above that top
assert numbers[2] < 16**-0.5 * 1**-0.5

# %% [markdown]
# ## What you have built
#
# * **Masks** in one convention, converters for the other two, and a reason for every −∞.
# * **Teacher forcing**: the shift, a loss over real tokens, and the floor that tells an honest loss from a leak.
# * **Generation**: greedy, sampled, and with a cache that gives the same answer for less work.
# * An **encoder–decoder transformer** of your own parts, which translates.
#
# ## What you can do now
#
# | you can | since |
# |---|---|
# | say why one fixed vector is not enough, and measure it | notebook 1 |
# | write attention from its equation, and check who looks at whom | notebook 2 |
# | say what √d_k is for, and when it matters | notebook 3 |
# | split heads, count parameters and cache bytes, turn MHA into GQA | notebook 4 |
# | choose a position scheme, and rotate with RoPE in either layout | notebook 5 |
# | read any library's mask, train with a teacher, find a leak, write with a cache | notebook 6 |
#
# The model you have is the one of 2017. A language model of today is the decoder half of it, without cross-attention: your block with `cross=False` and a causal mask, with RoPE on queries and keys (5.5), grouped heads (4.4) and the cache (6.8). You have written every one of these parts.
#
# **Three questions to think about**
#
# 1. The decoder reads the right words while it learns. How could it be shown some of its own, and what would the loss then mean?
# 2. Beam search keeps the k likeliest *sentences so far* instead of one. What would `generate` have to remember for each of them, and what would happen to the cache?
# 3. The encoder's pads are never attended to, yet every pad position is computed in every layer. What would it take not to?
#
# **Where to read more.** Vaswani et al. (2017), *Attention is all you need*. Williams and Zipser (1989), *A learning algorithm for continually running fully recurrent neural networks* (teacher forcing). Ranzato et al. (2016), *Sequence level training with recurrent neural networks*, and Bengio et al. (2015), *Scheduled sampling* (exposure bias).
# Xiong et al. (2020), *On layer normalization in the transformer architecture* (pre-norm). Pope et al. (2023), *Efficiently scaling transformer inference* (the cache). Holtzman et al. (2020), *The curious case of neural text degeneration* (sampling). Post (2018), *A call for clarity in reporting BLEU scores* (sacrebleu).
