"""Notebook 6, blind: the likely right answers, and what learners write instead."""

from autograder.proving.blind import nb04
from autograder.proving.blind.edits import answers

_ATTENTION = nb04.RIGHT["q4_1"] + nb04.RIGHT["q4_2"] + nb04.RIGHT["q4_3"]

RIGHT = {
    "q6_1": """
def causal_mask(T, S=None):
    if S is None:
        S = T
    if S < T:
        raise ValueError("S must be at least T")
    t = torch.arange(T)[:, None]
    s = torch.arange(S)[None, :]
    return s <= t + S - T
""",
    "q6_2": """
def combine_masks(causal, key_is_real):
    return causal[None, None, :, :] & key_is_real[:, None, None, :]


def from_key_padding(key_padding_mask):
    return ~key_padding_mask


def from_additive(mask):
    return mask == 0
""",
    "q6_3": """
def shift_right(y, bos):
    first = torch.full_like(y[:, :1], bos)
    return torch.cat([first, y[:, :-1]], dim=1)
""",
    "q6_4": """
def cross_entropy(logits, y, ignore_index):
    logp = torch.log_softmax(logits, dim=-1)
    real = y != ignore_index
    index = torch.where(real, y, torch.zeros_like(y))
    picked = logp.gather(-1, index[..., None]).squeeze(-1)
    total = -(picked * real).sum()
    return total / real.sum().clamp(min=1)
""",
    "q6_5": """
def teacher_forcing_loss(model, src, tgt, bos, pad):
    tgt_in = shift_right(tgt, bos)
    logits = model(src, tgt_in)
    return cross_entropy(logits, tgt, pad)
""",
    "q6_6": """
def generate(model, src, bos, eos, pad, max_len):
    B = src.shape[0]
    tokens = torch.full((B, 1), bos, dtype=torch.int64)
    done = torch.zeros(B, dtype=torch.bool)
    for _ in range(max_len):
        logits = model(src, tokens)
        new = logits[:, -1].argmax(dim=-1)
        new = torch.where(done, torch.full_like(new, pad), new)
        done = done | (new == eos)
        tokens = torch.cat([tokens, new[:, None]], dim=1)
        if done.all():
            break
    return tokens[:, 1:]
""",
    "q6_7": """
def sample(logits, temperature=1.0, top_k=None, generator=None):
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        kth = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < kth, float("-inf"))
    p = torch.softmax(logits, dim=-1)
    return torch.multinomial(p, 1, generator=generator).squeeze(-1)
""",
    "q6_8": """
def step_with_cache(x_t, cache, W_q, W_k, W_v):
    q = x_t @ W_q
    k = x_t @ W_k
    v = x_t @ W_v
    if cache is not None:
        k = torch.cat([cache[0], k], dim=1)
        v = torch.cat([cache[1], v], dim=1)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, (k, v)
""",
    "q6_9": """
def loss_floor(P):
    P = np.asarray(P, dtype=np.float64)
    V = len(P)
    A = np.vstack([P.T - np.eye(V), np.ones((1, V))])
    b = np.zeros(V + 1)
    b[-1] = 1.0
    pi = np.linalg.lstsq(A, b, rcond=None)[0]
    logs = np.where(P > 0, np.log(np.where(P > 0, P, 1.0)), 0.0)
    rows = -(P * logs).sum(axis=1)
    return float(pi @ rows)
""",
    "q6_11": _ATTENTION
    + """

class TransformerBlock(nn.Module):
    def __init__(self, d_model, H, d_ff, cross=False):
        super().__init__()
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = MultiHeadAttention(d_model, H)
        self.cross = cross
        if cross:
            self.norm_cross = nn.LayerNorm(d_model)
            self.cross_attention = MultiHeadAttention(d_model, H)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))

    def forward(self, x, memory=None, self_mask=None, memory_mask=None):
        if self.cross and memory is None:
            raise ValueError("a memory is needed")
        h = self.norm_self(x)
        x = x + self.self_attention(h, h, self_mask)[0]
        if self.cross:
            x = x + self.cross_attention(self.norm_cross(x), memory, memory_mask)[0]
        x = x + self.feed_forward(self.norm_feed_forward(x))
        return x
""",
    "q6_12": """
class Seq2SeqTransformer(nn.Module):
    def __init__(self, V_src, V_tgt, d_model, H, layers, d_ff, max_len=64):
        super().__init__()
        self.src_embedding = nn.Embedding(V_src, d_model)
        self.tgt_embedding = nn.Embedding(V_tgt, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.encoder = nn.ModuleList([TransformerBlock(d_model, H, d_ff) for _ in range(layers)])
        self.decoder = nn.ModuleList([TransformerBlock(d_model, H, d_ff, cross=True) for _ in range(layers)])
        self.encoder_norm = nn.LayerNorm(d_model)
        self.decoder_norm = nn.LayerNorm(d_model)
        self.output = nn.Linear(d_model, V_tgt)

    def forward(self, src, tgt_in):
        return self.decode(self.encode(src), src, tgt_in)

    def encode(self, src):
        x = self.src_embedding(src) + self.positions(torch.arange(src.shape[1]))
        mask = (src != 0)[:, None, None, :]
        for block in self.encoder:
            x = block(x, self_mask=mask)
        return self.encoder_norm(x)

    def decode(self, memory, src, tgt_in):
        T = tgt_in.shape[1]
        x = self.tgt_embedding(tgt_in) + self.positions(torch.arange(T))
        self_mask = causal_mask(T)[None, None] & (tgt_in != 0)[:, None, None, :]
        memory_mask = (src != 0)[:, None, None, :]
        for block in self.decoder:
            x = block(x, memory, self_mask, memory_mask)
        return self.output(self.decoder_norm(x))
""",
    "q6_13": """
def llama_attention(x, W_q, W_k, W_v, W_o, H, G, last):
    B, S, _ = x.shape
    d = W_q.shape[0] // H
    Q = (x[:, -last:] @ W_q.T).reshape(B, last, H, d).transpose(1, 2)
    K = (x @ W_k.T).reshape(B, S, G, d).transpose(1, 2)
    V = (x @ W_v.T).reshape(B, S, G, d).transpose(1, 2)

    def turn(z, positions):
        i = torch.arange(d // 2, dtype=z.dtype)
        angles = positions[:, None].to(z.dtype) * 10000.0 ** (-2 * i / d)
        c, s = angles.cos(), angles.sin()
        a, b = z[..., : d // 2], z[..., d // 2 :]
        return torch.cat([a * c - b * s, a * s + b * c], dim=-1)

    places = torch.arange(S)
    Q = turn(Q, places[-last:])
    K = turn(K, places)
    K = K.repeat_interleave(H // G, dim=1)
    V = V.repeat_interleave(H // G, dim=1)
    scores = Q @ K.transpose(-2, -1) / math.sqrt(d)
    allowed = places[None, :] <= places[-last:, None]
    weights = torch.softmax(scores.masked_fill(~allowed, float("-inf")), dim=-1)
    return (weights @ V).transpose(1, 2).reshape(B, last, H * d) @ W_o.T
""",
    "q6_10": """
def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(-1, keepdim=True)
    var = x.var(-1, keepdim=True, unbiased=False)
    normed = (x - mean) / torch.sqrt(var + eps)
    return normed * gain + bias
""",
    "q6_14": """
def label_smoothed_loss(logits, y, epsilon, ignore_index):
    V = logits.shape[-1]
    logp = F.log_softmax(logits, dim=-1)
    real = y != ignore_index
    index = y.clone()
    index[~real] = 0
    nll = -logp.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    smooth = -logp.sum(-1) / V
    loss = (1 - epsilon) * nll + epsilon * smooth
    loss = loss.masked_fill(~real, 0.0)
    return loss.sum() / real.sum().clamp(min=1)
""",
    "q6_15": """
def nucleus(logits, top_p, temperature=1.0):
    probs = torch.softmax(logits / temperature, dim=-1)
    sorted_probs, idx = torch.sort(probs, dim=-1, descending=True)
    cum = torch.cumsum(sorted_probs, dim=-1)
    remove = cum - sorted_probs >= top_p
    sorted_probs = sorted_probs.masked_fill(remove, 0.0)
    out = torch.zeros_like(probs).scatter(-1, idx, sorted_probs)
    return out / out.sum(-1, keepdim=True)
""",
    "q6_16": """
def beam_search(model, src, bos, eos, pad, width, max_len, length_penalty=0.0):
    answers = []
    for b in range(src.shape[0]):
        kept = [(0.0, [])]
        for _ in range(max_len):
            candidates = []
            for total, tokens in kept:
                if tokens and tokens[-1] == eos:
                    candidates.append((total, tokens))
                    continue
                prefix = torch.tensor([[bos] + tokens])
                logp = torch.log_softmax(model(src[b : b + 1], prefix)[0, -1], dim=-1)
                for v in range(logp.shape[0]):
                    candidates.append((total + logp[v].item(), tokens + [v]))
            candidates.sort(key=lambda c: c[0] / len(c[1]) ** length_penalty, reverse=True)
            kept = candidates[:width]
            if all(tokens[-1] == eos for _, tokens in kept):
                break
        answers.append(kept[0][1])
    L = max(len(tokens) for tokens in answers)
    return torch.tensor([tokens + [pad] * (L - len(tokens)) for tokens in answers])
""",
    "q6_17": """
def warm_up_then_decay(step, d_model, warm_up):
    if step == 0:
        return 0.0
    return d_model ** (-0.5) * min(step ** (-0.5), step * warm_up ** (-1.5))
""",
}

NEEDS = {"q6_5": ("q6_3", "q6_4"), "q6_12": ("q6_1", "q6_11")}

WRONG = answers(
    RIGHT,
    {
        "q6_1": {
            "not itself": ("s <= t", "s < t"),
            "the future": ("s <= t", "s >= t"),
            "aligned at the start": ("t + S - T", "t"),
            "a float mask": ("s <= t + S - T", "(s <= t + S - T).float()"),
            "True means blocked": ("s <= t + S - T", "s > t + S - T"),
            "no error": ("if S < T:", "if S < 0:"),
            "an assertion": ('raise ValueError("S must be at least T")', "raise AssertionError"),
            "one too far": ("t + S - T", "t + S - T + 1"),
            "transposed": ("s <= t + S - T", "(s <= t + S - T).T"),
            "S ignored": ("torch.arange(S)", "torch.arange(T)", "t + S - T", "t"),
        },
        "q6_2": {
            "rows for columns": ("key_is_real[:, None, None, :]", "key_is_real[:, None, :, None]"),
            "either": ("] & key", "] | key"),
            "no head axis": ("causal[None, None, :, :]", "causal[None]", "[:, None, None, :]", "[:, None, :]"),
            "without the causal part": ("causal[None, None, :, :] & ", "torch.ones_like(causal) & "),
            "without the padding": (
                " & key_is_real[:, None, None, :]",
                " & torch.ones_like(key_is_real)[:, None, None, :]",
            ),
            "padding as it is": ("~key_padding_mask", "key_padding_mask"),
            "padding with minus": ("~key_padding_mask", "1 - key_padding_mask.int()"),
            "additive the wrong way": ("mask == 0", "mask != 0"),
            "additive as bool": ("mask == 0", "mask.bool()"),
            "minus infinity alone": ("mask == 0", "mask != float('-inf')"),
            "a threshold": ("mask == 0", "mask > -1e8"),
            "floats": ("mask == 0", "(mask == 0).float()"),
        },
        "q6_3": {
            "to the left": ("[first, y[:, :-1]]", "[y[:, 1:], first]"),
            "one longer": ("y[:, :-1]", "y"),
            "rolled": ("torch.cat([first, y[:, :-1]], dim=1)", "torch.roll(y, 1, dims=1)"),
            "in place": (
                "    first =",
                "    y[:, 1:] = y[:, :-1].clone()\n    y[:, 0] = bos\n    return y\n    first =",
            ),
            "zero first": ("full_like(y[:, :1], bos)", "zeros_like(y[:, :1])"),
            "bos is 1": ("bos)\n    return", "1)\n    return"),
            "along the batch": ("y[:, :1]", "y[:1]", "y[:, :-1]", "y[:-1]", "dim=1", "dim=0"),
            "the first overwritten": ("[first, y[:, :-1]]", "[first, y[:, 1:]]"),
            "floats": ("dim=1)", "dim=1).float()"),
            "by two": ("[first, y[:, :-1]]", "[first, first, y[:, :-2]]"),
        },
        "q6_4": {
            "a sum": ("total / real.sum().clamp(min=1)", "total"),
            "over all tokens": ("real.sum().clamp(min=1)", "real.numel()"),
            "pads counted": ("(picked * real).sum()", "picked.sum()"),
            "no minus": ("-(picked", "(picked"),
            "probabilities": ("torch.log_softmax", "torch.softmax"),
            "log of the softmax": ("torch.log_softmax(logits, dim=-1)", "torch.log(torch.softmax(logits, dim=-1))"),
            "over the positions": ("log_softmax(logits, dim=-1)", "log_softmax(logits, dim=1)"),
            "NaN when empty": (".clamp(min=1)", ""),
            "in bits": ("return total /", "return total / math.log(2) /"),
            "sentence by sentence": (
                "total = -(picked * real).sum()\n    return total / real.sum().clamp(min=1)",
                "return (-(picked * real).sum(1) / real.sum(1).clamp(min=1)).mean()",
            ),
            "zero ignored": ("y != ignore_index", "y != 0"),
            "detached": ("torch.log_softmax(logits", "torch.log_softmax(logits.detach()"),
            "a Python number": (
                "return total / real.sum().clamp(min=1)",
                "return (total / real.sum().clamp(min=1)).item()",
            ),
            "float32": ("log_softmax(logits,", "log_softmax(logits.float(),"),
            "the library's": (
                "    logp =",
                "    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=ignore_index)\n    logp =",
            ),
        },
        "q6_5": {
            "not shifted": ("shift_right(tgt, bos)", "tgt"),
            "the target shifted too": ("(logits, tgt, pad)", "(logits, tgt_in, pad)"),
            "pads counted": ("tgt, pad)", "tgt, -1)"),
            "pad is 0": ("tgt, pad)", "tgt, 0)"),
            "bos ignored": ("(logits, tgt, pad)", "(logits, tgt, bos)"),
            "without gradients": (
                "    logits = model(src, tgt_in)",
                "    with torch.no_grad():\n        logits = model(src, tgt_in)",
            ),
            "arguments swapped": ("model(src, tgt_in)", "model(tgt_in, src)"),
            "called twice": ("    logits = model", "    model(src, tgt_in)\n    logits = model"),
            "the last step alone": ("(logits, tgt, pad)", "(logits[:, -1:], tgt[:, -1:], pad)"),
            "the first step left out": ("(logits, tgt, pad)", "(logits[:, 1:], tgt[:, 1:], pad)"),
            "a number": ("cross_entropy(logits, tgt, pad)", "cross_entropy(logits, tgt, pad).item()"),
            "a sum": ("cross_entropy(logits, tgt, pad)", "cross_entropy(logits, tgt, pad) * (tgt != pad).sum()"),
        },
        "q6_6": {
            "bos kept": ("tokens[:, 1:]", "tokens"),
            "writes on after eos": ("torch.where(done, torch.full_like(new, pad), new)", "new"),
            "stops at the first": ("done.all()", "done.any()"),
            "never stops": ("done.all()", "False"),
            "one token short": ("range(max_len)", "range(max_len - 1)"),
            "one token more": ("range(max_len)", "range(max_len + 1)"),
            "the first position read": ("logits[:, -1]", "logits[:, 0]"),
            "only the last token shown": ("model(src, tokens)", "model(src, tokens[:, -1:])"),
            "the least likely": ("argmax", "argmin"),
            "eos turned into pad": (
                "        done = done |",
                "        done = done | (new == eos)\n        new = torch.where(done, torch.full_like(new, pad), new)\n        done = done |",
            ),
            "pad is 0": ("full_like(new, pad)", "full_like(new, 0)"),
            "the first example for all": ("logits[:, -1].argmax(dim=-1)", "logits[:1, -1].argmax(dim=-1).expand(B)"),
            "sampled": ("logits[:, -1].argmax(dim=-1)", "torch.multinomial(torch.softmax(logits[:, -1], -1), 1)[:, 0]"),
        },
        "q6_7": {
            "multiplied": ("logits / temperature", "logits * temperature"),
            "temperature ignored": ("logits / temperature", "logits / 1.0"),
            "no greedy": ("    if temperature == 0:\n        return logits.argmax(dim=-1)\n", ""),
            "generator ignored": (", generator=generator)", ")"),
            "one off in top k": ("logits < kth", "logits <= kth"),
            "one more in top k": ("topk(top_k,", "topk(top_k + 1,"),
            "the smallest k": ("topk(top_k, dim=-1)", "topk(top_k, dim=-1, largest=False)"),
            "not drawn anew": ('float("-inf")', "0.0"),
            "a column": (".squeeze(-1)", ""),
            "always greedy": ("torch.multinomial(p, 1, generator=generator).squeeze(-1)", "p.argmax(dim=-1)"),
            "the first row for all": (
                "torch.multinomial(p, 1, generator=generator).squeeze(-1)",
                "torch.multinomial(p[:1].expand_as(p), 1, generator=generator).squeeze(-1)",
            ),
            "uniform": ("p = torch.softmax(logits, dim=-1)", "p = (logits > float('-inf')).float()"),
            "over the batch": ("softmax(logits, dim=-1)", "softmax(logits, dim=0)"),
        },
        "q6_8": {
            "not scaled": (" / math.sqrt(q.shape[-1])", ""),
            "put in front": ("[cache[0], k]", "[k, cache[0]]", "[cache[1], v]", "[v, cache[1]]"),
            "keys in front": ("[cache[0], k]", "[k, cache[0]]"),
            "the old cache returned": ("(k, v)", "cache"),
            "only the new one": ("    if cache is not None:", "    if False:"),
            "the newest not seen": (
                "return weights @ v, (k, v)",
                "return (torch.softmax(scores[..., :-1], -1) @ v[:, :-1] if k.shape[1] > 1 else v), (k, v)",
            ),
            "K and V swapped": ("(k, v)", "(v, k)"),
            "the cache detached": (
                "[cache[0], k]",
                "[cache[0].detach(), k]",
                "[cache[1], v]",
                "[cache[1].detach(), v]",
            ),
            "divided by d_k": ("math.sqrt(q.shape[-1])", "q.shape[-1]"),
            "a softmax over the batch": ("softmax(scores, dim=-1)", "softmax(scores, dim=0)"),
            "float32": (
                "    q = x_t @ W_q",
                "    x_t = x_t.float()\n    W_q, W_k, W_v = W_q.float(), W_k.float(), W_v.float()\n    cache = cache and tuple(part.float() for part in cache)\n    q = x_t @ W_q",
            ),
            "output alone": ("return weights @ v, (k, v)", "return weights @ v"),
            "cache first": ("return weights @ v, (k, v)", "return (k, v), weights @ v"),
            "a window of 16": (
                "[cache[0], k], dim=1)",
                "[cache[0], k], dim=1)[:, -16:]",
                "[cache[1], v], dim=1)",
                "[cache[1], v], dim=1)[:, -16:]",
            ),
            "values not weighted": ("weights @ v,", "v.mean(dim=1, keepdim=True),"),
        },
        "q6_9": {
            "in bits": ("np.log(", "np.log2("),
            "uniform": ("float(pi @ rows)", "float(rows.mean())"),
            "the entropy of pi": ("float(pi @ rows)", "float(-(pi * np.log(np.maximum(pi, 1e-300))).sum())"),
            "columns": ("P.T - np.eye", "P - np.eye"),
            "no minus": ("-(P * logs)", "(P * logs)"),
            "NaN for zeros": ("np.where(P > 0, np.log(np.where(P > 0, P, 1.0)), 0.0)", "np.log(P)"),
            "power iteration": ("np.linalg.lstsq(A, b, rcond=None)[0]", "np.linalg.matrix_power(P, 1000)[0]"),
            "the largest row": ("pi @ rows", "rows.max()"),
            "a sum": ("pi @ rows", "rows.sum()"),
            "perplexity": ("float(pi @ rows)", "float(np.exp(pi @ rows))"),
            "over columns": (".sum(axis=1)", ".sum(axis=0)"),
            "an epsilon": ("np.where(P > 0, np.log(np.where(P > 0, P, 1.0)), 0.0)", "np.log(P + 1e-3)"),
        },
        "q6_11": {
            "no residual at the attention": ("x = x + self.self_attention", "x = self.self_attention"),
            "no residual at the feed-forward": ("x = x + self.feed_forward", "x = self.feed_forward"),
            "no residual at the cross-attention": ("x = x + self.cross_attention", "x = self.cross_attention"),
            "post-norm": (
                "        h = self.norm_self(x)\n        x = x + self.self_attention(h, h, self_mask)[0]",
                "        x = self.norm_self(x + self.self_attention(x, x, self_mask)[0])",
            ),
            "no norm before the feed-forward": ("self.feed_forward(self.norm_feed_forward(x))", "self.feed_forward(x)"),
            "no norm before the attention": ("h = self.norm_self(x)", "h = x"),
            "keys without the norm": ("self.self_attention(h, h,", "self.self_attention(h, x,"),
            "the memory normed": ("self.norm_cross(x), memory,", "self.norm_cross(x), self.norm_cross(memory),"),
            "the masks swapped": (
                "(h, h, self_mask)",
                "(h, h, memory_mask)",
                "memory, memory_mask)",
                "memory, self_mask)",
            ),
            "the mask forgotten": ("(h, h, self_mask)", "(h, h)"),
            "the memory's mask forgotten": ("memory, memory_mask)", "memory)"),
            "GELU": ("nn.ReLU()", "nn.GELU()"),
            "weights returned": ("        return x\n", "        return x, None\n"),
            "no error": ("if self.cross and memory is None:", "if False:"),
            "cross-attention to itself": ("self.norm_cross(x), memory,", "self.norm_cross(x), self.norm_cross(x),"),
            "one norm for all": ("self.norm_feed_forward(x)", "self.norm_self(x)"),
            "always causal": ("(h, h, self_mask)", "(h, h, torch.ones(x.shape[1], x.shape[1]).tril().bool())"),
            "not scaled": (" / math.sqrt(Q.shape[-1])", ""),
            "detached": ("x = x + self.feed_forward(self", "x = x.detach() + self.feed_forward(self"),
        },
        "q6_12": {
            "a plain list": (
                "nn.ModuleList([TransformerBlock(d_model, H, d_ff) for _ in range(layers)])",
                "[TransformerBlock(d_model, H, d_ff) for _ in range(layers)]",
            ),
            "one block repeated": (
                "nn.ModuleList([TransformerBlock(d_model, H, d_ff) for _ in range(layers)])",
                "nn.ModuleList([TransformerBlock(d_model, H, d_ff)] * layers)",
            ),
            "no positions for the source": (
                "self.src_embedding(src) + self.positions(torch.arange(src.shape[1]))",
                "self.src_embedding(src)",
            ),
            "positions from 1": ("self.positions(torch.arange(T))", "self.positions(torch.arange(1, T + 1))"),
            "scaled embeddings": (
                "self.src_embedding(src) +",
                "math.sqrt(self.output.in_features) * self.src_embedding(src) +",
            ),
            "the encoder causal": (
                "mask = (src != 0)[:, None, None, :]",
                "mask = causal_mask(src.shape[1])[None, None] & (src != 0)[:, None, None, :]",
            ),
            "the decoder sees ahead": ("causal_mask(T)[None, None] & ", ""),
            "source padding seen": ("block(x, self_mask=mask)", "block(x)"),
            "memory padding seen": ("block(x, memory, self_mask, memory_mask)", "block(x, memory, self_mask)"),
            "target padding seen": (" & (tgt_in != 0)[:, None, None, :]", ""),
            "no last norm in the decoder": ("self.output(self.decoder_norm(x))", "self.output(x)"),
            "no last norm in the encoder": ("return self.encoder_norm(x)", "return x"),
            "probabilities": (
                "return self.output(self.decoder_norm(x))",
                "return torch.softmax(self.output(self.decoder_norm(x)), dim=-1)",
            ),
            "only the first block": ("for block in self.decoder:", "for block in self.decoder[:1]:"),
            "one embedding": ("self.tgt_embedding(tgt_in)", "self.src_embedding(tgt_in)"),
            "shifted again": ("self.tgt_embedding(tgt_in)", "self.tgt_embedding(torch.roll(tgt_in, 1, 1))"),
            "no cross-attention": ("d_ff, cross=True)", "d_ff)"),
        },
        "q6_13": {
            "neighbours paired": (
                "a, b = z[..., : d // 2], z[..., d // 2 :]",
                "a, b = z[..., 0::2], z[..., 1::2]",
                "torch.cat([a * c - b * s, a * s + b * c], dim=-1)",
                "torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)",
            ),
            "turned backwards": ("[a * c - b * s, a * s + b * c]", "[a * c + b * s, b * c - a * s]"),
            "queries from position 0": ("turn(Q, places[-last:])", "turn(Q, places[:last])"),
            "keys not turned": ("    K = turn(K, places)\n", ""),
            "heads tiled": (
                "K.repeat_interleave(H // G, dim=1)",
                "K.repeat(1, H // G, 1, 1)",
                "V.repeat_interleave(H // G, dim=1)",
                "V.repeat(1, H // G, 1, 1)",
            ),
            "not scaled": (" / math.sqrt(d)", ""),
            "not causal": ('.masked_fill(~allowed, float("-inf"))', ""),
            "the mask from the start": ("<= places[-last:, None]", "<= places[:last, None]"),
            "the first positions": ("x[:, -last:]", "x[:, :last]"),
            "weights not transposed": ("@ W_o.T", "@ W_o"),
            "heads not moved back": ("(weights @ V).transpose(1, 2).reshape", "(weights @ V).reshape"),
            "angles in float32": ("dtype=z.dtype)", "dtype=torch.float32)"),
            "values turned too": ("    K = turn(K, places)", "    K, V = turn(K, places), turn(V, places)"),
            "i/d": ("-2 * i / d", "-i / d"),
            "divided by d": ("math.sqrt(d)", "d"),
        },
        "q6_10": {
            "the unbiased variance": (", unbiased=False", ""),
            "eps outside the root": ("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),
            "the standard deviation of torch": ("torch.sqrt(var + eps)", "(x.std(-1, keepdim=True) + eps)"),
            "over the whole tensor": (
                "x.mean(-1, keepdim=True)",
                "x.mean()",
                "x.var(-1, keepdim=True, unbiased=False)",
                "x.var(unbiased=False)",
            ),
            "over the first axis": ("x.mean(-1,", "x.mean(0,", "x.var(-1,", "x.var(0,"),
            "not centred": ("(x - mean) / ", "x / "),
            "bias first": ("normed * gain + bias", "(normed + bias) * gain"),
            "no root": ("torch.sqrt(var + eps)", "(var + eps)"),
            "no eps": ("var + eps", "var"),
            "no bias": (" * gain + bias", " * gain"),
            "no gain": ("normed * gain", "normed"),
            "detached": ("x.mean(-1, keepdim=True)", "x.detach().mean(-1, keepdim=True)", "x.var(", "x.detach().var("),
            "in float32": ("    mean =", "    x = x.float()\n    mean ="),
            "the library's": ("    mean =", "    return F.layer_norm(x, x.shape[-1:], gain, bias, eps)\n    mean ="),
        },
        "q6_14": {
            "others share epsilon": ("-logp.sum(-1) / V", "-(logp.sum(-1) + nll) / (V - 1)"),
            "epsilon times the sum": ("-logp.sum(-1) / V", "-logp.sum(-1)"),
            "epsilon swapped": ("(1 - epsilon) * nll + epsilon * smooth", "epsilon * nll + (1 - epsilon) * smooth"),
            "no smoothing": ("(1 - epsilon) * nll + epsilon * smooth", "nll"),
            "the right token whole": ("(1 - epsilon) * nll", "nll"),
            "pads in the mean": ("real.sum().clamp(min=1)", "real.numel()"),
            "pads smoothed": (
                "    loss = loss.masked_fill(~real, 0.0)\n",
                "",
                "* nll",
                "* nll.masked_fill(~real, 0.0)",
            ),
            "pads counted": (
                "    loss = loss.masked_fill(~real, 0.0)\n    return loss.sum() / real.sum().clamp(min=1)",
                "    return loss.mean()",
            ),
            "a sum": (" / real.sum().clamp(min=1)", ""),
            "NaN when empty": (".clamp(min=1)", ""),
            "the pad is 0": ("real = y != ignore_index", "real = y != 0"),
            "log of the softmax": ("F.log_softmax(logits, dim=-1)", "torch.log(torch.softmax(logits, dim=-1))"),
            "mixed before the log": (
                "    loss = (1 - epsilon) * nll + epsilon * smooth\n",
                "    loss = -torch.log((1 - epsilon) * torch.exp(-nll) + epsilon / V)\n",
            ),
            "in place": ("index = y.clone()", "index = y"),
            "no minus at the even part": ("smooth = -logp", "smooth = logp"),
            "over the positions": ("F.log_softmax(logits, dim=-1)", "F.log_softmax(logits, dim=1)"),
            "the library's": (
                "    V =",
                "    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=ignore_index, label_smoothing=epsilon)\n    V =",
            ),
        },
        "q6_15": {
            "the crossing token dropped": ("cum - sorted_probs >= top_p", "cum > top_p"),
            "the first kept by force": (
                "    sorted_probs = sorted_probs.masked",
                "    remove = cum > top_p\n    remove[..., 0] = False\n    sorted_probs = sorted_probs.masked",
            ),
            "one token more": (
                "    sorted_probs = sorted_probs.masked",
                "    remove = torch.cat([torch.zeros_like(remove[..., :1]), remove[..., :-1]], -1)\n    sorted_probs = sorted_probs.masked",
            ),
            "the tail": (", descending=True", ""),
            "not back in order": ("torch.zeros_like(probs).scatter(-1, idx, sorted_probs)", "sorted_probs"),
            "the mask in sorted order": (
                "    out = torch.zeros_like(probs).scatter(-1, idx, sorted_probs)",
                "    out = probs.masked_fill(remove, 0.0)",
            ),
            "gathered back": ("torch.zeros_like(probs).scatter(-1, idx, sorted_probs)", "sorted_probs.gather(-1, idx)"),
            "not normed again": ("    return out / out.sum(-1, keepdim=True)", "    return out"),
            "temperature multiplied": ("logits / temperature", "logits * temperature"),
            "no temperature": ("logits / temperature", "logits"),
            "a softmax again": ("out / out.sum(-1, keepdim=True)", "torch.softmax(out, dim=-1)"),
            "normed over everything": ("out.sum(-1, keepdim=True)", "out.sum()"),
            "the first row's cut": (
                "    sorted_probs = sorted_probs.masked",
                "    remove = remove.reshape(-1, remove.shape[-1])[0].expand_as(remove)\n    sorted_probs = sorted_probs.masked",
            ),
            "raw exponentials": (
                "torch.softmax(logits / temperature, dim=-1)",
                "torch.exp(logits / temperature) / torch.exp(logits / temperature).sum(-1, keepdim=True)",
            ),
            "over the first axis": (
                "torch.softmax(logits / temperature, dim=-1)",
                "torch.softmax(logits / temperature, dim=0)",
            ),
            "each against 1 - p": ("cum - sorted_probs >= top_p", "sorted_probs < 1 - top_p"),
        },
        "q6_16": {
            "ended ones dropped": ("                    candidates.append((total, tokens))\n", ""),
            "goes on after eos": ("if tokens and tokens[-1] == eos:", "if False:"),
            "logits": (
                "torch.log_softmax(model(src[b : b + 1], prefix)[0, -1], dim=-1)",
                "model(src[b : b + 1], prefix)[0, -1]",
            ),
            "probabilities": ("torch.log_softmax(", "torch.softmax("),
            "no length penalty": (" / len(c[1]) ** length_penalty", ""),
            "penalty times length": ("c[0] / len(c[1])", "c[0] * len(c[1])"),
            "length with bos": ("len(c[1]) **", "(len(c[1]) + 1) **"),
            "worst first": (", reverse=True)", ")"),
            "greedy": ("candidates[:width]", "candidates[:1]"),
            "stops when one has ended": ("if all(", "if any("),
            "the last of the kept": ("kept[0][1]", "kept[-1][1]"),
            "one step short": ("range(max_len)", "range(max_len - 1)"),
            "one step more": ("range(max_len)", "range(max_len + 1)"),
            "bos returned": ("kept[0][1])", "[bos] + kept[0][1])"),
            "only the last token read": ("torch.tensor([[bos] + tokens])", "torch.tensor([([bos] + tokens)[-1:]])"),
            "padded with eos": ("[pad] * (L", "[eos] * (L"),
            "the first source for all": ("model(src[b : b + 1], prefix)", "model(src[:1], prefix)"),
            "eos cut off": (
                "answers.append(kept[0][1])",
                "answers.append([t for t in kept[0][1] if t != eos] or [pad])",
            ),
        },
        "q6_17": {
            "fails at 0": ("    if step == 0:\n        return 0.0\n", ""),
            "step 1 at 0": ("        return 0.0", "        step = 1"),
            "the maximum": ("min(step", "max(step"),
            "d_model to the plus": ("d_model ** (-0.5)", "d_model ** 0.5"),
            "no d_model": ("d_model ** (-0.5) * ", ""),
            "the wrong power of the warm-up": ("warm_up ** (-1.5)", "warm_up ** (-0.5)"),
            "a fall with the step": ("min(step ** (-0.5)", "min(step ** (-1.0)"),
            "no warm-up": ("min(step ** (-0.5), step * warm_up ** (-1.5))", "step ** (-0.5)"),
            "no decay": (
                "min(step ** (-0.5), step * warm_up ** (-1.5))",
                "min(1.0, step / warm_up) * warm_up ** (-0.5)",
            ),
            "one step ahead": ("    if step == 0:\n        return 0.0\n", "    step = step + 1\n"),
            "one step ahead, 0 kept": ("    return d_model", "    step = step + 1\n    return d_model"),
        },
    },
    NEEDS,
)
