"""Notebook 6, blind, by another hand than `nb06`: the likely right answers, and what learners write instead."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q6_1": """
def causal_mask(T, S=None):
    if S is None:
        S = T
    if S < T:
        raise ValueError("S is smaller than T")
    return torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T
""",
    "q6_2": """
def combine_masks(causal, key_is_real):
    return causal[None, None] & key_is_real[:, None, None, :]


def from_key_padding(key_padding_mask):
    return ~key_padding_mask


def from_additive(mask):
    return mask > -1000.0
""",
    "q6_3": """
def shift_right(y, bos):
    shifted = torch.full_like(y, bos)
    shifted[:, 1:] = y[:, :-1]
    return shifted
""",
    "q6_4": """
def cross_entropy(logits, y, ignore_index):
    logs = torch.log_softmax(logits, dim=-1)
    real = y != ignore_index
    index = torch.where(real, y, 0)
    picked = logs.gather(-1, index[..., None])[..., 0]
    return -(picked * real).sum() / real.sum().clamp(min=1)
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
    prefix = torch.full((B, 1), bos)
    ended = torch.zeros(B, dtype=torch.bool)
    for _ in range(max_len):
        logits = model(src, prefix)
        token = logits[:, -1].argmax(dim=-1)
        token = torch.where(ended, pad, token)
        ended = ended | (token == eos)
        prefix = torch.cat([prefix, token[:, None]], dim=1)
        if ended.all():
            break
    return prefix[:, 1:]
""",
    "q6_7": """
def sample(logits, temperature=1.0, top_k=None, generator=None):
    if temperature == 0:
        return logits.argmax(dim=-1)
    scaled = (logits - logits.max(dim=-1, keepdim=True).values) / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        kth = scaled.topk(top_k, dim=-1).values[:, -1:]
        scaled = scaled.masked_fill(scaled < kth, -math.inf)
    p = torch.softmax(scaled, dim=-1)
    return torch.multinomial(p, 1, generator=generator)[:, 0]
""",
    "q6_8": """
def step_with_cache(x_t, cache, W_q, W_k, W_v):
    q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
    K, V = k, v
    if cache is not None:
        K = torch.cat([cache[0], k], dim=1)
        V = torch.cat([cache[1], v], dim=1)
    scores = q @ K.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = torch.softmax(scores, dim=-1)
    return weights @ V, (K, V)
""",
    "q6_9": """
def loss_floor(P):
    P = P.double()
    V = P.shape[0]
    A = torch.cat([P.T - torch.eye(V, dtype=P.dtype), torch.ones(1, V, dtype=P.dtype)])
    b = torch.zeros(V + 1, 1, dtype=P.dtype)
    b[-1] = 1.0
    pi = torch.linalg.lstsq(A, b).solution[:, 0]
    rows = -torch.xlogy(P, P).sum(dim=1)
    return float(pi @ rows)
""",
    "q6_11": """
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, H):
        super().__init__()
        self.H = H
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, X_q, X_kv=None, mask=None):
        if X_kv is None:
            X_kv = X_q
        def heads(X):
            return X.reshape(X.shape[0], X.shape[1], self.H, -1).transpose(1, 2)
        Q, K, V = heads(self.W_q(X_q)), heads(self.W_k(X_kv)), heads(self.W_v(X_kv))
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = torch.softmax(scores, dim=-1)
        if mask is not None:
            weights = weights.masked_fill(~mask, 0.0)
        out = (weights @ V).transpose(1, 2)
        return self.W_o(out.reshape(out.shape[0], out.shape[1], -1)), weights


class TransformerBlock(nn.Module):
    def __init__(self, d_model, H, d_ff, cross=False):
        super().__init__()
        self.cross = cross
        self.norm_self = nn.LayerNorm(d_model)
        self.self_attention = MultiHeadAttention(d_model, H)
        if cross:
            self.norm_cross = nn.LayerNorm(d_model)
            self.cross_attention = MultiHeadAttention(d_model, H)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))

    def forward(self, x, memory=None, self_mask=None, memory_mask=None):
        if self.cross and memory is None:
            raise ValueError("cross=True needs a memory")
        x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]
        if self.cross:
            x = x + self.cross_attention(self.norm_cross(x), memory, mask=memory_mask)[0]
        return x + self.feed_forward(self.norm_feed_forward(x))
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
        real = (src != 0)[:, None, None, :]
        for block in self.encoder:
            x = block(x, self_mask=real)
        return self.encoder_norm(x)

    def decode(self, memory, src, tgt_in):
        T = tgt_in.shape[1]
        x = self.tgt_embedding(tgt_in) + self.positions(torch.arange(T))
        causal = torch.ones(T, T, dtype=torch.bool).tril()
        self_mask = causal & (tgt_in != 0)[:, None, None, :]
        memory_mask = (src != 0)[:, None, None, :]
        for block in self.decoder:
            x = block(x, memory, self_mask, memory_mask)
        return self.output(self.decoder_norm(x))
""",
    "q6_13": """
def llama_attention(x, W_q, W_k, W_v, W_o, H, G, last):
    B, S, d_model = x.shape
    d = W_q.shape[0] // H

    def heads(X, n):
        return X.reshape(B, -1, n, d).transpose(1, 2)

    def turn(X, positions):
        theta = 10000.0 ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
        angles = positions[:, None].to(x.dtype) * theta
        c, s = angles.cos(), angles.sin()
        a, b = X[..., : d // 2], X[..., d // 2 :]
        return torch.cat([a * c - b * s, a * s + b * c], dim=-1)

    positions = torch.arange(S)
    Q = heads(x[:, S - last :] @ W_q.T, H)
    K = heads(x @ W_k.T, G)
    V = heads(x @ W_v.T, G)
    Q = turn(Q, positions[S - last :])
    K = turn(K, positions)
    K = K.repeat_interleave(H // G, dim=1)
    V = V.repeat_interleave(H // G, dim=1)
    scores = Q @ K.transpose(-2, -1) / math.sqrt(d)
    allowed = positions[None, :] <= positions[S - last :, None]
    weights = torch.softmax(scores.masked_fill(~allowed, -math.inf), dim=-1)
    return (weights @ V).transpose(1, 2).reshape(B, last, H * d) @ W_o.T
""",
    "q6_10": """
def layer_norm(x, gain, bias, eps=1e-5):
    d = x.shape[-1]
    mu = x.sum(dim=-1, keepdim=True) / d
    centred = x - mu
    sigma2 = (centred**2).sum(dim=-1, keepdim=True) / d
    return gain * centred / (sigma2 + eps) ** 0.5 + bias
""",
    "q6_14": """
def label_smoothed_loss(logits, y, epsilon, ignore_index):
    logs = torch.log_softmax(logits, dim=-1)
    V = logits.shape[-1]
    real = y != ignore_index
    index = torch.where(real, y, 0)
    q = torch.full_like(logs, epsilon / V)
    q = q.scatter_add(-1, index[..., None], torch.full_like(logs[..., :1], 1 - epsilon))
    costs = -(q * logs).sum(dim=-1)
    return (costs * real).sum() / real.sum().clamp(min=1)
""",
    "q6_15": """
def nucleus(logits, top_p, temperature=1.0):
    p = torch.softmax(logits / temperature, dim=-1)
    ordered = p.sort(dim=-1, descending=True).values
    needed = 1 + (ordered.cumsum(dim=-1)[..., :-1] < top_p).sum(dim=-1, keepdim=True)
    smallest = ordered.gather(-1, needed - 1)
    kept = torch.where(p >= smallest, p, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)
""",
    "q6_16": """
def beam_search(model, src, bos, eos, pad, width, max_len, length_penalty=0.0):
    B = src.shape[0]
    src = src.repeat_interleave(width, dim=0)
    prefix = torch.full((B * width, 1), bos)
    scores = torch.full((B, width), -math.inf)
    scores[:, 0] = 0.0
    ended = torch.zeros(B, width, dtype=torch.bool)
    lengths = torch.zeros(B, width)
    for _ in range(max_len):
        logp = torch.log_softmax(model(src, prefix)[:, -1], dim=-1).reshape(B, width, -1)
        V = logp.shape[-1]
        logp[ended] = -math.inf
        logp[..., pad][ended] = 0.0
        new_lengths = lengths + (~ended)
        sums = scores[..., None] + logp
        ranked = sums / new_lengths[..., None] ** length_penalty
        best = ranked.reshape(B, -1).topk(width, dim=-1).indices
        beam, token = best // V, best % V
        scores = sums.reshape(B, -1).gather(1, best)
        lengths = new_lengths.gather(1, beam)
        rows = (torch.arange(B)[:, None] * width + beam).reshape(-1)
        prefix = torch.cat([prefix[rows], token.reshape(-1, 1)], dim=1)
        ended = ended.gather(1, beam) | (token == eos)
        if ended.all():
            break
    answer = prefix.reshape(B, width, -1)[:, 0, 1:]
    return answer[:, : int(lengths[:, 0].max())]
""",
    "q6_17": """
def warm_up_then_decay(step, d_model, warm_up):
    rising = step / warm_up**1.5
    falling = 1 / math.sqrt(step) if step > 0 else math.inf
    return min(rising, falling) / math.sqrt(d_model)
""",
}

NEEDS = {"q6_5": ("q6_3", "q6_4"), "q6_12": ("q6_11",)}

WRONG = answers(
    RIGHT,
    {
        "q6_1": {
            "the query at t": ("torch.arange(T)[:, None] + S - T", "torch.arange(T)[:, None]"),
            "itself not seen": ("<=", "<"),
            "True means blocked": ("<=", ">"),
            "the past hidden": ("<=", ">="),
            "one too many": ("+ S - T", "+ S - T + 1"),
            "T minus S": ("+ S - T", "+ T - S"),
            "transposed": (
                "torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T",
                "(torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T).T",
            ),
            "numbers": (
                "    return torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T",
                "    return (torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T).float()",
            ),
            "additive": (
                "    return torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T",
                "    m = torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T\n    return torch.zeros(T, S).masked_fill(~m, -math.inf)",
            ),
            "no error": ('    if S < T:\n        raise ValueError("S is smaller than T")\n', ""),
            "S ignored": ("    if S is None:\n        S = T\n", "    S = T\n"),
            "an error at S = T": ("S < T", "S <= T"),
            "a buffer of 128": (
                "    return torch.arange(S)[None, :] <= torch.arange(T)[:, None] + S - T",
                "    m = torch.ones(128, 128, dtype=torch.bool).tril()\n    return m[S - T : S, :S]",
            ),
            "batch axes in front": ("torch.arange(S)[None, :] <=", "torch.arange(S)[None, None, :] <="),
        },
        "q6_2": {
            "or": (" & ", " | "),
            "padding on the query axis": ("key_is_real[:, None, None, :]", "key_is_real[:, None, :, None]"),
            "queries that are padding, too": (
                "causal[None, None] & key_is_real[:, None, None, :]",
                "causal[None, None] & key_is_real[:, None, None, :] & (key_is_real[:, None, -causal.shape[0] :, None])",
            ),
            "no head axis": (
                "causal[None, None] & key_is_real[:, None, None, :]",
                "causal[None] & key_is_real[:, None, :]",
            ),
            "padding alone": (
                "causal[None, None] & key_is_real[:, None, None, :]",
                "key_is_real[:, None, None, :].expand(-1, 1, causal.shape[0], -1)",
            ),
            "causal alone": (
                "causal[None, None] & key_is_real[:, None, None, :]",
                "causal[None, None].expand(len(key_is_real), 1, -1, -1)",
            ),
            "a product": (
                "causal[None, None] & key_is_real[:, None, None, :]",
                "causal[None, None].int() * key_is_real[:, None, None, :].int()",
            ),
            "key padding unchanged": ("return ~key_padding_mask", "return key_padding_mask.clone()"),
            "additive turned about": ("mask > -1000.0", "mask < -1000.0"),
            "only −∞ blocks": ("mask > -1000.0", "mask != -math.inf"),
            "0 blocks": ("mask > -1000.0", "mask != 0"),
            "only −1e9 and lower": ("mask > -1000.0", "mask > -1e9"),
            "floats for the key padding": ("return ~key_padding_mask", "return 1.0 - key_padding_mask.float()"),
            "a query sees itself always": (
                "causal[None, None] & key_is_real[:, None, None, :]",
                "(causal[None, None] & key_is_real[:, None, None, :]) | torch.eye(*causal.shape, dtype=torch.bool)",
            ),
            "the first example's padding": (
                "key_is_real[:, None, None, :]",
                "key_is_real[:1, None, None, :].expand(len(key_is_real), 1, 1, -1)",
            ),
        },
        "q6_3": {
            "rolled": (
                "    shifted = torch.full_like(y, bos)\n    shifted[:, 1:] = y[:, :-1]\n",
                "    shifted = y.roll(1, dims=1)\n",
            ),
            "not shifted": ("shifted[:, 1:] = y[:, :-1]", "shifted[:] = y"),
            "one too long": (
                "    shifted = torch.full_like(y, bos)\n    shifted[:, 1:] = y[:, :-1]\n",
                "    shifted = torch.cat([torch.full_like(y[:, :1], bos), y], dim=1)\n",
            ),
            "first token overwritten": ("    shifted[:, 1:] = y[:, :-1]", "    shifted[:, 1:] = y[:, 1:]"),
            "shifted left": ("shifted[:, 1:] = y[:, :-1]", "shifted[:, :-1] = y[:, 1:]"),
            "twice": ("shifted[:, 1:] = y[:, :-1]", "shifted[:, 2:] = y[:, :-2]"),
            "zero for bos": ("torch.full_like(y, bos)", "torch.zeros_like(y)"),
            "along the batch": ("shifted[:, 1:] = y[:, :-1]", "shifted[1:] = y[:-1]"),
            "in place": (
                "    shifted = torch.full_like(y, bos)\n    shifted[:, 1:] = y[:, :-1]\n",
                "    y[:, 1:] = y[:, :-1].clone()\n    y[:, 0] = bos\n    shifted = y\n",
            ),
            "floats": ("torch.full_like(y, bos)", "torch.full(y.shape, float(bos))"),
            "int32": ("return shifted", "return shifted.int()"),
            "bos missing": (
                "    shifted = torch.full_like(y, bos)\n    shifted[:, 1:] = y[:, :-1]\n",
                "    shifted = y[:, :-1].clone()\n",
            ),
        },
        "q6_4": {
            "padding in the mean": (" / real.sum().clamp(min=1)", " / y.numel()"),
            "padding not masked": ("(picked * real).sum()", "picked.sum()"),
            "the sum": (" / real.sum().clamp(min=1)", ""),
            "log of softmax": ("torch.log_softmax(logits, dim=-1)", "torch.log(torch.softmax(logits, dim=-1))"),
            "an epsilon": ("torch.log_softmax(logits, dim=-1)", "torch.log(torch.softmax(logits, dim=-1) + 1e-9)"),
            "softmax over T": ("dim=-1)\n    real", "dim=1)\n    real"),
            "no minus": ("return -(", "return ("),
            "bits": (" / real.sum().clamp(min=1)", " / real.sum().clamp(min=1) / math.log(2)"),
            "0/0": (".clamp(min=1)", ""),
            "index not clamped": ("torch.where(real, y, 0)", "y"),
            "0 is padding": ("y != ignore_index", "y != 0"),
            "the mean of the sentences' means": (
                "return -(picked * real).sum() / real.sum().clamp(min=1)",
                "return -((picked * real).sum(1) / real.sum(1).clamp(min=1)).mean()",
            ),
            "one for each token": (
                "return -(picked * real).sum() / real.sum().clamp(min=1)",
                "return -(picked * real)",
            ),
            "raw logits": ("torch.log_softmax(logits, dim=-1)", "logits"),
            "probabilities": ("torch.log_softmax(logits, dim=-1)", "torch.softmax(logits, dim=-1)"),
            "a float": (
                "return -(picked * real).sum() / real.sum().clamp(min=1)",
                "return float(-(picked * real).sum() / real.sum().clamp(min=1))",
            ),
            "torch's own": (
                "    logs =",
                "    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=ignore_index)\n    logs =",
            ),
            "the first example": (
                "return -(picked * real).sum() / real.sum().clamp(min=1)",
                "return -(picked * real)[0].sum() / real[0].sum().clamp(min=1)",
            ),
            "the wrong token also": ("torch.where(real, y, 0)", "torch.where(real, y - 1, 0).clamp(min=0)"),
            "float32": ("torch.log_softmax(logits, dim=-1)", "torch.log_softmax(logits.float(), dim=-1)"),
        },
        "q6_5": {
            "no shift": ("shift_right(tgt, bos)", "tgt"),
            "shifted targets, too": ("cross_entropy(logits, tgt, pad)", "cross_entropy(logits, tgt_in, pad)"),
            "shifted twice": ("shift_right(tgt, bos)", "shift_right(shift_right(tgt, bos), bos)"),
            "pads counted": ("cross_entropy(logits, tgt, pad)", "cross_entropy(logits, tgt, -100)"),
            "0 is the pad": ("cross_entropy(logits, tgt, pad)", "cross_entropy(logits, tgt, 0)"),
            "1 is bos": ("shift_right(tgt, bos)", "shift_right(tgt, 1)"),
            "the source read": ("model(src, tgt_in)", "model(tgt_in, src)"),
            "the model called twice": (
                "    logits = model(src, tgt_in)",
                "    model(src, tgt_in)\n    logits = model(src, tgt_in)",
            ),
            "detached": ("model(src, tgt_in)", "model(src, tgt_in).detach()"),
            "no_grad": (
                "    logits = model(src, tgt_in)",
                "    with torch.no_grad():\n        logits = model(src, tgt_in)",
            ),
            "last token left out": (
                "cross_entropy(logits, tgt, pad)",
                "cross_entropy(logits[:, :-1], tgt[:, 1:], pad)",
            ),
            "one position at a time": (
                "    logits = model(src, tgt_in)",
                "    logits = torch.cat([model(src, tgt_in[:, : t + 1])[:, -1:] for t in range(tgt.shape[1])], dim=1)",
            ),
            "mean over sentences": (
                "return cross_entropy(logits, tgt, pad)",
                "return torch.stack([cross_entropy(l[None], t[None], pad) for l, t in zip(logits, tgt)]).mean()",
            ),
            "the sum": (
                "return cross_entropy(logits, tgt, pad)",
                "return cross_entropy(logits, tgt, pad) * (tgt != pad).sum()",
            ),
            "a float": ("return cross_entropy(logits, tgt, pad)", "return cross_entropy(logits, tgt, pad).item()"),
            "bos in front of all": (
                "shift_right(tgt, bos)",
                "torch.cat([torch.full_like(tgt[:, :1], bos), tgt], dim=1)",
                "cross_entropy(logits, tgt, pad)",
                "cross_entropy(logits[:, :-1], tgt, pad)",
            ),
            "eos not counted": (
                "    return cross_entropy(logits, tgt, pad)",
                "    last = (tgt != pad).sum(1) - 1\n    tgt = tgt.clone()\n    tgt[torch.arange(len(tgt)), last] = pad\n    return cross_entropy(logits, tgt, pad)",
            ),
            "probabilities as logits": ("model(src, tgt_in)", "model(src, tgt_in).softmax(-1)"),
        },
        "q6_6": {
            "bos kept": ("return prefix[:, 1:]", "return prefix"),
            "the last token alone": ("model(src, prefix)", "model(src, prefix[:, -1:])"),
            "the first position": ("logits[:, -1]", "logits[:, 0]"),
            "no pads after eos": ("        token = torch.where(ended, pad, token)\n", ""),
            "never stops early": ("        if ended.all():\n            break\n", ""),
            "stops at the first": ("ended.all()", "ended.any()"),
            "eos repeated": ("torch.where(ended, pad, token)", "torch.where(ended, eos, token)"),
            "0 after eos": ("torch.where(ended, pad, token)", "torch.where(ended, 0, token)"),
            "one too few": ("range(max_len)", "range(max_len - 1)"),
            "one too many": ("range(max_len)", "range(max_len + 1)"),
            "smallest": ("argmax", "argmin"),
            "eos dropped": (
                "        token = torch.where(ended, pad, token)\n        ended = ended | (token == eos)\n",
                "        ended = ended | (token == eos)\n        token = torch.where(ended, pad, token)\n",
            ),
            "starts from 0": ("torch.full((B, 1), bos)", "torch.zeros(B, 1, dtype=torch.long)"),
            "only the newest end": ("ended | (token == eos)", "token == eos"),
            "the first row's token": (
                "        token = torch.where",
                "        token = token[:1].expand(B)\n        token = torch.where",
            ),
            "drawn": ("logits[:, -1].argmax(dim=-1)", "torch.multinomial(logits[:, -1].softmax(-1), 1)[:, 0]"),
            "eos instead of bos": ("torch.full((B, 1), bos)", "torch.full((B, 1), eos)"),
            "floats": ("return prefix[:, 1:]", "return prefix[:, 1:].float()"),
        },
        "q6_7": {
            "multiplied": (" / temperature", " * temperature"),
            "temperature ignored": (" / temperature", ""),
            "temperature after the softmax": (
                "p = torch.softmax(scaled, dim=-1)",
                "p = torch.softmax(scaled * temperature, dim=-1) / temperature",
            ),
            "always greedy": ("torch.multinomial(p, 1, generator=generator)[:, 0]", "p.argmax(dim=-1)"),
            "generator ignored": (", generator=generator", ""),
            "seeded inside": ("    p = ", "    if generator is not None:\n        generator.manual_seed(0)\n    p = "),
            "a threshold for the batch": (
                "scaled.topk(top_k, dim=-1).values[:, -1:]",
                "scaled.topk(top_k, dim=-1).values[:, -1:].min()",
            ),
            "the first row's threshold": (
                "scaled.topk(top_k, dim=-1).values[:, -1:]",
                "scaled.topk(top_k, dim=-1).values[:1, -1:]",
            ),
            "one draw for all": (
                "torch.multinomial(p, 1, generator=generator)[:, 0]",
                "torch.multinomial(p, 1, generator=generator)[:1, 0].expand(len(p))",
            ),
            "the first row's distribution": (
                "torch.multinomial(p, 1, generator=generator)[:, 0]",
                "torch.multinomial(p[0], len(p), replacement=True, generator=generator)",
            ),
            "top_k ignored": ("    if top_k is not None and top_k < logits.shape[-1]:", "    if False:"),
            "one too few": ("scaled < kth", "scaled <= kth"),
            "one too many": ("scaled.topk(top_k, dim=-1)", "scaled.topk(top_k + 1, dim=-1)"),
            "the smallest": (
                "scaled.topk(top_k, dim=-1).values[:, -1:]",
                "scaled.topk(top_k, dim=-1, largest=False).values[:, -1:]",
                "scaled < kth",
                "scaled > kth",
            ),
            "filled with 0": ("-math.inf", "0.0"),
            "uniform among the top": (
                "-math.inf)",
                "-math.inf)\n        scaled = scaled.masked_fill(scaled >= kth, 0.0)",
            ),
            "top_k above V": (" and top_k < logits.shape[-1]", ""),
            "no zero temperature": ("    if temperature == 0:\n        return logits.argmax(dim=-1)\n", ""),
            "raw exponentials": (
                "scaled = (logits - logits.max(dim=-1, keepdim=True).values) / temperature",
                "scaled = logits / temperature",
                "p = torch.softmax(scaled, dim=-1)",
                "p = scaled.exp() / scaled.exp().sum(-1, keepdim=True)",
            ),
            "a column": (", generator=generator)[:, 0]", ", generator=generator)"),
            "softmax over the batch": ("p = torch.softmax(scaled, dim=-1)", "p = torch.softmax(scaled, dim=0)"),
            "an index among the top": (
                "        scaled = scaled.masked_fill(scaled < kth, -math.inf)",
                "        scaled = scaled.topk(top_k, dim=-1).values",
            ),
            "squeezed": (", generator=generator)[:, 0]", ", generator=generator).squeeze()"),
        },
        "q6_8": {
            "unscaled": (" / math.sqrt(q.shape[-1])", ""),
            "by d_k": ("math.sqrt(q.shape[-1])", "q.shape[-1]"),
            "by √d_model": ("math.sqrt(q.shape[-1])", "math.sqrt(x_t.shape[-1])"),
            "new in front": ("[cache[0], k]", "[k, cache[0]]", "[cache[1], v]", "[v, cache[1]]"),
            "K in front, V behind": ("[cache[0], k]", "[k, cache[0]]"),
            "cache swapped": ("weights @ V, (K, V)", "weights @ V, (V, K)"),
            "old cache returned": ("weights @ V, (K, V)", "weights @ V, (cache if cache is not None else (K, V))"),
            "only the past": (
                "q @ K.transpose",
                "q @ (cache[0] if cache is not None else K).transpose",
                "weights @ V,",
                "weights @ (cache[1] if cache is not None else V),",
            ),
            "only the newest": (
                "    scores",
                "    whole, K, V = (K, V), k, v\n    scores",
                "weights @ V, (K, V)",
                "weights @ V, whole",
            ),
            "cached in place of computed": ("[cache[1], v]", "[cache[1], k]"),
            "W_k for both": ("x_t @ W_v", "x_t @ W_k"),
            "query and key swapped": ("x_t @ W_q, x_t @ W_k", "x_t @ W_k, x_t @ W_q"),
            "cache detached": ("[cache[0], k]", "[cache[0].detach(), k]", "[cache[1], v]", "[cache[1].detach(), v]"),
            "softmax over the query": ("dim=-1)\n    return", "dim=1)\n    return"),
            "a window of 16": ("    scores", "    K, V = K[:, -16:], V[:, -16:]\n    scores"),
            "output alone": ("weights @ V, (K, V)", "weights @ V"),
            "output squeezed": ("weights @ V, (K, V)", "(weights @ V)[:, 0], (K, V)"),
            "cache first": ("weights @ V, (K, V)", "(K, V), weights @ V"),
            "the batch joined": ("dim=1)\n        V", "dim=0)\n        V", "v], dim=1)", "v], dim=0)"),
            "raw exponentials": ("torch.softmax(scores, dim=-1)", "scores.exp() / scores.exp().sum(-1, keepdim=True)"),
            "float32": (
                "weights = torch.softmax(scores, dim=-1)",
                "weights = torch.softmax(scores.float(), dim=-1).to(scores.dtype)",
            ),
            "a list of keys kept": ("(K, V)", "[K, V][0]"),
        },
        "q6_9": {
            "a uniform π": ("    return float(pi @ rows)", "    return float(rows.mean())"),
            "power iteration": (
                "    pi = torch.linalg.lstsq(A, b).solution[:, 0]",
                "    pi = torch.zeros(V, dtype=P.dtype)\n    pi[0] = 1.0\n    for _ in range(1000):\n        pi = pi @ P",
            ),
            "P for its transpose": ("P.T - torch.eye", "P - torch.eye"),
            "entropy of π": (
                "    rows = -torch.xlogy(P, P).sum(dim=1)\n    return float(pi @ rows)",
                "    return float(-torch.xlogy(pi, pi).sum())",
            ),
            "bits": ("float(pi @ rows)", "float(pi @ rows) / math.log(2)"),
            "columns": ("sum(dim=1)", "sum(dim=0)"),
            "0 times −∞": ("torch.xlogy(P, P)", "(P * P.log())"),
            "no minus": ("-torch.xlogy", "torch.xlogy"),
            "the sum of the rows": ("float(pi @ rows)", "float(rows.sum())"),
            "the smallest row": ("float(pi @ rows)", "float(rows.min())"),
            "the number of states": ("float(pi @ rows)", "math.log(V)"),
            "π not normalised": ("float(pi @ rows)", "float(pi @ rows / pi.max())"),
            "perplexity": ("float(pi @ rows)", "math.exp(float(pi @ rows))"),
            "entropy of every row": ("float(pi @ rows)", "rows"),
            "an epsilon too large": ("torch.xlogy(P, P)", "(P * (P + 1e-2).log())"),
        },
        "q6_11": {
            "post-norm": (
                "x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]",
                "x = self.norm_self(x + self.self_attention(x, mask=self_mask)[0])",
                "return x + self.feed_forward(self.norm_feed_forward(x))",
                "return self.norm_feed_forward(x + self.feed_forward(x))",
                "x = x + self.cross_attention(self.norm_cross(x), memory, mask=memory_mask)[0]",
                "x = self.norm_cross(x + self.cross_attention(x, memory, mask=memory_mask)[0])",
            ),
            "no residual around self-attention": ("x = x + self.self_attention", "x = self.self_attention"),
            "no residual around cross-attention": ("x = x + self.cross_attention", "x = self.cross_attention"),
            "no residual around feed-forward": ("return x + self.feed_forward", "return self.feed_forward"),
            "no norm before self-attention": (
                "self.self_attention(self.norm_self(x), mask",
                "self.self_attention(x, mask",
            ),
            "no norm before cross-attention": ("(self.norm_cross(x), memory", "(x, memory"),
            "no norm before feed-forward": ("self.feed_forward(self.norm_feed_forward(x))", "self.feed_forward(x)"),
            "one norm for all": (
                "self.norm_cross(x)",
                "self.norm_self(x)",
                "self.norm_feed_forward(x)",
                "self.norm_self(x)",
            ),
            "a normalised memory": ("self.norm_cross(x), memory,", "self.norm_cross(x), self.norm_cross(memory),"),
            "memory asks": (
                "self.cross_attention(self.norm_cross(x), memory, mask=memory_mask)",
                "self.cross_attention(memory, self.norm_cross(x), mask=memory_mask)",
            ),
            "feed-forward first": (
                "        x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]\n",
                "        x = x + self.feed_forward(self.norm_feed_forward(x))\n        x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]\n",
                "        return x + self.feed_forward(self.norm_feed_forward(x))",
                "        return x",
            ),
            "cross-attention first": (
                "        x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]\n",
                "",
                "        return x",
                "        x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]\n        return x",
            ),
            "masks exchanged": (
                "mask=self_mask",
                "mask=X",
                "mask=memory_mask",
                "mask=self_mask",
                "mask=X",
                "mask=memory_mask",
            ),
            "self mask forgotten": ("mask=self_mask", "mask=None"),
            "memory mask forgotten": ("mask=memory_mask", "mask=None"),
            "causal by itself": ("mask=self_mask", "mask=torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()"),
            "no error": (
                '        if self.cross and memory is None:\n            raise ValueError("cross=True needs a memory")\n',
                "        memory = x if memory is None else memory\n",
            ),
            "weights, too": (
                "        return x + self.feed_forward(self.norm_feed_forward(x))",
                "        return x + self.feed_forward(self.norm_feed_forward(x)), None",
            ),
            "GELU": ("nn.ReLU()", "nn.GELU()"),
            "no ReLU": ("nn.ReLU()", "nn.Identity()"),
            "residual of the normed": (
                "x = x + self.self_attention(self.norm_self(x), mask=self_mask)[0]",
                "x = self.norm_self(x)\n        x = x + self.self_attention(x, mask=self_mask)[0]",
            ),
            "cross-attention to itself": ("(self.norm_cross(x), memory, mask=memory_mask)", "(self.norm_cross(x))"),
            "self-attention used twice": (
                "self.cross_attention(self.norm_cross(x)",
                "self.self_attention(self.norm_cross(x)",
            ),
            "dropout": (
                "return x + self.feed_forward(self.norm_feed_forward(x))",
                "return x + F.dropout(self.feed_forward(self.norm_feed_forward(x)), 0.1, self.training)",
            ),
            "no W_o": (
                "self.W_o(out.reshape(out.shape[0], out.shape[1], -1))",
                "out.reshape(out.shape[0], out.shape[1], -1)",
            ),
            "unscaled": (" / math.sqrt(Q.shape[-1])", ""),
            "cross ignored": ("if self.cross:", "if False:"),
        },
        "q6_12": {
            "no positions in the encoder": (
                "self.src_embedding(src) + self.positions(torch.arange(src.shape[1]))",
                "self.src_embedding(src)",
            ),
            "no positions in the decoder": (
                "self.tgt_embedding(tgt_in) + self.positions(torch.arange(T))",
                "self.tgt_embedding(tgt_in)",
            ),
            "times √d_model": (
                "self.src_embedding(src) +",
                "self.src_embedding(src) * math.sqrt(self.src_embedding.embedding_dim) +",
                "self.tgt_embedding(tgt_in) +",
                "self.tgt_embedding(tgt_in) * math.sqrt(self.tgt_embedding.embedding_dim) +",
            ),
            "positions from 1": (
                "torch.arange(src.shape[1])",
                "torch.arange(1, src.shape[1] + 1)",
                "torch.arange(T))",
                "torch.arange(1, T + 1))",
            ),
            "encoder pads seen": ("block(x, self_mask=real)", "block(x)"),
            "a causal encoder": (
                "block(x, self_mask=real)",
                "block(x, self_mask=real & torch.ones(src.shape[1], src.shape[1], dtype=torch.bool).tril())",
            ),
            "decoder not causal": ("causal & (tgt_in != 0)", "(tgt_in != 0)"),
            "target pads seen": ("causal & (tgt_in != 0)[:, None, None, :]", "causal"),
            "source pads seen by the decoder": (
                "block(x, memory, self_mask, memory_mask)",
                "block(x, memory, self_mask)",
            ),
            "masks swapped": ("self_mask, memory_mask)", "memory_mask, self_mask)"),
            "no last norm in the encoder": ("return self.encoder_norm(x)", "return x"),
            "no last norm in the decoder": ("self.output(self.decoder_norm(x))", "self.output(x)"),
            "probabilities": (
                "return self.output(self.decoder_norm(x))",
                "return self.output(self.decoder_norm(x)).softmax(-1)",
            ),
            "log-probabilities": (
                "return self.output(self.decoder_norm(x))",
                "return self.output(self.decoder_norm(x)).log_softmax(-1)",
            ),
            "only the first block": ("for block in self.decoder:", "for block in self.decoder[:1]:"),
            "one block repeated": (
                "[TransformerBlock(d_model, H, d_ff) for _ in range(layers)]",
                "[TransformerBlock(d_model, H, d_ff)] * layers",
            ),
            "a plain list": (
                "nn.ModuleList([TransformerBlock(d_model, H, d_ff) for _ in range(layers)])",
                "[TransformerBlock(d_model, H, d_ff) for _ in range(layers)]",
            ),
            "shifted inside": (
                "return self.decode(self.encode(src), src, tgt_in)",
                "return self.decode(self.encode(src), src, torch.cat([torch.ones_like(tgt_in[:, :1]), tgt_in[:, :-1]], 1))",
            ),
            "memory mask of the target": (
                "memory_mask = (src != 0)[:, None, None, :]",
                "memory_mask = (src != 0)[:, None, None, :] & (tgt_in != 0)[:, None, :, None]",
            ),
            "one embedding for both": ("self.src_embedding(src)", "self.tgt_embedding(src)"),
            "the first example's padding": (
                "(src != 0)[:, None, None, :]\n        for block in self.encoder",
                "(src != 0)[:1, None, None, :]\n        for block in self.encoder",
            ),
            "decoder blocks without cross": ("d_ff, cross=True)", "d_ff)"),
            "norm inside the loop": (
                "            x = block(x, self_mask=real)",
                "            x = self.encoder_norm(block(x, self_mask=real))",
            ),
            "the last position alone": (
                "return self.output(self.decoder_norm(x))",
                "return self.output(self.decoder_norm(x))[:, -1]",
            ),
        },
        "q6_13": {
            "interleaved pairs": (
                "a, b = X[..., : d // 2], X[..., d // 2 :]",
                "a, b = X[..., 0::2], X[..., 1::2]",
                "torch.cat([a * c - b * s, a * s + b * c], dim=-1)",
                "torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)",
            ),
            "queries from position 0": ("turn(Q, positions[S - last :])", "turn(Q, positions[:last])"),
            "turned backwards": ("a * c - b * s, a * s + b * c", "a * c + b * s, b * c - a * s"),
            "values turned": (
                "    K = turn(K, positions)\n",
                "    K = turn(K, positions)\n    V = turn(V, positions)\n",
            ),
            "keys not turned": ("    K = turn(K, positions)\n", ""),
            "nothing turned": ("    K = turn(K, positions)\n", "", "    Q = turn(Q, positions[S - last :])\n", ""),
            "tiled heads": (
                "K.repeat_interleave(H // G, dim=1)",
                "K.repeat(1, H // G, 1, 1)",
                "V.repeat_interleave(H // G, dim=1)",
                "V.repeat(1, H // G, 1, 1)",
            ),
            "unscaled": (" / math.sqrt(d)", ""),
            "by √d_model": ("math.sqrt(d)", "math.sqrt(d_model)"),
            "mask from the first": ("positions[S - last :, None]", "positions[:last, None]"),
            "no mask": (".masked_fill(~allowed, -math.inf)", ""),
            "no W_o": (" @ W_o.T", ""),
            "W_o untransposed": ("@ W_o.T", "@ W_o"),
            "W_q untransposed": ("@ W_q.T", "@ W_q.reshape(d_model, -1)"),
            "merged without going back": (".transpose(1, 2).reshape(B, last, H * d)", ".reshape(B, last, H * d)"),
            "the first positions": ("x[:, S - last :]", "x[:, :last]"),
            "exponent i/d": ("torch.arange(0, d, 2, dtype=x.dtype) / d", "torch.arange(0, d // 2, dtype=x.dtype) / d"),
            "positive exponent": ("(-torch.arange", "(torch.arange"),
            "split without a transpose": ("X.reshape(B, -1, n, d).transpose(1, 2)", "X.reshape(B, n, -1, d)"),
            "base 500000": ("10000.0", "500000.0"),
            "float32 angles": (
                "dtype=x.dtype) / d)",
                "dtype=torch.float32) / d)",
                ".to(x.dtype)",
                ".float()",
                "angles.cos(), angles.sin()",
                "angles.cos().to(x.dtype), angles.sin().to(x.dtype)",
            ),
            "all positions": ("(weights @ V).transpose", "(weights @ V)[:, :, -1:].expand(-1, -1, last, -1).transpose"),
            "turned before the heads": (
                "    Q = turn(Q, positions[S - last :])\n",
                "    Q = heads(turn_all(x[:, S - last :] @ W_q.T, positions[S - last :]), H)\n",
                "    positions = torch.arange(S)\n",
                "    positions = torch.arange(S)\n\n    def turn_all(X, p):\n        D = X.shape[-1]\n        angles = p[:, None].to(x.dtype) * 10000.0 ** (-torch.arange(0, D, 2, dtype=x.dtype) / D)\n        a, b = X[..., : D // 2], X[..., D // 2 :]\n        return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], dim=-1)\n\n",
            ),
        },
        "q6_10": {
            "divided by d - 1": ("keepdim=True) / d\n    return", "keepdim=True) / (d - 1)\n    return"),
            "eps after the root": ("(sigma2 + eps) ** 0.5", "(sigma2**0.5 + eps)"),
            "the variance for its root": (" ** 0.5 +", " +"),
            "the root mean square": ("centred = x - mu", "centred = x"),
            "over the positions": ("d = x.shape[-1]", "d = x.shape[0]", "dim=-1", "dim=0"),
            "the norm of the vector": (
                "(centred**2).sum(dim=-1, keepdim=True) / d",
                "(centred**2).sum(dim=-1, keepdim=True)",
            ),
            "gain on the bias as well": (
                "gain * centred / (sigma2 + eps) ** 0.5 + bias",
                "gain * (centred / (sigma2 + eps) ** 0.5 + bias)",
            ),
            "gain plus 1": ("gain * centred", "(1 + gain) * centred"),
            "a fixed eps": ("sigma2 + eps", "sigma2 + 1e-5"),
            "absolute deviations": ("(centred**2)", "centred.abs()", "(sigma2 + eps) ** 0.5", "(sigma2 + eps)"),
            "x changed": ("centred = x - mu", "centred = x.sub_(mu)"),
        },
        "q6_14": {
            "no share for the right one": (
                "    costs = -",
                "    q = q.scatter(-1, index[..., None], 1 - epsilon)\n    costs = -",
            ),
            "V - 1 others": (
                "epsilon / V",
                "epsilon / (V - 1)",
                "    costs = -",
                "    q = q.scatter(-1, index[..., None], 1 - epsilon)\n    costs = -",
            ),
            "all of the right one": ("1 - epsilon)", "1.0)"),
            "epsilon everywhere": ("epsilon / V", "epsilon"),
            "probabilities": ("torch.log_softmax", "torch.softmax"),
            "no minus": ("-(q * logs)", "(q * logs)"),
            "divided by all": ("real.sum().clamp(min=1)", "y.numel()"),
            "pads as tokens": ("(costs * real).sum()", "costs.sum()"),
            "a mean of means": (
                "(costs * real).sum() / real.sum().clamp(min=1)",
                "((costs * real).sum(1) / real.sum(1).clamp(min=1)).mean()",
            ),
            "with the target's entropy": (
                "costs = -(q * logs).sum(dim=-1)",
                "costs = (torch.xlogy(q, q) - q * logs).sum(dim=-1)",
            ),
            "a mean over V": ("(q * logs).sum(dim=-1)", "(q * logs).mean(dim=-1)"),
            "detached": ("torch.log_softmax(logits", "torch.log_softmax(logits.detach()"),
        },
        "q6_15": {
            "one short": ("needed - 1", "(needed - 2).clamp(min=0)"),
            "one more": ("needed - 1", "needed.clamp(max=p.shape[-1] - 1)"),
            "strictly above the smallest": ("p >= smallest", "p > smallest"),
            "the smallest of all rows": ("    kept = torch", "    smallest = smallest.min()\n    kept = torch"),
            "the first row's smallest": ("    kept = torch", "    smallest = smallest.flatten()[0]\n    kept = torch"),
            "top_p as a threshold": ("p >= smallest", "p >= top_p"),
            "unlikely ones": ("descending=True", "descending=False", "p >= smallest", "p <= smallest"),
            "kept ones as they are": ("    return kept / kept.sum(dim=-1, keepdim=True)", "    return kept"),
            "all alike": ("torch.where(p >= smallest, p, 0.0)", "torch.where(p >= smallest, 1.0, torch.zeros_like(p))"),
            "cold": ("logits / temperature", "logits * temperature"),
            "cut at 1, drawn at temperature": (
                "logits / temperature",
                "logits",
                "    return kept",
                "    kept = torch.where(kept > 0, torch.softmax(logits / temperature, -1), 0.0)\n    return kept",
            ),
            "a mask": ("    return kept / kept.sum(dim=-1, keepdim=True)", "    return kept > 0"),
        },
        "q6_16": {
            "copies": (
                "    scores = torch.full((B, width), -math.inf)\n    scores[:, 0] = 0.0",
                "    scores = torch.zeros(B, width)",
            ),
            "sources in turn": ("src.repeat_interleave(width, dim=0)", "src.repeat(width, 1)"),
            "beams not followed": ("prefix[rows]", "prefix"),
            "width for V": ("best // V, best % V", "best % width, best // width"),
            "pads cost": ("        logp[..., pad][ended] = 0.0\n", "        logp[..., pad][ended] = -1.0\n"),
            "lengths not followed": ("new_lengths.gather(1, beam)", "new_lengths"),
            "ended not followed": ("ended.gather(1, beam) |", "ended |"),
            "mean of ln p": ("** length_penalty", ""),
            "penalised sums added up": ("scores = sums.reshape", "scores = ranked.reshape"),
            "all lengths alike": (
                "lengths + (~ended)",
                "lengths + 1",
            ),
            "not cut": ("answer[:, : int(lengths[:, 0].max())]", "answer"),
            "bos kept": ("[:, 0, 1:]", "[:, 0]"),
            "the last beam": ("[:, 0, 1:]", "[:, -1, 1:]", "lengths[:, 0]", "lengths[:, -1]"),
            "sampled": (
                "ranked.reshape(B, -1).topk(width, dim=-1).indices",
                "torch.multinomial(ranked.reshape(B, -1).exp(), width)",
            ),
        },
        "q6_17": {
            "an error at 0": (" if step > 0 else math.inf", ""),
            "0 as 1": ("    rising", "    step = max(step, 1)\n    rising"),
            "the larger": ("min(rising", "max(rising"),
            "the sum": ("min(rising, falling)", "(rising + falling)"),
            "not divided by the width": (" / math.sqrt(d_model)", ""),
            "divided by d_model": ("math.sqrt(d_model)", "d_model"),
            "times the width": ("/ math.sqrt(d_model)", "* math.sqrt(d_model)"),
            "a rise of its own": ("step / warm_up**1.5", "step / warm_up"),
            "falling from the top": ("1 / math.sqrt(step)", "1 / math.sqrt(warm_up) * (warm_up / step)"),
            "a cosine": (
                "1 / math.sqrt(step)",
                "warm_up**-0.5 * math.cos(min(step / (10 * warm_up), 1.0) * math.pi / 2)",
            ),
            "a tensor": (
                "return min(rising, falling) / math.sqrt(d_model)",
                "return torch.tensor(min(rising, falling) / math.sqrt(d_model))",
            ),
        },
    },
    NEEDS,
)
