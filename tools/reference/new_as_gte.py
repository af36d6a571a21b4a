"""Golden vectors of the 400M's architecture (`new`) from transformers' own GTE model, which is the same transformer under
another name. transformers renames and splits the tensors itself (its conversion mapping for "gte").

GTE knows no "ntk" positions. They are base theta * f and a division of all frequencies by f^(2/d), which is what its
"linear" positions do when given that base and that factor."""

import json

import torch
from transformers import GteConfig, GteModel

import golden


def load(checkpoint, dtype):
    source = json.loads((checkpoint / "config.json").read_text())
    assert source["model_type"] == "new" and source["hidden_act"] == "gelu", source
    scaling = source["rope_scaling"]
    assert scaling["type"] == "ntk" and "mixed_b" not in scaling, scaling
    factor, head_size = scaling["factor"], source["hidden_size"] // source["num_attention_heads"]
    same = [
        *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"),
        *("max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id"),
    ]
    config = GteConfig(
        **{key: source[key] for key in same},
        rope_parameters={
            "rope_type": "linear",
            "rope_theta": float(source["rope_theta"] * factor),
            "factor": factor ** (2 / head_size),
        },
    )
    model, report = GteModel.from_pretrained(
        checkpoint, config=config, dtype=dtype, attn_implementation="eager", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["mismatched_keys"], report
    assert all("pooler" in key for key in report["unexpected_keys"]), report
    return model.eval()


def encoder(model):
    def encode(ids, mask):
        with torch.no_grad():
            return model(input_ids=ids, attention_mask=mask).last_hidden_state

    return encode


def main():
    args = golden.arguments(__doc__)
    cases = golden.read_cases(args.checkpoint, args.cases)
    runs = {}
    for dtype in (torch.float32, torch.float64):
        encode, projection = encoder(load(args.checkpoint, dtype)), golden.Projection(args.checkpoint, dtype)
        alone = golden.run_alone(encode, projection, cases)
        runs[dtype] = (alone, golden.padding_effect(encode, projection, cases, alone, 0, left=False))
    golden.write(
        args.out,
        "transformers GteModel",
        runs[torch.float64][0],
        runs[torch.float32][0],
        {"float32": runs[torch.float32][1], "float64": runs[torch.float64][1]},
        {"islands": "rotary tables are float32 inside transformers, whatever the weights are"},
    )


if __name__ == "__main__":
    main()
