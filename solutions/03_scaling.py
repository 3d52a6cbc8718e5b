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
# # 3 · Scaling
#
# **Goal.** Find out why attention divides its scores by $\sqrt{d_k}$: from the variance of a dot product, to the softmax it feeds, to the gradient that comes back.
# The short answer in most texts is "otherwise gradients vanish". We measure it, and the long answer is more interesting.
#
# *Seven exercises and one further · 45 points.* About 85 minutes to write, 24 to read, 2 to wait for experiments (and 20 to write the further one). You need notebook 2 (queries, keys, values, softmax), variances, and derivatives: the quotient rule once, and gradients as PyTorch computes them.
#
# | symbol | meaning |
# |---|---|
# | T, S | query positions, key positions |
# | d_k, d_v | widths of queries and keys, of values |
# | z, p | scores of one query, and p = softmax(z) |
# | ρ | correlation of a query's entry with the key's entry at the same place |
# | `…` | any number of leading dimensions, such as a batch |
#
# Each exercise is a function with a blank. Fill it in, run the cell, then run the `grader.check` below it.
# For every exercise, unless its stub says otherwise: a function leaves its arguments as they are, remembers nothing from call to call, and keeps the floating type of its inputs (float32 or float64); a batch, a sequence or a width may be 1.

# %% tags=["setup"]
import itertools
import math
import time

import matplotlib.pyplot as plt
import torch
from torch import nn

import attnkit
from attnkit import plots
from attnkit.checking.watch import most_held
from attnkit.data import recall_task
from attnkit.training import progress, train

grader = attnkit.start("03_scaling.ipynb")

# %% [markdown]
# ## The focus ring
#
# The searchlight of notebook 2 has a focus ring. Turned one way, the light floods the stage; turned the other way, it is a needle on one actor. Nobody would bolt that ring to the *width of the lamp*.
# Yet this is what a plain dot product does: the more features queries and keys have, the narrower the light, before anything has been learned.
#
# Below, one random query looks at the same number of random keys, three times. Only d_k changes. The thickness of a ray is its weight.

# %% tags=["experiment"]
def draw_focus(widths=(1, 16, 1024), S=16):
    generator = torch.Generator().manual_seed(0)
    figure, panels = plt.subplots(1, len(widths), figsize=(7.2, 2.9), sharey=True)
    largest = []
    for axes, d_k in zip(panels, widths, strict=True):
        q, K = (
            torch.randn(d_k, generator=generator),
            torch.randn(S, d_k, generator=generator),
        )
        weights = torch.softmax(K @ q, dim=0)
        for s, weight in enumerate(weights.tolist()):
            ray = {
                "linewidth": 0.3 + 7 * weight,
                "alpha": 0.25 + 0.6 * weight,
                "linestyle": "-",
                "marker": "",
            }
            axes.plot([S / 2 - 0.5, s], [1, 0], color=plots.BLUE, **ray)
        axes.plot(range(S), [0] * S, "o", color=plots.BLACK, markersize=4, linestyle="")
        axes.annotate("query", (S / 2 - 0.5, 1.04), ha="center")
        axes.set(
            title=f"d_k = {d_k}", xlabel="key position s", yticks=[], ylim=(-0.1, 1.15)
        )
        axes.grid(False)
        largest.append(weights.max().item())
    return figure, largest


figure, largest = draw_focus()
plots.show(
    figure,
    "Rays from one lamp to 16 keys: spread out at d_k = 1, a single ray at d_k = 1024. "
    f"Largest weights {', '.join(f'{x:.2f}' for x in largest)}.",
)

# %% tags=["claim"]
assert largest[0] < 0.3
assert largest[-1] > 0.99
# control: divided by √d_k, the light stays wide at every width
generator = torch.Generator().manual_seed(0)
for d_k in (1, 16, 1024):
    q, K = (torch.randn(n, d_k, generator=generator) for n in (200, 16))
    light = torch.softmax(q @ K.T / math.sqrt(d_k), dim=-1).amax(-1)
    assert light.mean() < 0.4

# %% [markdown]
# **Where the analogy stops.** A sharp light is not a fault: a trained model *wants* it when one key is right. The trouble is a needle that points somewhere by chance before training, because a softmax that is sure of itself hardly moves any more.
# And a lamp has one ring. Attention has two knobs that do the same: the scale, which we fix, and the length of the queries and keys, which it learns.

# %% [markdown]
# ## 3.1 How far scores spread
# *Goal: measure the variance of a dot product.* · 10 min · 4 points
#
# At the start of training, queries and keys are close to random. Say that every entry is standard normal: mean 0, variance 1, all independent. A score adds up d_k products:
#
# $$q \cdot k = \sum_{i=1}^{d_k} q_i k_i$$
#
# Each product has mean 0 and variance 1. Independent variances add. What does that make the variance of the sum? We do not believe it until we have drawn n pairs and taken the *sample variance* of their n scores:
#
# $$\frac{1}{n-1} \sum_{j=1}^{n} (z_j - \bar z)^2 \qquad z_j = \text{the score of pair } j$$
#
# *On paper:* q = (1, −1) and k = (2, 1) score 1. If a second pair scores 3, the mean is 2, the squared deviations are 1 and 1, and the sample variance is 2/(2−1) = 2.


# %% tags=["exercise", "q3_1"]
def score_variance(d_k, n, generator):
    """Sample variance of q · k over n independent pairs of vectors (d_k,) with standard
    normal entries.

    The sum of squared deviations from the mean is divided by n − 1 (n ≥ 2).
    All randomness comes from `generator`, a torch.Generator: equal generators give
    equal numbers.
    Returns a Python float.
    """
    # 1. n queries and n keys, drawn from generator
    # 2. n scores: each query with its own key
    # 3. their sample variance, as a float
    # BEGIN SOLUTION
    q = torch.randn(n, d_k, generator=generator)
    k = torch.randn(n, d_k, generator=generator)
    scores = (q * k).sum(dim=1)
    return scores.var().item()
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Draw all queries as one table (n, d_k) and all keys as another. A score is the sum over one row of their entrywise product. `torch.randn` takes a `generator`. A generator belongs to a device, here the CPU: it draws numbers there and nowhere else.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# q, k   ← two tables (n, d_k) of standard normal numbers
# scores ← for each row, the sum of q · k over the features      (n,)
# return the variance of scores with divisor n − 1, as a Python number
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** `(q * k).sum(dim=1)` pairs row j with row j; `q @ k.T` would also score every query with every *other* key, n² numbers that are not independent. `Tensor.var` divides by n − 1 by default (NumPy's `var` divides by n).
# A generator that is passed in makes the number repeatable without touching anybody else's randomness.

# %% [markdown]
# **Predict before you run the next cell.** From d_k = 16 to d_k = 64, by which factor does the *standard deviation* of the scores grow: 2, 4 or 8? Write it over the dots; it will be shown beside what was measured.

# %% tags=["experiment"]
predicted = {"standard deviation at d_k = 64 / at 16": ...}  # write over the dots

# %% tags=["experiment"]
widths = [2**i for i in range(11)]
generator = torch.Generator().manual_seed(1)
variances = {d_k: score_variance(d_k, 8000, generator) for d_k in widths}
plots.show_table(
    [
        {
            "d_k": d_k,
            "variance of q · k": f"{v:.1f}",
            "variance / d_k": v / d_k,
            "standard deviation": f"{v**0.5:.1f}",
        }
        for d_k, v in variances.items()
    ],
    "8000 random pairs for each width",
)
plots.show_predictions(predicted, [math.sqrt(variances[64] / variances[16])])

# %% tags=["experiment"]
figure, axes = plt.subplots(figsize=(6.4, 3.2))
bins = {
    "bins": 80,
    "range": (-64, 64),
    "density": True,
    "histtype": "step",
    "linewidth": 1.8,
}
for d_k, colour, style in (
    (1, plots.BLACK, "-"),
    (16, plots.VERMILION, "--"),
    (256, plots.BLUE, ":"),
):
    q, k = torch.randn(2, 8000, d_k, generator=generator)
    axes.hist(
        (q * k).sum(1).tolist(),
        color=colour,
        linestyle=style,
        label=f"d_k = {d_k}",
        **bins,
    )
axes.set(
    xlabel="score q · k",
    ylabel="density (share per unit of score)",
    yscale="log",
    title="random queries and keys",
)
axes.legend()
plots.show(
    figure,
    "Histograms of scores: for d_k = 1 within about 8 of zero, for 16 within about "
    "16, for 256 spread out to about 60.",
)

# %% [markdown]
# The variance is d_k at every width, so the standard deviation is $\sqrt{d_k}$: four times as many features, twice the spread. At d_k = 1024 a typical score is 32 away from 0, and to a softmax a lead of 32 is a factor of $e^{32}$.

# %% tags=["claim"]
assert all(0.88 < v / d_k < 1.12 for d_k, v in variances.items())
assert 1.8 < math.sqrt(variances[64] / variances[16]) < 2.2
assert 30 < math.sqrt(variances[1024]) < 34
# control: a query that is its own key has another variance, 2 d_k
q = torch.randn(8000, 64, generator=generator)
assert 110 < (q * q).sum(1).var() < 146

# %% [markdown]
# ## 3.2 How a softmax moves
# *Goal: every derivative of every weight.* · 15 min · 6 points
#
# Learning means moving scores a little and seeing what the weights do. For p = softmax(z) all these slopes fit in one S × S table, the Jacobian:
#
# $$J_{ij} = \frac{\partial p_i}{\partial z_j} = p_i\,\big(\mathbb{1}[i=j] - p_j\big)$$
#
# Here $\mathbb{1}[i=j]$ is 1 where i and j are the same and 0 elsewhere. Shapes: p (…, S) → J (…, S, S), one table for each distribution. The scores themselves are not needed: p knows its own slopes.
#
# *On paper:* p = (¼, ¾) gives $J_{00} = \frac14 \cdot \frac34 = \frac{3}{16}$ and $J_{01} = -\frac14 \cdot \frac34 = -\frac{3}{16}$. What one weight gains, the other loses: every row and every column sums to 0.
#
# Now put p = (0, 1) in. What is left?


# %% tags=["exercise", "q3_2"]
def softmax_jacobian(p):
    """The slopes ∂p_i/∂z_j of p = softmax(z), from the weights p alone: p_i (1[i = j] −
    p_j).

    p (…, S), a torch tensor of weights (a softmax already) → (…, S, S), row i and
    column j, in the floating type of p.
    p may hold zeros, and an all-zero row gives zeros. Gradients reach p and stay
    finite, also where p is 0.
    """
    # 1. the part that is there only when i = j
    # 2. minus the products p_i p_j
    # BEGIN SOLUTION
    return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Multiply the bracket out: two terms. One is a matrix with p on its diagonal, the other an outer product. Both have to work behind any leading axes: look for a function that *embeds* a diagonal, and use axes of length 1 for the product.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# diagonal ← for each distribution, the S × S matrix with p on the diagonal
# products ← p as a column (…, S, 1) times p as a row (…, 1, S)
# return diagonal − products
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Where the formula comes from.** Differentiate $e^{z_i}/\sum_k e^{z_k}$ by the quotient rule: the top gives $p_i\,\mathbb{1}[i=j]$, the bottom $-p_i p_j$. `torch.diag` and `torch.outer` do the same for a single row; with a batch, `torch.diag` of a matrix does something else altogether (it *reads* a diagonal).
# A one-hot p has the zero matrix as its Jacobian: nothing moves. That is what "saturated" means.

# %% tags=["experiment"]
z = torch.tensor([2.0, 1.0, 0.0, -1.0])
figure, panels = plt.subplots(1, 3, figsize=(7.4, 2.8))
norms = []
for axes, stretch in zip(panels, (0.3, 1.0, 8.0), strict=True):
    p = torch.softmax(stretch * z, dim=0)
    J = softmax_jacobian(p)
    norms.append(J.norm().item())
    image = axes.imshow(J.numpy(), cmap=plots.SIGNED_MAP, vmin=-0.45, vmax=0.45)
    for i in range(4):
        for j in range(4):
            axes.text(j, i, f"{J[i, j]:z.2f}", ha="center", va="center", fontsize=7)
    axes.set(
        title=f"scores × {stretch:g}\nlargest weight {p.max():.2f}",
        xlabel="score z_j",
        ylabel="weight p_i",
    )
    axes.set(xticks=range(4), yticks=range(4))
    axes.grid(False)
figure.colorbar(image, ax=panels, label="slope ∂p/∂z", shrink=0.8)
plots.show(
    figure,
    "Three Jacobians, positive on the diagonal and negative beside it; "
    f"their norms are {', '.join(f'{x:.3f}' for x in norms)}: the third is empty.",
)

# %% tags=["experiment"]
by_torch = torch.autograd.functional.jacobian(lambda z: torch.softmax(z, dim=0), z)
difference = (softmax_jacobian(torch.softmax(z, dim=0)) - by_torch).abs().max().item()
print("largest difference from torch's own Jacobian:", difference)

# %% [markdown]
# The same four scores, stretched. On the left and in the middle every score moves every weight: raising one pulls its own weight up (the diagonal) and all others down.
# Stretched eightfold, one weight has everything, and no score moves it.

# %% tags=["claim"]
assert min(norms[:2]) > 0.35
assert norms[2] < 0.001
assert torch.allclose(softmax_jacobian(torch.softmax(z, 0)), by_torch, atol=1e-6)
assert torch.allclose(
    softmax_jacobian(torch.tensor([0.25, 0.75])),
    torch.tensor([[3.0, -3.0], [-3.0, 3.0]]) / 16,
)
# control: the derivative of a sigmoid, on the diagonal alone, is not it
p = torch.softmax(z, 0)
assert (torch.diag(p * (1 - p)) - by_torch).abs().max() > 0.05

# %% [markdown]
# ## 3.3 ★ How wide the light is
# *Goal: one number for the sharpness of attention.* · 10 min · 7 points
#
# The largest weight says how bright the brightest key is. Entropy says how many keys share the light: with n equal weights it is log n, with a single one it is 0, and everything else lies between.
#
# $$\mathrm{entropy}(p) = -\sum_s p_s \log p_s \qquad (0 \cdot \log 0 = 0)$$
#
# The logarithm is the natural one, and the unit is then called the *nat*. Shapes: weights (…, S) → (…).
#
# *On paper:* (½, ½, 0) gives ½ ln 2 + ½ ln 2 + 0 = ln 2 ≈ 0.693 nats: two keys share the light.
#
# A computer thinks that 0 · log 0 is NaN. There is a second trap behind the first: the *slope* of −p log p at 0 is infinite, and one infinite slope spoils a whole training step. We ask for a finite one.


# %% tags=["exercise", "q3_3"]
def attention_entropy(weights):
    """Entropy of each query's weights over the keys, −Σ_s p_s log p_s, in nats; 0 · log
    0 counts as 0.

    weights (…, S) → (…), in the floating type of the weights.
    A row of zeros (nothing to attend to) has entropy 0.
    A tiny epsilon inside the log (1e-7 or less) is accepted.
    Gradients reach the weights: exact where they are positive, and finite (of any size)
    where they are 0.
    """
    # 1. logs that are harmless where a weight is 0
    # 2. minus the sum of p log p over the keys
    # BEGIN SOLUTION
    harmless = torch.where(weights > 0, weights, torch.ones_like(weights))
    return -(weights * harmless.log()).sum(dim=-1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Repairing the *result* with `torch.where` is too late: on the way back the gradient goes through log 0 all the same, and 0 · ∞ is NaN. Change what goes *into* the log where the weight is 0. Which number has the log 0?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# inside ← the weights, with every 0 replaced by a number whose log is finite
# terms  ← weights · log(inside)
# return −(sum of terms over the last axis)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why 1?** Its log is 0, so a zero weight adds 0 · 0 = 0 going forward and log 1 = 0 going backward. `torch.special.entr` and `torch.xlogy` get the value right and return an infinite or undefined slope at 0.
# The other common answer, `log(weights + 1e-9)`, is off by about S · 1e-9 and has a large but finite slope; `torch.where(weights > 0, weights * weights.log(), 0)` has the right value and the gradient NaN.

# %% tags=["experiment"]
rows = []
for weights in (
    [1.0, 0.0, 0.0, 0.0],
    [0.5, 0.5, 0.0, 0.0],
    [0.85, 0.05, 0.05, 0.05],
    [0.25] * 4,
):
    entropy = (
        attention_entropy(torch.tensor(weights)).item() + 0.0
    )  # + 0.0 turns −0 into 0
    rows.append(
        {
            "weights": str(weights),
            "entropy (nats)": entropy,
            "as a number of keys: e^entropy": math.exp(entropy),
        }
    )
plots.show_table(rows)

# %% tags=["claim"]
assert math.isclose(
    attention_entropy(torch.tensor([0.5, 0.5, 0.0])).item(), math.log(2), abs_tol=1e-6
)
assert math.isclose(
    attention_entropy(torch.tensor([0.25] * 4)).exp().item(), 4, abs_tol=1e-5
)
# control: in bits it is another number, and plain p log p is NaN at a 0
half = torch.tensor([0.5, 0.5, 0.0])
assert abs(attention_entropy(half).item() / math.log(2) - math.log(2)) > 0.3
assert (half * half.log()).sum().isnan()

# %% [markdown]
# ### Experiment: what d_k does to a softmax
#
# Everything is in place. We draw 512 queries with 32 random keys each, for d_k from 1 to 1024, take the softmax of the plain scores and of the scores divided by $\sqrt{d_k}$, and measure three things: the largest weight, the entropy, and the norm of the Jacobian (how far the weights move when a score does).
#
# **Predict, and draw it on paper first:** as d_k grows and nothing is divided, does the norm of the Jacobian (a) fall from the start, (b) rise from the start, (c) rise and then fall? At which d_k does the undivided curve cross the divided one?

# %% tags=["experiment"]
predicted = {
    "the norm, undivided: (a), (b) or (c)": ...,
    "the curves cross at d_k": ...,
}

# %% tags=["experiment"]
def saturation(d_k, scale, queries=512, S=32):
    """How sharp the softmax of scale · q · k is, and how far it moves: means."""
    generator = torch.Generator().manual_seed(d_k)
    q = torch.randn(queries, 1, d_k, generator=generator)
    K = torch.randn(queries, S, d_k, generator=generator)
    weights = torch.softmax(scale * q @ K.transpose(-2, -1), dim=-1)[:, 0]
    J = softmax_jacobian(weights)
    return {
        "largest weight": weights.amax(-1).mean().item(),
        "entropy (nats)": attention_entropy(weights).mean().item(),
        "norm of ∂p/∂z": J.flatten(1).norm(dim=1).mean().item(),
        "at the query": (scale * J @ K).flatten(1).norm(dim=1),  # (queries,), for later
        "each largest weight": weights.amax(-1),
    }


raw, scaled = {}, {}
for d_k in progress(widths, "d_k from 1 to 1024"):
    raw[d_k], scaled[d_k] = saturation(d_k, 1.0), saturation(d_k, 1 / math.sqrt(d_k))

# %% tags=["experiment"]
figure, panels = plt.subplots(1, 3, figsize=(8.0, 3.1))
for axes, name in zip(
    panels, ("largest weight", "entropy (nats)", "norm of ∂p/∂z"), strict=True
):
    axes.plot(widths, [raw[d_k][name] for d_k in widths], label="q · k")
    axes.plot(widths, [scaled[d_k][name] for d_k in widths], label="q · k / √d_k")
    axes.set_xscale("log", base=2)
    axes.set_xticks(widths[::2], widths[::2])
    axes.set(title=name, xlabel="d_k", ylim=(0, None))
handles = panels[0].get_legend_handles_labels()
figure.legend(*handles, loc="outside lower center", ncols=2)
plots.show(
    figure,
    "Against d_k from 1 to 1024, undivided: the largest weight rises to nearly 1, the "
    "entropy falls to nearly 0, "
    "the Jacobian's norm rises until 8 and then falls. Divided: all three are nearly "
    "level.",
)

# %% tags=["experiment"]
rows = []
for d_k in (1, 8, 32, 64, 256, 1024):
    row = {"d_k": d_k}
    for name in ("largest weight", "entropy (nats)", "norm of ∂p/∂z"):
        row |= {f"{name}, raw": raw[d_k][name], f"{name}, scaled": scaled[d_k][name]}
    rows.append(row)
plots.show_table(rows, "raw: softmax of q · k; scaled: of q · k / √d_k")
norms = {d_k: raw[d_k]["norm of ∂p/∂z"] for d_k in widths}
top = max(widths, key=norms.get)
shape = {widths[0]: "(a)", widths[-1]: "(b)"}.get(top, f"(c), highest at {top}")
below = [d_k for d_k in widths if norms[d_k] < scaled[d_k]["norm of ∂p/∂z"] - 1e-6]
crossing = f"between {below[0] // 2} and {below[0]}"
plots.show_predictions(predicted, [shape, crossing])

# %% [markdown]
# Scaled, hardly anything depends on d_k: about 0.16 on the best of 32 keys, about 3.0 nats of at most log 32 ≈ 3.5. Unscaled, the light closes to a needle: at d_k = 1024 the best key has .95.
#
# The right answer was (c). The Jacobian of the undivided scores is *larger* from d_k = 2 to 32, smaller from 64 on, less than half at 256, and a quarter at 1024.
# Why larger first? When 32 keys share the light evenly, each has little to give away: its own slope is about 1/32. When two keys share it, each slope is ¼. A softmax moves most when it is torn between two keys: the norm is .50 at (½, ½), .18 at (.9, .1), and .17 with 32 equal weights.

# %% tags=["claim"]
assert all(0.13 < scaled[d_k]["largest weight"] < 0.18 for d_k in widths)
assert all(2.9 < scaled[d_k]["entropy (nats)"] < 3.2 for d_k in widths)
assert raw[1024]["largest weight"] > 0.94
assert raw[1024]["entropy (nats)"] < 0.2
norm = {d_k: raw[d_k]["norm of ∂p/∂z"] / scaled[d_k]["norm of ∂p/∂z"] for d_k in widths}
assert all(norm[d_k] > 1.05 for d_k in (2, 4, 8, 16, 32))
assert all(norm[d_k] < 1 for d_k in (64, 128, 256, 512, 1024))
assert max(widths, key=lambda d_k: raw[d_k]["norm of ∂p/∂z"]) == 8
assert norm[256] < 0.5
assert 0.2 < norm[1024] < 0.3
torn = [softmax_jacobian(torch.tensor(p)).norm().item()
        for p in ([0.5, 0.5], [0.9, 0.1], [1 / 32] * 32)]
assert [round(x, 2) for x in torn] == [0.5, 0.18, 0.17]
# control: divided by d_k nothing stays level, the light opens until it is even
opened = [saturation(d_k, 1 / d_k)["entropy (nats)"] for d_k in (1, 64, 1024)]
assert opened[0] < 3.1
assert opened[-1] > 3.46 > opened[1] > opened[0]

# %% [markdown]
# ### What arrives at the query
#
# A query learns through $\partial p / \partial q = c\, J K$, where c is the scale. Leaving the scale out also leaves out a factor $1/\sqrt{d_k}$ *here*. Which of the two wins, the larger factor or the smaller Jacobian? The next cell looks at each of the 512 queries: the mean of this slope, and its median (half of the queries get less than that).

# %% tags=["experiment"]
slopes = {
    "q · k": {d_k: raw[d_k]["at the query"] for d_k in widths},
    "q · k / √d_k": {d_k: scaled[d_k]["at the query"] for d_k in widths},
}
curves = {}
for name, by_width in slopes.items():
    curves[f"{name}, mean"] = [slope.mean().item() for slope in by_width.values()]
    curves[f"{name}, median"] = [slope.median().item() for slope in by_width.values()]
plots.show_curves(
    widths,
    curves,
    "Slope at the query against d_k. Undivided: the mean keeps rising to about 1.9, "
    "the median rises to 1.6 at 32 "
    "and falls to 0.002. Divided: mean and median stay near 0.24, a little lower at 1.",
    x_label="d_k",
    y_label="norm of ∂p/∂q",
    log_x=True,
    log_y=True,
    title="feast or famine",
)

# %% tags=["experiment"]
rows = []
for d_k in (1, 16, 64, 128, 256, 1024):
    row = {"d_k": d_k}
    for name, way in (("q · k", "raw"), ("q · k / √d_k", "scaled")):
        slope = slopes[name][d_k]
        row |= {
            f"mean, {way}": f"{slope.mean():.3f}",
            f"median, {way}": f"{slope.median():.3f}",
        }
        row |= {
            f"largest, {way}": f"{slope.max():.2f}",
            f"below .01, {way}": f"{(slope < 0.01).float().mean():.0%}",
        }
    rows.append(row)
plots.show_table(rows, "norm of ∂p/∂q over 512 queries")

order = slopes["q · k"][1024].argsort(descending=True)
carried = (
    slopes["q · k"][1024][order[:102]].sum() / slopes["q · k"][1024].sum()
).item()
open_ones, closed_ones = (
    raw[1024]["each largest weight"][part].mean().item()
    for part in (order[:102], order[102:])
)
print(
    f"d_k = 1024, raw: the top fifth of the queries has {carried:.0%} of all slope;\n"
    f"its largest weights average {open_ones:.2f}, those of the others "
    f"{closed_ones:.3f}"
)

# %% [markdown]
# "Gradients vanish" is half of the story. *On average* the undivided slope at the query is the larger one at every width above 1. But at d_k = 1024 a fifth of the queries has more than nine tenths of it: those whose softmax has not closed yet.
# The typical query gets more than it would with scaling from d_k = 2 to 128 and less from 256 on;
# at 1024 more than half of the queries get next to nothing (below .01) while one gets more than 10. With scaling, everybody gets about the same. That is what $\sqrt{d_k}$ buys: not a larger gradient, an even one, at every width.

# %% tags=["claim"]
undivided, divided = slopes["q · k"], slopes["q · k / √d_k"]
assert all(undivided[d_k].mean() > divided[d_k].mean() for d_k in widths[1:])
assert all(
    undivided[d_k].median() > divided[d_k].median()
    for d_k in (2, 4, 8, 16, 32, 64, 128)
)
assert all(undivided[d_k].median() < divided[d_k].median() for d_k in (256, 512, 1024))
assert (undivided[1024] < 0.01).float().mean() > 0.5
assert undivided[1024].max() > 10
assert all(
    0.18 < divided[d_k].median() < 0.25 and divided[d_k].max() < 0.8 for d_k in widths
)
assert all((divided[d_k] < 0.01).sum() == 0 for d_k in widths)
assert 1.8 < undivided[1024].mean() < 2
assert 1.5 < undivided[32].median() < 1.7
assert undivided[1024].median() < 0.002
assert carried > 0.9
assert open_ones < 0.9
assert closed_ones > 0.99
# control: divided, the top fifth of the queries has little more than a fifth
even = divided[1024].sort(descending=True).values
assert (even[:102].sum() / even.sum()) < 0.35

# %% [markdown]
# ## 3.4 Scaled dot-product attention
# *Goal: the attention of every transformer, with a mask.* · 20 min · 7 points
#
# Divide by the standard deviation, and random scores have variance 1 whatever d_k is. Some keys must not be looked at (padding, the future); a **mask** says which: bool, `True` = may attend.
#
# $$\mathrm{weights} = \mathrm{softmax}\!\left(\frac{Q K^{\top}}{\sqrt{d_k}}\right) \text{ over the allowed keys} \qquad \mathrm{output} = \mathrm{weights} \cdot V$$
#
# Shapes: Q (…, T, d_k), K (…, S, d_k), V (…, S, d_v), mask broadcastable to (…, T, S) → output (…, T, d_v), weights (…, T, S). What is blocked gets the weight 0, and the others share 1. A query that may attend to *nothing* gets zeros, never NaN: there is nothing to share.
#
# *On paper:* d_k = 4, q = (1, 1, 1, 1), keys (1, 1, 1, 1) and (0, 0, 0, 0). The scores are 4/2 = 2 and 0, the weights .88 and .12 (undivided: .98 and .02). With the first key blocked the weights are 0 and 1.


# %% tags=["exercise", "q3_4"]
def scaled_dot_product_attention(Q, K, V, mask=None):
    """Average the values by how well each key matches the query: softmax(Q Kᵀ / √d_k)
    V.

    Q (…, T, d_k), K (…, S, d_k), V (…, S, d_v), with the same leading dimensions;
    mask bool, broadcasts to (…, T, S), True = may attend.
    Returns the output (…, T, d_v) and the weights (…, T, S), in the floating type of
    the inputs.
    A query that may attend to nothing gets zero weights and a zero output.
    Scores may be in the tens of thousands, above or below 0, those of blocked keys too.
    Gradients reach Q, K and V and stay finite, also in rows with nothing to attend to.
    Written with your own steps: the check watches for calls of torch's
    scaled_dot_product_attention and refuses them.
    Vaswani et al. 2017, eq. 1.
    """
    # 1. scores (…, T, S), divided by √d_k
    # 2. with a mask: no exponential may be left for a blocked key
    # 3. weights: softmax over the keys; zeros, not NaN, where there is nothing to
    #    attend to
    # 4. output: for every query, the average of the values
    # BEGIN SOLUTION
    scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
    if mask is not None:
        nothing_open = ~mask.any(dim=-1, keepdim=True)
        scores = scores.masked_fill(~mask, -torch.inf).masked_fill(nothing_open, 0.0)
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ V, weights
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Block *before* the softmax: a score of −∞ has the exponential 0. A row of nothing but −∞ is 0/0; give such rows any finite scores first and set their weights to 0 afterwards. Then no NaN ever exists, forward or backward.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# scores ← Q times K with its last two axes swapped, over the root of the feature count
# if there is a mask:
#     scores ← −∞ where the mask is False
#     scores ← 0 in rows where no key is allowed
# weights ← softmax over keys
# if there is a mask: weights ← 0 where the mask is False
# output ← weights times V
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why the mask is used twice.** The first time it changes the softmax, so that the allowed weights sum to 1; zeroing only afterwards would leave a row that sums to less. The second time it matters only for rows with nothing open, which got harmless scores of 0 and would otherwise spread 1/S over forbidden keys.
# `torch.nan_to_num` after the softmax can also work, but it depends on how −∞ got there: *adding* −∞ gives the right value and the gradient NaN. A finite fill such as −10⁴ is not "as good as −∞": equal fills make equal weights in an empty row, and real scores may lie lower.
# Notebook 1 filled with the lowest number of the type instead. That works as well: the row of equal fills it leaves is finite, and the zeros afterwards remove it. −∞ says what is meant, and pays with the extra line for empty rows.

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(4)
Q, K, V = (
    torch.randn(*size, generator=generator) for size in ((5, 16), (6, 16), (6, 3))
)
mask = torch.tensor(
    [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 1],
        [0] * 6,
        [1, 0, 0, 0, 0, 0],
    ]
).bool()
output, weights = scaled_dot_product_attention(Q, K, V, mask)
plots.show_weights(
    weights,
    "Five queries over six keys. Row 0 spreads over all, row 1 over the first three, "
    "row 2 over the last three, "
    "row 3 is all zero, row 4 is all on key 0.",
    title="five queries, five rows of the mask",
)
theirs = nn.functional.scaled_dot_product_attention(Q[None], K[None], V[None])[0]
print("row sums", [round(total, 3) for total in weights.sum(-1).tolist()])
ours = scaled_dot_product_attention(Q, K, V)[0]
print(
    "largest difference from torch's own, without a mask:",
    (ours - theirs).abs().max().item(),
)

# %% tags=["claim"]
assert torch.allclose(weights.sum(-1), torch.tensor([1.0, 1, 1, 0, 1]))
assert torch.equal(output[3], torch.zeros(3))
assert torch.allclose(ours, theirs, atol=1e-5)
example = scaled_dot_product_attention(
    torch.ones(1, 4), torch.tensor([[1.0] * 4, [0.0] * 4]), torch.ones(2, 1)
)[1][0]
assert math.isclose(example[0].item(), 0.88, abs_tol=0.005)
assert math.isclose(
    torch.softmax(torch.tensor([4.0, 0]), 0)[0].item(), 0.98, abs_tol=0.005
)
# control: the same mask set after the softmax leaves rows that do not sum to 1
after = scaled_dot_product_attention(Q, K, V)[1] * mask
assert (after.sum(-1)[1:] < 0.99).all()

# %% [markdown]
# ### Turn it by hand
#
# Sixteen random keys, sorted by weight, three ways to divide. A **temperature** divides all scores once more. Turn it: at d_k = 1024, which temperature makes the undivided softmax look like the one divided by $\sqrt{d_k}$ does at temperature 1? And what is wrong with dividing by d_k?

# %% tags=["experiment"]
def draw_weights_by_width(d_k, temperature):
    generator = torch.Generator().manual_seed(3)
    q, K = (
        torch.randn(d_k, generator=generator),
        torch.randn(16, d_k, generator=generator),
    )
    figure, panels = plt.subplots(1, 3, figsize=(7.4, 2.7), sharey=True)
    divisors, said = (
        {"q · k": 1, "q · k / √d_k": math.sqrt(d_k), "q · k / d_k": d_k},
        [],
    )
    for axes, (name, divisor) in zip(panels, divisors.items(), strict=True):
        weights = (
            torch.softmax(K @ q / divisor / temperature, dim=0)
            .sort(descending=True)
            .values
        )
        keys = attention_entropy(weights).exp().item()
        axes.bar(range(16), weights.tolist(), color=plots.BLUE)
        axes.set(
            title=f"{name}\n{keys:.1f} of 16 keys",
            xlabel="keys, best first",
            ylim=(0, 1),
        )
        said.append(f"{name}: {keys:.1f} keys")
    panels[0].set_ylabel("weight")
    setting = f"d_k = {d_k} and temperature {temperature}"
    return (
        figure,
        f"Sorted weights of 16 keys at {setting}. Effective numbers of keys: "
        f"{'; '.join(said)}.",
    )


plots.turn_by_hand(
    draw_weights_by_width,
    d_k=[1024, 256, 64, 16, 4, 1],
    temperature=[1, 2, 4, 8, 16, 32],
)

# %% [markdown]
# A temperature of 32 = √1024 does it: the scale *is* a temperature, chosen so that you need not choose it again for each d_k. Dividing by d_k goes too far: at d_k = 1024 the weights are all but equal, and attention is a plain average.

# %% tags=["claim"]
generator = torch.Generator().manual_seed(3)
q, K = (
    torch.randn(1024, generator=generator),
    torch.randn(16, 1024, generator=generator),
)
assert torch.allclose(
    torch.softmax(K @ q / 32, 0),
    scaled_dot_product_attention(q[None], K, K)[1][0],
    atol=1e-5,
)
assert attention_entropy(torch.softmax(K @ q / 1024, 0)).exp() > 15.9
assert attention_entropy(torch.softmax(K @ q, 0)).exp() < 1.6
# control: half that temperature is not the same
hotter = torch.softmax(K @ q / 16, 0)
assert (hotter - torch.softmax(K @ q / 32, 0)).abs().max() > 0.05

# %% [markdown]
# ### Experiment: does it train without?
#
# The look-up task of notebook 2: eight slots, a key and a value in each, one question. Queries and keys come from `nn.Linear` as PyTorch makes it, and Adam trains, at a small and at a larger learning rate. For "raw" the model multiplies Q by $\sqrt{d_k}$, which undoes your scale.
#
# **Predict:** d_k = 16, 64, 256. Where does "raw" fall behind: everywhere, only at 256, or does it depend on the learning rate? Guessing gets 1/8.

# %% tags=["experiment"]
predicted = {
    "raw, d_k = 64, learning rate 0.001": ...,  # accuracies from 0 to 1
    "raw, d_k = 64, learning rate 0.01": ...,
    "raw, d_k = 256, learning rate 0.001": ...,
    "raw, d_k = 256, learning rate 0.01": ...,
}

# %% tags=["experiment"]
class Lookup(nn.Module):
    def __init__(self, d_k, is_scaled, d_model=32):
        super().__init__()
        self.ask, self.key, self.value = (
            nn.Embedding(32, d_model),
            nn.Embedding(32, d_model),
            nn.Embedding(8, 16),
        )
        self.W_q, self.W_k = (nn.Linear(d_model, d_k, bias=False) for _ in range(2))
        self.read = nn.Linear(16, 8)
        self.undo = 1.0 if is_scaled else math.sqrt(d_k)

    def forward(self, task):
        Q = self.undo * self.W_q(self.ask(task.query))[:, None]  # (B, 1, d_k)
        found, _ = scaled_dot_product_attention(
            Q, self.W_k(self.key(task.keys)), self.value(task.values)
        )
        return self.read(found[:, 0])  # (B, values)


# %% tags=["experiment"]
def accuracy(d_k, lr, is_scaled, seed):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Lookup(d_k, is_scaled)

    def loss():
        task = recall_task(64, 8, 32, 8, generator)
        return nn.functional.cross_entropy(model(task), task.answer)

    train(model, loss, 400, lr=lr, clip=None, quiet=True)
    test = recall_task(2000, 8, 32, 8, generator)
    with torch.no_grad():
        return (model(test).argmax(-1) == test.answer).float().mean().item()


# %% tags=["experiment"]
sizes, rates, seeds = (16, 64, 256), (0.001, 0.01), (0, 1)
settings = [
    (d_k, lr, is_scaled, seed)
    for d_k in sizes
    for lr in rates
    for is_scaled in (False, True)
    for seed in seeds
]
results = {
    setting: accuracy(*setting) for setting in progress(settings, "24 small models")
}

# %% tags=["experiment"]
curves = {}
for is_scaled in (False, True):
    for lr in rates:
        name = f"{'scaled' if is_scaled else 'raw'}, learning rate {lr}"
        curves[name] = [
            [results[d_k, lr, is_scaled, seed] for d_k in sizes] for seed in seeds
        ]
learned = {
    name: dict(zip(sizes, torch.tensor(curve).mean(0).tolist(), strict=True))
    for name, curve in curves.items()
}
plots.show_table(
    [{"d_k": d_k, **{name: learned[name][d_k] for name in curves}} for d_k in sizes],
    "accuracy on 2000 new memories after 400 steps of Adam, mean of two seeds",
)
plots.show_curves(
    sizes,
    curves,
    "Accuracy against d_k for four settings, with the range of two seeds shaded. The "
    "two scaled curves stay at 1; "
    "both raw ones have fallen at 256, the one with the larger rate from 64 on.",
    x_label="d_k",
    y_label="accuracy",
    log_x=True,
    y_limits=(0, 1.05),
    reference=(1 / 8, "guessing"),
    title="400 steps of Adam",
)
found = [learned[f"raw, learning rate {lr}"][d_k] for d_k in (64, 256) for lr in rates]
plots.show_predictions(predicted, found)

# %% [markdown]
# How much of this is Adam's doing? The control: the same models, trained with plain SGD (learning rate 0.1, momentum 0.9, 500 steps), which takes every gradient as large or small as it is.

# %% tags=["experiment"]
def accuracy_with_sgd(d_k, is_scaled, seed=0):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Lookup(d_k, is_scaled)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, fused=True)
    for _ in range(500):
        task = recall_task(64, 8, 32, 8, generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(task), task.answer).backward()
        optimizer.step()
    test = recall_task(2000, 8, 32, 8, generator)
    with torch.no_grad():
        return (model(test).argmax(-1) == test.answer).float().mean().item()


by_sgd = {
    (d_k, is_scaled): accuracy_with_sgd(d_k, is_scaled)
    for d_k, is_scaled in progress(
        [(d_k, is_scaled) for d_k in (64, 256) for is_scaled in (False, True)], "SGD"
    )
}
plots.show_table(
    [
        {"d_k": d_k, "raw": by_sgd[d_k, False], "scaled": by_sgd[d_k, True]}
        for d_k in (64, 256)
    ],
    "accuracy after 500 steps of SGD with momentum, one seed",
)

# %% [markdown]
# Scaled, all twelve models answer everything. Raw, it depends. Adam trains either way at d_k = 16 at both rates, and at 64 at the smaller one. At the larger rate the raw model is behind from 64 on, and at 256 it is behind at both rates, more so at the larger.
#
# So the scale is not a *condition* for learning with Adam, which divides each step by the size of recent gradients. Take that repair away, and the raw models are far behind at 64 and at 256, while the scaled ones still learn everything. The scale makes one learning rate fit every width. (This is one small task and a few hundred steps; we have not measured what ten thousand would do.)

# %% tags=["claim"]
assert all(results[setting] > 0.98 for setting in settings if setting[2])
small, large = learned["raw, learning rate 0.001"], learned["raw, learning rate 0.01"]
assert min(small[16], large[16], small[64]) > 0.98
assert large[64] < 0.97
assert small[256] < 0.96
assert large[256] < small[256]
assert large[256] < large[64]
assert min(by_sgd[64, True], by_sgd[256, True]) > 0.98
assert max(by_sgd[64, False], by_sgd[256, False]) < 0.9
# control: with Adam at the smaller rate the raw model of width 64 is not behind
assert small[64] > 0.98

# %% [markdown]
# > **Out in the wild.** A query with nothing to see, values 0 to 4 (mean 2), boolean mask. Ours gives 0; torch {{guide:version/torch}}'s function {{guide:sdpa/empty_bool}}, its `nn.MultiheadAttention` {{guide:mha/empty_bool}};
# > JAX {{guide:version/jax}} {{guide:jax/empty_bool}}, Flax {{guide:version/flax}} {{guide:linen/empty_bool}}, Keras {{guide:version/keras}} {{guide:keras_mha/empty_bool}}: the mean of what it may *not* see. With −inf added to every score, JAX gives {{guide:jax/empty_inf}}.
# > torch's function exported to ONNX and run by onnxruntime {{guide:version/onnxruntime}}: {{guide:meetings/onnx_export}}. Measured in `docs/field-guide.md`.

# %% [markdown]
# ## 3.5 ★ Which scale?
# *Goal: the scale when entries are not standard normal.* · 5 min · 4 points
#
# $1/\sqrt{d_k}$ rests on an assumption: that entries of q and k have variance 1. If they do not, another factor gives scores of variance 1. Entries are independent with mean 0, var_q and var_k are their variances; then the variance of one product is the product of the two, and
#
# $$\mathrm{Var}(c \; q \cdot k) = c^2 \, d_k \, \mathrm{var}_q \, \mathrm{var}_k$$
#
# Which c makes this 1?
#
# *On paper:* var_q = 4, var_k = 9, d_k = 16. One product has variance 36, sixteen of them 576, the standard deviation is 24, and the factor 1/24.


# %% tags=["exercise", "q3_5"]
def choose_scale(var_q, var_k, d_k):
    """The factor that q · k is multiplied with to have variance 1.

    var_q, var_k: the variances (not standard deviations) of the entries of q and of k,
    positive.
    d_k: how many entries each has; all are independent, with mean 0. Returns a float.
    """
    # 1. the variance of q · k
    # 2. the factor that makes it 1
    # BEGIN SOLUTION
    return 1 / math.sqrt(var_q * var_k * d_k)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Set the right-hand side of the equation to 1 and solve for c. A factor to *multiply* with is asked for.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# variance ← variance of one product, times how many there are
# return one over its square root
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why independent and mean 0?** In general Var(qk) = var_q var_k + var_q·mean_k² + var_k·mean_q² (for independent q and k). With means of 0 only the first term is left. And a variance scales with the *square* of a factor, hence the root.

# %% [markdown]
# **Predict:** `nn.Linear` does not start with weights that keep the variance of its inputs. Do its queries and keys, divided by $\sqrt{d_k}$ as usual, score with a variance above 1, below 1, or 1?

# %% tags=["experiment"]
predicted = {"variance of the scores at d_k = 64, divided by √d_k": ...}

# %% tags=["experiment"]
torch.manual_seed(5)
X, rows = torch.randn(4000, 64), []
for d_k in (16, 64, 256):
    with torch.no_grad():
        q, k = (
            nn.Linear(64, d_k, bias=False)(X[:2000]),
            nn.Linear(64, d_k, bias=False)(X[2000:]),
        )
    scores, usual = (q * k).sum(-1), 1 / math.sqrt(d_k)
    fitting = choose_scale(q.var().item(), k.var().item(), d_k)
    rows.append(
        {
            "d_k": d_k,
            "variance of q's entries": q.var().item(),
            "1/√d_k": f"{usual:.3f}",
            "variance with it": (usual * scores).var().item(),
            "choose_scale": f"{fitting:.3f}",
            "variance with that": (fitting * scores).var().item(),
        }
    )
plots.show_table(
    rows,
    "queries and keys from nn.Linear, as PyTorch initialises it, on standard normal "
    "inputs",
)
plots.show_predictions(predicted, [rows[1]["variance with it"]])

# %% [markdown]
# PyTorch starts a linear layer with weights of variance 1/(3·inputs), so these queries and keys have variance ⅓ and the usual scale gives scores of variance about 1/9: *softer* than the textbook's calculation. Training can make queries and keys longer. The scale has to get the growth with d_k right, and it does: the variance hardly changes from 16 to 256.

# %% tags=["claim"]
assert all(0.28 < row["variance of q's entries"] < 0.39 for row in rows)
assert all(
    0.08 < row["variance with it"] < 0.15 and 0.8 < row["variance with that"] < 1.25
    for row in rows
)
# control: multiplied by the variance and not by its root, it is far from 1
for row in rows:
    squared = row["variance with that"] * float(row["choose_scale"]) ** 2
    assert squared < 0.75

# %% [markdown]
# ## 3.6 The log of a softmax
# *Goal: keep the numbers that the softmax loses.* · 10 min · 6 points
#
# Losses take the *log* of a softmax. When a score lies 200 below the best, its weight is $e^{-200}$, which float32 rounds to 0, and log 0 is −∞: the loss is infinite and its gradient NaN. Yet the true answer, −200, is a perfectly ordinary number. The way out is never to build the weight:
#
# $$\log \mathrm{softmax}(z)_i = z_i - \log \sum_j e^{z_j} = (z_i - m) - \log \sum_j e^{z_j - m} \qquad m = \max_j z_j$$
#
# Shapes: z any shape → the same; `axis` names the lines that belong together.
#
# *On paper:* z = (0, ln 3). The exponentials sum to 4, so the logs are −ln 4 ≈ −1.386 and ln 3 − ln 4 ≈ −0.288.


# %% tags=["exercise", "q3_6"]
def log_softmax(z, axis=-1):
    """Logarithm of the softmax along one axis: z_i − log Σ_j exp(z_j).

    z: a torch tensor of any shape; returns the same shape and floating type.
    Finite wherever the true value can be represented, line by line, for z of any size.
    Gradients reach z and stay finite.
    """
    # 1. shift every line by its maximum
    # 2. the log of the sum of exponentials of each line
    # 3. shifted numbers minus that log
    # BEGIN SOLUTION
    shifted = z - z.amax(dim=axis, keepdim=True)
    return shifted - shifted.exp().sum(dim=axis, keepdim=True).log()
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# The right-hand form of the equation never takes the log of anything smaller than 1: the largest term of the sum is $e^0$. Keep the axis (`keepdim`) so that each line meets its own maximum and its own sum.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# shifted ← z − (maximum of each line, axis kept)
# logs    ← log of (sum of exp(shifted) along the line, axis kept)
# return shifted − logs
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it is safe.** After the shift the sum lies between 1 and S, so its log lies between 0 and log S: nothing overflows, nothing underflows to a log of 0. `z − torch.logsumexp(z, …)` is the same. `log(softmax(z) + 1e-9)` is finite and wrong: it can never go below −20.7.

# %% tags=["experiment"]
behind = torch.arange(0, 201, 10, dtype=torch.float32)
z = torch.stack([torch.zeros_like(behind), -behind], dim=-1).requires_grad_()
ways = {
    "log(softmax(z))": torch.softmax(z, dim=-1).log()[:, 1],
    "log(softmax(z) + 1e-9)": (torch.softmax(z, dim=-1) + 1e-9).log()[:, 1],
    "log_softmax(z)": log_softmax(z)[:, 1],
}
plots.show_curves(
    behind.tolist(),
    {name: logs.detach().numpy() for name, logs in ways.items()},
    "Log weight of the second key against how far it lies behind: log of softmax "
    "stops at 100, "
    "with an epsilon it levels off at -20.7, log_softmax goes straight down to -200.",
    x_label="how far the second score lies behind the first",
    y_label="log of its weight",
    title="float32",
)
rows, slope_at_200 = [], {}
for name, logs in ways.items():
    slope_at_200[name] = torch.autograd.grad(logs.sum(), z, retain_graph=True)[0][
        -1, 1
    ].item()
    finite = f"up to {behind[logs.isfinite()].max():.0f}"
    rows.append(
        {
            "formula": name,
            "finite": finite,
            "at 200": f"{logs[-1]:.1f}",
            "gradient at 200": f"{slope_at_200[name]:.2g}",
        }
    )
plots.show_table(rows)

# %% [markdown]
# The two obvious ways fail, one loudly and one quietly. The first ends in −∞ with the gradient NaN; the second stays finite, stops at −20.7 and has no gradient left (exactly 0 here), just where the model is most wrong. Notebook 6 builds its loss on the log of a softmax.

# %% [markdown]
# ### Put it to use: a loss
#
# For a right answer y a model pays $-\log p_y$, its *surprise*, and the loss is the mean of that. So your `log_softmax` is a loss already. We train the look-up model once more (d_k = 16, scaled), with your function in place of torch's.
#
# Then we make the trained model much surer than it should be, by multiplying its logits by 100, and ask it for the answers of *other* memories. It is wrong nearly always, and the loss has to say how wrong.

# %% tags=["experiment"]
def surprise(logits, answer, log_p=log_softmax):
    """The mean of −log p(answer); logits (B, values), answer (B,)."""
    return -log_p(logits).gather(1, answer[:, None]).mean()


torch.manual_seed(0)
generator, student = torch.Generator().manual_seed(0), Lookup(16, is_scaled=True)


def own_loss():
    task = recall_task(64, 8, 32, 8, generator)
    return surprise(student(task), task.answer)


train(student, own_loss, 400, lr=0.01, label="with your log_softmax")
task = recall_task(2000, 8, 32, 8, generator)
with torch.no_grad():
    logits = student(task)
right = (logits.argmax(-1) == task.answer).float().mean().item()

# %% tags=["experiment"]
by_formula = {
    "log(softmax(z))": lambda z: torch.softmax(z, dim=-1).log(),
    "log(softmax(z) + 1e-9)": lambda z: (torch.softmax(z, dim=-1) + 1e-9).log(),
    "log_softmax(z)": log_softmax,
}
rows, arrives = [], {}
for name, log_p in by_formula.items():
    too_sure = (100 * logits).requires_grad_()
    loss = surprise(too_sure, task.answer.roll(1), log_p)
    (gradient,) = torch.autograd.grad(loss, too_sure)
    arrives[name] = loss.item(), len(logits) * gradient.abs().sum(-1).mean().item()
    trained = surprise(logits, task.answer, log_p).item()
    row = {"formula": name, "loss of the trained model": trained}
    row["loss when sure and wrong"] = loss.item()
    rows.append(row | {"gradient that arrives": arrives[name][1]})
plots.show_table(rows, f"trained with log_softmax, {right:.2f} of the answers right")

# %% [markdown]
# The three agree as long as the model is right. Once it is sure and wrong, the first loss is infinite and its gradient is NaN: one such example would spoil every weight. The second cannot go above 20.7, and sends back nothing. Yours says how wrong it is, and its gradient arrives in full.

# %% tags=["claim"]
assert right > 0.98
by_torch = nn.functional.cross_entropy(logits, task.answer).item()
assert all(abs(row["loss of the trained model"] - by_torch) < 1e-3 for row in rows)
plain, nudged, ours = arrives.values()
assert plain[0] == math.inf and math.isnan(plain[1])
assert 15 < nudged[0] < 20.8 and nudged[1] < 0.005
assert ours[0] > 100 and 1.5 < ours[1] < 2
# control: of a wrong model that is not sure, all three say the same
unsure = [surprise(logits / 100, task.answer.roll(1), f) for f in by_formula.values()]
assert max(unsure) - min(unsure) < 1e-5

# %% tags=["claim"]
assert ways["log(softmax(z))"][-1] == -torch.inf
assert math.isnan(slope_at_200["log(softmax(z))"])
assert math.isclose(ways["log(softmax(z) + 1e-9)"][-1].item(), -20.7, abs_tol=0.05)
assert slope_at_200["log(softmax(z) + 1e-9)"] == 0
assert ways["log_softmax(z)"][-1] == -200
assert slope_at_200["log_softmax(z)"] == 1
# control: at a distance of 10 all three agree to two decimals
assert all(abs(logs[1] + 10) < 0.03 for logs in ways.values())

# %% [markdown]
# ## 3.7 ★ After training
# *Goal: the scores of a query and a key that belong together.* · 15 min · 5 points
#
# "Independent" is true at the start. Training makes a query and its key *alike*: that is the whole point. Say that each pair $(q_i, k_i)$ is standard normal with correlation ρ, and that different i are independent. Then k is partly q and partly noise:
#
# $$k_i = \rho\, q_i + \sqrt{1-\rho^2}\; \varepsilon_i \qquad \varepsilon_i \text{ standard normal, independent of } q_i$$
#
# What are now the mean and the variance of $q \cdot k = \sum_i q_i k_i$?
#
# *On paper:* for ρ = 1, k is q, and the score is $\sum_i q_i^2$. The square of a standard normal number has mean 1 and variance 2, so with d_k = 4 the score has mean 4 and variance 8. For ρ = 0 they are 0 and 4.


# %% tags=["exercise", "q3_7"]
def correlated_score_moments(d_k, rho):
    """Mean and variance of q · k when each pair (q_i, k_i) is standard normal with
    correlation rho.

    d_k: number of pairs, which are independent of each other; rho from −1 to 1.
    Returns two numbers: mean, variance.
    """
    # 1. the mean of one product, d_k times
    # 2. the variance of one product, d_k times
    # BEGIN SOLUTION
    mean = d_k * rho
    variance = d_k * (1 + rho**2)
    return mean, variance
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Put the formula for $k_i$ into $q_i k_i$. Two parts appear: a multiple of $q_i^2$ (mean 1, variance 2) and a multiple of $q_i \varepsilon_i$ (mean 0, variance 1). The two parts are uncorrelated, so their variances add.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# mean of one product     ← (factor of the first part) · 1
# variance of one product ← (factor of the first part)² · 2 + (factor of the second part)² · 1
# return d_k times each
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Worked out.** $q_i k_i = \rho q_i^2 + \sqrt{1-\rho^2}\, q_i \varepsilon_i$. Mean: ρ · 1 + 0. Variance: ρ² · 2 + (1 − ρ²) · 1 = 1 + ρ². Both add up over d_k features. The tempting 1 − ρ² is the variance of $k_i$ when $q_i$ is *known*; here $q_i$ varies too.

# %% [markdown]
# **Predict:** at ρ = 0.4 and d_k = 64, how far from 0 are the scores of pairs that belong together, after division by $\sqrt{d_k}$? And at d_k = 1024?

# %% tags=["experiment"]
predicted = {"mean score at d_k = 64": ..., "mean score at d_k = 1024": ...}

# %% tags=["experiment"]
generator, d_k, rho = torch.Generator().manual_seed(7), 64, 0.4
q, noise = torch.randn(2, 5000, d_k, generator=generator)
matched = (q * (rho * q + math.sqrt(1 - rho**2) * noise)).sum(-1) / math.sqrt(d_k)
strangers = (q * noise).sum(-1) / math.sqrt(d_k)
figure, axes = plt.subplots(figsize=(6.4, 3.0))
axes.hist(
    strangers.tolist(), bins=50, density=True, color="0.75", label="strangers (ρ = 0)"
)
outline = {
    "histtype": "step",
    "color": plots.BLUE,
    "linewidth": 2,
    "label": f"query and its own key (ρ = {rho})",
}
axes.hist(matched.tolist(), bins=50, density=True, **outline)
axes.set(
    xlabel="score q · k / √d_k", ylabel="density", title=f"d_k = {d_k}", ylim=(0, 0.56)
)
axes.legend()
plots.show(
    figure,
    "Two bell-shaped histograms of scaled scores: strangers around 0, matched pairs "
    f"around {matched.mean():.1f}, both about 1 wide.",
)

# %% tags=["experiment"]
mean, variance = correlated_score_moments(d_k, rho)
print(
    f"matched pairs, scaled: mean {matched.mean():.2f}, by the formula "
    f"{mean / math.sqrt(d_k):.2f}; "
    f"variance {matched.var():.2f}, by the formula {variance / d_k:.2f}"
)
rows = []
for width in (16, 64, 256, 1024):
    mean, variance = correlated_score_moments(width, rho)
    row = {"d_k": width}
    for name, divisor in (("√d_k", math.sqrt(width)), ("d_k", width)):
        row |= {
            f"mean, divided by {name}": mean / divisor,
            f"deviation, divided by {name}": math.sqrt(variance) / divisor,
        }
    rows.append(row)
plots.show_table(rows, f"scores of matched pairs, ρ = {rho}; strangers have mean 0")
found = [rows[place]["mean, divided by √d_k"] for place in (1, 3)]
plots.show_predictions(predicted, found)

# %% [markdown]
# Strangers keep the same spread at every width, which is what the scale was chosen for. Pairs that belong together stand out by $\rho\sqrt{d_k}$: 1.6 at d_k = 16, and 12.8 at 1024, with hardly more spread than strangers. More features make the right key easier to find: in this calculation, with ρ the same at every width.
#
# It also says that $\sqrt{d_k}$ is the scale for the *start*. For correlated pairs only a division by d_k keeps the mean where it is, and some recipes for very wide models use it for that reason (Yang et al. 2022).

# %% tags=["claim"]
assert abs(matched.mean().item() - 3.2) < 0.06
assert abs(matched.var().item() - 1.16) < 0.08
assert abs(strangers.var().item() - 1) < 0.08
means, deviations = (
    [row[f"{what}, divided by √d_k"] for row in rows] for what in ("mean", "deviation")
)
assert math.isclose(means[0], 1.6)
assert math.isclose(means[-1], 12.8)
assert max(deviations) < 1.1
assert all(math.isclose(row["mean, divided by d_k"], rho) for row in rows)
# control: strangers have mean 0, and 1 − ρ² is not the variance
assert abs(strangers.mean()) < 0.06
assert abs(matched.var().item() - (1 - rho**2)) > 0.2

# %% [markdown]
# ## 3.8 ★ A softmax that never sees all its scores
# *Goal: attention for contexts of any length, in a few blocks' memory.* · 20 min · 6 points · further
#
# *This exercise can wait: nothing later uses it. It is the idea behind the kernels that made long contexts possible.*
#
# T queries and S keys make T · S scores. At 100,000 positions that is ten thousand million numbers for one head: they do not fit, and they need not. A softmax can be built up **block by block**, if we keep three things: the largest score so far, m; the sum of exponentials so far, ℓ; and the collected values so far, o. All exponentials are taken relative to m.
#
# When a block brings a higher score, m moves up to m′, and everything collected before is too large by the same factor. Multiplying ℓ and o by $e^{m-m'}$ puts it right:
#
# $$m' = \max\big(m, \max_s z_s\big) \qquad \ell' = \ell\, e^{m-m'} + \sum_s e^{z_s-m'} \qquad o' = o\, e^{m-m'} + \sum_s e^{z_s-m'}\, v_s$$
#
# Here s runs over the keys of the block, and $z_s = q \cdot k_s / \sqrt{d_k}$. After the last block the output is $o/\ell$, exactly that of 3.4: nothing is approximated.
#
# Shapes: one query q (d_k,), K (S, d_k), V (S, d_v) → output (d_v,). m and ℓ are single numbers, o is (d_v,).
#
# *On paper:* d_k = 1, q = 1, keys 0 and ln 3, values 10 and 20, blocks of one key. First block: m = 0, ℓ = 1, o = 10. Second: m′ = ln 3, so the old part shrinks to a third: ℓ′ = ⅓ + 1 = 4/3 and o′ = 10/3 + 20 = 70/3. The output is 70/3 : 4/3 = 17.5, as with the weights ¼ and ¾.


# %% tags=["exercise", "q3_8"]
def online_softmax_attention(q, K, V, block):
    """The attention of one query, with the keys and values taken in blocks.

    q (d_k,), K (S, d_k), V (S, d_v), torch tensors; block ≥ 1, the number of keys to
    look at together: it need not divide S and may be larger than S.
    Returns the output (d_v,) only, equal to that of 3.4 for any block (scores divided
    by √d_k), in the floating type of the inputs.
    Scores may be in the thousands, above or below 0, rising or falling.
    Never holds all scores: the check counts how many numbers the tensors that you make
    hold at once, and they must not become more when S grows (no scaled copy of K, no
    list of all blocks' scores). Gradients are not asked for.
    Written with torch and your own steps: calls of torch's
    scaled_dot_product_attention,
    and ways out of torch (numpy, tolist), are seen and refused.
    Milakov and Gimelshein 2018; Dao et al. 2022.
    """
    # 1. nothing seen yet: the largest score, the sum, the collected values
    # 2. for each block of keys: its scores, and the largest score so far
    # 3. shrink what was collected to the new maximum, and add the block
    # 4. after the last block: divide by the sum
    # BEGIN SOLUTION
    highest = q.new_tensor(-math.inf)
    total, collected = 0.0, 0.0
    for first in range(0, len(K), block):
        scores = K[first : first + block] @ q / math.sqrt(len(q))
        higher = torch.maximum(highest, scores.max())
        shares, shrink = torch.exp(scores - higher), torch.exp(highest - higher)
        total = total * shrink + shares.sum()
        collected = collected * shrink + shares @ V[first : first + block]
        highest = higher
    return collected / total
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Begin with m = −∞: then the first factor $e^{m-m'}$ is 0 and needs no special case. Slices such as `K[first : first + block]` are views, cost no memory, and stop at the end by themselves.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# m ← −∞;  ℓ ← 0;  o ← 0
# for first in 0, block, 2·block, … below S:
#     z      ← (keys first … first+block−1) times q, divided by √d_k
#     m_new  ← the larger of m and the largest z
#     shares ← exp(z − m_new);  shrink ← exp(m − m_new)
#     ℓ ← ℓ · shrink + sum of shares
#     o ← o · shrink + shares times the values of the block
#     m ← m_new
# return o / ℓ
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why both are shrunk.** ℓ and o are sums of the same shares, so a new reference changes both by the same factor. Forget one, and the output is wrong by a power of e as soon as a later block holds the highest score; with scores that happen to fall, nobody notices.
# The maximum has to be *carried*: with each block's own maximum the factor for the earlier part can be $e^{1000}$.
# FlashAttention (Dao et al. 2022) does this for many queries at a time, with blocks that fit into a GPU's fast memory, and computes the scores once more on the way back, because autograd would otherwise keep every block.

# %% [markdown]
# ### Experiment: what blocks save, and what they cost
#
# Now n queries over n keys, once with your 3.4, which makes the whole n × n table, and once query by query with blocks of 128 keys. We count the bytes that are held at once, and measure the time.
#
# **Predict:** when n doubles, by which factor does the memory grow: all at once, and in blocks? And which of the two is faster here?

# %% tags=["experiment"]
def all_at_once(Q, K, V):
    return scaled_dot_product_attention(Q, K, V)[0]


def in_blocks(Q, K, V, block=128):
    return torch.stack([online_softmax_attention(q, K, V, block) for q in Q])


def by_torch(Q, K, V):
    heads = (x[None, None] for x in (Q, K, V))  # batch and head: its blocked kernel
    return nn.functional.scaled_dot_product_attention(*heads)[0, 0]


def seconds(function, *inputs):
    """The fastest of three measurements, each repeated until a clock can see it."""
    times = []
    for _ in range(3):
        begin, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() - begin < 0.05:
            function(*inputs)
            calls += 1
        times.append((time.perf_counter() - begin) / calls)
    return min(times)


# %% tags=["experiment"]
lengths, held, took, apart = [128, 256, 512, 1024], {}, {}, []
generator = torch.Generator().manual_seed(8)
for n in progress(lengths, "128 to 1024 positions"):
    inputs = torch.randn(3, n, 32, generator=generator)
    for way in (all_at_once, in_blocks):
        held[way.__name__, n] = most_held(way, *inputs)
    for way in (all_at_once, in_blocks, by_torch):
        took[way.__name__, n] = seconds(way, *inputs)
    apart.append((all_at_once(*inputs) - in_blocks(*inputs)).abs().max().item())
rows = [{
    "positions n": n,
    "all at once (MB)": held["all_at_once", n] / 1e6,
    "in blocks (MB)": held["in_blocks", n] / 1e6,
    "memory: all / blocks": held["all_at_once", n] / held["in_blocks", n],
    "time: blocks / all": took["in_blocks", n] / took["all_at_once", n],
    "time: torch's own / all": took["by_torch", n] / took["all_at_once", n],
} for n in lengths]
plots.show_table(rows, "n queries over n keys, 32 features, blocks of 128")
print("largest difference between the outputs:", max(apart))

# %% tags=["experiment"]
curves = {
    "all at once": [held["all_at_once", n] / 1e6 for n in lengths],
    "in blocks of 128": [held["in_blocks", n] / 1e6 for n in lengths],
}
plots.show_curves(
    lengths, curves,
    "Memory against length on two logarithmic axes: all at once rises twice as steeply "
    f"as in blocks, to {curves['all at once'][-1]:.0f} MB against "
    f"{curves['in blocks of 128'][-1]:.1f} MB at 1024 positions.",
    x_label="positions n", y_label="held at once (MB)", log_x=True, log_y=True,
)

# %% [markdown]
# All at once, the memory grows with n²: each doubling costs four times as much. In blocks it only doubles, and what doubles is the *result* (n outputs); the scores need the same 128 numbers at every length. The outputs agree up to rounding.
#
# The price here is time: a Python loop over queries and blocks is far slower than one matrix product, at every length. That is the loop's fault and not the idea's. The last column is torch's own function, which goes through blocks, too, in compiled code; its ratio is what your machine gives.
# On a GPU the blocks *save* time, because the table of scores never travels to the slow memory and back (Dao et al. 2022).

# %% tags=["claim"]
whole, parts = ([held[way, n] for n in lengths] for way in ("all_at_once", "in_blocks"))
assert all(3.6 < b / a < 4.1 for a, b in itertools.pairwise(whole))
assert all(1.5 < b / a < 2.1 for a, b in itertools.pairwise(parts))
assert max(apart) < 1e-5
assert all(took["in_blocks", n] > took["all_at_once", n] for n in lengths)
far, near = torch.randn(8000, 32, generator=generator), inputs[1]
one = [
    most_held(online_softmax_attention, inputs[0, 0], K, K, 128) for K in (near, far)
]
assert one[0] == one[1]
# control: one query with one block for all keys saves nothing
single = most_held(online_softmax_attention, inputs[0, 0], *inputs[1:], 1024)
assert single > 0.9 * most_held(all_at_once, inputs[0, :1], *inputs[1:])
assert single > 4 * one[0]

# %% [markdown]
# ## What you have built
#
# * The measurement: Var(q · k) = d_k for random queries and keys, so scores spread like √d_k.
# * The instruments: the softmax's **Jacobian** and the **entropy** of attention, safe at zero weights.
# * **Scaled dot-product attention** with masks, which the rest of the course uses, and a **log-softmax** that loses nothing.
# * Further: a softmax **block by block**, exact and without the table of all scores.
# * An honest reason for √d_k: not that every gradient vanishes without it, but that sharpness and gradients stop depending on the width, so that one learning rate fits all widths.
#
# **Three questions to think about**
#
# 1. If W_q is free to learn any length, the model could learn the scale by itself. Why help it?
# 2. A trained head has entropy near 0 for every query. Which two very different stories could that tell?
# 3. Some models normalise queries and keys to length 1 before the dot product. Which range do the scores have then, and what has to be added so that a softmax can still be sharp?
#
# **Where to read more.** Vaswani et al. (2017), *Attention is all you need*, section 3.2.1 and its footnote 4. Henry et al. (2020), *Query-key normalization for transformers*. Zhai et al. (2023), *Stabilizing transformer training by preventing attention entropy collapse*.
# Yang et al. (2022), *Tensor programs V*, for 1/d_k. Blanchard, Higham and Higham (2021), *Accurately computing the log-sum-exp and softmax functions*.
# Milakov and Gimelshein (2018), *Online normalizer calculation for softmax*; Rabe and Staats (2021), *Self-attention does not need O(n²) memory*; Dao et al. (2022), *FlashAttention*.
