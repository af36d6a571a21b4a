"""Prints how far the golden vectors move when the model is got slightly wrong: whether a test's tolerance would notice.

`python slips.py ../../test/golden/new-tiny` reads the texts from the folder's transformers.json. Float64 throughout."""

import json
import math
import sys
from pathlib import Path

import torch
import transformers.models.qwen2.modeling_qwen2 as qwen2

import golden
import new_as_gte
import qwen2_bidirectional

DOUBLE = torch.float64


def exact_positions(model):
    """Rotary tables in float64, where transformers computes them in float32."""
    rope, head_size = model.config.rope_parameters, model.config.hidden_size // model.config.num_attention_heads
    powers = torch.arange(0, head_size, 2, dtype=DOUBLE) / head_size
    frequencies = torch.tensor(rope["rope_theta"], dtype=DOUBLE) ** -powers / rope.get("factor", 1.0)

    def tables(_, position_ids):
        angles = position_ids[..., None].to(DOUBLE) * frequencies
        return torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()

    model.rotary_emb.forward = tables


def tanh_gelu(model):
    for layer in model.layers:
        layer.mlp.act_fn = torch.nn.GELU(approximate="tanh")


def undivided_ntk(model):
    model.rotary_emb.inv_freq *= model.config.rope_parameters["factor"]


def no_token_type(model):
    model.embeddings.token_type_embeddings.weight.data.zero_()


def gate_first(model):
    for layer in model.layers:
        layer.mlp.up_proj, layer.mlp.gate_proj = layer.mlp.gate_proj, layer.mlp.up_proj


def large_layer_epsilon(model):
    model.embeddings.LayerNorm.eps = 1e-5
    for layer in model.layers:
        layer.post_attention_layernorm.eps = layer.post_mlp_layernorm.eps = 1e-5


def no_positions(model):
    model.rotary_emb.inv_freq.zero_()


def small_rms_epsilon(model):
    for layer in model.layers:
        layer.input_layernorm.variance_epsilon = layer.post_attention_layernorm.variance_epsilon = 1e-12


def causal(model):
    stock = model.forward

    def forward(input_ids, attention_mask, use_cache):
        del attention_mask
        return stock(input_ids=input_ids, use_cache=use_cache)

    model.forward = forward


def tiled_heads(model):
    # Undone by the caller: the function is the module's.
    qwen2.repeat_kv = lambda states, times: states.repeat(1, times, 1, 1)


SLIPS = {
    "new": (exact_positions, tanh_gelu, undivided_ntk, no_token_type, gate_first, large_layer_epsilon),
    "qwen2": (exact_positions, causal, no_positions, tiled_heads, small_rms_epsilon),
}


def main():
    folder = Path(sys.argv[1])
    checkpoint = folder / "checkpoint"
    kind = json.loads((checkpoint / "config.json").read_text())["model_type"]
    engine = new_as_gte if kind == "new" else qwen2_bidirectional
    projection = golden.Projection(checkpoint, DOUBLE)
    cases = []
    for path in sorted(folder.glob("transformers*.json")):
        listed = json.loads(path.read_text())["cases"]
        cases += [{**case, "dimensions": [case["dimensions"]]} for case in listed]
    right = golden.run_alone(engine.encoder(engine.load(checkpoint, DOUBLE)), projection, cases)
    repeat_kv = qwen2.repeat_kv
    for slip in SLIPS[kind]:
        model = engine.load(checkpoint, DOUBLE)
        slip(model)
        wrong = golden.run_alone(engine.encoder(model), projection, cases)
        qwen2.repeat_kv = repeat_kv
        raw = max((a[3] - b[3]).abs().max().item() for a, b in zip(right, wrong))
        embedding = max((a[4] - b[4]).abs().max().item() for a, b in zip(right, wrong))
        apart = max(1 - torch.dot(a[4], b[4]).item() for a, b in zip(right, wrong))
        assert math.isfinite(raw)
        print(f"{folder.name:12} {slip.__name__:20} raw {raw:.1e}  embedding {embedding:.1e}  1 - min cosine {apart:.1e}")


if __name__ == "__main__":
    main()
