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
# # 1 · The bottleneck
#
# **Goal.** Build a model that reads a sequence into *one vector* and writes another sequence from it. Measure how it fails. Then repair it with the idea that this course is about:
# let the writer look back at everything that was read.
#
# *Eight exercises · 41 points.* About 80 minutes to write, 25 to read, 3 to wait for experiments. You need Python, the basics of PyTorch (tensors, `@`, broadcasting), and an idea of what training is.

# %% [markdown]
# ## The whole course on one page
#
# | | notebook | you build | exercises | further | question it ends with |
# |---|---|---|---|---|---|
# | **1** | **The bottleneck** | an RNN encoder–decoder, and additive attention | {{road:01}} | {{further:01}} | why look only from one state to others? |
# | 2 | Keys, queries, values | attention as a look-up, cross- and self-attention | {{road:02}} | {{further:02}} | how large may the scores become? |
# | 3 | Scaling | scaled dot-product attention | {{road:03}} | {{further:03}} | one look is one average: can we look twice at once? |
# | 4 | Many heads | multi-head and grouped-query attention | {{road:04}} | {{further:04}} | nothing so far knows where a word stands |
# | 5 | Where am I? | sinusoids, relative biases, rotary positions | {{road:05}} | {{further:05}} | how do we train it without showing it the answer? |
# | 6 | Masks and teacher forcing | a trained encoder–decoder transformer that translates | {{road:06}} | {{further:06}} | – |
#
# The minutes are for writing the required exercises. *Further* ones can wait: no other exercise uses them, and each says what it adds.
#
# Each notebook uses only what it builds itself, so you can start anywhere, but they are written to be read in this order.

# %% [markdown]
# ## One language for all six
#
# | symbol | meaning | you will also meet |
# |---|---|---|
# | B | batch: how many examples at once | N, bs |
# | T | query (target) positions, index t | L, tgt_len, q_len |
# | S | key (source) positions, index s | L, src_len, kv_len; one T for both in GPT-style code |
# | d_model | width of the vectors between layers | C, n_embd, hidden_size, D, E |
# | d_k, d_v | widths of keys (and queries), of values | hs (head size), head_dim, d_head |
# | H, G | query heads, key/value heads | nh, n_head, h; n_kv_heads |
# | V | vocabulary size | vocab_size, n_vocab |
# | d_in, d_h | widths of an RNN's input and state (this notebook) | input_size, hidden_size |
#
# Tensors are (B, H, T, d): batch first, then head, then position, then feature. In this notebook there are no heads yet, so a capital H is free to mean *all states of the encoder*, one for each position.
# Masks are boolean and **True means: may attend**. Positions count from 0.

# %% [markdown]
# ## How to use these notebooks
#
# 1. Run the cells from the top. An exercise is a function with a blank that raises `NotImplementedError`. Its docstring and numbered comments say everything that is tested.
# 2. Stuck? Two hints are folded below each exercise: the idea, then pseudocode. The solved notebook explains each answer.
# 3. Run `grader.check(...)`. It compares numbers, and when they are wrong it tries to say which mistake makes exactly these numbers. This is what a message looks like:
#
# ```
# Exercise 0.1 mean_of_row: the mean is wrong
#   expected   2.5
#   found      10.0
#   looks like the sum, not divided by how many numbers there are
#   hint       The mean of a row of equal numbers is that number. What does yours give for (3, 3)?
#   look at    step 2 of the stub
# ```
#
# (There is no exercise 0.1: a message about a real one would give it away.)
#
# 4. Cells without an exercise are experiments: run them and compare with your prediction. They use *your* functions; a cell whose exercise is not written yet says so in one line and waits.
# 5. **Predict** asks for a guess before an experiment. Write it over the dots in the cell below it: it will be shown beside what was measured.
# 6. A ★ in a heading marks an exercise beyond the usual first course: a measuring instrument, a puzzle, or a variant. You may leave it for a second reading; no exercise without a ★ uses its code.
#
# Hidden tests run when you hand in. They test what the stub says, with other numbers and sizes. For every exercise, unless its stub says otherwise:
# a function leaves its arguments as they are, remembers nothing from call to call, and keeps the floating type of its inputs (float32 or float64); a batch, a sequence or a width may be 1.

# %% tags=["setup"]
import copy
import math

import matplotlib.pyplot as plt
import torch
from torch import nn

import attnkit
from attnkit import diagrams, plots
from attnkit.data import (
    BOS,
    FIRST_SYMBOL,
    Vocabulary,
    copy_task,
    date_words,
    gold_matrix,
    pad_batch,
    reverse_task,
)
from attnkit.training import progress, train

grader = attnkit.start("01_bottleneck.ipynb")

# %% [markdown]
# ## The funnel
#
# Imagine a bucket of water, a funnel, and a bottle. The bucket is a sentence. The bottle is a vector of fixed width, say 32 numbers. Whatever the length of the sentence, all of it has to go through the funnel into that bottle, and the translation is poured from the bottle alone.

# %% tags=["experiment"]
def draw_funnel(words):
    figure, axes = plt.subplots(figsize=(7.2, 2.7))
    centred = {"ha": "center", "va": "center"}
    for place, word in enumerate(words):
        axes.annotate(word, (place % 4 * 0.95, 2.4 - place // 4 * 0.7), **centred)
    funnel = {"color": plots.BLUE, "linewidth": 0, "linestyle": "-", "alpha": 0.18}
    axes.fill([3.5, 5.2, 5.2, 3.5], [2.9, 1.75, 1.35, 0.2], **funnel)
    wall = {"color": plots.BLUE, "marker": "", "linestyle": "-"}
    axes.plot([3.5, 5.2, 5.9], [2.9, 1.75, 1.75], **wall)
    axes.plot([3.5, 5.2, 5.9], [0.2, 1.35, 1.35], **wall)
    for cell in range(6):
        paint = {"facecolor": str(0.35 + 0.1 * cell), "edgecolor": "k"}
        axes.add_patch(plt.Rectangle((6.1 + 0.22 * cell, 1.37), 0.22, 0.36, **paint))
    axes.annotate("one vector\n(d_h numbers)", (6.76, 0.85), **centred)
    axes.annotate("", (8.3, 1.55), (7.6, 1.55), arrowprops={"arrowstyle": "-|>"})
    axes.annotate("everything the\nwriter will know", (9.3, 1.55), **centred)
    axes.set(xlim=(-0.7, 10.4), ylim=(0, 3.1))
    axes.axis("off")
    return figure


sentence = "the old man who lives by the sea sold his boat".split()
plots.show(
    draw_funnel(sentence),
    f"A sentence of {len(sentence)} words on the left runs into a funnel; "
    "out of it comes one vector of six cells, which is all the writer gets.",
)

# %% [markdown]
# **Where the analogy stops.** A funnel loses nothing: pour slowly, and all the water arrives. An encoder has no "slowly": each step *mixes* the next token into the same numbers, and what was there before becomes harder to read. The end of this notebook measures how much harder.
# And the neck of a funnel has a width you can measure with a ruler, while nobody tells a network how much of its vector to use. We measure that too: it is far less than there is room for.

# %% [markdown]
# ## 1.1 One step
# *Goal: update a memory with one more token.* · 5 min · 4 points
#
# A recurrent network reads one token at a time and keeps one vector as its memory, the *state* h. Each step mixes the token with the old state and squashes the result:
#
# $$h' = \tanh(x\,W_x + h\,W_h + b)$$
#
# Shapes: $x$ (B, d_in), $h$ and $h'$ (B, d_h), $W_x$ (d_in, d_h), $W_h$ (d_h, d_h), $b$ (d_h,). The tanh keeps every number between −1 and 1, however many steps follow.
#
# *On paper:* with widths of 1, x = 1, h = 0.5, W_x = 2, W_h = −1, b = 0 we get tanh(2 − 0.5) = tanh(1.5) ≈ 0.91.


# %% tags=["exercise", "q1_1"]
def rnn_step(x_t, h, W_x, W_h, b):
    """One step of a plain RNN: tanh(x W_x + h W_h + b).

    x_t (B, d_in), h (B, d_h), W_x (d_in, d_h), W_h (d_h, d_h), b (d_h,).
    Returns the new state (B, d_h), in the floating type of the inputs.
    Sums may be of any size: the tanh stays finite. Gradients reach all five arguments.
    """
    # 1. add up: the token through W_x, the old state through W_h, the bias
    # 2. squash the sum
    # BEGIN SOLUTION
    return torch.tanh(x_t @ W_x + h @ W_h + b)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# The equation is the code. `@` is the matrix product, and a bias of shape (d_h,) is added to every row by broadcasting.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# sum ← x_t times W_x  +  h times W_h  +  b
# return tanh of sum
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why it looks like this.** Both matrices stand on the right, so rows are examples and no transpose is needed. `W_h` is square: with `W_h.T` every shape is still right and the memory is scrambled, which only numbers can show.
# Without the tanh the whole network would be one linear map, and the state could grow without end.

# %% tags=["experiment"]
one = torch.ones(1, 1)
after = rnn_step(one, 0.5 * one, 2 * one, -one, torch.zeros(1))
print("the example from the text:", round(after.item(), 3))

# %% tags=["claim"]
assert abs(after.item() - 0.91) < 0.005
# control: without the tanh it is another number
assert abs((2 * one - 0.5 * one).item() - 0.91) > 0.5

# %% [markdown]
# ## 1.2 The encoder
# *Goal: read whole sequences, each up to its own end.* · 15 min · 5 points
#
# Reading is a chain of steps: $h_s = \mathrm{step}(x_s, h_{s-1})$ for s = 0, 1, 2, … The state before the first token, $h_{-1}$, is given: the argument `h0`. The state after the *last token* has seen everything. It is the context: the one vector that goes through the funnel.
#
# Sequences in a batch differ in length, so short ones are filled up with padding. A state after padding has read things that are not there. What we want from row b is the state after its `lengths[b]` tokens.
#
# Shapes: X (B, S, d_in), lengths (B,) → all states (B, S, d_h) and the last real state (B, d_h).
#
# *On paper:* widths of 1, W_x = W_h = 1, b = 0, h0 = 0. The tokens 1, 1 give tanh(1) ≈ 0.76, then tanh(1 + 0.76) ≈ 0.94. If one position of padding (0) follows, the chain goes on to tanh(0.94) ≈ 0.74. The answer is still 0.94.


# %% tags=["exercise", "q1_2"]
def encode(X, lengths, h0, W_x, W_h, b):
    """Read a batch of padded sequences with `rnn_step`, from left to right.

    X (B, S, d_in), lengths (B,) int64 with 1 ≤ lengths ≤ S, h0 (B, d_h) the state
    before the first token, W_x, W_h, b as in 1.1.
    Returns all states (B, S, d_h), where state s has read tokens 0…s, and the state
    after the last real token (B, d_h).
    Positions from lengths[b] on are padding: X may hold any numbers there, and so may
    the states you return there.
    The floating type is kept and gradients reach X, h0, W_x, W_h and b.
    Loops over S are welcome.
    """
    # 1. start from h0
    # 2. one step after the other; keep every state
    # 3. for each row, the state after its own last real token
    # BEGIN SOLUTION
    h, states = h0, []
    for s in range(X.shape[1]):
        h = rnn_step(X[:, s], h, W_x, W_h, b)
        states.append(h)
    states = torch.stack(states, dim=1)
    return states, states[torch.arange(len(X)), lengths - 1]
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Let every row run to the end S, and pick afterwards. Row b has read its last real token at one particular position: which one, when positions count from 0?
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# h ← h0
# for s in 0…S−1:
#     h ← rnn_step(token s of every row, h, …);  remember h
# states ← the remembered ones, stacked so that the axes are (B, S, d_h)
# last   ← from row b of states, position lengths[b] − 1     (two index vectors do this for all rows at once)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why pick afterwards?** The rows are independent: what row 0 reads after its end disturbs nobody, and we never look at it. `states[arange(B), lengths - 1]` pairs row 0 with lengths[0] − 1, row 1 with lengths[1] − 1, and so on.
# Two traps: `states[:, -1]` is the state after the *padding*, and setting padding to zero does not help, because tanh(h W_h + b) is not h.

# %% tags=["experiment"]
X = torch.tensor([[[1.0], [1.0], [0.0]]])
states, last = encode(X, torch.tensor([2]), 0 * one, one, one, torch.zeros(1))
print("states", [round(h, 2) for h in states.flatten().tolist()])
print("last real state", round(last.item(), 2))

# %% tags=["claim"]
assert [round(h, 2) for h in states.flatten().tolist()] == [0.76, 0.94, 0.74]
assert round(last.item(), 2) == 0.94
# control: the state after the padding is not the answer
assert round(states[0, -1].item(), 2) != 0.94

# %% [markdown]
# ## 1.3 The decoder
# *Goal: write a sequence, one token at a time.* · 10 min · 4 points
#
# The decoder is an RNN too. It starts with the context as its state and a special token, `bos` (*begin of sequence*), as its input. Each step returns one *logit* (a score) for each of the V tokens. We take the largest, write it down, and feed it back:
#
# $$y_t = \arg\max_v\ \mathrm{logits}_v(y_{t-1}, h_{t-1}), \qquad y_{-1} = \mathrm{bos}, \quad h_{-1} = \mathrm{context}$$
#
# Taking the largest at each step is called *greedy*. Your function gets the step as an argument, so it works with every decoder.
#
# Shapes: context (B, d_h); `step` takes tokens (B,) and h (B, d_h), and returns logits (B, V) and the new h; the result is (B, max_len).
#
# *On paper:* if `step` always gives the largest logit to the next higher number, then bos = 1 and max_len = 3 give 2, 3, 4.


# %% tags=["exercise", "q1_3"]
def decode_greedy(context, step, bos, max_len):
    """Write max_len tokens, each the one with the largest logit.

    context (B, d_h): the state to start with. bos: an int, the first input.
    step(tokens (B,) int64, h (B, d_h)) → (logits (B, V), new h (B, d_h)).
    Returns the tokens (B, max_len) as int64; bos is not one of them.
    """
    # 1. every row starts with the token bos and its context as the state
    # 2. one step: give it the tokens written last and the state returned last
    # 3. in each row, the token with the largest logit
    # 4. all tokens written, batch first
    # BEGIN SOLUTION
    tokens, h = torch.full((len(context),), bos), context
    written = []
    for _ in range(max_len):
        logits, h = step(tokens, h)
        tokens = logits.argmax(dim=-1)
        written.append(tokens)
    return torch.stack(written, dim=1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Two things travel from step to step: the tokens and the state. Both change every time, so both have to be overwritten with what the step gave.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# tokens ← bos, B times;  h ← context
# repeat max_len times:
#     logits, h ← step(tokens, h)
#     tokens ← position of the largest logit in each row
#     remember tokens
# return the remembered ones, stacked so that the axes are (B, max_len)
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why `logits, h = step(...)`?** The new state must replace the old one. With `logits, _ = step(tokens, context)` every shape is right and the decoder forgets what it has written: it is the most frequent mistake here.
# `torch.full((B,), bos)` makes int64, which an embedding needs.

# %% tags=["experiment"]
def next_number(tokens, h):
    return nn.functional.one_hot(tokens + 1, 10), h


print(decode_greedy(torch.zeros(2, 4), next_number, bos=1, max_len=3).tolist())

# %% tags=["claim"]
start = torch.zeros(2, 4)
assert decode_greedy(start, next_number, bos=1, max_len=3).tolist() == [[2, 3, 4]] * 2
# control: another first token gives other numbers
assert decode_greedy(start, next_number, bos=4, max_len=3).tolist() == [[5, 6, 7]] * 2

# %% [markdown]
# ### Experiment: how much goes through the funnel?
#
# The plainest test there is: *copy*. Read a string of letters out of eight, then write it again. Nothing has to be understood; every letter only has to survive. Here is the model, made of your three functions. `read` returns the decoder's first state and a way to `look` at the source;
# with a fixed vector, `look` returns the same context at every step.
#
# Three choices give the fixed vector its best chance. The context goes into *every* step of the decoder and once more into the choice of each letter, so the decoder cannot lose it.
# `W_h` begins as an orthogonal matrix, which keeps the length of whatever passes through it. And there is no stop token: the decoder is told how many letters to write.

# %% tags=["experiment"]
def parameter(rows, columns, scale):
    return nn.Parameter(scale * torch.randn(rows, columns))


# %% tags=["experiment"]
class FixedVector(nn.Module):
    """An RNN encoder–decoder: the decoder knows the source as one vector."""

    def __init__(self, V_in, V_out, d_h, d_x=32, gain=1.0):
        super().__init__()
        self.embed_in = nn.Embedding(V_in, d_x)
        self.embed_out = nn.Embedding(V_out, d_x)
        wide = d_x + d_h  # the decoder reads its last token and the context
        self.W_x, self.U_x = (parameter(d, d_h, d**-0.5 / 2) for d in (d_x, wide))
        square = [nn.init.orthogonal_(torch.empty(d_h, d_h)) for _ in range(2)]
        self.W_h, self.U_h = nn.Parameter(gain * square[0]), nn.Parameter(square[1])
        self.b, self.c = (nn.Parameter(torch.zeros(d_h)) for _ in range(2))
        self.name = nn.Linear(2 * d_h, V_out)

    def states(self, source, lengths):
        start = torch.zeros(len(source), len(self.b))
        X = self.embed_in(source)
        return encode(X, lengths, start, self.W_x, self.W_h, self.b)

    def read(self, source, lengths):
        _, last = self.states(source, lengths)
        return last, lambda h: (last, None)

    def write(self, tokens, h, look):
        context, weights = look(h)
        x = torch.cat([self.embed_out(tokens), context], dim=1)
        h = rnn_step(x, h, self.U_x, self.U_h, self.c)
        return self.name(torch.cat([h, context], dim=1)), h, weights


# %% [markdown]
# For training, the decoder is given the *right* previous token, and is asked for the next one (notebook 6 looks at what that does). For the test it has only its own tokens, from your `decode_greedy`.

# %% tags=["experiment"]
def given_the_answer(model, source, lengths, target):
    """Logits (B, T, V) after the right tokens, and each look's weights (B, S)."""
    h, look = model.read(source, lengths)
    tokens, logits, weights = torch.full_like(target[:, 0], BOS), [], []
    for t in range(target.shape[1]):
        scores, h, looked = model.write(tokens, h, look)
        logits.append(scores)
        weights.append(looked)
        tokens = target[:, t]
    return torch.stack(logits, dim=1), weights


def on_its_own(model, source, lengths, max_len):
    """The tokens (B, max_len) that the model writes from its own tokens."""
    with torch.no_grad():
        h, look = model.read(source, lengths)

        def step(tokens, h):
            return model.write(tokens, h, look)[:2]

        return decode_greedy(h, step, BOS, max_len)


# %% tags=["experiment"]
SYMBOLS, LONGEST_TRAINED, TESTED, SEEDS = 8, 8, range(1, 17), (0, 1, 2)


def trained_copier(kind, d_h, seed, steps, make=copy_task):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = kind(FIRST_SYMBOL + SYMBOLS, FIRST_SYMBOL + SYMBOLS, d_h)

    def loss():
        length = int(torch.randint(1, LONGEST_TRAINED + 1, (1,), generator=generator))
        task = make(64, (length, length), SYMBOLS, generator)
        logits, _ = given_the_answer(model, task.source, task.lengths, task.target)
        return nn.functional.cross_entropy(logits.flatten(0, 1), task.target.flatten())

    train(model, loss, steps, lr=5e-3, decay=True, quiet=True)
    return model


def letters_right(model, length, n=300, make=copy_task):
    """The share of right letters at each place (length,) of n new strings."""
    generator = torch.Generator().manual_seed(100 + length)
    task = make(n, (length, length), SYMBOLS, generator)
    written = on_its_own(model, task.source, task.lengths, length)
    return (written == task.target).float().mean(dim=0)


# %% [markdown]
# We train on strings of 1 to 8 letters and test on 1 to 16, twice the trained length. There are two models, three seeds each: one with a state of 32 numbers, one four times as wide. Everything else is the same: 1000 steps, the same strings.
#
# **Predict:** the share of letters that the narrow one gets right in strings of 4, of 8 and of 16 (guessing gives 1/8). And by how many letters does the wide one fall later?

# %% tags=["experiment"]
predicted = {
    "width 32, strings of 4": ...,  # write over the dots: a number from 0 to 1
    "width 32, strings of 8": ...,
    "width 32, strings of 16": ...,
    "letters later with width 128": ...,
}

# %% tags=["experiment"]
copiers, accuracy = {}, {}


def measure(name, kind, d_h, steps):
    seeds = progress(SEEDS, f"{name}, three seeds")
    copiers[name] = models = [trained_copier(kind, d_h, seed, steps) for seed in seeds]
    rows = [[letters_right(model, n).mean() for n in TESTED] for model in models]
    accuracy[name] = torch.tensor(rows)
    return models, accuracy[name]


def longest_above(curve, limit=0.9):
    right = zip(TESTED, curve.tolist(), strict=True)
    return max((length for length, value in right if value >= limit), default=0)


def accuracy_row(name, value):
    means = {f"at {n}": value[:, n - 1].mean().item() for n in (4, 8, 12, 16)}
    spread = f"{value[:, 7].min():.2f}–{value[:, 7].max():.2f}"
    longest = str([longest_above(curve) for curve in value])
    last = {"spread of seeds at 8": spread, "longest with .9 right": longest}
    return {"model": name, **means, **last}


_, narrow = measure("fixed vector, width 32", FixedVector, 32, 1000)

# %% tags=["experiment"]
_, wide = measure("fixed vector, width 128", FixedVector, 128, 1000)

# %% tags=["experiment"]
def show_accuracy(description):
    plots.show_curves(
        TESTED, accuracy, description, x_label="length of the string",
        y_label="letters right", y_limits=(0, 1.03),
        reference=(1 / SYMBOLS, "guessing"),
        vertical=(LONGEST_TRAINED, "longest trained"),
    )
    rows = [accuracy_row(name, value) for name, value in accuracy.items()]
    plots.show_table(rows, "share of letters right; last column one number per seed")


show_accuracy(
    "Two falling curves; the one of width 128 stays high for one or two letters "
    "longer, and both end near guessing at 16 letters."
)
longest = [[longest_above(curve) for curve in width] for width in (narrow, wide)]
gained = [later - sooner for sooner, later in zip(*longest, strict=True)]
at = [narrow[:, length - 1].mean().item() for length in (4, 8, 16)]
plots.show_predictions(predicted, [*at, f"{gained} (one number per seed)"])

# %% [markdown]
# Both fall, and they begin to fall *inside* the lengths they were trained on. At 8 letters the narrow one gets a third of them, the wide one about half; at twice the trained length neither is far from guessing. Four times the width buys one or two letters.
# Nothing but the width was changed, so the width matters. Whether *room* is what the narrow one lacks is another question, and the last experiment of this notebook asks it.

# %% tags=["claim"]
assert ((narrow[:, 7] > 0.28) & (narrow[:, 7] < 0.4)).all()
assert ((wide[:, 7] > 0.42) & (wide[:, 7] < 0.6)).all()
assert max(narrow[:, 15].max(), wide[:, 15].max()) < 0.25
assert set(gained) <= {1, 2}
# control: with the vector of another string, nothing is right, even at 4 letters
task = copy_task(300, (4, 4), SYMBOLS, torch.Generator().manual_seed(104))
for name, models in copiers.items():
    strange = on_its_own(models[0], task.source.roll(1, 0), task.lengths, 4)
    assert (strange == task.target).float().mean() < 0.2, name
# control: two seeds of one width do not differ as the widths do
assert all(spread.max() - spread.min() < 0.06 for spread in (narrow[:, 7], wide[:, 7]))
assert wide[:, 7].min() - narrow[:, 7].max() > 0.06

# %% [markdown]
# ## The searchlight
#
# Why should the writer work from memory at all? The encoder has made a state for *every* position, and then thrown all but one away. Let us keep them, and let the decoder look back: before each word it writes, a searchlight goes over the states, brighter on some than on others, and what it lights is the context for this word only.

# %% tags=["experiment"]
def draw_beams(reading, writing, looks):
    figure, axes = plt.subplots(figsize=(7.2, 2.9))
    for t, (word, shares) in enumerate(zip(writing, looks, strict=True)):
        colour = (plots.BLUE, plots.VERMILION)[t % 2]
        for s, share in shares.items():
            beam = [t * 1.4, s - 0.42, s + 0.42]
            light = {"color": colour, "alpha": 0.6 * share}
            axes.fill(beam, [2.0, 0.28, 0.28], linewidth=0, linestyle="-", **light)
        axes.annotate(word, (t * 1.4, 2.12), ha="center")
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.4"}
    for s, word in enumerate(reading):
        axes.annotate(word, (s, 0.1), ha="center", va="center", bbox=box)
    axes.annotate("written", (-1.1, 2.12), color="0.35", ha="center")
    axes.annotate("read", (-1.1, 0.02), color="0.35", ha="center")
    axes.set(xlim=(-1.5, len(reading) - 0.4), ylim=(-0.2, 2.5))
    axes.axis("off")
    return figure


english = ["the", "white", "house", "by", "the", "sea"]
spanish = ["la", "casa", "blanca", "…"]
plots.show(
    draw_beams(english, spanish, [{0: 0.7, 2: 0.3}, {2: 0.95}, {1: 0.9, 2: 0.1}, {}]),
    "Beams from the written words la, casa, blanca to the words read: casa lights "
    "house, blanca lights white, so the beams cross. A sketch, not a measurement.",
)

# %% [markdown]
# **Where the analogy stops.** A searchlight is aimed at a *place*. Attention is aimed by comparing contents, and what it lights is not a word but the encoder's state there, which has read everything up to it. Its light is rationed: more here is less there, the shares always sum to 1.
# And it is never free: each word written looks at each word read, T · S looks in all.

# %% [markdown]
# ## 1.4 Additive scores
# *Goal: let the decoder's state ask every state of the encoder how useful it is.* · 10 min · 5 points
#
# A score says how well the decoder's state s matches the encoder's state at a position. Bahdanau, Cho and Bengio let a small network decide: bring both to a common width d_a, add, squash, and take a weighted sum:
#
# $$e_j = v \cdot \tanh(s\,W_q + H_j\,W_k)$$
#
# Shapes: $s$ (B, d_s), $H$ (B, S, d_h), $W_q$ (d_s, d_a), $W_k$ (d_h, d_a), $v$ (d_a,) → scores (B, S). Each example has one s and S states; s is compared with all of them.
# (As in their paper, $s$ is a *state* here, and in the picture after 1.6; so j counts the encoder's positions. Everywhere else s is a position.)
#
# *On paper:* all widths 1, s = 1, the two states 0 and 1, W_q = W_k = 1, v = 2. The scores are 2·tanh(1) ≈ 1.52 and 2·tanh(2) ≈ 1.93.


# %% tags=["exercise", "q1_4"]
def additive_scores(s, H, W_q, W_k, v):
    """How well one decoder state matches each encoder state: tanh(s W_q + H W_k) · v.

    s (B, d_s), H (B, S, d_h), W_q (d_s, d_a), W_k (d_h, d_a), v (d_a,).
    Returns the scores (B, S), neither scaled nor normalised, in the floating type of
    the inputs. The sums inside the tanh may be of any size. Gradients reach all five
    arguments.
    Bahdanau, Cho and Bengio 2015, appendix A.1.2.
    """
    # 1. bring both to width d_a, and line up example b's query with all positions of b
    # 2. add and squash
    # 3. one number per position, with v
    # BEGIN SOLUTION
    query = (s @ W_q)[:, None, :]
    return torch.tanh(query + H @ W_k) @ v
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# `s @ W_q` is (B, d_a) and `H @ W_k` is (B, S, d_a). To add them, the first needs an axis of length 1 where the second has its S. Then broadcasting repeats it for every position.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# query  ← s times W_q, as (B, 1, d_a)
# keys   ← H times W_k, which is (B, S, d_a)
# return tanh(query + keys) times v
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why `[:, None, :]`?** Broadcasting lines shapes up from the right. Without the extra axis, (B, d_a) would be read as (1, B, d_a): query b would be added to *position* b. When B = S that even runs, and every example asks with somebody else's state.
# The tanh matters: without it the query adds the same number to all S scores, and the softmax that follows would not notice it at all.

# %% tags=["experiment"]
states = torch.tensor([[[0.0], [1.0]]])
scores = additive_scores(one, states, one, one, torch.tensor([2.0]))
print("the example from the text:", [round(score, 2) for score in scores[0].tolist()])

# %% tags=["claim"]
assert [round(score, 2) for score in scores[0].tolist()] == [1.52, 1.93]
# control: without the tanh the softmax of the scores does not depend on the query
keys = torch.tensor([0.0, 1.0])
plain = [torch.softmax(2 * (query + keys), dim=0) for query in (1.0, 3.0)]
bent = [torch.softmax(2 * torch.tanh(query + keys), dim=0) for query in (1.0, 3.0)]
assert torch.allclose(*plain)
assert not torch.allclose(*bent, atol=0.05)

# %% [markdown]
# ## 1.5 Softmax, but not over padding
# *Goal: turn scores into shares, and give padding none.* · 15 min · 7 points
#
# The scores become weights that sum to 1, through a softmax. Padding must get *exactly* zero, and the real positions must share everything among themselves. A mask says which is which: True = may attend. For a row of scores $e$:
#
# $$w_s = \frac{m_s\, \exp(e_s)}{\sum_{s'} m_{s'}\, \exp(e_{s'})}, \qquad m_s = 1 \text{ where the mask is True, else } 0$$
#
# When nothing may be attended to, the sum below is 0. Then the row's weights are all zero: nothing to look at, nothing seen. That happens in real batches (an empty row), and 0/0 = NaN would spread through the whole model.
#
# *On paper:* scores (0, ln 3, 5) with the mask (True, True, False): the shares are 1/4 and 3/4, and 0 for the largest score of all.


# %% tags=["exercise", "q1_5"]
def masked_softmax(scores, mask):
    """Softmax over the last axis, over those positions only where the mask is True.

    scores (…, S) floating; mask bool, broadcasts to the shape of scores,
    True = may attend.
    Returns weights of the shape and type of scores: 0 where masked; each row sums to 1,
    but a row with nothing allowed is all zeros.
    Stable for scores of any size (±thousands), masked ones included.
    Gradients reach scores and are finite, also beside all-zero rows.
    Does not change scores.
    """
    # 1. before the softmax: make masked scores so low that they count for nothing
    # 2. softmax over the last axis, stable for large scores
    # 3. zeros wherever the mask is False, whole rows included, and no NaN on the way
    # BEGIN SOLUTION
    lowest = torch.finfo(scores.dtype).min
    weights = torch.softmax(scores.masked_fill(~mask, lowest), dim=-1)
    return weights.masked_fill(~mask, 0.0)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Fill before, not after: exp of a very low number is 0, so masked positions take no share. What if *all* scores in a row are that low number? Then they are all equal, the softmax is uniform, nothing is NaN, and you only have to set the row to zero.
# (With −∞ in place of a low number that row would be NaN.)
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# filled  ← scores, but the lowest number of their type where mask is False   (a new tensor: masked_fill or where)
# weights ← softmax of filled along the last axis
# return weights, but 0 where mask is False
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why this order?** Masking *after* the softmax leaves rows that do not sum to 1, because padding has taken its share already; dividing again repairs that until a masked score is 3000 higher than the rest, and then 0/0 is left.
# Why `finfo.min` and not −10⁴ or −∞? A "clearly low" number is not low when real scores are lower; −∞ gives NaN in a row with nothing else. The second `masked_fill` turns that row's uniform weights into zeros, and cuts its gradient.

# %% tags=["experiment"]
row = [0.0, math.log(3), 5.0]
scores = torch.tensor([row, row, [0.0, 1.0, 2.0]])
mask = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])
weights = masked_softmax(scores, mask)
plots.show_weights(
    weights,
    "Three rows of weights: the first shares 1 over two positions, the second over "
    "three, the third is all zeros.",
    title="row 0: s = 2 masked; row 1: nothing masked; row 2: everything masked",
    key_label="position s", query_label="row of scores",
)

# %% tags=["claim"]
assert torch.allclose(weights[0], torch.tensor([0.25, 0.75, 0]))
assert weights[2].tolist() == [0, 0, 0]
assert abs(weights[1].sum().item() - 1) < 1e-6
# control: zeros put in after the softmax leave a row that does not sum to 1
assert (torch.softmax(scores[0], dim=0) * mask[0]).sum() < 0.1
# control: with −∞ everywhere the row that is all masked is NaN
assert torch.softmax(scores[2].masked_fill(~mask[2], -torch.inf), dim=0).isnan().all()

# %% [markdown]
# ## 1.6 The context vector
# *Goal: average the states, each by its share.* · 5 min · 5 points
#
# What the searchlight shows is the sum of all states, each times its weight. It replaces the fixed vector, and it is new at every step:
#
# $$c = \sum_s w_s\, H_s$$
#
# Shapes: weights (B, S), H (B, S, d) → c (B, d). S is what we sum over, so S is gone.
#
# *On paper:* weights (¼, ¾) and states (4, 0) and (0, 8) give (1, 6).


# %% tags=["exercise", "q1_6"]
def context_vector(weights, H):
    """The states added up, each times its weight: Σ_s weights_s H_s.

    weights (B, S), used as they are; H (B, S, d).
    Returns (B, d), also for B = 1 or d = 1, in the floating type of the inputs.
    Gradients reach weights and H.
    """
    # 1. line up each weight with its state
    # 2. add up over the positions
    # BEGIN SOLUTION
    return (weights[:, :, None] * H).sum(dim=1)
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# A weight is one number per position, a state is d numbers per position. Give the weights a last axis of length 1.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# weighted ← weights as (B, S, 1), times H
# return the sum of weighted over its position axis
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Other ways to write it.** `torch.einsum("bs,bsd->bd", weights, H)` says the same in letters: s does not appear on the right, so it is summed over. `(weights[:, None] @ H)[:, 0]` does it as a matrix product, which is how notebook 2 will write it.
# Beware of `.squeeze()` without a number: for a batch of one it removes the batch axis too.

# %% tags=["experiment"]
H = torch.tensor([[[4.0, 0.0], [0.0, 8.0]]])
context = context_vector(torch.tensor([[0.25, 0.75]]), H)
print("the example from the text:", context.tolist())

# %% tags=["claim"]
assert context.tolist() == [[1, 6]]
# control: the plain mean of the states is another vector
assert H.mean(dim=1).tolist() != [[1, 6]]

# %% [markdown]
# ### All parts in one picture
#
# Here is everything that you have written, with its number, at the moment before *blanca* is written. The dashed arrow carries all that a fixed vector gives the decoder (ours gets it at every step). The blue lines are the look back: h of *white* has most of the weight.

# %% tags=["experiment"]
english, spanish = ["the", "white", "house"], ["la", "casa", "blanca"]
plots.show(
    diagrams.encoder_decoder(english, spanish, weights=[0.05, 0.9, 0.05], step=2),
    "Encoder states h0 to h2 on the left, decoder states s0 to s2 on the right, one "
    "arrow from h2 to s0. Before blanca is written, s1 asks; scores, weights and their "
    "sum (1.4 to 1.6) make a context out of all three encoder states, and it goes into "
    "s2. The weights are made up.",
)

# %% [markdown]
# ### Experiment: the same copy task, looking back
#
# The only change: `look` no longer returns the last state. It compares the decoder's state with all encoder states and returns their weighted sum. The state has the *narrow* width, 32, and training is shorter.
#
# **Predict:** the share of letters that it gets right in strings of 8, and of 16.

# %% tags=["experiment"]
predicted = {"attention, strings of 8": ..., "attention, strings of 16": ...}

# %% tags=["experiment"]
class WithAttention(FixedVector):
    """The same, but before each token the decoder looks at all states read."""

    first = None  # set to n, it looks at the first n states only

    def __init__(self, V_in, V_out, d_h, d_x=32, d_a=64, gain=1.0):
        super().__init__(V_in, V_out, d_h, d_x, gain)
        self.W_q, self.W_k = (parameter(d_h, d_a, d_h**-0.5) for _ in range(2))
        self.v = nn.Parameter(torch.randn(d_a) / d_a**0.5)

    def read(self, source, lengths):
        states, last = self.states(source, lengths)
        ends = lengths.clamp(max=self.first or source.shape[1])
        open_to_look = torch.arange(source.shape[1]) < ends[:, None]

        def look(h):
            scores = additive_scores(h, states, self.W_q, self.W_k, self.v)
            weights = masked_softmax(scores, open_to_look)
            return context_vector(weights, states), weights

        return last, look


# %% tags=["experiment"]
lookers, looking = measure("attention, width 32", WithAttention, 32, 600)

# %% tags=["experiment"]
show_accuracy(
    "Attention stays at 1 over all trained lengths while both fixed vectors fall; "
    "beyond, attention falls too, but stays far above them."
)
plots.show_predictions(predicted, [looking[:, n - 1].mean().item() for n in (8, 16)])

# %% [markdown]
# Over the lengths it was trained on, attention copies nearly everything, at a quarter of the width and with fewer steps. The length of the string does not press on it any more: there is one state per letter, and no funnel.
#
# Beyond the trained lengths attention falls as well. At 16 letters it still gets about half of them, where the fixed vectors are near guessing. This is not the funnel again. The next cells let you see what it is.

# %% tags=["claim"]
assert looking[:, :8].min() > 0.97
assert ((looking[:, 15] > 0.42) & (looking[:, 15] < 0.65)).all()
assert looking[:, 15].min() > 2 * max(narrow[:, 15].max(), wide[:, 15].max())
# control: the same models with an even light (v = 0 makes all scores equal)
for model in lookers:
    even = copy.deepcopy(model)
    nn.init.zeros_(even.v)
    assert letters_right(even, 8).mean() < 0.5

# %% tags=["experiment"]
LETTERS = "ABCDEFGH"


def draw_copies(length):
    task = copy_task(1, (length, length), SYMBOLS, torch.Generator().manual_seed(7))
    figure, axes = plt.subplots(figsize=(7.2, 2.2))
    right, lines = {}, {"to copy": task.target}
    for name, models in copiers.items():
        lines[name] = on_its_own(models[0], task.source, task.lengths, length)
    for row, (name, tokens) in enumerate(lines.items()):
        hits = (tokens == task.target)[0].tolist()
        right[name] = sum(hits)
        for s, (token, hit) in enumerate(zip(tokens[0].tolist(), hits, strict=True)):
            letter = LETTERS[token - FIRST_SYMBOL] if token >= FIRST_SYMBOL else "?"
            ink, paper = ("k", "w") if hit else ("w", "0.15")
            box = {"boxstyle": "square", "facecolor": paper, "edgecolor": "0.7"}
            place = {"ha": "center", "va": "center", "color": ink, "bbox": box}
            axes.annotate(letter, (s, -row), **place)
        axes.annotate(name, (-0.8, -row), ha="right", va="center")
    title = f"{length} letters; wrong ones are dark"
    axes.set(xlim=(-6.5, 16), ylim=(-3.6, 0.6), title=title)
    axes.axis("off")
    counts = ", ".join(f"{name} {count}" for name, count in right.items())
    return figure, f"{length} letters and their copies. Letters right: {counts}."


plots.turn_by_hand(draw_copies, length=range(16, 0, -1))

# %% [markdown]
# Turn the length down until each model gets the whole string. Then look at *where* the letters are wrong. All three do best on the left; what differs is how far they get. The next cell counts it in 200 strings of 16.

# %% tags=["experiment"]
task = copy_task(200, (16, 16), SYMBOLS, torch.Generator().manual_seed(11))


def right_by_place(model):
    written = on_its_own(model, task.source, task.lengths, 16)
    return (written == task.target).float().mean(dim=0)


by_place = {name: right_by_place(models[0]) for name, models in copiers.items()}
plots.show_curves(
    range(16), by_place,
    "Strings of 16 letters: attention is right on the first five letters and falls "
    "after them; the fixed vectors get fewer than half of the first letters right, and "
    "fewer than a third at every later place.",
    x_label="position t in strings of 16 letters", y_label="letters right",
    y_limits=(0, 1.03), reference=(1 / SYMBOLS, "guessing"),
)

# %% tags=["experiment"]
with torch.no_grad():
    looks = given_the_answer(lookers[0], task.source, task.lengths, task.target)[1]
looks = torch.stack(looks, dim=1)  # (B, T, S)
plots.show_weights(
    looks[0],
    "Weights while copying 16 letters: sharp on the diagonal for the first positions, "
    "then spread over many.",
    numbers=False, title="16 letters, trained on at most 8", gold=range(16),
)
beyond = looks[:, 5:8, 8:].sum(-1).mean().item()
print(f"writing letters 5 to 7, {beyond:.2f} of the light is on positions 8 to 15;")
print(f"an even light would have {8 / 16:.2f} there")

# %% [markdown]
# At first the light is sharp and on the diagonal (orange squares). From about position 5 on it spreads, and more of it falls on positions 8 to 15 than an even light would put there. In training there was nothing out there, so nothing taught the scores to leave such states alone.
#
# If that is the fault, then hiding those states must repair letters 5 to 7, with nothing trained anew:

# %% tags=["experiment"]
def with_states_hidden(model, first):
    model.first = first
    right = right_by_place(model)
    model.first = None
    return right


rows, hidden = [], []
for seed, model in zip(SEEDS, lookers, strict=True):
    free, only_8 = right_by_place(model), with_states_hidden(model, 8)
    hidden.append((free, only_8))
    for name, right in (("all 16 states", free), ("states 0 to 7 only", only_8)):
        letters = {f"letter {t}": right[t].item() for t in (4, 5, 6, 7)}
        last = right[8:].mean().item()
        rows.append({"seed": seed, "may look at": name, **letters, "8 to 15": last})
plots.show_table(rows, "share of letters right in strings of 16")

# %% [markdown]
# It does. The states of letters 5 to 7 were good all along, and so were the scores among states that training had seen. (Letters 8 to 15 are lost then, of course: they cannot be looked at.)
# Attention has removed the funnel. Knowing *where* things stand, at lengths it has not seen, is another matter: notebook 5.

# %% tags=["claim"]
assert by_place["attention, width 32"][:5].mean() > 0.9
assert by_place["attention, width 32"][8:].mean() < 0.4
assert (looks[:, :4].argmax(-1) == torch.arange(4)).float().mean() > 0.9
assert 0.5 < beyond < 0.9
for name in ("fixed vector, width 32", "fixed vector, width 128"):
    assert 0.3 < by_place[name][0] < 0.5
    assert by_place[name][1:].max() < 0.34
    assert by_place[name].argmax() == 0  # they, too, are best on the left
assert all(only_8[5:8].min() > 0.95 for _, only_8 in hidden)
assert all(free[7] < 0.5 for free, _ in hidden)
# control: hiding the states that hold letters 5 to 7 repairs nothing
assert all(with_states_hidden(model, 5)[5:8].max() < 0.3 for model in lookers)
# control: within the trained length there is nothing to repair
assert looks[:, :4, 8:].sum(-1).mean() < 0.1

# %% [markdown]
# ## 1.7 ★ Does it look where a person would?
# *Goal: score learned weights against gold alignments.* · 10 min · 6 points
#
# Weights can be looked at, and that is tempting: a nice picture convinces quickly. Let us have a number instead. A *gold alignment* says for each target token which source position it comes from, or −1 if none. We count how often the largest weight is there:
#
# $$\text{accuracy} = \frac{\#\{t : g_t \ge 0 \text{ and } \arg\max_s w_{ts} = g_t\}}{\#\{t : g_t \ge 0\}}$$
#
# Shapes: weights (B, T, S), gold (B, T) → one number, over all aligned targets of all examples together.
#
# *On paper:* the rows (.7, .2, .1), (.1, .1, .8) and (.6, .1, .3) with gold 0, 1 and −1. The first is right, the second wrong, the third does not count: ½.


# %% tags=["exercise", "q1_7"]
def alignment_accuracy(weights, gold):
    """The share of aligned target tokens whose largest weight is on the gold position.

    weights (B, T, S) floating; gold (B, T) int64: a source position, or −1 where the
    token is aligned with nothing.
    Every aligned token counts the same, whichever sentence it is in; unaligned ones do
    not count.
    Of several equal largest weights the first counts.
    Returns a number from 0 to 1, and 0 when no token is aligned.
    """
    # 1. which targets are aligned?
    # 2. where is each target's largest weight, and is it the gold position?
    # 3. the share of hits among the aligned ones (0 if there are none)
    # BEGIN SOLUTION
    aligned = gold >= 0
    hits = (weights.argmax(dim=-1) == gold) & aligned
    return hits.sum().item() / max(1, aligned.sum().item())
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Two bool tensors of shape (B, T): which targets have a gold position at all, and which of those are hit. The answer is how many True in one, divided by how many in the other.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# aligned ← gold is not negative
# places  ← position of the largest weight along the key axis           (argmax gives the first on a tie)
# hits    ← places equal to gold, and aligned
# return (number of hits) / (number of aligned), or 0 if none is aligned
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Traps.** A mean over *all* targets counts words that have no partner as failures. Indexing with −1 picks the last position silently. And the mean of the sentences' accuracies is another number: it gives the only aligned word of one sentence as much say as ten words of another.

# %% [markdown]
# ### Experiment: dates in twelve languages
#
# *lunes, 3 de mayo de 2021* has to become *2021 - 05 - 03*. Of the three parts the year comes last in what is read (the next cell counts how often; a weekday may follow it) and first in what is written, so a person looks towards the end, then back. Nobody tells the model. It gets pairs of dates, made with the tables that Unicode publishes for twelve languages, and nothing about what comes from where.
#
# We train it twice with each of two beginnings. With `gain=1` a state carries over to the next at full strength before training starts, with `gain=0.3` it fades quickly, so that a state is mostly about its own token. Training may change either.
#
# **Predict:** "looking anywhere" is right about one time in four. What will the alignment accuracy be? And which beginning looks more like a person?

# %% tags=["experiment"]
predicted = {"alignment accuracy, gain 1": ..., "alignment accuracy, gain 0.3": ...}

# %% tags=["experiment"]
pairs, new_pairs = date_words(6000, seed=1), date_words(500, seed=2)
reading = Vocabulary.of(pair.source for pair in pairs)
writing = Vocabulary.of(pair.target for pair in pairs)


def as_tensors(pairs):
    source, lengths = pad_batch([reading.encode(pair.source) for pair in pairs])
    target, _ = pad_batch([writing.encode(pair.target) for pair in pairs])
    return source, lengths, target, gold_matrix(pairs)


source, lengths, target, _ = as_tensors(pairs)
for pair in pairs[:3]:
    print(" ".join(pair.source), "→", " ".join(pair.target))
year_last = [p.alignment[0] > max(p.alignment[2], p.alignment[4]) for p in pairs]
share_last = sum(year_last) / len(pairs)
print(f"the year comes after month and day in {share_last:.0%} of the dates")


# %% tags=["experiment"]
def trained_on_dates(gain, seed):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    widths = {"d_h": 48, "d_x": 48, "d_a": 48}
    model = WithAttention(len(reading), len(writing), **widths, gain=gain)

    def loss():
        some = torch.randint(len(source), (64,), generator=generator)
        logits, _ = given_the_answer(model, source[some], lengths[some], target[some])
        return nn.functional.cross_entropy(logits.flatten(0, 1), target[some].flatten())

    train(model, loss, 600, lr=5e-3, decay=True, quiet=True)
    return model


runs = [(1.0, 0), (1.0, 1), (0.3, 0), (0.3, 1)]  # gain, seed
learning = progress(runs, "learning dates, four runs")
date_models = {run: trained_on_dates(*run) for run in learning}

# %% tags=["experiment"]
test, test_lengths, test_target, gold = as_tensors(new_pairs)
aligned = gold >= 0
anywhere = (aligned / test_lengths[:, None]).sum().item() / aligned.sum().item()
after_gold = torch.where(aligned, gold + 1, -1)


def weights_on_dates(model):
    with torch.no_grad():
        looks = given_the_answer(model, test, test_lengths, test_target)[1]
    return torch.stack(looks, dim=1)


def row_of_dates(model, weights):
    exact = (on_its_own(model, test, test_lengths, 5) == test_target).all(dim=1)
    row = {"whole date right": exact.float().mean().item()}
    row["alignment accuracy"] = alignment_accuracy(weights, gold)
    for part, t in (("year", 0), ("month", 2), ("day", 4)):
        row[part] = alignment_accuracy(weights[:, t : t + 1], gold[:, t : t + 1])
    return row | {"one token after gold": alignment_accuracy(weights, after_gold)}


# %% tags=["experiment"]
date_weights = {run: weights_on_dates(model) for run, model in date_models.items()}
rows = [
    {"gain": run[0], "seed": run[1]} | row_of_dates(model, date_weights[run])
    for run, model in date_models.items()
]
plots.show_table(rows, f"500 new dates; by looking anywhere: {anywhere:.2f}")
accuracies = [row["alignment accuracy"] for row in rows]
found = [sum(accuracies[:2]) / 2, sum(accuracies[2:]) / 2]
plots.show_predictions(predicted, found, "mean of two seeds")

# %% tags=["experiment"]
def show_date(pair):
    weights = date_weights[0.3, 0][new_pairs.index(pair), :, : len(pair.source)]
    seen = [pair.source[s] for s in weights.argmax(dim=-1).tolist()]
    looks = ", ".join(f"{pair.target[t]} looks at {seen[t]}" for t in (0, 2, 4))
    plots.show_weights(
        weights, f"Weights for {' '.join(pair.source)}: {looks}.",
        queries=pair.target, keys=pair.source, gold=pair.alignment,
        title="orange squares: gold", key_label="word read", query_label="word written",
    )


def longest_with(*words):
    found = [pair for pair in new_pairs if set(words) & set(pair.source)]
    return max(found, key=lambda pair: len(pair.source))


spanish = longest_with("mayo", "junio", "octubre")
english = longest_with("May", "June", "October")
show_date(spanish)
show_date(english)

# %% [markdown]
# The light jumps to the end for the year, back to the middle for the month, to the front for the day, and where English swaps month and day it swaps them too. On new dates the largest weight is on gold more than nine times in ten, in every run, for words that found each other by themselves. (The hyphens are aligned with nothing, so they do not count.)
#
# Read such maps with care, all the same. With the long memory (`gain=1`) the light falls more often on the token *after* the one a person would choose: that state has read both. The dates are right as often. A weight tells where a state was taken from; it does not tell what was in it.

# %% tags=["claim"]
assert share_last == 1
assert min(accuracies) > 0.9
right = [row["whole date right"] for row in rows]
assert min(right) > 0.97
assert max(right) - min(right) < 0.01
assert 0.2 < anywhere < 0.28
for what, sign in (("alignment accuracy", -1), ("one token after gold", 1)):
    for long, short in zip(rows[:2], rows[2:], strict=True):
        assert sign * (long[what] - short[what]) > 0
for pair in (spanish, english):
    b = new_pairs.index(pair)
    assert alignment_accuracy(date_weights[0.3, 0][[b]], gold[[b]]) == 1
assert english.alignment[2] < english.alignment[4]
assert spanish.alignment[4] < spanish.alignment[2] < spanish.alignment[0]
# control: an untrained model, and the weights of another date, are far from gold
torch.manual_seed(0)
fresh = WithAttention(len(reading), len(writing), d_h=48, d_x=48, d_a=48)
assert alignment_accuracy(weights_on_dates(fresh), gold) < 0.5
assert all(alignment_accuracy(w.roll(1, 0), gold) < 0.6 for w in date_weights.values())

# %% [markdown]
# ## 1.8 ★ How wide would the funnel have to be?
# *Goal: find the ceiling with a pencil.* · 10 min · 5 points
#
# Before any training, counting gives a limit. A vector of d_h numbers with a few bits each can be in $2^{d_h \cdot \mathrm{bits}}$ different states. A sequence of n tokens out of V is one of $V^n$. If there are more sequences than states, two sequences share a state, and no decoder can tell them apart:
#
# $$n_{\max} = \max\{\,n : V^n \le 2^{d_h \cdot \mathrm{bits}}\,\}$$
#
# *On paper:* 2 numbers of 3 bits have 2⁶ = 64 states. With V = 8, 8² = 64: two tokens fit, exactly. With V = 10 one token fits (10 ≤ 64 < 100).


# %% tags=["exercise", "q1_8"]
def tokens_that_fit(d_h, bits_per_number, V):
    """The largest n for which all sequences of n tokens fit into one vector.

    That is, V^n ≤ 2^(d_h · bits_per_number).
    d_h ≥ 1, bits_per_number ≥ 1 and V ≥ 2 are ints of any size (say 512, 32, 50257).
    Returns n as an int, 0 when not even one token fits. It is exact, also when V^n
    equals the number of states.
    """
    # 1. how many bits are there in all?
    # 2. how many bits does a token take?
    # 3. how many tokens fit? Mind rounding errors: Python's whole numbers have none
    # BEGIN SOLUTION
    bits = d_h * bits_per_number
    for n in range(bits + 1):  # a token takes at least one bit, so n cannot be larger
        if V ** (n + 1) > 2**bits:
            return n
    # END SOLUTION


# %% [markdown] tags=["hints"]
# <details><summary>Hint 1: the idea</summary>
#
# Take the logarithm of base 2 of both sides: n · log₂V ≤ d_h · bits. Or count up: Python's integers grow as large as they need to.
# </details>
# <details><summary>Hint 2: pseudocode</summary>
#
# ```
# states ← 2 to the power (d_h · bits_per_number)
# n ← 0
# while V to the power (n + 1) ≤ states:  n ← n + 1
# return n
# ```
# </details>

# %% [markdown] tags=["explanation"]
# **Why whole numbers?** `d_h * bits * math.log(2) / math.log(V)` is right on paper; for V = 2 and 51 bits it gives 50.99999999999999, and rounding down loses a token. `math.log2` is exact for powers of two. Counting in whole numbers is exact for everything, and 16,384 bits take no time: we look for the first n + 1 that is too many.
# Rounding log₂V up to whole bits per token is another trap: three tokens out of 10 are 1000 cases and fit into 10 bits, not 12.

# %% tags=["experiment"]
measured = dict(zip((32, 128), longest, strict=True))
rows = [
    {
        "width d_h": d_h,
        "fits, 32 bits a number": tokens_that_fit(d_h, 32, SYMBOLS),
        "fits, 1 bit a number": tokens_that_fit(d_h, 1, SYMBOLS),
        "measured, .9 right (per seed)": str(found),
    }
    for d_h, found in measured.items()
]
plots.show_table(rows, f"tokens out of {SYMBOLS} that fit, and that were learned")

# %% [markdown]
# The ceiling is far above what we measured, even if each number held a single bit. So it is not counting that stops our fixed vectors. But the ceiling is real. It grows with the width and not with the length of the text, and no training will lift it.
# An attention model keeps S vectors instead of one, so its room grows with the text.

# %% tags=["claim"]
for d_h, learned in measured.items():
    assert max(learned) < tokens_that_fit(d_h, 1, SYMBOLS)
assert tokens_that_fit(2, 3, 8) == 2
assert tokens_that_fit(2, 3, 10) == 1
# control: counting with logarithms loses a token
assert 51 * math.log(2) / math.log(2) < 51 == tokens_that_fit(3, 17, 2)

# %% [markdown]
# ### Experiment: is it the room?
#
# Two tests of the fixed vector say what stops it.
#
# *Can the letters be read off the vector?* For each place in strings of 8 we fit one straight-line map (least squares) from the encoder's last state to the letter, and try it on new strings. No decoder, no steps. We do this before any training and after it.
#
# *Is copying harder than keeping?* We train the narrow model once more, with the same 1000 steps on the same strings, and change one thing: it has to write each string *backwards*.
#
# **Predict:** the share of letters of 8 that the narrow model writes backwards.

# %% tags=["experiment"]
predicted = {"width 32, 8 letters, backwards": ...}


def read_off(model, told=lambda letters: letters):
    """The share of letters (by place) that least squares reads off the last state."""

    def states(n, seed):
        task = copy_task(n, (8, 8), SYMBOLS, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            last = model.read(task.source, task.lengths)[0]
        return torch.cat([last, torch.ones(n, 1)], dim=1), task.target - FIRST_SYMBOL

    (seen, letters), (new, wanted) = states(3000, seed=5), states(1000, seed=6)
    one_hot = nn.functional.one_hot(told(letters), SYMBOLS).flatten(1).float()
    fit = torch.linalg.lstsq(seen, one_hot).solution
    read = (new @ fit).unflatten(1, (8, SYMBOLS)).argmax(dim=-1)
    return (read == wanted).float().mean(dim=0)


def untrained(d_h):
    torch.manual_seed(0)
    return FixedVector(FIRST_SYMBOL + SYMBOLS, FIRST_SYMBOL + SYMBOLS, d_h)


# %% tags=["experiment"]
backwards = trained_copier(FixedVector, 32, 0, 1000, make=reverse_task)
rows, readable = [], {}
for d_h in (32, 128):
    copier = copiers[f"fixed vector, width {d_h}"][0]
    readable[d_h] = (read_off(untrained(d_h)), read_off(copier))
    off = [curve.mean().item() for curve in readable[d_h]]
    row = {"width": d_h, "read off, untrained": off[0], "read off, trained": off[1]}
    rows.append(row | {"written: copying": letters_right(copier, 8).mean().item()})
turned = letters_right(backwards, 8, make=reverse_task)
for row, value in zip(rows, (f"{turned.mean():.2f}", "not trained"), strict=True):
    row["written: backwards"] = value
plots.show_table(rows, "share of letters right in strings of 8")
plots.show_predictions(predicted, [turned.mean().item()])

# %% tags=["experiment"]
plots.show_curves(
    range(8),
    {
        "read off, untrained": readable[32][0],
        "written: copying": letters_right(copiers["fixed vector, width 32"][0], 8),
        "written: backwards": turned.flip(0),
    },
    "Width 32, strings of 8 letters. Read off the untrained vector, the letters get "
    "better from left to right, up to 1. Copying is best on the first letter and "
    "falls. Writing backwards is right on the last letter and above .5 on every other.",
    x_label="place of the letter in the string that was read", y_label="letters right",
    y_limits=(0, 1.03), reference=(1 / SYMBOLS, "guessing"), title="width 32",
)

# %% [markdown]
# It is not the room. Before any training the wide vector holds all eight letters, so plainly that straight lines read them off. The narrow one holds the newest letters best: each step mixes a new letter in, and the older ones become harder to read.
# Training to copy makes *fewer* letters readable, and the decoder writes fewer still.
#
# It is the order. Written backwards, the same 32 numbers after the same training give most of the letters. The vector is like a pile of sheets: what came last lies on top. Backwards takes from the top, and the first letter it writes is hardly ever wrong. Copying has to begin with what lies deepest.
# Attention needs no pile: each letter stays in a state of its own, one look away.

# %% tags=["claim"]
assert readable[128][0].min() > 0.95
assert readable[32][0][-1] > 0.98 > 0.6 > readable[32][0][0]
assert all(after.mean() < before.mean() - 0.1 for before, after in readable.values())
for row in rows:
    assert row["written: copying"] < row["read off, trained"] - 0.05
assert turned.mean() > 0.8 > 2 * narrow[:, 7].max()
assert turned[0] > 0.99
assert turned.min() > 0.5
# control: read with other strings' letters, nothing can be read off
shuffled = read_off(untrained(128), told=lambda letters: letters.roll(1, 0))
assert (shuffled - 1 / SYMBOLS).abs().max() < 0.05
# control: another seed says the same, and what is written backwards is no copy
again = trained_copier(FixedVector, 32, 1, 1000, make=reverse_task)
assert letters_right(again, 8, make=reverse_task).mean() > 0.75
assert letters_right(backwards, 8).mean() < 0.3

# %% [markdown]
# ## What you have built
#
# * An RNN **encoder–decoder** by hand: a step, a chain that respects lengths, a greedy decoder.
# * A measurement of the **bottleneck**: accuracy falls with length inside the trained range, later when the vector is wider, though the letters would fit.
# * **Additive attention**: scores → masked softmax → average of states. Inside the trained range the length no longer matters.
# * A **number** for alignments, so that pictures do not have to convince on their own.
#
# **Three questions to think about**
#
# 1. The encoder still reads from left to right, so its state at *lunes* has not seen *mayo*. What would change if a second one read from right to left?
# 2. Reversing the source made RNN translation better (Sutskever, Vinyals and Le, 2014). Explain it with the last experiment. For which pairs of languages would it help less?
# 3. The decoder's state asks, the encoder's states answer. What would we get if every state of *one* sequence asked every other? (Notebook 2.)
#
# **Where to read more.** Sutskever, Vinyals and Le (2014), *Sequence to sequence learning with neural networks*. Cho et al. (2014), *On the properties of neural machine translation: encoder–decoder approaches*, which measured the fall with length.
# Bahdanau, Cho and Bengio (2015), *Neural machine translation by jointly learning to align and translate*. Jain and Wallace (2019), *Attention is not explanation*, and Wiegreffe and Pinter (2019), *Attention is not not explanation*, on reading maps with care.
