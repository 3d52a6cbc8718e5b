"""Transformers: models built from small configs with random weights, and the functions they attend with."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.gptj import modeling_gptj
from transformers.models.llama import modeling_llama

from fieldguide import probing as p

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
t = torch.from_numpy
SMALL = {"vocab_size": 32, "hidden_size": 128, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
GPTJ = {"vocab_size": 32, "n_embd": 128, "n_layer": 1, "n_head": 2, "n_positions": 64}


def model(name: str, attention: str = "eager", dropout: float = 0.0):
    torch.manual_seed(0)
    drop = {"attention_dropout": dropout}
    made = {
        "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL, **drop, attn_implementation=attention)),
        "gptj": lambda: transformers.GPTJForCausalLM(transformers.GPTJConfig(**GPTJ, attn_pdrop=dropout, attn_implementation=attention)),
        "neox": lambda: transformers.GPTNeoXForCausalLM(transformers.GPTNeoXConfig(**SMALL, **drop, attn_implementation=attention)),
        "bert": lambda: transformers.BertForMaskedLM(
            transformers.BertConfig(**SMALL, attention_probs_dropout_prob=dropout, hidden_dropout_prob=0.0, attn_implementation=attention)
        ),
        "t5": lambda: transformers.T5ForConditionalGeneration(
            transformers.T5Config(vocab_size=32, d_model=128, d_kv=64, d_ff=64, num_layers=1, num_heads=2, dropout_rate=dropout,
                                  decoder_start_token_id=0, attn_implementation=attention)
        ),
    }
    return made[name]().eval()


def attention_of(groups: int) -> SimpleNamespace:
    return SimpleNamespace(num_key_value_groups=groups, training=False, is_causal=False)


def eager(q, k, v, mask=None, bias=None):
    m = mask if mask is not None else bias
    module = attention_of(q.shape[1] // k.shape[1])
    out = modeling_llama.eager_attention_forward(module, t(q), t(k), t(v), None if m is None else t(m), scaling=0.25)
    return out[0].transpose(1, 2).numpy()


def sdpa(q, k, v, mask=None, bias=None, causal=False):
    m = mask if mask is not None else bias
    module = attention_of(q.shape[1] // k.shape[1])
    out = sdpa_attention_forward(module, t(q), t(k), t(v), None if m is None else t(m), is_causal=causal)
    return out[0].transpose(1, 2).numpy()


def sdpa_gradient() -> str:
    q = t(p.draw(0)).requires_grad_()
    nothing = torch.zeros(1, 1, 1, 5, dtype=torch.bool)
    sdpa_attention_forward(attention_of(1), q, t(p.draw(1, length=5)), t(p.VALUES), nothing)[0].sum().backward()
    return p.kind(q.grad.numpy())


TOKENS = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 10, 11, 12]])


def padded(name: str, mask: list[int], attention: str = "eager") -> str:
    seen = torch.tensor([[1] * 5, mask])
    extra = {"decoder_input_ids": TOKENS[:, :2]} if name == "t5" else {}
    with torch.no_grad():
        out = model(name, attention)(input_ids=TOKENS, attention_mask=seen, **extra)
    shown = out.encoder_last_hidden_state if name == "t5" else out.logits
    return p.kind(shown[1][seen[1] == 0].numpy())


def shift(name: str) -> str:
    labels = torch.tensor([[9, 8, 7, 6, 5], [5, 4, 3, 2, 1]])
    with torch.no_grad():
        out = model(name)(input_ids=TOKENS, labels=labels)
    plain = F.cross_entropy(out.logits.flatten(0, 1), labels.flatten())
    shifted = F.cross_entropy(out.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    return "yes" if torch.isclose(out.loss, shifted) else "no" if torch.isclose(out.loss, plain) else "neither"


def ignore(name: str) -> str:
    labels = torch.tensor([[9, 8, 7, 6, 5], [-100] * 5])
    with torch.no_grad():
        both, one = model(name)(input_ids=TOKENS, labels=labels), model(name)(input_ids=TOKENS[:1], labels=labels[:1])
    return "-100" if torch.isclose(both.loss, one.loss) else "none"


def weights(name: str, training: bool, attention: str = "eager"):
    module = model(name, attention, dropout=0.4).train(training)
    extra = {"decoder_input_ids": TOKENS[:, :2]} if name == "t5" else {}
    out = module(input_ids=TOKENS, output_attentions=True, **extra)
    return out.encoder_attentions if name == "t5" else out.attentions


def heads(name: str, attention: str = "eager") -> str:
    found = weights(name, False, attention)
    if not found or found[0] is None:
        return "none returned"
    return "each head" if found[0].shape == (2, 2, 5, 5) else f"shape {tuple(found[0].shape)}"


def turn_llama(x: np.ndarray) -> np.ndarray:
    angle = torch.ones(1, 1, len(x))
    q = t(x)[None, None, None]
    return modeling_llama.apply_rotary_pos_emb(q, q, angle.cos(), angle.sin())[0].numpy().reshape(-1)


def turn_gptj(x: np.ndarray) -> np.ndarray:
    angle = torch.ones(1, 1, len(x) // 2)
    return modeling_gptj.apply_rotary_pos_emb(t(x)[None, None, None], angle.sin(), angle.cos()).numpy().reshape(-1)


def moved(name: str) -> str:
    """Which features of a head's query a layer turns, seen by running it on the same token at two positions."""
    module, kept = model(name), []
    part = {"llama": modeling_llama, "gptj": modeling_gptj, "neox": transformers.models.gpt_neox.modeling_gpt_neox}[name]
    real = part.apply_rotary_pos_emb

    def spy(x, *args, **kwargs):
        out = real(x, *args, **kwargs)
        kept.append((x, out if torch.is_tensor(out) else out[0]))
        return out

    part.apply_rotary_pos_emb = spy
    try:
        with torch.no_grad():
            module(input_ids=torch.full((1, 6), 5))
    finally:
        part.apply_rotary_pos_emb = real
    before, after = kept[0]
    turned = int(((before - after).abs() > 0).flatten(0, -2).any(0).sum())
    return {64: "all", 32: "1/2", 16: "1/4"}.get(turned, f"{turned} of 64")


def turn_neox(x: np.ndarray) -> np.ndarray:
    angle = torch.ones(1, 1, len(x))
    q = t(x)[None, None, None]
    return transformers.models.gpt_neox.modeling_gpt_neox.apply_rotary_pos_emb(q, q, angle.cos(), angle.sin())[0].numpy().reshape(-1)


def factor(name: str) -> str:
    """The scale of BERT's or T5's own attention, read off its returned weights against its own projections."""
    module, kept = model(name), {}
    layer = module.bert.encoder.layer[0].attention.self if name == "bert" else module.encoder.block[0].layer[0].SelfAttention
    parts = (layer.query, layer.key) if name == "bert" else (layer.q, layer.k)
    for key, part in zip("qk", parts, strict=True):
        part.register_forward_hook(lambda m, a, out, key=key: kept.update({key: out}))
    if name == "t5":
        layer.relative_attention_bias.weight.data.zero_()
    extra = {"decoder_input_ids": TOKENS[:, :2]} if name == "t5" else {}
    with torch.no_grad():
        out = module(input_ids=TOKENS, output_attentions=True, **extra)
    w = (out.encoder_attentions if name == "t5" else out.attentions)[0][0, 0].double().log()
    scores = (kept["q"][0, :, :64] @ kept["k"][0, :, :64].T).double()
    ratio = ((w[:, 0] - w[:, 1]) / (scores[:, 0] - scores[:, 1])).median().item()
    return {0.125: "1/√d", 1.0: "1"}.get(round(ratio, 3), f"{ratio:.3g}")


MODELS = {"llama_eager": ("llama", "eager"), "llama_sdpa": ("llama", "sdpa"), "gptj": ("gptj", "eager"),
          "neox": ("neox", "eager"), "bert": ("bert", "eager"), "t5": ("t5", "eager")}
CELLS: p.Cells = p.standard("llama_eager", eager, without="causal scale empty_bool") | p.standard("llama_sdpa", sdpa, without="scale")
CELLS |= {
    ("llama_sdpa", "empty_grad"): sdpa_gradient,
    ("bert", "scale"): lambda: factor("bert"),
    ("t5", "scale"): lambda: factor("t5"),
    ("llama_eager", "rope_layout"): lambda: p.pairs(turn_llama),
    ("gptj", "rope_layout"): lambda: p.pairs(turn_gptj),
    ("neox", "rope_layout"): lambda: p.pairs(turn_neox),
    ("llama_eager", "rope_share"): lambda: moved("llama"),
    ("gptj", "rope_share"): lambda: moved("gptj"),
    ("neox", "rope_share"): lambda: moved("neox"),
}
for column, (name, attention) in MODELS.items():
    CELLS[column, "pad_right"] = lambda n=name, a=attention: padded(n, [1, 1, 1, 0, 0], a)
    CELLS[column, "pad_left"] = lambda n=name, a=attention: padded(n, [0, 0, 1, 1, 1], a)
    CELLS[column, "all_pad"] = lambda n=name, a=attention: padded(n, [0, 0, 0, 0, 0], a)
    CELLS[column, "heads"] = lambda n=name, a=attention: heads(n, a)
    if attention == "eager":
        CELLS[column, "dropout"] = lambda n=name: p.sums(weights(n, True)[0].detach().numpy())
        CELLS[column, "shift"] = lambda n=name: shift(n)
        CELLS[column, "ignore"] = lambda n=name: ignore(n)
