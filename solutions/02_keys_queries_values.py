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
# # 2 · Keys, queries, values
#
# **Goal.** Build attention as a look-up: a *query* is compared with *keys*, and what comes back is an average of *values*.
# Trained on pairs of sentences, the Spanish word *gato* then looks at the English word *cat*, and nobody told it to.
#
# *Nine exercises · 40 points.* About 90 minutes to write, 18 to read, 1 to wait for experiments. You need NumPy, PyTorch basics, and the idea of notebook 1: one fixed vector cannot hold a whole sentence.
#
# | symbol | meaning |
# |---|---|
# | T | query positions, index t (the words being written) |
# | S | key positions, index s (the words being read) |
# | d_model, d_k, d_v | widths of the inputs, of queries and keys, of values |
# | `…` | any number of leading dimensions, such as a batch |
#
# Each exercise is a function with a blank. Fill it in, run the cell, then run the `grader.check` below it: the check compares numbers,
# and when they are wrong it tries to say *which* mistake made them.
#
# For every exercise, unless its stub says otherwise: a function leaves its arguments as they are, remembers nothing from call to call, and keeps the floating type of its inputs (float32 or float64); a batch, a sequence or a width may be 1; scores may be in the thousands, above or below 0.

# %% tags=["setup"]
import math
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import attnkit
from attnkit import plots
from attnkit.data import Vocabulary, gold_matrix, load_en_es, recall_task
from attnkit.training import train

grader = attnkit.start("02_keys_queries_values.ipynb")

# %% [markdown]
# ## The searchlight
#
# Think of a dark stage with S actors. A searchlight sweeps over it. Where it points is the **query**; what makes an actor stand out in that light is the **key**;
# what the actor then says is the **value**. The light has soft edges: it is never on one actor only, so what you hear is a mixture, loudest where the light is brightest.

# %% tags=["experiment"]
def draw_searchlight(centre=2.0, width=0.8):
    actors = np.arange(6)
    light = np.exp(-((actors - centre) ** 2) / (2 * width**2))
    light /= light.sum()
    figure, axes = plt.subplots(figsize=(6.4, 2.8))
    for edge in np.linspace(0.3, 1.6, 8):
        axes.fill(
            [2.5, centre - edge, centre + edge],
            [3, 0, 0],
            color=plots.BLUE,
            alpha=0.06,
            linewidth=0,
            linestyle="-",
        )
    axes.scatter(
        actors,
        np.zeros(6),
        s=200 + 1500 * light,
        color=plots.VERMILION,
        edgecolor="k",
        zorder=3,
    )
    for actor, share in zip(actors, light, strict=True):
        axes.annotate(f"{share:.2f}", (actor, -0.75), ha="center")
    axes.annotate("query", (2.5, 3.1), ha="center")
    axes.set(
        ylim=(-1.2, 3.6),
        xlim=(-0.8, 5.8),
        yticks=[],
        xlabel="key position s (numbers: share of the light)",
    )
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    return figure


plots.show(
    draw_searchlight(),
    "A searchlight above six actors; the actor at position 2 gets about half of the "
    "light, its neighbours less.",
)

# %% [markdown]
# **Where the analogy stops.** A searchlight points at a *place*, and attention at *content*: move the actors around and it finds the same ones (exercise 2.9 measures that).
# A searchlight costs the same however many actors there are. Attention pays for each of them: T · S scores.

# %% [markdown]
# ## 2.1 Softmax
# *Goal: turn any numbers into shares of 1.* · 10 min · 5 points
#
# The light has to be shared out: no share below 0, and all shares together 1. Dividing by the sum fails as soon as a number is negative. The softmax takes
# exponentials first, which are always positive, and keeps the order of the numbers:
#
# $$\mathrm{softmax}(z)_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$$
#
# Only differences matter: adding the same number to every $z_i$ multiplies top and bottom by the same factor. That freedom is worth using, because `np.exp(710.0)` is already infinite.
#
# *On paper:* for z = (0, ln 3) the exponentials are 1 and 3, their sum is 4, and the shares are (¼, ¾).


# %% tags=["exercise", "q2_1"]
def softmax(z, axis=-1):
    """Shares of 1 along one axis: exp(z_i) / Σ_j exp(z_j).

    z: a NumPy array of any shape, or a list, or ints. `axis` names the lines that sum
    to 1.
    Returns an array of the same shape. float32 stays float32 and float64 stays float64;
    ints and lists become float64.
    Stays right for numbers of any size (±1000 and beyond), line by line, and does not
    change z.
    """
    # 1. make z an array of floats, keeping the width of a float array
    # 2. shift every line so that no exponential can overflow
    # 3. exponentials, divided by the sum of their line
    # BEGIN SOLUTION
    z = np.asarray(z)
    if not np.issubdtype(z.dtype, np.floating):
        z = z.astype(np.float64)
    shifted = z - z.max(axis=axis, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Which number can you take off a whole line so that its largest entry becomes 0? Then every exponential is at most 1. Each line needs its own such number.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# z        ← array of floats
# shifted  ← z − (largest of each line along axis, kept as an axis of length 1)
# e        ← exp(shifted)
# answer   ← e / (sum of each line along axis, kept as an axis of length 1)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `keepdims=True` leaves an axis of length 1 where the reduction was, so that the maximum (and the sum) lines up with the rows it belongs to, whichever axis was named.
# Without it, a square array would silently line up with the wrong axis. The shift is taken per line: a maximum of the *whole* array also prevents overflow, but a line that lies 2000 lower would underflow to 0/0.

# %% tags=["experiment"]
plots.show_table(
    [
        {"z": str(z), "softmax(z)": str(np.round(softmax(np.array(z)), 3))}
        for z in ([0, 0, 0], [0, 1, 3], [0, 2, 6], [1000, 1001, 1003])
    ],
    "The same differences give the same shares; larger differences give sharper ones.",
)

# %% tags=["claim"]
assert np.allclose(
    softmax(np.array([0.0, 1, 3])), softmax(np.array([1000.0, 1001, 1003]))
)
assert softmax(np.array([0.0, 2, 6])).max() > softmax(np.array([0.0, 1, 3])).max()
assert np.allclose(softmax([0, math.log(3)]), [0.25, 0.75])
# control: the same factors give other shares, and raw exponentials are infinite
assert not np.allclose(softmax([0, 1, 3]), softmax([0, 2, 6]), atol=0.05)
with np.errstate(over="ignore"):
    assert np.isinf(np.exp(1003.0))

# %% [markdown]
# ## 2.2 One query
# *Goal: look something up softly.* · 10 min · 5 points
#
# Notebook 1 scored each state with a small network of its own: $\tanh(s W_q + H W_k) \cdot v$. There is a plainer way to ask how well two vectors match: their dot product, large when they point the same way. It needs no weights, and one matrix product does all of them.
#
# A Python dictionary compares your query with its keys and hands over one value. Here "compares" becomes a dot product, which says *how well* they match, and "one" becomes an average:
#
# $$e_s = q \cdot k_s \qquad w = \mathrm{softmax}(e) \qquad o = \sum_s w_s\, v_s$$
#
# Shapes: $q$ (d_k,), keys $K$ (S, d_k), values $V$ (S, d_v), scores and weights (S,), output (d_v,). The dot products are used as they are; notebook 3 is about scaling them.
#
# *On paper:* q = (1, 0), keys (2, 0) and (0, 1), values 10 and 20. The scores are 2 and 0, the weights e²/(e²+1) ≈ .88 and .12, the output .88·10 + .12·20 ≈ 11.2.


# %% tags=["exercise", "q2_2"]
def attend(q, K, V):
    """Look up one query: the values averaged by how well their keys match it.

    NumPy: q (d_k,), K (S, d_k), V (S, d_v). Loops are welcome.
    Returns the output (d_v,) and the weights (S,), in the floating type of the inputs.
    Scores may be in the thousands.
    """
    # 1. one score for each key: its dot product with q
    # 2. weights: shares of 1
    # 3. output: the values, averaged with these weights
    # BEGIN SOLUTION
    scores = K @ q
    weights = softmax(scores)
    output = weights @ V
    return output, weights
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Three lines, one for each step. A matrix times a vector is a dot product for each row of the matrix.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# for each key s:  score[s] ← Σ_i q[i] · K[s, i]
# weights ← softmax(score)
# output  ← Σ_s weights[s] · V[s]
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `K @ q` is S dot products at once; `weights @ V` is the weighted sum of the rows of V. The sizes tell you where each belongs:
# d_k disappears in the scores (it is what we compare), S disappears in the output (it is what we average over), and only d_v is left.

# %% [markdown]
# **Predict before you turn it.** Below, three keys point in three directions, and you turn the query. At which angle does key B get the most weight? And what happens to the *sharpness* when the query gets longer?

# %% tags=["experiment"]
KEY_ANGLES = {"A": 10, "B": 100, "C": 225}


def arrow(angle, length=1.0):
    return length * np.array(
        [math.cos(math.radians(angle)), math.sin(math.radians(angle))]
    )


KEYS = np.array([arrow(angle) for angle in KEY_ANGLES.values()])


def draw_dial(angle, length):
    _, weights = attend(arrow(angle, length), KEYS, np.eye(3))
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.8))
    plain = {"arrowstyle": "->", "color": plots.BLUE}
    bold = {"arrowstyle": "-|>", "color": plots.VERMILION, "linewidth": 2.5}
    for name, key in zip(KEY_ANGLES, KEYS, strict=True):
        left.annotate("", key, (0, 0), arrowprops=plain)
        left.annotate(f"key {name}", 1.15 * key, ha="center", va="center")
    left.annotate("", arrow(angle, 0.2 + 0.14 * length), (0, 0), arrowprops=bold)
    left.set(xlim=(-1.5, 1.5), ylim=(-1.3, 1.4), xticks=[], yticks=[], aspect="equal")
    left.set_title(f"query at {angle}°, length {length}")
    left.spines[:].set_visible(False)
    right.bar(list(KEY_ANGLES), weights, color=plots.BLUE)
    right.set(ylim=(0, 1), ylabel="weight", xlabel="key s")
    pairs = zip(KEY_ANGLES, weights, strict=True)
    shares = ", ".join(f"{name} {weight:.2f}" for name, weight in pairs)
    return (
        figure,
        f"A query at {angle} degrees, length {length}; the weights are {shares}.",
    )


plots.turn_by_hand(draw_dial, angle=range(0, 360, 10), length=[1, 2, 4, 8])

# %% [markdown]
# Key B stands at 100°, and it gets the most weight at 110° to 115°. A weight depends on how far a score is *ahead of the others*: turning a little past B takes more from A than from B. (Exercise 2.7 makes a puzzle of this.)
#
# A longer query turns the soft light into a hard one. Length is sharpness: keep that in mind for notebook 3. (The arrow is drawn shorter than it is: from length 1 to 8 it grows by less than eight times.)

# %% tags=["claim"]
def weight_of_B(angle, length):
    return attend(arrow(angle, length), KEYS, np.eye(3))[1][1]


best = [max(range(0, 360, 5), key=lambda a: weight_of_B(a, n)) for n in (1, 2, 4, 8)]
assert set(best) == {110, 115}
sharpness = [weight_of_B(100, length) for length in (1, 2, 4, 8)]
assert sharpness == sorted(sharpness)
# control: without the other keys near it, B is best asked at its own angle
alone = np.array([arrow(100), arrow(280)])
ask = {a: attend(arrow(a, 2), alone, np.eye(2))[1][0] for a in range(0, 360, 5)}
assert max(ask, key=ask.get) == 100

# %% [markdown]
# ## 2.3 Attention
# *Goal: all queries, all examples, without a loop.* · 15 min · 6 points
#
# T queries are T look-ups in the same keys and values. Stacked as rows, the whole thing is two matrix products with a softmax between them:
#
# $$\mathrm{weights} = \mathrm{softmax}(Q K^{\top}) \qquad \mathrm{output} = \mathrm{weights} \cdot V$$
#
# Shapes: Q (…, T, d_k), K (…, S, d_k), V (…, S, d_v) → weights (…, T, S), output (…, T, d_v). Row t of the weights belongs to query t and sums to 1.
#
# *On paper:* give 2.2's example a second query (0, 0). It scores 0 with every key, so its weights are (½, ½) and its output is 15: a query that asks nothing gets the plain average.
#
# From here on we use PyTorch, so that gradients can flow.


# %% tags=["exercise", "q2_3"]
def attention(Q, K, V):
    """Unscaled dot-product attention for all queries at once: softmax(Q Kᵀ) V.

    Q (…, T, d_k), K (…, S, d_k), V (…, S, d_v), torch tensors with the same leading
    dimensions.
    Returns the output (…, T, d_v) and the weights (…, T, S), in the floating type of
    the inputs.
    No Python loop over positions (the check counts the lines that run). Gradients reach
    Q, K and V.
    """
    # 1. scores (…, T, S): every query with every key
    # 2. weights: softmax over the keys
    # 3. output: for every query, the average of the values
    # BEGIN SOLUTION
    scores = Q @ K.transpose(-2, -1)
    weights = torch.softmax(scores, dim=-1)
    output = weights @ V
    return output, weights
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Work out the shapes: (T, d_k) times what gives (T, S)? Count the axes from the end (−1, −2), so that a batch in front does not move them.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# scores  ← Q times K with its last two axes swapped
# weights ← softmax of scores along the axis that counts keys
# output  ← weights times V
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `K.transpose(-2, -1)` swaps only the last two axes; `K.T` would also reverse the batch. The softmax runs over the *last* axis, the keys: each query shares out one unit of attention.
# Over the queries (axis −2) every shape is still right and every *column* sums to 1, which is why only numbers can catch that mistake. `torch.softmax` shifts by the maximum by itself.

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(2)
Q, K, V = (torch.randn(*size, generator=generator) for size in ((3, 4), (5, 4), (5, 2)))
output, weights = attention(Q, K, V)
plots.show_weights(
    weights,
    "Weights of three random queries over five random keys; each row sums to "
    f"{weights[0].sum():.0f}.",
    title="three queries, five keys",
)
sums = [round(total, 3) for total in weights.sum(-1).tolist()]
print("output", tuple(output.shape), " row sums", sums)

# %% tags=["claim"]
assert torch.allclose(weights.sum(-1), torch.ones(3))
keys, values = torch.tensor([[2.0, 0], [0, 1]]), torch.tensor([[10.0], [20]])
assert attention(torch.zeros(1, 2), keys, values)[0].item() == 15
# control: a query that asks something does not get the plain average
assert abs(attention(torch.tensor([[1.0, 0]]), keys, values)[0].item() - 11.2) < 0.05
# control: over the queries, the columns sum to 1 and the rows do not
columns = torch.softmax(Q @ K.T, dim=0)
assert not torch.allclose(columns.sum(-1), torch.ones(3), atol=0.05)

# %% [markdown]
# > **Out in the wild.** Attention without a scale is no toy: the factor on the scores is {{guide:t5/scale}} in T5 (Transformers {{guide:version/transformers}}),
# > and {{guide:sdpa/scale}} in torch {{guide:version/torch}}, {{guide:jax/scale}} in JAX {{guide:version/jax}}, {{guide:bert/scale}} in BERT. Weights trained with one factor are wrong with the other.
# > Each was measured, as were many more, in `docs/field-guide.md`.

# %% [markdown]
# ## 2.4 Three roles
# *Goal: let one sequence play three roles.* · 5 min · 4 points
#
# Where do queries, keys and values come from? From the same vectors $X$, through three learned matrices. What a word asks for, what it can be found by, and what it has to say need not be alike:
#
# $$Q = X W_q \qquad K = X W_k \qquad V = X W_v$$
#
# Shapes: X (…, T, d_model); W_q and W_k (d_model, d_k), W_v (d_model, d_v). Here the matrices stand on the right and need no transpose (inside `nn.Linear` they are stored the other way round).
#
# *On paper:* X = (1, 2) and W_q with rows (1, 0) and (0, 3) give Q = (1, 6).


# %% tags=["exercise", "q2_4"]
def project(X, W_q, W_k, W_v):
    """Make queries, keys and values from one sequence: X W_q, X W_k, X W_v.

    X (…, T, d_model), W_q and W_k (d_model, d_k), W_v (d_model, d_v).
    Returns Q (…, T, d_k), K (…, T, d_k) and V (…, T, d_v), in this order. Gradients
    reach X and all three matrices.
    """
    # 1. queries   2. keys   3. values
    # BEGIN SOLUTION
    return X @ W_q, X @ W_k, X @ W_v
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `@` multiplies the last axis of X with the first axis of a matrix and leaves everything in front alone.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# Q ← X times W_q;  K ← X times W_k;  V ← X times W_v
# return all three
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why three matrices?** With one matrix for queries and keys the scores are symmetric: *cat* scores with *the* exactly as *the* scores with *cat*. With one for keys and values a word could only be found by what it says.
# Each head of notebook 4 has three matrices of its own.

# %% [markdown]
# ## 2.5 Cross-attention
# *Goal: one sequence asks, another answers.* · 10 min · 4 points
#
# In a translation, the sentence being written asks, and the sentence being read answers. So the queries are made from the decoder's vectors, the keys **and** the values from the encoder's:
#
# $$\mathrm{attention}\big(X_{dec} W_q,\; X_{enc} W_k,\; X_{enc} W_v\big)$$
#
# Shapes: X_dec (…, T, d_dec), X_enc (…, S, d_enc) → output (…, T, d_v), weights (…, T, S). The two may differ in length, and in width when the matrices do.
#
# *On paper:* one query word, one source word. There is nothing to choose: the weight is 1 and the output is the source word's value, whatever is asked.


# %% tags=["exercise", "q2_5"]
def cross_attention(X_dec, X_enc, W_q, W_k, W_v):
    """Attention of one sequence to another: queries from X_dec, keys and values from
    X_enc (unscaled).

    X_dec (…, T, d_dec), X_enc (…, S, d_enc), W_q (d_dec, d_k), W_k (d_enc, d_k), W_v
    (d_enc, d_v).
    Returns the output (…, T, d_v) and the weights (…, T, S). Gradients reach both
    sequences and all three matrices.
    """
    # 1. queries from one sequence, keys and values from the other
    # 2. your attention
    # BEGIN SOLUTION
    return attention(X_dec @ W_q, X_enc @ W_k, X_enc @ W_v)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# The output has one row for each word being written (T of them). So whose vectors are the queries?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# Q ← the asking sequence times W_q
# K ← the answering sequence times W_k;  V ← the same times W_v
# return attention(Q, K, V)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why keys and values from the same side?** Key s and value s describe the same source word: one says when to choose it, the other what to hand over. If the values came from the decoder, the weights would average the wrong words (and would not even fit, unless T = S).

# %% [markdown]
# ### Experiment: a dictionary that learns
#
# Eight slots hold a key and a value each, all embedded as vectors. One query comes, which is one of the eight keys; the answer is the value in that slot. Nothing tells the model how to look things up: it has your `cross_attention`, three matrices, and a training loop.
#
# **Predict:** there are 20 possible values, and eight of them (some twice) are in the memory. What accuracy does guessing give, blindly and among those eight? And after training: what accuracy, and how much of the weight on the right slot? Write your guesses over the dots in the next cell; they will be shown beside what was measured.

# %% tags=["experiment"]
predicted = {
    "guessing any value": ...,  # write over the dots: numbers from 0 to 1
    "guessing one of those in memory": ...,
    "accuracy after training": ...,
    "weight on the right slot": ...,
}

# %% tags=["experiment"]
class SoftDictionary(nn.Module):
    def __init__(self, keys=20, values=20, d_model=32):
        super().__init__()
        self.key, self.value = (
            nn.Embedding(keys, d_model),
            nn.Embedding(values, d_model),
        )
        weights = [torch.randn(d_model, d_model) / d_model**0.5 for _ in range(3)]
        self.W_q, self.W_k, self.W_v = (nn.Parameter(weight) for weight in weights)
        self.read = nn.Linear(d_model, values)

    def forward(self, task):
        memory = self.key(task.keys) + self.value(
            task.values
        )  # (B, S, d_model): each slot holds both
        question = self.key(task.query)[:, None]  # (B, 1, d_model)
        found, weights = cross_attention(question, memory, self.W_q, self.W_k, self.W_v)
        return self.read(found[:, 0]), weights[:, 0]  # (B, values), (B, S)


generator = torch.Generator().manual_seed(1)
torch.manual_seed(0)
dictionary = SoftDictionary()


def recall_loss():
    task = recall_task(128, 8, 20, 20, generator)
    return nn.functional.cross_entropy(dictionary(task)[0], task.answer)


train(dictionary, recall_loss, 400, lr=1e-2, label="learning to look up");

# %% tags=["experiment"]
test = recall_task(2000, 8, 20, 20, generator)
with torch.no_grad():
    logits, weights = dictionary(test)
recall = (logits.argmax(-1) == test.answer).float().mean().item()
on_slot = weights.gather(1, test.slot[:, None]).mean().item()
copies = (test.values == test.answer[:, None]).float().mean().item()  # in the memory
plots.show_table(
    [
        {
            "accuracy": recall,
            "guessing any value": 1 / 20,
            "guessing one in memory": copies,
            "weight on the right slot": on_slot,
            "uniform weight": 1 / 8,
        }
    ],
    "2000 new memories",
)
plots.show_predictions(predicted, [1 / 20, copies, recall, on_slot])
few = torch.stack(
    [weights[test.slot == slot][0] for slot in range(8)]
)  # one memory for each slot
plots.show_weights(
    few,
    "Eight memories, ordered by the slot that holds the answer; nearly all weight of "
    "each is on that slot.",
    title="one row: one memory",
    gold=range(8),
    query_label="memory",
    key_label="slot",
)

# %% [markdown]
# The model answers nearly every question, and nearly all of the weight sits on the right slot (orange squares). A soft look-up has learned to behave like a hard one, because every step on the way was differentiable.

# %% tags=["claim"]
assert recall > 0.98
assert on_slot > 0.95
assert few.argmax(-1).tolist() == list(range(8))
assert 1 / 8 < copies < 0.2
# control: before training the weight is spread, and answers of other memories are wrong
torch.manual_seed(0)
with torch.no_grad():
    fresh = SoftDictionary()(test)[1]
assert fresh.gather(1, test.slot[:, None]).mean() < 0.5
assert (logits.argmax(-1).roll(1) == test.answer).float().mean() < 0.1

# %% [markdown]
# ### Experiment: *gato* looks at *cat*
#
# Now real words. Each Spanish word asks, the English sentence answers, and from the answer alone the model must say which Spanish word asked. The query decides only *where to look*; what is handed over comes from English.
# So the best it can do is to look at the English word that translates it. We train on sentences of the project's own small grammar, then compare the largest weight with gold alignments (which it has never seen).
#
# Sentences are grouped by length, so that no padding is needed: masks come in notebook 6.

# %% tags=["experiment"]
pairs = load_en_es("train")
english = Vocabulary.of(pair.source for pair in pairs)
spanish = Vocabulary.of(pair.target for pair in pairs)


def by_length(pairs):
    """Batches of pairs of equal lengths: words (B, S) and (B, T), gold (B, T)."""
    groups = {}
    for pair in pairs:
        groups.setdefault((len(pair.source), len(pair.target)), []).append(pair)
    return [
        (
            torch.tensor([english.encode(p.source) for p in group]),
            torch.tensor([spanish.encode(p.target) for p in group]),
            gold_matrix(group),
        )
        for group in groups.values()
    ]


class WordAligner(nn.Module):
    def __init__(self, d_model=64):
        super().__init__()
        self.read = nn.Embedding(len(english), d_model)
        self.write = nn.Embedding(len(spanish), d_model)
        weights = [torch.randn(d_model, d_model) / d_model**0.5 / 2 for _ in range(3)]
        self.W_q, self.W_k, self.W_v = (nn.Parameter(weight) for weight in weights)
        self.name = nn.Linear(d_model, len(spanish))

    def forward(self, source, target):
        asking, answering = self.write(target), self.read(source)
        found, weights = cross_attention(
            asking, answering, self.W_q, self.W_k, self.W_v
        )
        return self.name(found), weights  # (B, T, words), (B, T, S)


# %% tags=["experiment"]
torch.manual_seed(0)
aligner = WordAligner()
groups = by_length(pairs)
sizes = torch.tensor([len(group[0]) for group in groups], dtype=torch.float)
generator = torch.Generator().manual_seed(3)


def aligner_loss():
    source, target, _ = groups[torch.multinomial(sizes, 1, generator=generator)]
    chosen = torch.randint(len(source), (64,), generator=generator)
    logits, _ = aligner(source[chosen], target[chosen])
    return nn.functional.cross_entropy(logits.flatten(0, 1), target[chosen].flatten())


train(aligner, aligner_loss, 800, lr=5e-3, label="learning to align");

# %% tags=["experiment"]
aligned = on_gold = guess = twins = 0
wrong, asked = Counter(), Counter()
with torch.no_grad():
    for source, target, gold in by_length(load_en_es("test")):
        weights = aligner(source, target)[1]
        real = gold >= 0
        aligned += real.sum().item()
        on_gold += (weights.argmax(-1) == gold)[real].sum().item()
        guess += real.sum().item() / source.shape[1]
        chosen = weights.argmax(-1)
        same_word = source.gather(1, chosen) == source.gather(1, gold.clamp(min=0))
        missed = real & (chosen != gold)
        twins += (missed & same_word).sum().item()
        wrong.update(spanish.decode(target[missed].tolist()))
        asked.update(spanish.decode(target[real].tolist()))
plots.show_table(
    [{
        "target words": aligned,
        "largest weight on gold": on_gold / aligned,
        "looking anywhere": guess / aligned,
        "wrong": wrong.total(),
        "of these, on an equal word elsewhere": twins,
    }],
    "test sentences",
)
plots.show_table(
    [{"word": w, "wrong": n, "of": asked[w]} for w, n in wrong.most_common(8)],
    "the words that miss most often",
)

# %% tags=["experiment"]
reading, writing = (
    "the cat sat on the mat".split(),
    "el gato se sentó en la alfombra".split(),
)
with torch.no_grad():
    words = (
        torch.tensor([english.encode(reading)]),
        torch.tensor([spanish.encode(writing)]),
    )
    weights = aligner(*words)[1][0]
plots.show_weights(
    weights,
    "Spanish words down, English words across; gato has its largest weight on cat.",
    queries=writing,
    keys=reading,
    title="who looks at whom",
)
print("gato looks at", reading[weights[writing.index("gato")].argmax()])

# %% [markdown]
# *gato* looks at *cat* and most words find their partner, from translations alone. Where it fails is instructive, and the second table counts it. The words that miss most often are small ones: *que*, *no*, *¿*, articles. Nothing asked the model to point where a person would. It was trained to *name* the word, and it may look wherever that is easiest.
#
# A smaller part of the misses is of another kind: the two *the* are the same vector to this model, so an article cannot know *which* of them is its own. It has no idea of position. Notebook 5 gives it one.

# %% tags=["claim"]
assert reading[weights[writing.index("gato")].argmax()] == "cat"
assert on_gold / aligned > 0.6 > 2 * guess / aligned
assert torch.allclose(weights[:, 0], weights[:, 4])  # the two "the" get the same weight
assert 0 < twins < 0.2 * wrong.total()
small_words = {"que", "no", "¿", "la", "el", "los", "las"}
assert len({word for word, _ in wrong.most_common(8)} & small_words) >= 4
# control: an aligner that has learned nothing points at gold as seldom as guessing
torch.manual_seed(0)
fresh, hits = WordAligner(), 0
with torch.no_grad():
    for source, target, gold in by_length(load_en_es("test")):
        hits += (
            ((fresh(source, target)[1].argmax(-1) == gold) & (gold >= 0)).sum().item()
        )
assert hits / aligned < 1.5 * guess / aligned

# %% [markdown]
# ## 2.6 Self-attention
# *Goal: a sequence that asks itself.* · 5 min · 4 points
#
# Nothing says that the two sequences must differ. In self-attention every word asks every word of its own sentence, itself included, and is rewritten as a mixture of what they say. It is cross-attention with X on both sides.
#
# Shapes: X (…, T, d_model) → output (…, T, d_v), weights (…, T, T).


# %% tags=["exercise", "q2_6"]
def self_attention(X, W_q, W_k, W_v):
    """Attention of a sequence to itself: queries, keys and values all from X (unscaled,
    every position sees every other).

    X (…, T, d_model), W_q and W_k (d_model, d_k), W_v (d_model, d_v).
    Returns the output (…, T, d_v) and the weights (…, T, T). Gradients reach X and all
    three matrices.
    """
    # one line, with what you have
    # BEGIN SOLUTION
    return attention(*project(X, W_q, W_k, W_v))
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# You have written `project`, which makes Q, K and V from one sequence, and `attention`, which takes all three.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# Q, K, V ← project(X, …)
# return attention(Q, K, V)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **What is new?** Only who asks. `cross_attention(X, X, …)` is the same function. In a transformer both stand side by side: self-attention lets a sentence read itself, cross-attention lets the translation read the source.

# %% tags=["experiment"]
sentence = "the cat sat on the mat".split()
with torch.no_grad():
    X = aligner.read(torch.tensor(english.encode(sentence)))
generator = torch.Generator().manual_seed(5)
W_q, W_k, W_v = (0.05 * torch.randn(64, 64, generator=generator) for _ in range(3))
output, weights = self_attention(X, W_q, W_k, W_v)
plots.show_weights(
    weights,
    "Self-attention on the cat sat on the mat with random matrices; the rows of the "
    "two "
    "the are equal.",
    queries=sentence,
    keys=sentence,
    title="untrained self-attention",
)
apart = (output[0] - output[4]).abs().max().item()
print("largest difference between the outputs of the two 'the':", apart)

# %% [markdown]
# With random matrices the pattern means nothing yet, but one thing can be read off: both *the* ask the same question and get the same answer. Same word, same output, wherever it stands.

# %% tags=["claim"]
assert torch.allclose(output[0], output[4], atol=1e-5)
# control: another word has another output
assert (output[0] - output[1]).abs().max() > 0.01

# %% [markdown]
# ### Experiment: which article?
#
# *▢ gato se sentó*: is the missing article *el*, *la*, *los* or *las*? The blank alone cannot tell; the noun can. We take the Spanish sentences with exactly one of the four, put a blank in its place, and train three models to fill it in. One is your self-attention. One is told to look at every word alike (a query of zeros gets the plain average, exercise 2.3). One looks at nothing but the blank itself.
#
# **Predict:** which of the three fills in what share of the blanks? Always writing the most frequent of the four is right about four times in ten.

# %% tags=["experiment"]
predicted = {
    "looking where it learns to": ...,
    "looking at all words alike": ...,
    "looking at the blank alone": ...,
}

# %% tags=["experiment"]
ARTICLES, BLANK = ("el", "la", "los", "las"), len(spanish)


def blanked(split):
    """Batches of equally long sentences: words with a blank, its place, its article."""
    groups = {}
    for pair in load_en_es(split):
        places = [t for t, word in enumerate(pair.target) if word in ARTICLES]
        if len(places) == 1:
            groups.setdefault(len(pair.target), []).append((pair.target, places[0]))
    for group in groups.values():
        words = torch.tensor([spanish.encode(target) for target, _ in group])
        place = torch.tensor([t for _, t in group])
        answer = torch.tensor([ARTICLES.index(target[t]) for target, t in group])
        words[torch.arange(len(words)), place] = BLANK
        yield words, place, answer


class FillIn(nn.Module):
    def __init__(self, looks, d_model=32):
        super().__init__()
        self.looks, self.embed = looks, nn.Embedding(len(spanish) + 1, d_model)
        weights = [torch.randn(d_model, d_model) / d_model**0.5 for _ in range(3)]
        self.W_q, self.W_k = (nn.Parameter(0.1 * weight) for weight in weights[:2])
        self.W_v, self.name = (
            nn.Parameter(weights[2]),
            nn.Linear(d_model, len(ARTICLES)),
        )

    def forward(self, words, place):
        X, rows = self.embed(words), torch.arange(len(words))
        W_q = 0 * self.W_q if self.looks == "at all words alike" else self.W_q
        output, weights = self_attention(X, W_q, self.W_k, self.W_v)
        if self.looks == "at the blank alone":
            output = X @ self.W_v
        return self.name(output[rows, place]), weights[rows, place]


# %% tags=["experiment"]
def filled_in(looks, train_on, test_on, steps=1500):
    torch.manual_seed(0)
    model, generator = FillIn(looks), torch.Generator().manual_seed(1)
    sizes = torch.tensor([len(words) for words, *_ in train_on], dtype=torch.float)

    def loss():
        group = train_on[torch.multinomial(sizes, 1, generator=generator)]
        some = torch.randint(len(group[0]), (64,), generator=generator)
        words, place, answer = (part[some] for part in group)
        return nn.functional.cross_entropy(model(words, place)[0], answer)

    train(model, loss, steps, lr=5e-3, label=f"looking {looks}")
    with torch.no_grad():
        right = [model(w, p)[0].argmax(-1) == answer for w, p, answer in test_on]
    return model, torch.cat(right).float().mean().item()


train_on, test_on = list(blanked("train")), list(blanked("test"))
ways = ("where it learns to", "at all words alike", "at the blank alone")
filled = {looks: filled_in(looks, train_on, test_on) for looks in ways}
most = torch.cat([answer for *_, answer in test_on]).bincount().max().item()
blanks = sum(len(answer) for *_, answer in test_on)
plots.show_table(
    [{"looking": looks, "right": right} for looks, (_, right) in filled.items()]
    + [{"looking": "nowhere, always the most frequent", "right": most / blanks}],
    f"{blanks} blanks in test sentences",
)
plots.show_predictions(predicted, [right for _, right in filled.values()])

# %% [markdown]
# Looking at the sentence is what helps: from well under half to more than nine in ten. *Where* it looks hardly matters here: the plain average of all words is as good. With a single article to guess, nothing forces the model to choose. Does it choose, all the same?

# %% tags=["experiment"]
def on_next_word(model):
    """How often the largest weight is on the word after the blank; mean weights."""
    largest, mass, even = [], [], []
    with torch.no_grad():
        for words, place, _ in test_on:
            weights = model(words, place)[1]
            largest.append(weights.argmax(-1) == place + 1)
            mass.append(weights.gather(1, place[:, None] + 1)[:, 0])
            even.append(torch.full_like(mass[-1], 1 / words.shape[1]))
    return [torch.cat(parts).float().mean().item() for parts in (largest, mass, even)]


largest, mass, even = on_next_word(filled["where it learns to"][0])
print(f"largest weight on the word after the blank: {largest:.2f} of the sentences")
print(f"mean weight there: {mass:.2f}; of an even light: {even:.2f}")

# %% [markdown]
# It does. In two sentences of three its largest weight is on the word right after the blank, where Spanish as a rule has the noun. Two blanks in one sentence would be beyond it: they are the same vector, so this model would fill both with the same article. Position again.

# %% tags=["claim"]
shares = {looks: right for looks, (_, right) in filled.items()}
assert min(shares["where it learns to"], shares["at all words alike"]) > 0.9
assert abs(shares["where it learns to"] - shares["at all words alike"]) < 0.06
assert 0.35 < most / blanks < 0.5
# control: without the other words it is no better than the most frequent article
assert shares["at the blank alone"] < most / blanks + 0.03
assert 0.6 < largest < 0.75 and mass > 1.5 * even
# control: told to look at all words alike, the weight there is that of an even light
told = on_next_word(filled["at all words alike"][0])
assert abs(told[1] - even) < 1e-5

# %% [markdown]
# ## 2.7 ★ The inverse puzzle
# *Goal: find the question whose answer is row `target`.* · 15 min · 4 points
#
# Training finds queries that look at the right key. Can you find one by hand? Given keys K, make a query that puts more than .99 of the softmax weight on one of them.
#
# The key itself is a tempting query, and it is not enough: its score must beat every *other* score by a margin, and a longer key that points almost the same way scores higher. You want $K q$ to be large at `target` and equally low everywhere else,
# and the rows of K are linearly independent, so such a q exists.
#
# *On paper:* with two keys and scores (m, 0), the weight is $e^m/(e^m+1)$. For .99 it takes m = ln 99 ≈ 4.6; more keys need a little more.


# %% tags=["exercise", "q2_7"]
def find_query(K, target):
    """A query that puts more than .99 of the softmax weight of K q on row `target`.

    K (S, d_k), a torch tensor whose rows are linearly independent and well conditioned
    (S ≤ d_k); target an int.
    Returns q (d_k,), in the floating type of K. The scores are not scaled.
    """
    # 1. choose the scores you would like to see
    # 2. solve K q = these scores
    # BEGIN SOLUTION
    wanted = K.new_zeros(len(K))
    wanted[target] = 20.0
    return torch.linalg.pinv(K) @ wanted
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Begin at the end: which S scores give a softmax above .99 at `target`? Then q is the unknown of a linear system with K as its matrix.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# wanted ← zeros (S,), of K's own number type;  wanted[target] ← a margin well above ln(99 · S)
# q ← a solution of K q = wanted   (torch.linalg has pinv, lstsq, solve)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why the pseudo-inverse?** When S = d_k, K has an inverse and q is unique. When S < d_k there are many solutions, and `pinv` picks the shortest. A margin of 20 leaves $e^{-20}$ for each other key, far below a hundredth, and is still a modest number.

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(4)
lengths = torch.tensor([[1.0], [1.5], [2.0], [2.5]])
K = torch.linalg.qr(torch.randn(4, 4, generator=generator))[0] * lengths
K = K + 1.3 * K[0] * torch.tensor([[0.0], [1.0], [1.0], [1.0]])
queries = {
    "the key itself": K[0],
    "ten times the key": 10 * K[0],
    "find_query": find_query(K, 0),
}
plots.show_table([
    {
        "query": name,
        "weight on row 0": torch.softmax(K @ q, 0)[0].item(),
        "score of row 0": (K @ q)[0].item(),
        "best other score": (K @ q)[1:].max().item(),
    }
    for name, q in queries.items()
])

# %% [markdown]
# The key itself loses to keys that contain it and are longer, and ten times the key loses by more. Solving for the scores wins.

# %% tags=["claim"]
asked = {name: torch.softmax(K @ q, 0)[0].item() for name, q in queries.items()}
assert asked["find_query"] > 0.99
assert asked["ten times the key"] < asked["the key itself"] < 0.5
# control: with keys of equal length at right angles, ten times the key is enough
assert torch.softmax(torch.eye(4) @ (10 * torch.eye(4)[0]), 0)[0] > 0.99

# %% [markdown]
# ## 2.8 With a pencil
# *Goal: do it once by hand.* · 10 min · 4 points
#
# One query, three tokens, no scaling:
#
# | | key | value |
# |---|---|---|
# | token 1 | (1, 0) | (10, 0) |
# | token 2 | (0, 1) | (0, 10) |
# | token 3 | (1, 1) | (5, 5) |
#
# The query is (1, 2). Work out the three scores, the three weights (two decimals are enough; $e \approx 2.72$, $e^2 \approx 7.39$, $e^3 \approx 20.09$) and the output. Then type them in as lists.
# The check here only sees whether your answers can be right; the numbers themselves are graded when you hand in.

# %% tags=["exercise", "q2_8"]
worksheet_scores = [1, 2, 3]  # SOLUTION
worksheet_weights = [0.090, 0.245, 0.665]  # SOLUTION
worksheet_output = [4.226, 5.774]  # SOLUTION

# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Score of a token: first number times first number plus second times second. Then the exponentials, then their shares of the sum.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# scores  ← query · key, three times
# weights ← (e^score_1, e^score_2, e^score_3) / their sum
# output  ← weight_1 · value_1 + weight_2 · value_2 + weight_3 · value_3   (two numbers)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Worked out.** Scores: 1·1 + 2·0 = 1, 1·0 + 2·1 = 2, 1·1 + 2·1 = 3. Exponentials 2.718, 7.389, 20.086, sum 30.193, shares .090, .245, .665. Output: first number .090·10 + .245·0 + .665·5 = 4.226, second .090·0 + .245·10 + .665·5 = 5.774.
# Token 3 wins by matching *both* features, though neither of its numbers is the largest.

# %% tags=["claim"]
query, keys = np.array([1.0, 2]), np.array([[1.0, 0], [0, 1], [1, 1]])
by_hand = attend(query, keys, np.array([[10.0, 0], [0, 10], [5, 5]]))
assert np.allclose(by_hand[0], worksheet_output, atol=0.001)
assert np.allclose(by_hand[1], worksheet_weights, atol=0.001)
# control: divided by √2, the weights are others
scaled = attend(query / math.sqrt(2), keys, np.eye(3))[1]
assert not np.allclose(scaled, worksheet_weights, atol=0.02)

# %% [markdown]
# ## 2.9 ★ Does order matter?
# *Goal: measure what self-attention cannot see.* · 10 min · 4 points
#
# Permute the words of a sentence, and ask whether the outputs are merely permuted in the same way. If so, the map does not see order at all: it is *permutation-equivariant*. The gap is how far it is from that:
#
# $$\max_{t,j}\; \big|\, f(X)[\pi]_{tj} - f(X[\pi])_{tj} \,\big|$$
#
# Here $X[\pi]$ means: row t of the new sequence is row π(t) of the old one, which is `X[perm]` in PyTorch.
#
# *On paper:* if f returns the running sum, X = (1, 2) gives (1, 3). Swapped first, (2, 1) gives (2, 3); swapped afterwards, (3, 1). The gap is 2: a running sum sees order.


# %% tags=["exercise", "q2_9"]
def permutation_gap(f, X, perm):
    """How far f is from treating all positions alike: the largest |f(X)[perm] −
    f(X[perm])|.

    f takes X (T, d) and returns one tensor (T, e); perm (T,) is an int64 permutation of
    0…T−1.
    Returns one number, zero for a map that does not see order.
    """
    # 1. permute after f, and before f
    # 2. the largest absolute difference
    # BEGIN SOLUTION
    return (f(X)[perm] - f(X[perm])).abs().max().item()
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Two calls of f. In one the rows are permuted before, in the other after. `perm` is an index: `A[perm]` permutes the rows of A.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# after  ← f(X), its rows permuted
# before ← f(of X with its rows permuted)
# return the largest |after − before| as a number
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **A trap.** Comparing f(X) with f(X[perm]) asks for *invariance*: the same output whatever the order. Self-attention does not have that. Its outputs move along with the words.

# %% [markdown]
# **Predict:** which of these three maps has a gap of zero: self-attention, self-attention after numbering the words (adding a fifth of the position to every feature), a running mean?

# %% tags=["experiment"]
maps = {
    "self-attention": lambda X: self_attention(X, W_q, W_k, W_v)[0],
    "position / 5 added, then self-attention": lambda X: self_attention(
        X + torch.arange(len(X))[:, None] / 5, W_q, W_k, W_v
    )[0],
    "running mean": lambda X: X.cumsum(0) / torch.arange(1, len(X) + 1)[:, None],
}
perm = torch.tensor([2, 0, 5, 1, 4, 3])
gaps = {name: permutation_gap(f, X, perm) for name, f in maps.items()}
print("permuted:", *(sentence[p] for p in perm.tolist()))
plots.show_table(
    [{"map": name, "permutation gap": f"{gap:.6f}"} for name, gap in gaps.items()]
)

# %% [markdown]
# For self-attention the gap is zero up to rounding: *the cat sat on the mat* and the permuted words printed above are the same to it. That is a gift (it can look anywhere at once) and a problem, which notebook 5 solves.

# %% tags=["claim"]
assert gaps["self-attention"] < 1e-4
# control: maps that see order have a gap
numbered = gaps["position / 5 added, then self-attention"]
assert min(numbered, gaps["running mean"]) > 0.01

# %% [markdown]
# ## What you have built
#
# * A look-up that is soft, and so can be learned: scores → softmax → average of values.
# * Attention for whole batches in three lines, and its two uses: **cross-attention** (one sequence asks another) and **self-attention** (a sequence asks itself).
# * A way to see what it cannot do: it does not know where a word stands.
#
# **Three questions to think about**
#
# 1. A query of length zero gets the plain average of all values. When would a trained model *want* that?
# 2. With d_k = 1, how many different orders of the keys (by weight) can queries produce? And with d_k = 2?
# 3. The scores are sums of d_k products. What happens to their size, and to the softmax, when d_k grows to 512? (Notebook 3.)
#
# **Where to read more.** Bahdanau, Cho and Bengio (2015), *Neural machine translation by jointly learning to align and translate*. Vaswani et al. (2017), *Attention is all you need*, section 3.2.
# Graves, Wayne and Danihelka (2014), *Neural Turing machines*, for look-up by content. Lee et al. (2019), *Set Transformer*, for what permutation-equivariance is good for.
