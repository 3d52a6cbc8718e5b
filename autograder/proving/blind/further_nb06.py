"""Exercises 6.10 and 6.14 to 6.17, blind, by a third hand."""

from autograder.proving.blind.edits import answers

RIGHT = {
    "q6_10": """
def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(-1, keepdim=True)
    var = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps) * gain + bias
""",
    "q6_14": """
def label_smoothed_loss(logits, y, epsilon, ignore_index):
    logp = torch.log_softmax(logits, dim=-1)
    real = y != ignore_index
    safe = torch.where(real, y, 0)
    right = -logp.gather(-1, safe[..., None])[..., 0]
    even = -logp.mean(-1)
    cost = (1 - epsilon) * right + epsilon * even
    return (cost * real).sum() / real.sum().clamp(min=1)
""",
    "q6_15": """
def nucleus(logits, top_p, temperature=1.0):
    p = torch.softmax(logits / temperature, dim=-1)
    ordered, order = p.sort(dim=-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    out = torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, before >= top_p)
    p = p.masked_fill(out, 0.0)
    return p / p.sum(-1, keepdim=True)
""",
    "q6_16": """
def beam_search(model, src, bos, eos, pad, width, max_len, length_penalty=0.0):
    answers = []
    for b in range(len(src)):
        kept = [(0.0, [])]
        for step in range(max_len):
            if all(tokens[-1:] == [eos] for _, tokens in kept):
                break
            candidates = []
            for total, tokens in kept:
                if tokens[-1:] == [eos]:
                    candidates.append((total, tokens))
                    continue
                logits = model(src[b:b + 1], torch.tensor([[bos] + tokens]))
                logp = torch.log_softmax(logits[0, -1], dim=-1).tolist()
                for v in range(len(logp)):
                    candidates.append((total + logp[v], tokens + [v]))
            candidates.sort(key=lambda c: c[0] / len(c[1]) ** length_penalty, reverse=True)
            kept = candidates[:width]
        answers.append(kept[0][1])
    L = max(len(tokens) for tokens in answers)
    return torch.tensor([tokens + [pad] * (L - len(tokens)) for tokens in answers])
""",
    "q6_17": """
def warm_up_then_decay(step, d_model, warm_up):
    if step == 0:
        return 0.0
    return d_model ** -0.5 * min(step ** -0.5, step * warm_up ** -1.5)
""",
}

END = "            if all(tokens[-1:] == [eos] for _, tokens in kept):\n                break\n"
BEST = "        answers.append(kept[0][1])\n"
KEEP = "            kept = candidates[:width]\n"
OPEN = "                    candidates.append((total, tokens))\n                    continue\n"
EACH = "                for v in range(len(logp)):\n"

WRONG = answers(
    RIGHT,
    {
        "q6_10": {
            "divided by d - 1": ("((x - mean) ** 2).mean(-1, keepdim=True)", "x.var(-1, keepdim=True)"),
            "eps beside the root": ("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),
            "d - 1, and eps beside the root": (
                "torch.sqrt(var + eps)", "(x.std(-1, keepdim=True) + eps)",
            ),
            "no eps": ("var + eps", "var"),
            "eps squared": ("var + eps", "var + eps ** 2"),
            "always 1e-5": ("var + eps", "var + 1e-5"),
            "eps as a floor": ("var + eps", "var.clamp(min=eps)"),
            "no mean": ("(x - mean) / torch", "x / torch"),
            "the mean of the squares": ("(x - mean) ** 2", "x ** 2"),
            "no mean at all": ("(x - mean)", "x"),
            "E[x²] - E[x]²": ("((x - mean) ** 2).mean(-1, keepdim=True)", "(x ** 2).mean(-1, keepdim=True) - mean ** 2"),
            "no root": ("torch.sqrt(var + eps)", "(var + eps)"),
            "the mean distance": ("(x - mean) ** 2", "(x - mean).abs()"),
            "the root of the sum": (").mean(-1, keepdim=True)\n    return", ").sum(-1, keepdim=True)\n    return"),
            "over the positions": ("mean(-1", "mean(-2"),
            "over positions and features": ("mean(-1", "mean((-2, -1)"),
            "over the batch": ("mean(-1", "mean(0"),
            "over everything": ("mean(-1, keepdim=True)", "mean()"),
            "over axis 1": ("mean(-1", "mean(1"),
            "no gain": (" * gain", ""),
            "no bias": (" + bias", ""),
            "neither gain nor bias": (" * gain + bias", ""),
            "bias first": (
                "return (x - mean) / torch.sqrt(var + eps) * gain + bias",
                "return ((x - mean) / torch.sqrt(var + eps) + bias) * gain",
            ),
            "gain and bias exchanged": ("* gain + bias", "* bias + gain"),
            "1 + gain": ("* gain", "* (1 + gain)"),
            "bias taken off": ("+ bias", "- bias"),
            "detached statistics": ("torch.sqrt(var + eps)", "torch.sqrt(var + eps).detach()"),
            "torch's own": (
                "(x - mean) / torch.sqrt(var + eps) * gain + bias", "F.layer_norm(x, x.shape[-1:], gain, bias, eps)",
            ),
            "in place": ("    var", "    x -= mean\n    var", "(x - mean)", "x"),
            "float64": ("    mean =", "    x = x.double()\n    mean ="),
            "for one shape alone": ("    mean =", "    B, T, d = x.shape\n    mean ="),
            "rsqrt of the variance, plus eps": ("/ torch.sqrt(var + eps)", "* (torch.rsqrt(var) + eps)"),
            "one gain for all": ("* gain", "* gain.mean()"),
        },
        "q6_14": {
            "the share goes to the others alone": (
                "even = -logp.mean(-1)", "even = (-logp.sum(-1) - right) / (logits.shape[-1] - 1)",
            ),
            "epsilon / (V - 1) for every word": ("-logp.mean(-1)", "-logp.sum(-1) / (logits.shape[-1] - 1)"),
            "the others get epsilon / V, the right one none": (
                "even = -logp.mean(-1)", "even = -logp.mean(-1) - right / logits.shape[-1]",
            ),
            "the sum over the vocabulary": ("-logp.mean(-1)", "-logp.sum(-1)"),
            "roles exchanged": ("(1 - epsilon) * right + epsilon * even", "epsilon * right + (1 - epsilon) * even"),
            "the right part whole": ("(1 - epsilon) * right", "right"),
            "the even part forgotten": (" + epsilon * even", ""),
            "epsilon ignored": ("(1 - epsilon) * right + epsilon * even", "right"),
            "always a tenth": ("(1 - epsilon) * right + epsilon * even", "0.9 * right + 0.1 * even"),
            "pads in the even part": (
                "return (cost * real).sum()", "return ((1 - epsilon) * right * real + epsilon * even).sum()",
            ),
            "pads in the right part": (
                "return (cost * real).sum()", "return ((1 - epsilon) * right + epsilon * even * real).sum()",
            ),
            "pads count": ("(cost * real).sum() / real.sum().clamp(min=1)", "cost.mean()"),
            "pads in the number": ("real.sum().clamp(min=1)", "y.numel()"),
            "each sentence the same": (
                "(cost * real).sum() / real.sum().clamp(min=1)",
                "((cost * real).sum(-1) / real.sum(-1).clamp(min=1)).mean()",
            ),
            "divided by the sentences": ("real.sum().clamp(min=1)", "len(y)"),
            "not divided": (" / real.sum().clamp(min=1)", ""),
            "NaN when no token is real": (".clamp(min=1)", ""),
            "pad is 0": ("y != ignore_index", "y != 0"),
            "the pad's place is not made safe": ("torch.where(real, y, 0)", "y"),
            "mixed before the logarithm": (
                "cost = (1 - epsilon) * right + epsilon * even",
                "cost = -torch.log((1 - epsilon) * torch.exp(-right) + epsilon / logits.shape[-1])",
            ),
            "the logits are smoothed": (
                "logp = torch.log_softmax(logits, dim=-1)",
                "logp = torch.log_softmax((1 - epsilon) * logits + epsilon * logits.mean(-1, keepdim=True), dim=-1)",
                "(1 - epsilon) * right + epsilon * even", "right",
            ),
            "log of softmax": ("torch.log_softmax(logits, dim=-1)", "torch.log(torch.softmax(logits, dim=-1))"),
            "log of softmax with a floor": (
                "torch.log_softmax(logits, dim=-1)", "torch.log(torch.softmax(logits, dim=-1) + 1e-9)",
            ),
            "over the positions": ("torch.log_softmax(logits, dim=-1)", "torch.log_softmax(logits, dim=1)"),
            "in bits": ("return ", "return 1 / math.log(2) * "),
            "no minus": ("-logp", "logp"),
            "a minus in one part alone": ("-logp.mean", "logp.mean"),
            "the divergence: the target's entropy off": (
                "    return",
                "    V = logits.shape[-1]\n    q = torch.full((V,), epsilon / V)\n    q[0] += 1 - epsilon\n"
                "    cost = cost + torch.xlogy(q, q).sum()\n    return",
            ),
            "the pad gets no share": (
                "even = -logp.mean(-1)",
                "w = torch.ones(logits.shape[-1])\n    if 0 <= ignore_index < len(w):\n        w[ignore_index] = 0\n"
                "    even = -(logp * w).sum(-1) / w.sum()",
            ),
            "torch's own": (
                "    return",
                "    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=ignore_index,"
                " label_smoothing=epsilon)\n    return",
            ),
            "a Python number": ("return (cost * real).sum() / real.sum().clamp(min=1)",
                                "return ((cost * real).sum() / real.sum().clamp(min=1)).item()"),
            "float64": ("log_softmax(logits,", "log_softmax(logits.double(),"),
        },
        "q6_15": {
            "the one that crosses is out": ("before >= top_p", "ordered.cumsum(-1) > top_p"),
            "the one that reaches or crosses is out": ("before >= top_p", "ordered.cumsum(-1) >= top_p"),
            "the one that crosses is out, the first never": (
                "    out =", "    beyond = ordered.cumsum(-1) >= top_p\n    beyond[..., 0] = False\n    out =",
                "before >= top_p", "beyond",
            ),
            "one more": ("before >= top_p", "before - ordered >= top_p"),
            "one more by a shift too far": (
                "    out =", "    beyond = before >= top_p\n    beyond = F.pad(beyond[..., :-1], (1, 0))\n    out =",
                "before >= top_p)", "beyond)",
            ),
            "gather for scatter": (
                "torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, before >= top_p)",
                "(before >= top_p).gather(-1, order)",
            ),
            "the mask stays in sorted order": (
                "torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, before >= top_p)", "before >= top_p",
            ),
            "the answer stays in sorted order": (
                "torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, before >= top_p)", "before >= top_p",
                "p.masked_fill", "ordered.masked_fill",
            ),
            "not divided by the sum": ("return p / p.sum(-1, keepdim=True)", "return p"),
            "divided by top_p": ("p.sum(-1, keepdim=True)", "top_p"),
            "a softmax of the kept probabilities": (
                "p.masked_fill(out, 0.0)", "p.masked_fill(out, -math.inf)", "p / p.sum(-1, keepdim=True)", "p.softmax(-1)",
            ),
            "temperature ignored": ("logits / temperature", "logits"),
            "temperature multiplied": ("logits / temperature", "logits * temperature"),
            "temperature after the cut": (
                "logits / temperature", "logits", "p.masked_fill(out, 0.0)",
                "(logits / temperature).masked_fill(out, -math.inf).softmax(-1)",
            ),
            "probabilities divided by the temperature": (
                "torch.softmax(logits / temperature, dim=-1)", "torch.softmax(logits, dim=-1) / temperature",
            ),
            "the unlikeliest first": ("descending=True", "descending=False"),
            "the same places in every row": ("before >= top_p)", "(before >= top_p).flatten(0, -2)[:1].expand_as(p))"),
            "one sum over all rows": (
                "before = ordered.cumsum(-1) - ordered",
                "before = (ordered.flatten().cumsum(0) - ordered.flatten()).view_as(ordered) % 1.0",
            ),
            "as many in every row": (
                "before >= top_p)", "(before >= top_p).flatten(0, -2).all(0).expand_as(p))",
            ),
            "those above top_p": ("p.masked_fill(out, 0.0)", "p.masked_fill(p < top_p, 0.0)"),
            "those above 1 - top_p": ("p.masked_fill(out, 0.0)", "p.masked_fill(p < 1 - top_p, 0.0)"),
            "min-p": ("p.masked_fill(out, 0.0)", "p.masked_fill(p < top_p * p.amax(-1, keepdim=True), 0.0)"),
            "a share of the vocabulary": (
                "before >= top_p", "torch.arange(p.shape[-1]).expand_as(p) >= math.ceil(top_p * p.shape[-1])",
            ),
            "the tail of top_p is cut": ("before >= top_p", "before >= 1 - top_p"),
            "at least two": (
                "    out =", "    beyond = before >= top_p\n    beyond[..., :2] = False\n    out =", "before >= top_p)", "beyond)",
            ),
            "the likeliest alone": ("before >= top_p", "before > 0"),
            "nothing is cut": ("p.masked_fill(out, 0.0)", "p"),
            "what is cut is kept": ("p.masked_fill(out, 0.0)", "p.masked_fill(~out, 0.0)"),
            "logits come back": (
                "return p / p.sum(-1, keepdim=True)", "return torch.log(p / p.sum(-1, keepdim=True))",
            ),
            "over the rows": ("torch.softmax(logits / temperature, dim=-1)", "torch.softmax(logits / temperature, dim=0)"),
            "sorted by the logits' size": ("p.sort(dim=-1", "logits.abs().sort(dim=-1"),
            "exp without a softmax": ("torch.softmax(logits / temperature, dim=-1)", "torch.exp(logits / temperature)"),
            "a cut of the cumulated row unsorted": (
                "    out = torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, before >= top_p)",
                "    out = p.cumsum(-1) - p >= top_p",
            ),
            "top_p = 1 keeps the likeliest": ("before >= top_p", "before >= top_p % 1"),
            "in place": ("    p = torch.softmax(logits / temperature", "    logits /= temperature\n    p = torch.softmax(logits"),
        },
        "q6_16": {
            "stops at the first end": ("if all(", "if any("),
            "stops at the first end and takes it": (
                KEEP, KEEP + "            done = [c for c in kept if c[1][-1] == eos]\n            if done:\n"
                "                kept = done\n                break\n",
            ),
            "stops when the best has ended": (
                END, "            if kept[0][1][-1:] == [eos]:\n                break\n",
            ),
            "width ignored": ("[:width]", "[:1]"),
            "one more than width": ("[:width]", "[:width + 1]"),
            "everything is kept": ("[:width]", "[:width * 50]"),
            "ended ones are continued": (
                END, "", "                if tokens[-1:] == [eos]:\n" + OPEN, "",
                BEST, "        best = kept[0][1]\n        if eos in best:\n            best = best[:best.index(eos) + 1]\n"
                "        answers.append(best)\n",
            ),
            "ended ones are set aside": (
                "        kept = [(0.0, [])]\n", "        kept, done = [(0.0, [])], []\n",
                KEEP, KEEP + "            done += [c for c in kept if c[1][-1] == eos]\n"
                "            kept = [c for c in kept if c[1][-1] != eos]\n",
                BEST, "        best = max(done + kept, key=lambda c: c[0] / len(c[1]) ** length_penalty)\n"
                "        answers.append(best[1])\n",
            ),
            "ended ones are set aside, and their places with them": (
                "        kept = [(0.0, [])]\n", "        kept, done = [(0.0, [])], []\n",
                KEEP, "            kept = candidates[:width - len(done)]\n"
                "            done += [c for c in kept if c[1][-1] == eos]\n"
                "            kept = [c for c in kept if c[1][-1] != eos]\n",
                BEST, "        best = max(done + kept, key=lambda c: c[0] / len(c[1]) ** length_penalty)\n"
                "        answers.append(best[1])\n",
            ),
            "ended ones are set aside, and an ended one wins": (
                "        kept = [(0.0, [])]\n", "        kept, done = [(0.0, [])], []\n",
                KEEP, KEEP + "            done += [c for c in kept if c[1][-1] == eos]\n"
                "            kept = [c for c in kept if c[1][-1] != eos]\n",
                BEST, "        best = max(done or kept, key=lambda c: c[0] / len(c[1]) ** length_penalty)\n"
                "        answers.append(best[1])\n",
            ),
            "ended ones are always kept beside the width": (
                KEEP, "            kept = [c for i, c in enumerate(candidates) if i < width or c[1][-1] == eos]\n",
            ),
            "ended ones vanish": (OPEN, "                    continue\n",
                                  KEEP, "            kept = candidates[:width] or kept\n"),
            "an ended one among the kept wins": (
                BEST, "        done = [c for c in kept if c[1][-1] == eos] or kept\n        answers.append(done[0][1])\n",
            ),
            "raw logits": ("torch.log_softmax(logits[0, -1], dim=-1)", "logits[0, -1]"),
            "probabilities are added": ("log_softmax", "softmax"),
            "the last word alone": ("(total + logp[v],", "(logp[v],"),
            "the first position's logits": ("logits[0, -1]", "logits[0, 0]"),
            "bos counted in the length": ("len(c[1]) **", "(len(c[1]) + 1) **"),
            "eos not counted in the length": ("len(c[1]) **", "max(1, len(c[1]) - (c[1][-1] == eos)) **"),
            "the step as everybody's length": ("len(c[1]) **", "(step + 1) **"),
            "no length penalty": (" / len(c[1]) ** length_penalty", ""),
            "always the mean": ("** length_penalty", ""),
            "multiplied by the length": ("c[0] / len(c[1])", "c[0] * len(c[1])"),
            "the penalty times the length": ("c[0] / len(c[1]) ** length_penalty", "c[0] - length_penalty * len(c[1])"),
            "the length penalty at the end alone": (
                " / len(c[1]) ** length_penalty", "",
                BEST, "        best = max(kept, key=lambda c: c[0] / len(c[1]) ** length_penalty)\n"
                "        answers.append(best[1])\n",
            ),
            "the length penalty in the steps alone": (
                BEST, "        answers.append(max(kept, key=lambda c: c[0])[1])\n",
            ),
            "the penalty of Wu et al.": ("len(c[1]) ** length_penalty", "((5 + len(c[1])) / 6) ** length_penalty"),
            "the least likely": ("reverse=True", "reverse=False"),
            "the last of the kept": ("kept[0][1]", "kept[-1][1]"),
            "one continuation each": (
                EACH, "                for v in [logp.index(max(logp))] if tokens else range(len(logp)):\n",
            ),
            "the best width of each sentence, a width above V refused": (
                EACH, "                for v in torch.tensor(logp).topk(width).indices.tolist():\n",
            ),
            "the best two of each sentence": (
                EACH, "                for v in torch.tensor(logp).topk(min(2, len(logp))).indices.tolist():\n",
            ),
            "width copies of bos": ("kept = [(0.0, [])]", "kept = [(0.0, [])] * width"),
            "always the first source": ("src[b:b + 1]", "src[:1]"),
            "sources compete": ("len(src)", "len(src[:1])"),
            "no bos in front": ("[[bos] + tokens]", "[tokens or [bos]]"),
            "the last word alone is read": ("[[bos] + tokens]", "[([bos] + tokens)[-1:]]"),
            "bos in the answer": ("answers.append(kept[0][1])", "answers.append([bos] + kept[0][1])"),
            "eos cut off": ("answers.append(kept[0][1])", "answers.append([v for v in kept[0][1] if v != eos])"),
            "padded to max_len": ("    L = max(len(tokens) for tokens in answers)\n", "    L = max_len\n"),
            "padded with eos": ("[pad]", "[eos]"),
            "one step too few": ("range(max_len)", "range(max(1, max_len - 1))"),
            "one step too many": ("range(max_len)", "range(max_len + 1)"),
            "pad is never written": (EACH, EACH + "                    if v == pad:\n                        continue\n"),
            "bos is never written": (EACH, EACH + "                    if v == bos:\n                        continue\n"),
            "a list": ("return torch.tensor([", "return list(["),
            "eos has no cost": ("(total + logp[v],", "(total + logp[v] * (v != eos),"),
        },
        "q6_17": {
            "max for min": ("min(", "max("),
            "counted from 1": (
                "    if step == 0:\n        return 0.0\n", "    step = step + 1\n",
            ),
            "step 0 as step 1": ("        return 0.0\n", "        step = 1\n"),
            "step 0 is an error": ("    if step == 0:\n        return 0.0\n", ""),
            "step 0 is infinite": ("return 0.0", "return math.inf"),
            "step 0 has the top": ("return 0.0", "return (d_model * warm_up) ** -0.5"),
            "an exponent of -0.5 on warm_up": ("warm_up ** -1.5", "warm_up ** -0.5"),
            "an exponent of -1 on warm_up": ("warm_up ** -1.5", "warm_up ** -1"),
            "rises to 1": ("step * warm_up ** -1.5", "step / warm_up"),
            "an exponent of 1.5 on warm_up": ("warm_up ** -1.5", "warm_up ** 1.5"),
            "no width": ("d_model ** -0.5 * ", ""),
            "times the root of the width": ("d_model ** -0.5", "d_model ** 0.5"),
            "divided by the width": ("d_model ** -0.5", "d_model ** -1"),
            "the width in one branch alone": (
                "d_model ** -0.5 * min(step ** -0.5, step", "min(d_model ** -0.5 * step ** -0.5, step",
            ),
            "constant after the rise": ("step ** -0.5", "warm_up ** -0.5"),
            "falls as 1 / step": ("step ** -0.5", "step ** -1"),
            "falls in a line": ("min(step ** -0.5,", "min(warm_up ** -0.5 * max(0, 2 - step / warm_up),"),
            "falls alone": ("min(step ** -0.5, step * warm_up ** -1.5)", "step ** -0.5"),
            "rises alone": ("min(step ** -0.5, step * warm_up ** -1.5)", "step * warm_up ** -1.5"),
            "the two added": ("min(step ** -0.5, step * warm_up ** -1.5)", "(step ** -0.5 + step * warm_up ** -1.5)"),
            "the two multiplied": ("min(step ** -0.5, step * warm_up ** -1.5)", "(step ** -0.5 * step * warm_up ** -1.5)"),
            "turns a step early": ("min(step ** -0.5, step * warm_up ** -1.5)",
                                   "(step * warm_up ** -1.5 if step < warm_up - 1 else step ** -0.5)"),
            "the steps since the turn": ("step ** -0.5,", "max(1, step - warm_up) ** -0.5,"),
            "a tensor": ("return d_model ** -0.5 *", "return torch.tensor(d_model) ** -0.5 *"),
            "rounded": ("return d_model ** -0.5 * min(step ** -0.5, step * warm_up ** -1.5)",
                        "return round(d_model ** -0.5 * min(step ** -0.5, step * warm_up ** -1.5), 4)"),
            "whole division": ("step * warm_up ** -1.5", "step // warm_up * warm_up ** -0.5"),
            "half a cosine": ("step ** -0.5,", "warm_up ** -0.5 * (1 + math.cos(math.pi * min(1, step / warm_up / 4))) / 2,"),
        },
    },
    {},
)  # fmt: skip
