"""sentence-transformers behind a line protocol: a JSON object a line in, one a line out. Embeds what it is told to, as
its users would, and times itself. Knows nothing of what it is compared with.

    {"op": "open", "checkpoint": folder, "threads": n, "dtype": "float32" | "bfloat16"}  ->  {"versions": {...}}
    {"op": "embed", "texts": [...], "prompt": text or null, "vectors": bool}
        ->  {"ms": n, "tokens": [n, ...], "dimensions": n, "vectors": base64 of little-endian float32, or null}

An answer to a request that failed is {"error": text}. The process ends with its input.

The folder is a checkpoint in the Hugging Face layout. Its own modelling code is not needed: architecture "new" is loaded
as transformers' GTE, the same transformer under another name, and Qwen2 is made to read in both directions."""

import base64
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import sentence_transformers
import torch
import transformers

# Keys that mean the same in a GTE configuration.
SHARED_KEYS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
    "pad_token_id",
)


def gte_config(source):
    """Configuration of architecture "new" as transformers' GTE. It knows no "ntk" positions; they are base theta * f
    and a division of all frequencies by f^(2/d), which is what its "linear" positions do with that base and factor."""
    scaling = source["rope_scaling"]
    if scaling["type"] != "ntk" or "mixed_b" in scaling:
        raise ValueError(f"positions of kind {scaling} have no counterpart in GTE")
    factor = scaling["factor"]
    head_size = source["hidden_size"] // source["num_attention_heads"]
    return {
        **{key: source[key] for key in SHARED_KEYS},
        "model_type": "gte",
        "architectures": ["GteModel"],
        "rope_parameters": {
            "rope_type": "linear",
            "rope_theta": float(source["rope_theta"] * factor),
            "factor": factor ** (2 / head_size),
        },
    }


def view_of(checkpoint, scratch, config):
    """A folder that shows the checkpoint's files under another configuration."""
    for entry in checkpoint.iterdir():
        if entry.name != "config.json":
            (scratch / entry.name).symlink_to(entry.resolve())
    (scratch / "config.json").write_text(json.dumps(config))
    return scratch


def make_bidirectional(model):
    """Stock Qwen2 hides later tokens. A mask that is handed over as a dictionary is used as it is: this one hides
    padding and nothing else."""
    stock = model.forward

    def forward(input_ids, attention_mask, **others):
        hidden = torch.zeros(attention_mask.shape, dtype=model.dtype)
        hidden = hidden.masked_fill(attention_mask == 0, torch.finfo(model.dtype).min)
        masks = {"full_attention": hidden[:, None, None, :]}
        return stock(input_ids=input_ids, attention_mask=masks, **{**others, "use_cache": False})

    model.forward = forward


def assert_bidirectional(model):
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]])
    with torch.inference_mode():
        first = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, 0].float()
    if torch.equal(first[0], first[1]):
        raise AssertionError("changing the last token did not move the first: attention is causal")


class Peer:
    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="stella-pool-peer-")
        self.model = None

    def open(self, checkpoint, threads, dtype):
        torch.set_num_threads(threads)
        folder = Path(checkpoint)
        config = json.loads((folder / "config.json").read_text())
        kind = config["model_type"]
        if kind == "new":
            folder = view_of(folder, Path(self.scratch.name), gte_config(config))
        self.model = sentence_transformers.SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": getattr(torch, dtype)}
        )
        inner = self.model[0].auto_model
        if kind == "qwen2":
            make_bidirectional(inner)
        assert_bidirectional(inner)
        # Heads and pooling as well: sentence-transformers leaves them in float32, and they refuse bfloat16 inputs.
        self.model.to(getattr(torch, dtype))
        self.model.max_seq_length = config["max_position_embeddings"]
        return {
            "versions": {
                "sentence-transformers": sentence_transformers.__version__,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            }
        }

    def embed(self, texts, prompt, vectors):
        started = time.perf_counter()
        found = self.model.encode(
            texts, prompt=prompt, normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True
        )
        # What a caller gets: an array of float32, whatever the model computes in.
        array = found.float().numpy()
        ms = (time.perf_counter() - started) * 1000
        tokens = [len(ids) for ids in self.model.tokenizer([(prompt or "") + text for text in texts])["input_ids"]]
        encoded = base64.b64encode(array.astype("<f4").tobytes()).decode() if vectors else None
        return {"ms": ms, "tokens": tokens, "dimensions": array.shape[1], "vectors": encoded}


def main():
    # Libraries print as they like; the protocol has a stream to itself.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = Peer()
    operations = {"open": peer.open, "embed": peer.embed}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = operations[request.pop("op")](**request)
        except Exception as error:  # Told to the other side, which decides.
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
