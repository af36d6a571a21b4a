"""Golden vectors of the 1.5B's architecture from transformers' own Qwen2, made bidirectional.

Stock Qwen2 is causal. Here it runs with eager attention and an explicit additive mask that hides padding and nothing
else, handed over as the prepared mask that `Qwen2Model.forward` uses as it is; an assertion proves that later tokens
reach earlier ones."""

import json

import torch
from transformers import Qwen2Config, Qwen2Model

import golden


def load(checkpoint, dtype):
    config = Qwen2Config(**json.loads((checkpoint / "config.json").read_text()))
    model, report = Qwen2Model.from_pretrained(
        checkpoint, config=config, dtype=dtype, attn_implementation="eager", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"], report
    assert set(model.config.layer_types) == {"full_attention"}, model.config.layer_types
    return model.eval()


def encoder(model):
    def encode(ids, mask):
        # [batch, 1, 1, length]: 0 where a key may be seen, the lowest finite number where it is padding.
        additive = torch.zeros(mask.shape, dtype=model.dtype).masked_fill(mask == 0, torch.finfo(model.dtype).min)
        with torch.no_grad():
            return model(
                input_ids=ids, attention_mask={"full_attention": additive[:, None, None, :]}, use_cache=False
            ).last_hidden_state

    return encode


def assert_bidirectional(model):
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]])
    hidden = encoder(model)(ids, torch.ones_like(ids))
    moved = (hidden[0, 0] - hidden[1, 0]).abs().max().item()
    assert moved > 1e-3, f"changing the last token moved the first by {moved}: attention is causal"
    with torch.no_grad():
        causal = model(input_ids=ids, use_cache=False).last_hidden_state
    # The other way round: stock Qwen2 on the same weights must not see the change, or the check above proves nothing.
    assert torch.equal(causal[0, 0], causal[1, 0])
    return moved


def main():
    args = golden.arguments(__doc__)
    cases = golden.read_cases(args.checkpoint, args.cases)
    end_of_text = json.loads((args.checkpoint / "config.json").read_text())["eos_token_id"]
    runs = {}
    for dtype in (torch.float32, torch.float64):
        model = load(args.checkpoint, dtype)
        moved = assert_bidirectional(model)
        encode, projection = encoder(model), golden.Projection(args.checkpoint, dtype)
        alone = golden.run_alone(encode, projection, cases)
        padding = golden.padding_effect(encode, projection, cases, alone, end_of_text, left=True)
        runs[dtype] = (alone, padding)
    golden.write(
        args.out,
        "transformers Qwen2Model, bidirectional",
        runs[torch.float64][0],
        runs[torch.float32][0],
        {"float32": runs[torch.float32][1], "float64": runs[torch.float64][1]},
        {
            "islands": "norms, softmax and rotary tables are float32 inside transformers, whatever the weights are",
            "firstTokenMovedByLast": moved,
        },
    )


if __name__ == "__main__":
    main()
