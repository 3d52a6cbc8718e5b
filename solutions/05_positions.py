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
# # 5 · Where am I? Positions
#
# **Goal.** Attention does not see order. We build four ways to give it a sense of place (an address added to the word, a causal mask, a table of distances, a rotation) and then
# measure all of them on two tasks, at lengths they have never been trained on.
#
# *Eleven exercises, the last two further · 59 points.* About 90 minutes to write, 30 to read, 2 to wait for experiments; the further exercises take 25 more. You need attention with scaled scores (notebooks 2 and 3), and sine and cosine of a sum.
#
# | symbol | meaning |
# |---|---|
# | T, S | query and key positions, index t and s, counted from 0 |
# | d_model | width of the word vectors |
# | d | width of one head's queries and keys, even |
# | i | number of a pair of features, 0 … d/2 − 1 (the imaginary unit in 5.6 is written j) |
# | K | the furthest distance that has a table entry of its own |
# | m, n | the positions of one query and one key (in "train at 16, test at 64", n is the length of a string) |
# | `…` | any number of leading dimensions, such as batch and heads |
#
# Features are paired (0, 1), (2, 3), … as in the RoPE paper; exercise 5.7 converts to the other layout in use.
# Every function leaves its inputs unchanged, and works for any number of positions and any base above 1.

# %% tags=["setup"]
import math

import matplotlib.pyplot as plt
import torch
from torch import nn

import attnkit
from attnkit import plots
from attnkit.data import BOS, FIRST_SYMBOL, PAD, copy_back_task, reverse_task
from attnkit.training import ParallelLinear, progress, train

grader = attnkit.start("05_positions.ipynb")

# %% [markdown]
# ## Street addresses
#
# A letter carrier who knows only names cannot tell two families called *the* apart. So houses get numbers. There are two ways to use them: "number 4" (absolute), or "two doors further down" (relative). Both come up below.


# %% tags=["experiment"]
def draw_street(words):
    figure, axes = plt.subplots(figsize=(6.4, 2.5))
    for t, word in enumerate(words):
        colour = plots.VERMILION if word == "the" else plots.BLUE
        axes.fill(
            [t - 0.38, t - 0.38, t, t + 0.38, t + 0.38],
            [0, 1, 1.5, 1, 0],
            color=colour,
            alpha=0.25,
            edgecolor="k",
            linestyle="-",
        )
        axes.annotate(word, (t, 0.5), ha="center", va="center")
        axes.annotate(
            f"t = {t}", (t, -0.3), ha="center", va="center", fontweight="bold"
        )
    axes.annotate(
        "", (3.0, 1.75), (1.0, 1.75), arrowprops={"arrowstyle": "->", "color": "k"}
    )
    axes.annotate("two doors further down", (2.0, 1.95), ha="center")
    axes.set(
        xlim=(-0.7, len(words) - 0.3),
        ylim=(-0.6, 2.3),
        xticks=[],
        yticks=[],
        xlabel="position t: the house number",
    )
    axes.spines.left.set_visible(False)
    axes.grid(False)
    return figure


plots.show(
    draw_street("the cat sat on the mat".split()),
    "A street of six houses with the words the cat sat on the mat; the two houses "
    "named the differ in nothing but their numbers, 0 and 4.",
)

# %% [markdown]
# **Where the analogy stops.** A house number hangs beside the door; here the address is *added to what is inside* the house, and the model has to keep the two apart. A street that is built longer has new numbers that work at once; a model has seen
# only the numbers it was trained on, and number 40 means nothing to it if training ended at 16. And nobody has to be told the numbers: with a causal mask, a model can count the houses by itself (exercise 5.3).

# %% [markdown]
# ## Why positions at all
#
# Permute the words of a sentence, and self-attention permutes its outputs in the same way: $f(X[\pi]) = f(X)[\pi]$. It is *permutation-equivariant*. The reason is short: each score is made of two vectors, and neither says where it stands.
#
# **Predict:** three words, *dog bites man* and *man bites dog*. In which of the three rows of the table below does *bites* get a different output in the two sentences?

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(0)
dog, bites, man = torch.randn(3, 8, generator=generator) / 2
numbers = (
    torch.randn(3, 8, generator=generator) / 2
)  # any three different vectors will do
attend = nn.functional.scaled_dot_product_attention


def output_of(words, causal=False):
    X = torch.stack(words)[None]
    return attend(X, X, X, is_causal=causal)[0]


placed = [
    [word + number for word, number in zip(order, numbers, strict=True)]
    for order in ([dog, bites, man], [man, bites, dog])
]
plain = [dog, bites, man], [man, bites, dog]
change = {
    "self-attention": [output_of(order) for order in plain],
    "with a number added to each place": [output_of(order) for order in placed],
    "with a causal mask": [output_of(order, causal=True) for order in plain],
}
change = {
    name: (one - other)[1].abs().max().item() for name, (one, other) in change.items()
}
rows = [
    {"model": name, "change in the output of bites": f"{size:.6f}"}
    for name, size in change.items()
]
plots.show_table(rows, "dog bites man, and man bites dog")

# %% [markdown]
# Without positions the two sentences are one and the same to *bites*. Adding an address tells them apart; so does a causal mask, which nobody calls a position. Keep that second surprise for exercise 5.3.

# %% tags=["claim"]
assert change["self-attention"] < 1e-5
assert change["with a causal mask"] > 0.01
assert change["with a number added to each place"] > 0.01
# control: the same number at every place is no address
same = [
    [word + numbers[0] for word in order]
    for order in ([dog, bites, man], [man, bites, dog])
]
assert (output_of(same[0]) - output_of(same[1]))[1].abs().max() < 1e-5

# %% [markdown]
# ## 5.1 Sinusoidal addresses
# *Goal: write one vector for each position.* · 10 min · 5 points
#
# An address has to be a vector, because it is added to the word's vector. One number that grows with t would soon drown the word. So the transformer paper uses the hands of many clocks, from fast to slow: each pair of features is one hand, given by its sine and its cosine.
#
# $$PE_{t,\,2i} = \sin\!\big(t \cdot base^{-2i/d_{model}}\big) \qquad PE_{t,\,2i+1} = \cos\!\big(t \cdot base^{-2i/d_{model}}\big)$$
#
# Shapes: the table PE is (T, d_model). Pair 0 turns by one radian at each step, the last pair hardly moves.
#
# *On paper:* d_model = 4, base = 10000, t = 1. The angles are 1 and 1/100, so the row is (sin 1, cos 1, sin .01, cos .01) ≈ (.841, .540, .010, 1.000). Row 0 is (0, 1, 0, 1).


# %% tags=["exercise", "q5_1"]
def sinusoidal_encoding(T, d_model, base=10000.0):
    """One address for each position: sines on even and cosines on odd features.

    Returns a float32 tensor (T, d_model) for the positions 0 … T − 1.
    The features 2i and 2i+1 share the angle t · base^(−2i/d_model), in radians.
    Raises ValueError when d_model is odd. Vaswani et al. 2017, section 3.5.
    """
    # 1. refuse an odd d_model; one frequency for each pair of features
    # 2. angles (T, d_model/2): every position with every frequency
    # 3. sines and cosines, side by side
    # BEGIN SOLUTION
    if d_model % 2:
        raise ValueError(f"d_model is {d_model}, and should be even")
    frequencies = base ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.arange(T)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# The numbers 0, 2, 4, … stand in the exponent: `torch.arange(0, d_model, 2)`. Positions down, frequencies across: an axis of length 1 on one of them makes the whole table of products.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if d_model is odd: raise ValueError
# frequency ← base to the power of −(0, 2, 4, …)/d_model     (d_model/2,)
# angle     ← t · frequency for every t                        (T, d_model/2)
# table     ← empty; its even columns ← sin(angle); its odd columns ← cos(angle)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `stack(…, dim=-1)` makes pairs, (T, d_model/2, 2), and `flatten(-2)` lays the pairs side by side. `cat` would put all sines first: the same numbers, in a layout that exercise 5.2 and the rest of the world would misread.
# The exponent is 2i/d_model with i the number of the *pair*; writing i/d_model is the most common mistake, and gives a table that looks perfectly plausible.

# %% tags=["experiment"]
table = sinusoidal_encoding(64, 32)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2), width_ratios=[1.2, 1])
image = left.imshow(table.T, cmap=plots.SIGNED_MAP, vmin=-1, vmax=1, aspect="auto")
left.set(xlabel="position t", ylabel="feature", title="the table PE")
left.grid(False)
figure.colorbar(image, ax=left, label="value")
for t in (5, 20, 40):
    right.plot(
        range(-5, 21),
        [(table[t] @ table[t + k]).item() for k in range(-5, 21)],
        label=f"t = {t}",
        markersize=3 + t / 10,
        fillstyle="none",
    )
right.set(
    xlabel="distance k", ylabel="PE[t] · PE[t+k]", title="how alike two addresses are"
)
right.legend()
plots.show(
    figure,
    "Left: 32 features over 64 positions; the first ones change sign every few "
    "positions, the last ones hardly move. Right: the product of two addresses against "
    "their distance k; the curves for t = 5, 20 and 40 lie on one another.",
)

# %% [markdown]
# On the left, fast hands at the top and slow ones at the bottom. On the right, a small gift: how alike two addresses are depends on their *distance*, and not on t. The next exercise finds out why. (It does not fall steadily: the fast hands come round again, and at distance 5 two addresses are a little more alike than at distance 4.)

# %% tags=["claim"]
row = torch.tensor([0.841, 0.540, 0.010, 1.000])
assert torch.allclose(sinusoidal_encoding(2, 4)[1], row, atol=1e-3)


def likeness(table):
    """The products of the addresses at t and t + k (3, 26), for three t, k from −5."""
    return torch.stack([table[t - 5 : t + 21] @ table[t] for t in (5, 20, 40)])


alike = likeness(table)
assert (alike - alike[0]).abs().max() < 1e-3
assert alike[0, 10] > alike[0, 9]  # k = 5 and k = 4
# control: of addresses that are random numbers, the distance says nothing
other = likeness(torch.randn(64, 32, generator=torch.Generator().manual_seed(0)))
assert (other - other[0]).abs().max() > 1

# %% [markdown]
# ## 5.2 ★ The shift matrix
# *Goal: walk k steps with one matrix, from anywhere.* · 15 min · 6 points
#
# If "k doors further down" is always the *same* linear map, a layer can learn it: one matrix serves every t. For clock hands it is: turning a hand by a fixed angle is linear. With $\varphi_i = k \cdot base^{-2i/d_{model}}$,
#
# $$\begin{pmatrix} \sin(a+\varphi_i) \\ \cos(a+\varphi_i)\end{pmatrix} = \begin{pmatrix} \;?\; & \;?\; \\ \;?\; & \;?\; \end{pmatrix} \begin{pmatrix} \sin a \\ \cos a\end{pmatrix}
# \qquad\Rightarrow\qquad PE_{t+k} = M_k\, PE_t \;\text{ for every } t$$
#
# Shapes: M is (d_model, d_model), zero except for one 2 × 2 block for each pair. k may be negative. The addition theorems, sin(a+b) = sin a cos b + cos a sin b and cos(a+b) = cos a cos b − sin a sin b, fill in the question marks.
#
# *On paper:* for d_model = 2 and k = 1, M times PE[0] = (0, 1) has to be PE[1] = (sin 1, cos 1) ≈ (.84, .54). So the second *column* of M is (.84, .54).


# %% tags=["exercise", "q5_2"]
def shift_matrix(k, d_model, base=10000.0):
    """The matrix that leads k steps on: PE[t+k] = M @ PE[t] for every t.

    k is an int, and may be negative; PE is the table of `sinusoidal_encoding` with the
    same d_model and base.
    Returns M, a float32 tensor (d_model, d_model).
    Raises ValueError when d_model is odd.
    """
    # 1. refuse an odd d_model; the angle k · base^(−2i/d_model) of each pair
    # 2. for each pair, a 2 × 2 block on the diagonal, from the addition theorems
    # BEGIN SOLUTION
    if d_model % 2:
        raise ValueError(f"d_model is {d_model}, and should be even")
    M = torch.zeros(d_model, d_model)
    for feature in range(0, d_model, 2):
        angle = k * base ** (-feature / d_model)
        cos, sin = math.cos(angle), math.sin(angle)
        M[feature : feature + 2, feature : feature + 2] = torch.tensor(
            [[cos, sin], [-sin, cos]]
        )
    return M
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Write the addition theorem for the sine as (something) · sin a + (something) · cos a. These two somethings are the first row of the block; the cosine gives the second row.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# M ← zeros (d_model, d_model)
# for each pair of features (2i, 2i+1):
#     φ ← k · base^(−2i/d_model)
#     row 2i   of the block ← the factors of sin a and cos a in sin(a + φ)
#     row 2i+1 of the block ← the factors of sin a and cos a in cos(a + φ)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it works.** The block depends on k and not on a, so on k and not on t. Its transpose is its inverse and leads k steps *back*, which is why `PE[t] @ M` is not `M @ PE[t]`. A block [[cos φ, sin φ], [−sin φ, cos φ]] is a rotation: remember it for 5.5.

# %% tags=["experiment"]
PE = sinusoidal_encoding(200, 64)
rows = []
for k in (1, 7, 50, -3):
    t = torch.arange(max(0, -k), 200 - max(0, k))
    there = PE[t] @ shift_matrix(k, 64).T
    rows.append(
        {
            "k": k,
            "positions t": len(t),
            "largest |M PE[t] − PE[t+k]|": f"{(there - PE[t + k]).abs().max():.6f}",
            "largest |PE[t] − PE[t+k]|": f"{(PE[t] - PE[t + k]).abs().max():.2f}",
        }
    )
plots.show_table(rows, "one matrix for each k, tried at every t")

# %% [markdown]
# One matrix per step, right at every position up to rounding. So an attention layer with the right W_q and W_k *can* look "k steps back" with these addresses. Whether training finds it, and whether it holds beyond the trained length, is another question.

# %% tags=["claim"]
for row in rows:
    assert float(row["largest |M PE[t] − PE[t+k]|"]) < 1e-3
    assert float(row["largest |PE[t] − PE[t+k]|"]) > 0.9
there = torch.tensor([math.sin(1), math.cos(1)])
assert torch.allclose(shift_matrix(1, 2) @ torch.tensor([0.0, 1]), there)
# control: no one matrix does this for random addresses (the best one, by least squares)
other = torch.randn(200, 64, generator=torch.Generator().manual_seed(0))
best = torch.linalg.lstsq(other[:-1], other[1:]).solution
assert (other[:-1] @ best - other[1:]).abs().max() > 1

# %% [markdown]
# ### Learned addresses
#
# There is a plainer way to write an address. Give every position a vector of its own, begin with random numbers, and train it together with everything else: a second embedding, `nn.Embedding(longest, d_model)`, looked up with 0, 1, 2, … and added to the words. This is called *learned absolute* positions; BERT and GPT-2 use it, and so does the transformer of 6.11.
# It costs longest · d_model parameters. Nothing in it knows that 5 comes after 4, unless the training data says so. A position beyond `longest` has no row at all, and a row that was never used in training still holds its random numbers. The experiment at the end compares both kinds of address.

# %% [markdown]
# ## 5.3 ★ Counting without addresses
# *Goal: find the position in a model that was given none.* · 10 min · 5 points
#
# A decoder with no positions at all ("NoPE") still tells places apart. The causal mask is the reason. Take a head whose scores are all equal: query t shares its attention evenly over the t + 1 positions it may see, and returns their mean.
#
# $$\bar X_t = \frac{1}{t+1} \sum_{s \le t} X_s$$
#
# Shapes: X (…, T, d) → (…, T, d). Now let one feature be 1 at the first token (a start symbol) and 0 everywhere else. What the head returns there depends on t alone, and you can turn it into t.
#
# *On paper:* X = (2, 4, 9) gives (2, 3, 5). And (1, 0, 0, 0) gives (1, ½, ⅓, ¼).


# %% tags=["exercise", "q5_3"]
def causal_mean(X):
    """What a causal head with equal scores returns: at each t, the mean of rows 0 … t.

    X (…, T, d) → (…, T, d), in the floating type of X. Does not change X.
    """
    # 1. the sum of the rows 0 … t, divided by how many they are
    # BEGIN SOLUTION
    count = torch.arange(1, X.shape[-2] + 1, dtype=X.dtype, device=X.device)
    return X.cumsum(dim=-2) / count[:, None]
    # END SOLUTION


def positions_from_causal_mean(is_first):
    """The positions 0 … T − 1, read off a causal head that saw the first token's mark.

    is_first (T,), floats: 1 at the first token and 0 after it. Returns (T,), in the
    floating type of is_first.
    """
    # 2. what the head returns for this feature; the formula that makes 0, 1, 2, … of it
    # BEGIN SOLUTION
    share = causal_mean(is_first[:, None])[:, 0]
    return 1 / share - 1
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# A running sum has a name in PyTorch, and takes the axis it runs along. For the second function: a single feature is a column (T, 1). The head returns 1, ½, ⅓, …; solve that for t.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# causal_mean:  running sum along the axis of positions (−2)
#               divided by 1, 2, …, T as a column
# positions:    share ← causal_mean of is_first as a column, back to (T,)
#               share = 1/(t+1), so t ← …
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **What this shows.** One head with constant scores computes 1/(t+1), and the feed-forward layer after it can bend that into any function of t. Nothing in the input said where a word stands; the *mask* did. Without the mask, the mean is the same at every t.

# %% tags=["experiment"]
is_first = torch.zeros(64)
is_first[0] = 1
share = causal_mean(is_first[:, None])[:, 0]
counted = positions_from_causal_mean(is_first)
figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
left.plot(share, markersize=2)
left.set(
    xlabel="position t", ylabel="output of the head", title="what the head returns"
)
right.plot(counted, markersize=2)
right.set(xlabel="position t", ylabel="1/output − 1", title="what is read from it")
plots.show(
    figure,
    "Left: the head's output falls from 1 like 1 over t + 1. Right: the position "
    "recovered from it, a straight line from 0 to 63.",
)
steps = {t: (share[t - 1] - share[t]).item() for t in (1, 8, 16, 32, 63)}
plots.show_table(
    [
        {"t": t, "output at t−1 minus output at t": f"{step:.5f}"}
        for t, step in steps.items()
    ]
)

# %% [markdown]
# The position is there, exactly. It is also written smaller and smaller: near t = 63 one step changes the output by less than a thousandth. Counting is possible at any length and gets harder to read off with t. Expect NoPE to be good at short lengths, if at all.

# %% tags=["claim"]
assert torch.allclose(counted, torch.arange(64.0), atol=1e-3)
assert steps[63] < 1e-3 < steps[16]
assert causal_mean(torch.tensor([[2.0], [4], [9]])).flatten().tolist() == [2, 3, 5]
# control: without the mask the head returns the same at every t
unmasked = torch.softmax(torch.zeros(64, 64), dim=-1) @ is_first
assert (unmasked - unmasked[0]).abs().max() < 1e-6

# %% [markdown]
# ## 5.4 ★ A table of distances
# *Goal: let the distance speak in the scores.* · 10 min · 5 points
#
# Instead of telling each word its address, tell each *pair* its distance. With $e_{t,s}$ for the score of query t and key s, one learned number for each distance t − s is added before the softmax:
#
# $$\alpha_{t,s} = \frac{\exp(e_{t,s} + b_{t-s})}{\sum_{s'} \exp(e_{t,s'} + b_{t-s'})}$$
#
# The table has an entry for each distance −K … K, and everything further away shares the outermost entry on its side. So it never runs out: position 1000 has distances like any other.
#
# Shapes: table (2K+1,) → bias (T, S), with `bias[t, s] = table[clip(t−s, −K, K) + K]`. The middle entry is distance 0; positive distances look *back*.
#
# *On paper:* K = 1, table (−1, 0, 2), T = S = 3. Row 0 is (0, −1, −1), row 1 is (2, 0, −1), row 2 is (2, 2, 0).


# %% tags=["exercise", "q5_4"]
def relative_bias(T, S, table):
    """What is added to the score of query t and key s: one number for a distance t − s.

    table (2K+1,), floats, for the distances −K … K; distances beyond K share the
    outermost entry on their side. Query t stands at position t, key s at position s.
    Returns (T, S), in the floating type of the table. Gradients reach the table.
    """
    # 1. distances t − s (T, S)
    # 2. clipped to −K … K
    # 3. looked up in the table, in which distance 0 is in the middle
    # BEGIN SOLUTION
    K = (len(table) - 1) // 2
    distance = torch.arange(T)[:, None] - torch.arange(S)[None, :]
    return table[distance.clamp(-K, K) + K]
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Queries as a column minus keys as a row is the whole table of distances. A tensor of integers can be an index: `table[index]` has the shape of the index.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# K        ← from the length 2K+1 of the table
# distance ← (0 … T−1 as a column) − (0 … S−1 as a row)
# index    ← distance clipped to −K … K, plus K
# return table[index]
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **The trap.** Without `+ K` the code still runs: Python reads a negative index from the end, so distance −1 silently takes the table's *last* entry. With s − t in place of t − s, before and after are swapped. Both give matrices of the right shape.

# %% [markdown]
# **Predict:** all scores are 0 and the table has a 4 at distance +2, else 0. Which key does query 5 look at most? And query 0?

# %% tags=["experiment"]
table = torch.tensor([0.0, 0, 0, 0, 0, 4, 0])  # distances −3 … 3
bias = relative_bias(8, 8, table)
weights = torch.softmax(0 + bias, dim=-1)
plots.show_weights(
    weights,
    "Each query from 2 on puts most of its weight on the key two places before it; "
    "queries 0 and 1, which have no such key, spread theirs evenly.",
    title="equal scores, and a bias of 4 at distance 2",
    numbers=True,
)

# %% [markdown]
# The bias alone is a place to look: two steps back, from wherever the query stands. Queries 0 and 1 have no key there, and spread their attention evenly. ALiBi is this with nothing learned: the bias falls by a fixed slope with each step back (exercise 5.10).

# %% tags=["claim"]
assert [weights[t].argmax().item() for t in range(2, 8)] == [0, 1, 2, 3, 4, 5]
assert torch.allclose(weights[:2], torch.full((2, 8), 1 / 8))
paper = relative_bias(3, 3, torch.tensor([-1.0, 0, 2]))
assert paper.tolist() == [[0, -1, -1], [2, 0, -1], [2, 2, 0]]
# control: with the table turned round, the queries look two steps ahead
ahead = torch.softmax(relative_bias(8, 8, table.flip(0)), dim=-1)
assert [ahead[t].argmax().item() for t in range(6)] == [2, 3, 4, 5, 6, 7]

# %% [markdown]
# ## The dial
#
# Rotary position embedding (RoPE) neither adds an address nor keeps a table. It *turns* the queries and keys. Take two features of a query as an arrow on a dial. At position 0 the arrow stays as it is; at each further position it is turned on by the same angle. Keys are turned alike.
# A score compares two arrows, and for that only the angle *between* them counts: turn both by one more step, and nothing changes. A head of width d has d/2 dials, from fast to slow, with the speeds of 5.1.
#
# **Where the analogy stops.** A dial has a stop, and this one turns for ever: after a full turn the fast hand stands where it was, and only the slower hands know the difference. And a dial makes the radio louder. RoPE cannot: *a rotation changes a vector's direction, never its length*.
# By itself it does not make far words quieter.

# %% [markdown]
# ## 5.5 Turning the dial
# *Goal: rotate every pair of features by the angle of its position.* · 15 min · 7 points
#
# For a row at position p, pair i is turned by $\theta = p \cdot base^{-2i/d}$:
#
# $$\begin{pmatrix} x'_{2i} \\ x'_{2i+1} \end{pmatrix} = \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix} \begin{pmatrix} x_{2i} \\ x_{2i+1} \end{pmatrix}$$
#
# Shapes: x (…, T, d), positions (T,) → (…, T, d). Row t stands at `positions[t]`, which need not be t: with a cache, the first row may well be number 100.
#
# *On paper:* x = (1, 0) at position 1 becomes (cos 1, sin 1) ≈ (.54, .84), and (0, 1) becomes (−.84, .54). At position 0 nothing moves.


# %% tags=["exercise", "q5_5"]
def rope_rotate(x, positions, base=10000.0):
    """Turn every pair of features (2i, 2i+1) by positions[t] · base^(−2i/d) radians.

    x (…, T, d), positions (T,), whole numbers in any order (they may be negative)
    → (…, T, d), in the floating type of x.
    Gradients reach x. Raises ValueError when d is odd. Su et al. 2021, section 3.2.
    """
    # 1. refuse an odd d; angles (T, d/2), one for each position and pair
    # 2. the first and the second features of the pairs, (…, T, d/2) each
    # 3. turn them: two lines, both from the old values
    # 4. put the pairs side by side again
    # BEGIN SOLUTION
    d = x.shape[-1]
    if d % 2:
        raise ValueError(f"d is {d}, and should be even")
    pairs = torch.arange(0, d, 2, dtype=x.dtype, device=x.device)
    frequencies = base ** (-pairs / d)
    angles = positions[:, None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    first, second = x[..., 0::2], x[..., 1::2]
    turned = torch.stack(
        [first * cos - second * sin, first * sin + second * cos], dim=-1
    )
    return turned.flatten(-2)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `x[..., 0::2]` are the first features of all pairs at once. Their shape (…, T, d/2) fits the angles (T, d/2), whatever stands in front. Compute the angles in the floating type of x.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# angle ← positions as a column · base^(−(0, 2, 4, …)/d)
# a, b  ← even features, odd features of x
# a'    ← the first line of the matrix;  b' ← the second line
# result: a'[0], b'[0], a'[1], b'[1], …   (as in 5.1: stack, then flatten)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Both new features are made from the *old* pair; overwriting `first` before computing `second` would turn by the wrong angle and change the length. The angles depend on position and pair only, so they broadcast over batch and heads.
# `stack` and `flatten` put feature 2i beside feature 2i+1 again. Values are never turned: a position decides where to look, and not what is handed over.

# %% [markdown]
# **Turn it by hand.** Below are two dials of one head with d = 4 (a base of 16, so that the slow hand turns visibly). At position 0 both arrows are where they were before any turning. Move the query, then the key, then `both` by the same number of steps. What happens to the score?

# %% tags=["experiment"]
QUERY, KEY = torch.tensor([1.0, 0.2, 0.9, 0.3]), torch.tensor([0.7, 0.6, 0.2, 0.8])


def draw_dials(query_at, key_at, both):
    query_at, key_at = query_at + both, key_at + both
    arrows = {
        "query": (
            rope_rotate(QUERY[None], torch.tensor([query_at]), 16.0)[0],
            plots.VERMILION,
            query_at,
            "-",
        ),
        "key": (
            rope_rotate(KEY[None], torch.tensor([key_at]), 16.0)[0],
            plots.BLUE,
            key_at,
            "--",
        ),
    }
    figure, dials = plt.subplots(1, 2, figsize=(6.4, 3.5))
    for pair, dial in enumerate(dials):
        dial.add_patch(plt.Circle((0, 0), 1.25, fill=False, color="0.6"))
        for name, (vector, colour, place, line) in arrows.items():
            tip = vector[2 * pair : 2 * pair + 2].tolist()
            dial.plot(
                [0, tip[0]],
                [0, tip[1]],
                color=colour,
                linestyle=line,
                marker="",
                label=f"{name} at {place}",
            )
            dial.plot(*tip, marker="o", color=colour, linestyle="")
        dial.set(
            xlim=(-1.4, 1.4),
            ylim=(-1.4, 1.4),
            xticks=[],
            yticks=[],
            aspect="equal",
            xlabel=f"feature {2 * pair}",
            ylabel=f"feature {2 * pair + 1}",
            title=f"pair {pair}: {16.0 ** (-pair / 2):.2f} rad a step",
        )
    figure.legend(
        *dials[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    score = (arrows["query"][0] @ arrows["key"][0]).item()
    figure.suptitle(
        f"m − n = {query_at - key_at:+d}    score {score:+.2f}", x=0.02, ha="left"
    )
    return (
        figure,
        f"Two dials with the query at {query_at} and the key at {key_at}; "
        f"the score of the two is {score:.2f}.",
    )


plots.turn_by_hand(draw_dials, query_at=range(9), key_at=range(9), both=range(9))

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(1)
x = torch.randn(1, 8, generator=generator)
rows = []
for place in (0, 1, 10, 1000):
    turned = rope_rotate(x, torch.tensor([place]))
    alike = nn.functional.cosine_similarity(x[0, :2], turned[0, :2], dim=0)
    angle = alike.clamp(-1, 1).acos().item()
    rows.append(
        {
            "position": place,
            "length of x": x.norm().item(),
            "length after turning": turned.norm().item(),
            "fastest hand is off by (rad)": angle,
        }
    )
plots.show_table(rows, "a rotation turns, it does not stretch")

# %% [markdown]
# The length stays the same at every position. At position 10 the fastest hand has gone more than once around and stands about 2.6 rad from where it began, at position 1000 about 1.0 rad: alone it could not tell 1000 from 1.

# %% tags=["claim"]
assert all(abs(row["length of x"] - row["length after turning"]) < 1e-3 for row in rows)
off = [row["fastest hand is off by (rad)"] for row in rows]
assert torch.allclose(torch.tensor(off), torch.tensor([0, 1, 2.566, 0.973]), atol=5e-3)


def score_at(m, n):
    turned = rope_rotate(torch.stack([QUERY, KEY]), torch.tensor([m, n]), 16.0)
    return (turned[0] @ turned[1]).item()


assert all(abs(score_at(2 + k, k) - score_at(2, 0)) < 1e-5 for k in range(9))
# control: when the query moves alone, the score changes
assert min(abs(score_at(2 + k, 0) - score_at(2, 0)) for k in range(1, 5)) > 0.1

# %% [markdown]
# ## 5.6 ★ The same with complex numbers
# *Goal: see that a rotation is one multiplication.* · 10 min · 7 points
#
# Read a pair of features as one complex number, $z = x_{2i} + \mathrm{j}\,x_{2i+1}$; j is the imaginary unit, as in Python's `1j`. Multiplying by a complex number of length 1 turns:
#
# $$z' = z \cdot e^{\mathrm{j}\theta} \qquad e^{\mathrm{j}\theta} = \cos\theta + \mathrm{j} \sin\theta$$
#
# The real and imaginary parts of the product are the two lines of 5.5. Many implementations are written like this, the code that Meta released with Llama among them. Shapes as in 5.5; inside, z is (…, T, d/2).
#
# *On paper:* (1, 0) is the number 1. A quarter turn multiplies by j and gives j, which is (0, 1). Another one gives j · j = −1, which is (−1, 0).


# %% tags=["exercise", "q5_6"]
def rope_complex(x, positions, base=10000.0):
    """`rope_rotate` by complex multiplication: each pair is one number, times e^(jθ).

    x (…, T, d), positions (T,), whole numbers in any order (they may be negative)
    → (…, T, d), in the floating type of x; the same values as `rope_rotate`.
    Gradients reach x. Raises ValueError when d is odd.
    """
    # 1. refuse an odd d; the numbers e^(jθ) (T, d/2): torch.polar(lengths, angles)
    # 2. pairs as complex numbers: torch.view_as_complex of (…, T, d/2, 2)
    # 3. multiply
    # 4. back to pairs of real numbers, side by side
    # BEGIN SOLUTION
    d = x.shape[-1]
    if d % 2:
        raise ValueError(f"d is {d}, and should be even")
    pairs = torch.arange(0, d, 2, dtype=x.dtype, device=x.device)
    angles = positions[:, None] * base ** (-pairs / d)
    turn = torch.polar(torch.ones_like(angles), angles)
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], d // 2, 2))
    return torch.view_as_real(z * turn).flatten(-2)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `torch.polar(r, θ)` is the number of length r in the direction θ: which length turns and does not stretch? `torch.view_as_real` adds a last axis of length 2.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# θ ← as in 5.5
# e ← polar(ones, θ)                                   (T, d/2), complex
# z ← view_as_complex(x with its last axis cut into (d/2, 2))
# result ← view_as_real(z · e), its last two axes joined
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it is the same.** (a + jb)(cos θ + j sin θ) = (a cos θ − b sin θ) + j(a sin θ + b cos θ): the two lines of 5.5. `view_as_complex` moves no numbers; it only reads each pair as one. That works because the pairs lie side by side, so here the interleaved layout is the natural one.

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(2)
x = torch.randn(2, 3, 50, 16, generator=generator, dtype=torch.float64)
places = torch.arange(100, 150)
gap = (rope_rotate(x, places) - rope_complex(x, places)).abs().max().item()
print(f"largest difference over {x.numel()} numbers: {gap:.1e}")

# %% [markdown]
# Both forms agree to rounding. Two turns in a row are one turn by the sum of the angles, $e^{\mathrm{j}a} e^{\mathrm{j}b} = e^{\mathrm{j}(a+b)}$: from this line follows everything that 5.8 shows.

# %% tags=["claim"]
assert gap < 1e-12
# control: turned the other way round, they differ
assert (rope_rotate(x, places) - rope_complex(x, -places)).abs().max() > 0.1

# %% [markdown]
# ## 5.7 ★ Two layouts
# *Goal: move between the two orders of features in use.* · 5 min · 5 points
#
# The paper pairs neighbours, (0, 1), (2, 3), …, and so does Meta's own code for Llama. GPT-NeoX pairs feature i with feature i + d/2, and so does the Llama of the Transformers library, which reorders Meta's weights when it converts them. Both are RoPE, and both work as long as a model stays with one. Weights trained with one and run with the other give nonsense, without any error. To convert, reorder:
#
# $$x = (x_0, x_1, x_2, x_3, \dots) \quad\longrightarrow\quad (x_0, x_2, x_4, \dots,\; x_1, x_3, x_5, \dots)$$
#
# Feature 2i goes to place i, and feature 2i+1 to place d/2 + i. Then half-split RoPE on the result is the interleaved RoPE of x, reordered. Shapes: (…, d) → (…, d).
#
# *On paper:* (10, 11, 20, 21, 30, 31) becomes (10, 20, 30, 11, 21, 31). The pairs (10, 11), (20, 21), (30, 31) are now three places apart.


# %% tags=["exercise", "q5_7"]
def interleaved_to_half(x):
    """Reorder features from pairs (2i, 2i+1) to pairs (i, i + d/2).

    x (…, d) → (…, d), in the number type of x: feature 2i moves to place i, and
    feature 2i+1 to place d/2 + i. Any number of leading dimensions, also none.
    Does not change x. Raises ValueError when d is odd.
    """
    # refuse an odd d; then first features in front, second features behind
    # BEGIN SOLUTION
    if x.shape[-1] % 2:
        raise ValueError(f"d is {x.shape[-1]}, and should be even")
    return torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Slices with a step of 2 pick the first or the second features of all pairs. A reshape alone never changes the order of numbers.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if d is odd: raise ValueError
# firsts  ← features 0, 2, 4, …
# seconds ← features 1, 3, 5, …
# result  ← firsts, then seconds, along the last axis
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why a score does not care.** q and k are reordered alike, and a dot product adds the same products in another order. So converting a checkpoint means reordering the *rows* of W_q and W_k in each head, once. The reordering is not its own inverse (for d ≥ 6): applying it twice shuffles again.


# %% tags=["experiment"]
def turn_half_split(x, position, base=10000.0):
    """One row x (d,) turned in the half-split layout, by four diagonal blocks."""
    angles = position * base ** (-torch.arange(0, len(x), 2) / len(x))
    C, S = torch.diag(angles.cos()), torch.diag(angles.sin())
    return torch.cat([torch.cat([C, -S], 1), torch.cat([S, C], 1)]) @ x


x = torch.randn(8, generator=torch.Generator().manual_seed(2))
turned = rope_rotate(x[None], torch.tensor([5]))[0]
match = {
    "converted": (
        turn_half_split(interleaved_to_half(x), 5) - interleaved_to_half(turned)
    )
    .abs()
    .max()
    .item(),
    "not converted": (turn_half_split(x, 5) - turned).abs().max().item(),
}
plots.show_table(
    [
        {
            "half-split RoPE on x, against interleaved RoPE": name,
            "largest difference": f"{gap:.6f}",
        }
        for name, gap in match.items()
    ]
)

# %% tags=["experiment"]
figure, axes = plt.subplots(figsize=(6.4, 2.2))
order = interleaved_to_half(torch.arange(8)).tolist()
shades, lines = (
    [plots.BLUE, plots.VERMILION, plots.GREEN, plots.PURPLE],
    ["-", "--", "-.", ":"],
)
for row, features in ((1, list(range(8))), (0, order)):
    for place, feature in enumerate(features):
        axes.add_patch(
            plt.Rectangle(
                (place - 0.45, 1.6 * row),
                0.9,
                0.6,
                color=shades[feature // 2],
                alpha=0.35,
            )
        )
        axes.annotate(
            f"$x_{feature}$", (place, 1.6 * row + 0.3), ha="center", va="center"
        )
for place, feature in enumerate(order):
    axes.plot(
        [feature, place],
        [1.55, 0.65],
        color=shades[feature // 2],
        linestyle=lines[feature // 2],
        marker="",
        linewidth=1.4,
    )
axes.set(
    xlim=(-0.7, 7.7),
    ylim=(-0.2, 2.4),
    yticks=[0.3, 1.9],
    yticklabels=["half-split", "interleaved"],
    xlabel="place in the vector",
)
axes.grid(False)
plots.show(
    figure,
    "Above, the features 0 to 7 with neighbours paired; below, their order in the "
    f"half-split layout: {order}. Each pair keeps its colour and is four places apart.",
)

# %% [markdown]
# Converted, the two layouts agree to rounding. Not converted, the numbers are others, and no shape gives it away.

# %% tags=["claim"]
assert match["converted"] < 1e-5
# control: without converting, and converted twice, they do not agree
assert match["not converted"] > 0.1
twice = turn_half_split(interleaved_to_half(interleaved_to_half(x)), 5)
assert (twice - interleaved_to_half(turned)).abs().max() > 0.1

# %% [markdown]
# > **Out in the wild.** RoPE pairs, by the models of Transformers {{guide:version/transformers}}: Llama {{guide:llama_eager/rope_layout}}; GPT-NeoX {{guide:neox/rope_layout}}, on {{guide:neox/rope_share}} of the features; GPT-J {{guide:gptj/rope_layout}}. The ONNX operator: {{guide:ort/rope_layout}}.
# > A Llama state dict for code that pairs neighbours, in two lines; the same for `k_proj` with its own number of heads:
# > `W = state["q_proj.weight"].unflatten(0, (H, 2, d // 2))  # head, half, pair, input`
# > `W_q = W.transpose(1, 2).flatten(0, 2)  # head, pair, half: neighbours`
# > Measured in `docs/field-guide.md`.

# %% [markdown]
# ## 5.8 ★ Only the difference matters
# *Goal: measure what a turned query sees of a turned key.* · 5 min · 4 points
#
# Turn q to position m and k to position n, and take the dot product:
#
# $$\mathrm{score}(m, n) = (R_m q) \cdot (R_n k) = q^{\top} R_m^{\top} R_n\, k = q^{\top} R_{n-m}\, k$$
#
# A rotation's transpose turns back, so the two turns leave only their difference. Each word is turned by its *own absolute* position, and what attention sees is *relative*. Shapes: q (d,), k (d,) → one number.
#
# *On paper:* d = 2, q = k = (1, 0). Then the score is cos m cos n + sin m sin n = cos(m − n): 1 at the same place, cos 1 ≈ .54 next door on either side.


# %% tags=["exercise", "q5_8"]
def rotated_score(q, k, m, n, base=10000.0):
    """The dot product of q turned to position m with k turned to position n.

    q (d,), k (d,), m and n ints; pairs are interleaved, nothing is scaled.
    Returns one number, or a tensor that holds one. q and k stay as they are.
    """
    # 1. turn both   2. one dot product
    # BEGIN SOLUTION
    positions = torch.tensor([m, n], device=q.device)
    turned = rope_rotate(torch.stack([q, k]), positions, base)
    return (turned[0] * turned[1]).sum()
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Your `rope_rotate` takes rows (T, d) and one position for each. A single vector is a table of one row; two vectors are a table of two.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# a ← rope_rotate(q as one row, position m), its only row
# b ← rope_rotate(k as one row, position n), its only row
# return Σ a · b
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why turn both?** If only the query were turned, the score would depend on m and not on n: every key would seem to stand at position 0. Turned in opposite directions, the two would leave m + n.

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(6)
q, k = torch.randn(2, 4, generator=generator)
scores = torch.tensor(
    [[float(rotated_score(q, k, m, n)) for n in range(9)] for m in range(9)]
)
figure, axes = plt.subplots(figsize=(5.6, 4.4))
largest = scores.abs().max().item()
image = axes.imshow(scores, cmap=plots.SIGNED_MAP, vmin=-largest, vmax=largest)
for (m, n), score in (
    (place, scores[place].item())
    for place in ((m, n) for m in range(9) for n in range(9))
):
    axes.text(
        n,
        m,
        f"{score:+.1f}",
        ha="center",
        va="center",
        fontsize=8,
        color="w" if abs(score) > 0.6 * largest else "k",
    )
axes.set(
    xlabel="key position n",
    ylabel="query position m",
    title="score(m, n) of one q and one k",
)
axes.grid(False)
figure.colorbar(image, ax=axes, label="score")
plots.show(
    figure,
    "A 9 by 9 map of scores, some positive and some negative, whose values are the "
    "same along every diagonal.",
)
plots.show_table(
    [
        {
            "m": m,
            "n": n,
            "m − n": m - n,
            "score": f"{float(rotated_score(q, k, m, n)):.4f}",
        }
        for m, n in ((2, 0), (7, 5), (1002, 1000), (0, 2), (5, 7))
    ]
)

# %% [markdown]
# The map is made of diagonals: (2, 0), (7, 5) and (1002, 1000) give the same score. Two steps behind is not the same as two steps ahead, though: the *sign* of the difference counts.


# %% tags=["claim"]
def along_diagonals(scores):
    """How much the scores differ along a diagonal, at most."""
    lines = [scores.diagonal(offset) for offset in range(-8, 9)]
    return max((line.max() - line.min()).item() for line in lines)


assert along_diagonals(scores) < 1e-4
assert abs(float(rotated_score(q, k, 1002, 1000)) - scores[2, 0].item()) < 5e-3
assert abs(scores[0, 2] - scores[2, 0]) > 0.1
# control: when only the query is turned, the key's position does not count
lone = torch.tensor(
    [[float(rotated_score(q, k, m, 0)) for n in range(9)] for m in range(9)]
)
assert along_diagonals(lone) > 0.5

# %% [markdown]
# ## 5.9 ★ One more key in the cache
# *Goal: turn a new key to where it really stands.* · 10 min · 5 points
#
# When a model writes, it makes one token at a time and keeps the keys of all earlier ones in a cache, already turned. The new key comes alone, as a sequence of length 1. Its index in that sequence is 0, and its position is not: n keys came before it.
#
# $$\big[\,\underbrace{R_0 k_0,\; R_1 k_1,\; \dots,\; R_{n-1} k_{n-1}}_{\text{cache}}\,\big] \;\longrightarrow\; \big[\,\text{cache},\; R_n k_t\,\big]$$
#
# Shapes: cache (B, H, n, d) with n ≥ 0, k_t (B, H, 1, d) → (B, H, n+1, d).
#
# *On paper:* B = H = 1, d = 2. The cache is empty and the key is (1, 0): the result is (1, 0). The next key is (1, 0) too: it is turned to position 1, and the result is (1, 0), (.54, .84).


# %% tags=["exercise", "q5_9"]
def append_rotated(cache, k_t, base=10000.0):
    """The cache with one more key, turned to the next free position.

    cache (B, H, n, d): n ≥ 0 keys that are already rotated, and stay as they are.
    k_t (B, H, 1, d): the new key, not yet rotated. Neither tensor is changed.
    Returns (B, H, n+1, d), in the floating type of the inputs. Gradients reach both.
    Pairs are interleaved.
    """
    # 1. the position of the new key
    # 2. turn the new key, and only that
    # 3. put it after the others
    # BEGIN SOLUTION
    position = torch.tensor([cache.shape[2]], device=k_t.device)
    return torch.cat([cache, rope_rotate(k_t, position, base)], dim=2)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Positions count from 0. If the cache holds three keys, at 0, 1 and 2, where does the next one stand?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# n   ← how many keys the cache holds (which axis is that?)
# new ← rope_rotate(k_t, a tensor with the one position n, base)
# return cache and new, joined along the axis of positions
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why this matters.** `torch.arange(k_t.shape[2])` is (0,), whatever the cache holds. A model that uses it turns every new key by nothing: each step runs, the shapes fit, and the scores are wrong. Turning the whole cache again is the opposite mistake: then key 0 is right and all others have been turned twice.

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(4)
keys = torch.randn(1, 2, 20, 8, generator=generator)
query = rope_rotate(torch.randn(1, 2, 1, 8, generator=generator), torch.tensor([19]))
at_once = rope_rotate(keys, torch.arange(20))
cached, at_zero = keys[:, :, :0], keys
for t in range(20):
    cached = append_rotated(cached, keys[:, :, t : t + 1])
scores = {
    name: (query @ turned.transpose(-1, -2))[0, 0, 0]
    for name, turned in (
        ("all at once", at_once),
        ("one by one", cached),
        ("offset ignored", at_zero),
    )
}
plots.show_curves(
    range(20),
    {name: line.tolist() for name, line in scores.items()},
    "Scores of a query at position 19 with 20 keys. All at once and one by one "
    "coincide; with the offset ignored the scores are different ones.",
    x_label="key position s",
    y_label="score",
    title="one query, twenty cached keys",
)
print(
    "largest difference:",
    {
        name: round((line - scores["all at once"]).abs().max().item(), 4)
        for name, line in scores.items()
    },
)

# %% [markdown]
# One by one gives what all at once gives. With the offset ignored, the scores are wrong nearly everywhere (only at position 0 are they right), and nothing raises an error.

# %% tags=["claim"]
assert (scores["one by one"] - scores["all at once"]).abs().max() < 1e-4
# control: with the offset ignored they differ everywhere but at position 0
wrong = (scores["offset ignored"] - scores["all at once"]).abs()
assert wrong.max() > 0.5 and wrong[0] < 1e-5 and wrong[1:].min() > 1e-3

# %% [markdown]
# ## Experiment: train at 16, test at 64
#
# Now all of them meet. A transformer of two layers and two heads reads a start symbol and n random symbols (out of eight), and writes one symbol at each place:
#
# * **copy from 3 back**: the symbol three places earlier, which is a question about *distance*;
# * **reverse**: the symbol at n − 1 − t, which is a question about *the place in the whole*.
#
# All train at n = 16 and are tested at 16, 32 and 64, each with three seeds that are trained side by side. There are ten schemes: two kinds of address (sinusoidal and learned), a learned table of distances with K = 8, 16 and 64, RoPE with two bases, ALiBi, and NoPE with and without the causal mask.
# All see the whole sequence, except the two that are causal by nature. A causal model cannot reverse fully: in the first half, the symbol it needs has not come yet.
#
# **Predict:** which scheme wins at 64 on copying? Which on reversing? Is it the same one?

# %% tags=["experiment"]
predicted = {
    "best at 64, copying": ...,
    "best at 16, reversing": ...,
    "accuracy of the best at 64, reversing": ...,
}

# %% tags=["experiment"]
SCHEMES = {
    "sinusoidal": {"address": "sinusoidal"},
    "learned absolute": {"address": "learned"},
    "learned relative, K = 8": {"bias": "learned", "K": 8},
    "learned relative, K = 16": {"bias": "learned", "K": 16},
    "learned relative, K = 64": {"bias": "learned", "K": 64},
    "RoPE, base 10000": {"base": 10000.0},
    "RoPE, base 100": {"base": 100.0},
    "ALiBi, causal": {"bias": "ALiBi", "causal": True},
    "NoPE": {},
    "NoPE, causal": {"causal": True},
}
RUNS, SYMBOLS, D_MODEL, HEADS, LAYERS, LONGEST = 3, 8, 32, 2, 2, 64


# %% tags=["experiment"]
class Places(nn.Module):
    """One scheme: what it adds to vectors and scores, how it turns queries and keys."""

    def __init__(
        self,
        address=None,
        bias=None,
        K=0,
        base=None,
        causal=False,
        ring=False,
        blind=False,
    ):
        super().__init__()
        self.address, self.bias, self.base, self.causal = address, bias, base, causal
        self.ring, self.blind = ring, blind  # no ends; the start symbol is hidden
        if address == "sinusoidal":
            self.table = sinusoidal_encoding(LONGEST + 1, D_MODEL)
        if address == "learned":
            self.table = nn.Parameter(torch.randn(RUNS, 1, LONGEST + 1, D_MODEL))
        if bias == "learned":
            entries = torch.zeros(LAYERS, RUNS * HEADS, 2 * K + 1)
            self.distances = nn.Parameter(entries)

    def add(self, X):  # (RUNS, B, T, d_model)
        T = X.shape[2]
        if self.address == "sinusoidal":
            return X + self.table[:T]
        return X + self.table[:, :, :T] if self.address == "learned" else X

    def turn(self, X):  # (RUNS, B, HEADS, T, d)
        return rope_rotate(X, torch.arange(X.shape[-2]), self.base) if self.base else X


# %% tags=["experiment"]
def around_a_ring(T, table):
    """The bias of 5.4 where the first place follows the last: nobody is at an end."""
    behind, ahead = relative_bias(T, 1, table)[:, 0], relative_bias(1, T, table)[0]
    distance = torch.arange(T)[:, None] - torch.arange(T)
    distance = (distance + T // 2) % T - T // 2
    far = distance.abs()
    return torch.where(distance >= 0, behind[far], ahead[far])


# %% tags=["experiment"]
def added_to_scores(places, T, layer):
    """The scheme's mask and bias; broadcasts to (RUNS, B, HEADS, T, T)."""
    back = torch.arange(T)[:, None] - torch.arange(T)
    seen = back >= 0 if places.causal else torch.ones(T, T, dtype=torch.bool)
    if places.blind:
        seen[1:, 0] = False
    bias = torch.where(seen, 0.0, -math.inf)
    if places.bias == "learned":
        of_table = (
            around_a_ring if places.ring else lambda T, row: relative_bias(T, T, row)
        )
        tables = [of_table(T, table) for table in places.distances[layer]]
        bias = bias + torch.stack(tables).view(RUNS, 1, HEADS, T, T)
    elif places.bias == "ALiBi":
        slopes = 2.0 ** (-8 / HEADS * torch.arange(1, HEADS + 1))
        bias = bias - slopes[:, None, None] * back
    return bias


def even(X):
    return nn.functional.layer_norm(X, (D_MODEL,))


def attend_in_heads(Q, K, V, places, layer):
    """Attention in HEADS heads, (RUNS, B, T, d_model), with the scheme's places."""
    Q, K, V = (part.unflatten(-1, (HEADS, -1)).transpose(2, 3) for part in (Q, K, V))
    Q, K = places.turn(Q), places.turn(K)
    scores = Q @ K.transpose(-1, -2) / math.sqrt(Q.shape[-1])
    weights = torch.softmax(
        scores + added_to_scores(places, Q.shape[-2], layer), dim=-1
    )
    return (weights @ V).transpose(2, 3).flatten(-2)


# %% tags=["experiment"]
class SmallTransformer(nn.Module):
    """Two layers, RUNS seeds side by side: (RUNS, B, T) → logits (RUNS, B, T, V)."""

    def __init__(self, places, V=FIRST_SYMBOL + SYMBOLS):
        super().__init__()
        self.places = places
        self.symbols = nn.Parameter(torch.randn(RUNS, V, D_MODEL))
        self.project = nn.ModuleList(
            ParallelLinear(RUNS, D_MODEL, 3 * D_MODEL) for _ in range(LAYERS)
        )
        self.mix = nn.ModuleList(
            ParallelLinear(RUNS, D_MODEL, D_MODEL, bias=False) for _ in range(LAYERS)
        )
        self.widen = nn.ModuleList(
            ParallelLinear(RUNS, D_MODEL, 2 * D_MODEL) for _ in range(LAYERS)
        )
        self.narrow = nn.ModuleList(
            ParallelLinear(RUNS, 2 * D_MODEL, D_MODEL, bias=False)
            for _ in range(LAYERS)
        )
        self.read = ParallelLinear(RUNS, D_MODEL, V, bias=False)

    def forward(self, tokens):
        runs = torch.arange(RUNS)[:, None, None]
        X = self.places.add(self.symbols[runs, tokens])
        for layer in range(LAYERS):
            Q, K, V = self.project[layer](even(X)).chunk(3, dim=-1)
            X = X + self.mix[layer](attend_in_heads(Q, K, V, self.places, layer))
            X = X + self.narrow[layer](torch.relu(self.widen[layer](even(X))))
        return self.read(even(X))


# %% tags=["experiment"]
TASKS = {
    "copy": lambda n, count, generator: copy_back_task(count, n, SYMBOLS, 3, generator),
    "reverse": lambda n, count, generator: reverse_task(
        count, (n, n), SYMBOLS, generator
    ),
}


def draw_batch(task, n, each, generator):
    """Tokens and targets (RUNS, each, n+1): BOS first, PAD where nothing is asked."""
    drawn = TASKS[task](n, RUNS * each, generator)
    source, target = (
        nn.functional.pad(part, (1, 0), value=first)
        for part, first in ((drawn.source, BOS), (drawn.target, PAD))
    )
    return source.view(RUNS, each, -1), target.view(RUNS, each, -1)


# %% tags=["experiment"]
def measure(task, scheme):
    """Accuracies (RUNS, 3) at lengths 16, 32 and 64 of one scheme trained at 16.

    The model is kept in `models`.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    model = models[task, scheme] = SmallTransformer(Places(**SCHEMES[scheme]))

    def loss():
        tokens, target = draw_batch(task, 16, 16, generator)
        return RUNS * nn.functional.cross_entropy(
            model(tokens).flatten(0, 2), target.flatten(), ignore_index=PAD
        )

    train(model, loss, 400, lr=5e-3, warm_up=50, decay=True, clip=None, quiet=True)
    with torch.no_grad():
        return torch.stack(
            [
                accuracy(model, *draw_batch(task, n, 100, generator))
                for n in (16, 32, 64)
            ],
            dim=-1,
        )


def accuracy(model, tokens, target):
    asked = target != PAD
    right = (model(tokens).argmax(-1) == target) & asked
    return right.sum((1, 2)) / asked.sum((1, 2))


# %% tags=["experiment"]
models = {}
results = {
    ("copy", scheme): measure("copy", scheme)
    for scheme in progress(SCHEMES, "copy from 3 back: ten schemes")
}

# %% tags=["experiment"]
results |= {
    ("reverse", scheme): measure("reverse", scheme)
    for scheme in progress(SCHEMES, "reverse: ten schemes")
}


# %% tags=["experiment"]
def in_words(runs):
    lowest_to_highest = f"{runs.min():.2f}–\u2060{runs.max():.2f}"  # kept on one line
    return f"{runs.mean():.2f}\u00a0({lowest_to_highest})"


def commonest(n):
    """What a model without order can reach: naming the symbol that is there most."""
    source, _ = draw_batch("copy", n, 500, torch.Generator().manual_seed(5))
    counts = torch.stack(
        [(source[..., 1:] == symbol).sum(-1) for symbol in source[..., 1:].unique()]
    )
    return (counts.amax(0) / n).mean().item()


rows = [
    {"scheme": scheme}
    | {
        f"{task}, {n}": in_words(results[task, scheme][:, column])
        for task in TASKS
        for column, n in enumerate((16, 32, 64))
    }
    for scheme in SCHEMES
]
guess = {n: f"{commonest(n):.2f}" for n in (16, 32, 64)}
rows.append(
    {"scheme": "naming the commonest symbol"}
    | {f"{task}, {n}": guess[n] for task in TASKS for n in guess}
)
plots.show_table(
    rows, "accuracy: mean of three seeds (lowest–highest); trained at length 16"
)
means = {key: runs.mean(0) for key, runs in results.items()}
ends = [("copy", 2), ("reverse", 0), ("reverse", 2)]
best = [max(SCHEMES, key=lambda name: means[task, name][at]) for task, at in ends]
found = [*best[:2], means["reverse", best[2]][2].item()]
plots.show_predictions(predicted, found)

# %% tags=["experiment"]
means = torch.stack(
    [torch.cat([results[task, scheme].mean(0) for task in TASKS]) for scheme in SCHEMES]
)
figure, axes = plt.subplots(figsize=(6.8, 4.5))
image = axes.imshow(means, vmin=0, vmax=1, aspect="auto")
for (row, column), value in (
    (place, means[place].item())
    for place in ((r, c) for r in range(len(means)) for c in range(6))
):
    axes.text(
        column,
        row,
        f"{value:.2f}",
        ha="center",
        va="center",
        color="k" if value > 0.5 else "w",
    )
axes.set_xticks(range(6), [f"{task}\n{n}" for task in TASKS for n in (16, 32, 64)])
axes.set_yticks(range(len(SCHEMES)), list(SCHEMES))
axes.axvline(2.5, color="w", linewidth=4, marker="")
axes.set(xlabel="task and length of the test", ylabel="scheme")
axes.grid(False)
figure.colorbar(image, ax=axes, label="accuracy, mean of three seeds")
plots.show(
    figure,
    "Accuracy of ten schemes on two tasks at three lengths, as in the table. On "
    "copying, RoPE with base 100 and the table with K = 8 stay bright up to 64. On "
    "reversing, the two addresses and RoPE with base 100 are bright at 16, and nothing "
    "is bright beyond.",
)

# %% [markdown]
# What do the two addresses do when they reverse 32 symbols? At the first 16 places, we compare their answers with the symbol at 31 − t, which is asked for, and with the one at 15 − t, which was right in training.

# %% tags=["experiment"]
tokens, _ = draw_batch("reverse", 32, 100, torch.Generator().manual_seed(7))
first = torch.arange(1, 17)  # places 0 … 15, behind the start symbol
habit = {}
for scheme in ("sinusoidal", "learned absolute"):
    with torch.no_grad():
        answers = models["reverse", scheme](tokens).argmax(-1)[..., first]
    habit[scheme] = [
        (answers == tokens[..., last - first]).float().mean().item()
        for last in (33, 17)
    ]
plots.show_table(
    [
        {"scheme": scheme, "symbol at 31 − t": asked, "symbol at 15 − t": learned}
        for scheme, (asked, learned) in habit.items()
    ],
    "share of the first 16 answers, when reversing 32 symbols",
)

# %% [markdown]
# **Copying asks for a distance.** All addresses, tables and rotations learn it perfectly at 16. At 64, RoPE with base 100 keeps nearly all of it, and RoPE with base 10000 about two thirds. Of the tables the *shortest* does best: .89 with K = 8, .60 with K = 16, .50 with K = 64. At length 16 every entry of the short table has been trained; in the long one, the entries for distances beyond 16 are still 0, as at the start. The two *addresses* fall to a third:
# at 32 they score about what a model scores that is right within the first 16 places and guesses beyond them. House numbers that were never seen mean nothing, and that holds for the sinusoidal ones too, although their shift matrix is right at every t.
#
# **Reversing asks for the place in the whole.** At 16 both addresses are perfect. RoPE with base 100 has about .9, and 1.00 in one seed; with base 10000 about .6. A table of distances gets nearly half with K = 16 or 64, and hardly more than a guess with K = 8. At 32 and 64 *nobody* does better than naming the commonest symbol. The last table says why: the addresses learned 15 − t, and not n − 1 − t, and answer 32 symbols as if they were 16.
#
# **So no scheme wins both.** The two addresses reverse best at 16 and keep a third of the copies at 64. Of the three tables, the one that copies best at 64 reverses worst at 16. RoPE with base 100 comes nearest to both, and it cannot reverse 32 symbols either.
#
# **No positions.** Without a mask, NoPE stays within .03 of naming the commonest symbol, on both tasks and at all lengths: 5.3's counting needs the mask. With it, it gets about six in ten of the copies at 16, differently with each seed. ALiBi (with the paper's slopes for two heads) is no better here: its bias says "nearer is louder", and not "three back".
#
# **How far this goes.** Two small layers, 400 steps, three seeds. Longer training or other widths may move the numbers in the middle of the table. It says which *questions* a scheme makes easy, and not which one is best for a large language model.

# %% tags=["claim"]
mean = {key: runs.mean(0).tolist() for key, runs in results.items()}
addresses, turned = (
    ("sinusoidal", "learned absolute"),
    ("RoPE, base 10000", "RoPE, base 100"),
)
short, middle, long = (f"learned relative, K = {K}" for K in (8, 16, 64))
assert all(
    mean["copy", scheme][0] > 0.97
    for scheme in (*addresses, short, middle, long, *turned)
)
assert (
    mean["copy", "RoPE, base 100"][2] > 0.9 and 0.5 < mean["copy", turned[0]][2] < 0.8
)
copied = [mean["copy", scheme][2] for scheme in (short, middle, long)]
assert copied[0] > 0.8 > 0.7 > copied[1] > copied[2] > 0.4
within_16 = (
    13 + 16 / SYMBOLS
) / 29  # of 29 targets at 32, 13 lie within the first 16 places
for scheme in addresses:
    assert (
        abs(mean["copy", scheme][1] - within_16) < 0.12
        and mean["copy", scheme][2] < 0.45
    )
assert all(mean["reverse", scheme][0] > 0.97 for scheme in addresses)
assert (
    mean["reverse", turned[1]][0] > 0.8
    and results["reverse", turned[1]][:, 0].max() > 0.99
)
assert 0.5 < mean["reverse", turned[0]][0] < 0.75
assert mean["reverse", short][0] < commonest(16) + 0.06
assert all(0.4 < mean["reverse", scheme][0] < 0.55 for scheme in (middle, long))
# control: before training, nobody copies
with torch.no_grad():
    fresh = SmallTransformer(Places(**SCHEMES["RoPE, base 100"]))
    batch = draw_batch("copy", 16, 100, torch.Generator().manual_seed(7))
    assert accuracy(fresh, *batch).max() < 0.3

# %% tags=["claim"]
assert all(asked < 0.2 and learned > 0.85 for asked, learned in habit.values())
for scheme in SCHEMES:
    for column, n in ((1, 32), (2, 64)):
        assert mean["reverse", scheme][column] < commonest(n) + 0.05
for task in TASKS:
    for column, n in enumerate((16, 32, 64)):
        assert abs(mean[task, "NoPE"][column] - commonest(n)) < 0.03
far_copies = {scheme: mean["copy", scheme][2] for scheme in SCHEMES}
assert max(far_copies, key=far_copies.get) not in addresses
assert max(SCHEMES, key=lambda scheme: mean["reverse", scheme][0]) in addresses
# control: with the mask, NoPE does copy
assert 0.5 < mean["copy", "NoPE, causal"][0] < 0.9
assert mean["copy", "ALiBi, causal"][0] < mean["copy", "NoPE, causal"][0] + 0.1

# %% [markdown]
# ### How can a table of distances reverse at all?
#
# The symbol to write stands at n − 1 − t. A scheme that knows only differences should not know t. Yet the table with K = 16 gets nearly half of the symbols at length 16, and RoPE more. Two things may give the place away: the start symbol, whose distance *is* the position, and the two ends of the sequence, where the keys on one side run out, so that what is shared out is shared among fewer.
# We take them away. *Hidden*: nobody may look at the start symbol. *A ring*: the distance is counted around, as if the first place came after the last one, and nobody stands at an end.
#
# **Predict:** which of the two does the table need? And RoPE?

# %% tags=["experiment"]
CLUES = {
    "learned relative, K = 16, start hidden": {
        "bias": "learned",
        "K": 16,
        "blind": True,
    },
    "learned relative, K = 16, start hidden, on a ring": {
        "bias": "learned",
        "K": 16,
        "blind": True,
        "ring": True,
    },
    "RoPE, base 100, start hidden": {"base": 100.0, "blind": True},
}
SCHEMES |= CLUES
for scheme in progress(CLUES, "reverse, with clues taken away"):
    results["reverse", scheme] = measure("reverse", scheme)
shown = ("learned relative, K = 16", *list(CLUES)[:2], "RoPE, base 100", list(CLUES)[2])
rows = [
    {"scheme": name, "reverse, 16": in_words(results["reverse", name][:, 0])}
    for name in shown
]
rows.append({"scheme": "naming the commonest symbol", "reverse, 16": guess[16]})
plots.show_table(rows, "accuracy: mean of three seeds (lowest–highest)")

# %% [markdown]
# The table does not need the start symbol: hidden, it changes nothing. On a ring nothing is left but the commonest symbol. So it was the *ends* that told these models, roughly, where they stand. RoPE makes good use of the start symbol: hidden, all that it had above the table is gone, and what remains is about what the ends give.
# "Relative" describes what a scheme tells the model. It does not say what the model can find out.

# %% tags=["claim"]
found = {name: results["reverse", name][:, 0].mean().item() for name in shown}
assert abs(found[shown[1]] - found[shown[0]]) < 0.05 and found[shown[0]] > 0.4
assert found[shown[3]] > 0.8 and 0.35 < found[shown[4]] < found[shown[0]] + 0.02
# control: without start and without ends, no order is left
assert abs(found[shown[2]] - commonest(16)) < 0.04

# %% [markdown]
# ## 5.10 ★ Nearer is louder
# *Goal: a bias with nothing to learn, for any number of heads and beside a cache.* · 15 min · 5 points · further
#
# *ALiBi* (Press, Smith and Lewis 2022) replaces the learned table of 5.4 by a rule: each step away costs the same. Only the price differs from head to head, so that some heads look near and some look far. With $m_h$ for the slope of head h,
#
# $$\mathrm{bias}_{h,t,s} = -\,m_h \cdot \lvert (S - T + t) - s \rvert \qquad m_h = 2^{-8(h+1)/H} \quad \text{where H is a power of two}$$
#
# Queries stand at the *last* T of S positions: with a cache, T = 1 and S grows. For another H the authors' code takes the slopes of the power of two below H, and then fills up from the slopes of the next power: the first, the third, the fifth, … (The second, the fourth, … are there already.)
#
# Shapes: bias (H, T, S), added to scores (B, H, T, S). Keys ahead of the query get a bias like any other; a causal mask takes them out, here as everywhere.
#
# *On paper:* H = 2 has the slopes 2⁻⁴ and 2⁻⁸. H = 3 has these, and then the first slope of four heads, 2⁻². For T = 1, S = 3 the distances are 2, 1, 0, and head 0 has the bias (−1/8, −1/16, 0).


# %% tags=["exercise", "q5_10"]
def alibi_bias(H, T, S):
    """A bias that falls with the distance, steeper in some heads than in others.

    bias[h, t, s] = −slope_h · |p − s|, with p = S − T + t the position of query t.
    If H is a power of two, slope_h = 2^(−8(h+1)/H) for h = 0 … H − 1. If not: the
    slopes of the largest power of two n below H, then the first, third, fifth … of the
    slopes for 2n heads, until there are H.
    Returns a float32 tensor (H, T, S), not masked. Raises ValueError when S is smaller
    than T. Press, Smith and Lewis 2022.
    """
    # 1. the slopes of a power of two
    # 2. those of any other H
    # 3. the position of every query; its distance to every key
    # 4. the bias of every head
    # BEGIN SOLUTION
    if S < T:
        raise ValueError(f"{T} queries have no place among {S} positions")

    def slopes_of(n):
        return [2.0 ** (-8 * (h + 1) / n) for h in range(n)]

    n = 2 ** (H.bit_length() - 1)
    slopes = torch.tensor(slopes_of(n) + slopes_of(2 * n)[::2][: H - n])
    distance = torch.arange(S - T, S)[:, None] - torch.arange(S)
    return -slopes[:, None, None] * distance.abs()
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Make a small function for the slopes of a power of two, and use it twice. The largest power of two in H: double 1 as long as it fits. Distances are 5.4's, once the queries are numbered from S − T on.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if S < T: raise ValueError
# n      ← the largest power of two that is not above H
# slopes ← those for n, then every second of those for 2n (from the first), H in all
# p      ← S − T, …, S − 1 as a column;  s ← 0, …, S − 1 as a row
# bias   ← − slopes as (H, 1, 1) · |p − s|
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why these slopes?** For a power of two they are a geometric row that ends at 2⁻⁸. The slopes for 2n heads contain those for n, as every second one: filling up with the *others* puts the new heads between the old ones. Other code orders them differently or uses one formula for every H, and a model that was trained with one order is wrong with another.
# **Why no start of its own?** A softmax does not change when the same number is added to a whole row, so a code that takes −slope · (S − 1 − s) for all queries gives the same weights under a causal mask. Ours says what it means.

# %% [markdown]
# **Predict:** all scores are equal, and the last of 64 queries looks back. How many steps back has a key half of the weight that the query's own place has, in the steepest and in the flattest of eight heads?

# %% tags=["experiment"]
far = torch.arange(64)
bias = alibi_bias(8, 1, 64)[:, 0].flip(-1)  # (H, 64): the bias at distance 0, 1, 2, …
curves = {f"head {h}": torch.exp(bias[h]) for h in (0, 2, 4, 7)}
plots.show_curves(
    far.tolist(),
    curves,
    "Weight against distance for four of eight heads: head 0 has lost half of it after "
    "1.4 steps, head 7 has most of it left after 63.",
    x_label="distance (steps back)",
    y_label="weight / weight at distance 0",
    title="equal scores: what ALiBi makes of distance",
)
half = {h: math.log(2) / -bias[h, 1].item() for h in range(8)}
plots.show_table(
    [{"head": h, "steps to one half": f"{steps:.1f}"} for h, steps in half.items()]
)

# %% [markdown]
# Head 0 is down to one half after 1.4 steps. From head to head it is twice as far, and head 7 gets there after 177 steps. Nothing was learned, and there is no longest length. What it costs was seen above: a task that asks for "three back", and neither for nearer nor for further, has no head for it.

# %% tags=["claim"]
assert abs(half[0] - 1.386) < 1e-2 and abs(half[7] - 177.4) < 0.1
assert all(abs(half[h + 1] / half[h] - 2) < 1e-3 for h in range(7))
assert alibi_bias(3, 1, 1).shape == (3, 1, 1)
assert (-alibi_bias(3, 1, 2)[:, 0, 0]).tolist() == [2**-4, 2**-8, 2**-2]
# beside a cache the last query has the last row
assert torch.equal(alibi_bias(6, 1, 9), alibi_bias(6, 9, 9)[:, -1:])
# control: a query that is taken for the first position has another row
assert not torch.equal(alibi_bias(6, 1, 9), alibi_bias(6, 9, 9)[:, :1])

# %% [markdown]
# ## 5.11 ★ A window that slides
# *Goal: let every position see itself and a few before it.* · 10 min · 5 points · further
#
# A causal mask grows with the text: position 10 000 looks at ten thousand keys. A *sliding window* lets it look at the last few alone. Then the work per position, and the cache, stay the same however long the text is (Beltagy et al. 2020; Mistral 7B has a window of 4096).
#
# $$\mathrm{mask}_{t,s} = \text{True} \iff p - \mathrm{window} < s \le p \qquad p = S - T + t$$
#
# Shapes: mask (T, S), True = may attend. A window of 1 is the query's own place alone, and a window of S or more is the causal mask. It hides what is ahead, too, so no causal mask is needed beside it; with a padding mask it combines by `&`.
#
# *On paper:* T = S = 4, window 2: query 0 sees key 0; query 1 sees 0, 1; query 2 sees 1, 2; query 3 sees 2, 3.


# %% tags=["exercise", "q5_11"]
def sliding_window_mask(T, S, window):
    """Which keys each query may attend to: its own place and the window − 1 before it.

    Query t stands at position p = S − T + t, key s at position s, and may be seen when
    p − window < s ≤ p. Every window from 1 on is possible: one of S or more is the
    causal mask.
    Returns a bool tensor (T, S), True = may attend. Raises ValueError when S is smaller
    than T, or window is smaller than 1.
    """
    # 1. refuse what cannot be; the position of every query
    # 2. not too far back
    # 3. not ahead
    # BEGIN SOLUTION
    if S < T or window < 1:
        raise ValueError(f"no window of {window} for {T} queries among {S} positions")
    back = torch.arange(S - T, S)[:, None] - torch.arange(S)
    return (back >= 0) & (back < window)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Write down how many steps *back* each key lies from each query: a table of whole numbers. Which of these numbers are allowed, for a window of 1, and of 2?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# if S < T or window < 1: raise ValueError
# back ← (S − T, …, S − 1 as a column) − (0, …, S − 1 as a row)
# mask ← back is at least 0, and smaller than window
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **The two limits.** `back >= 0` is the causal mask of 6.1. `back < window` is the other edge, and the place to be off by one: with `<=` a window of 1 would hold two keys. Libraries disagree on this number, so a window of 4096 in one may be 4097 keys in another.

# %% tags=["experiment"]
real = torch.arange(8) >= 2  # the first two positions of this sentence are padding
window = sliding_window_mask(8, 8, 3)
plots.show_masks(
    [sliding_window_mask(8, 8, 8), window, window & real],
    "Three masks: a triangle; a band of three keys below and on the diagonal; the same "
    "band without the first two keys, whose own rows are empty.",
    ["window 8: causal", "window 3", "window 3, padding in front"],
)


def reach(mask, layers):
    """How many positions the last query can hear of, through so many layers."""
    heard = torch.eye(len(mask))
    for _ in range(layers):
        heard = (mask.float() @ heard > 0).float()
    return int(heard[-1].sum())


depths = [1, 2, 3, 4, 8]
rows = [
    {"window": w}
    | {f"{L} layers": reach(sliding_window_mask(64, 64, w), L) for L in depths}
    for w in (1, 2, 3, 8)
]
plots.show_table(rows, "positions that the last of 64 can hear of")

# %% [markdown]
# Where padding takes the keys away, a row may be empty: rows 0 and 1 of the third mask. They belong to the padding itself, and your attention of 4.3 gives them zeros.
# The table shows why a small window can do: what one layer has gathered, the next one passes on. With L layers the last position hears of L · (window − 1) + 1 positions. It hears of them at second hand, and a window of 1 never hears of anybody.

# %% tags=["claim"]
assert torch.equal(sliding_window_mask(8, 8, 8), torch.ones(8, 8).tril().bool())
assert (window & real).any(dim=-1).tolist() == [False] * 2 + [True] * 6
for w in (1, 2, 3, 8):
    for L in depths:
        assert reach(sliding_window_mask(64, 64, w), L) == min(64, L * (w - 1) + 1)
assert torch.equal(sliding_window_mask(2, 9, 4), sliding_window_mask(9, 9, 4)[-2:])
# control: blocks that do not slide hear of nobody else, however many layers there are
blocks = torch.block_diag(*[torch.ones(8, 8).tril()] * 8)
assert reach(blocks, 8) == reach(blocks, 1) == 8

# %% [markdown]
# ## What you have built
#
# * **Addresses**: a vector for each position, and the matrix that walks k steps from anywhere (5.1, 5.2).
# * **Counting**: a causal mask is a position in disguise (5.3).
# * **Distances**: a learned number for each distance, added to the scores (5.4).
# * **Rotations**: each query and key turned by its own position, so that scores see the difference (5.5, 5.6, 5.8), in both layouts (5.7) and with a cache (5.9).
# * A table that says what each is good for, and that none is good for everything.
# * Further: **ALiBi** for any number of heads (5.10), and a **sliding window** (5.11), both beside a cache.
#
# **Three questions to think about**
#
# 1. RoPE turns queries and keys, but never values. What would go wrong if values were turned too?
# 2. The slowest hand of base 10000 needs about 63 000 steps for one turn at large d. What would a base of 1 000 000 change for a text of 100 000 words, and what would it cost nearby?
# 3. No scheme could reverse beyond length 16. Which input would you add so that n − 1 − t can be worked out at any n?
#
# **Where to read more.** Vaswani et al. (2017), *Attention is all you need*, section 3.5. Shaw, Uszkoreit and Vaswani (2018), *Self-attention with relative position representations*. Raffel et al. (2020), *Exploring the limits of transfer learning with a unified text-to-text transformer*, for biases by distance.
# Su et al. (2021), *RoFormer: enhanced transformer with rotary position embedding*. Press, Smith and Lewis (2022), *Train short, test long*, for ALiBi. Beltagy, Peters and Cohan (2020), *Longformer*, and Jiang et al. (2023), *Mistral 7B*, for windows. Haviv et al. (2022), *Transformer language models without positional encodings still learn positional information*. Kazemnejad et al. (2023), *The impact of positional encoding on length generalization in transformers*.
