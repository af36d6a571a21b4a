"""
Writes the trained student as a checkpoint in the Hugging Face layout: `python export.py <work folder> <checkpoint>`.

Weights are float16. The table of word embeddings, which is most of them, is in 8 bits (E4M3): that lets twice the words into
the same bytes. bench:nano measures the model so rounded. It reads up to 2,048 tokens: its positions are rotary, and it was
trained on up to 64.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from student import DIMENSIONS, EPSILON, HEADS, HIDDEN, INTERMEDIATE, LAYERS, NTK_FACTOR, THETA, VOCAB

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MAX_POSITIONS = 2048
RECOMMENDED_TOKENS = 512
DEFAULT_DIMENSIONS = 256
PROMPTS = {
    "s2p_query": "Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ",
    "s2s_query": "Instruct: Retrieve semantically similar text.\nQuery: ",
}


def main(work: Path, out: Path) -> None:
    state = torch.load(work / "student.pt", weights_only=True)["student"]
    out.mkdir(parents=True, exist_ok=True)
    save_file(backbone(state), out / "model.safetensors", metadata={"format": "pt"})
    for dimensions in DIMENSIONS:
        folder = out / f"2_Dense_{dimensions}"
        head = {f"linear.{part}": half(state[f"heads.{dimensions}.{part}"]) for part in ("weight", "bias")}
        folder.mkdir(exist_ok=True)
        save_file(head, folder / "model.safetensors", metadata={"format": "pt"})
        write(folder / "config.json", dense(dimensions))
    pieces = (work / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    (out / "tokenizer.json").write_text(f"{tokenizer_json(pieces)}\n", encoding="utf-8")
    (out / "1_Pooling").mkdir(exist_ok=True)
    write(out / "1_Pooling" / "config.json", POOLING)
    write(out / "config.json", CONFIG)
    write(out / "modules.json", modules())
    write(out / "sentence_bert_config.json", {"max_seq_length": RECOMMENDED_TOKENS, "do_lower_case": False})
    write(out / "tokenizer_config.json", TOKENIZER_CONFIG)
    write(out / "special_tokens_map.json", {f"{token[1:-1].lower()}_token": token for token in SPECIAL})
    write(out / "config_sentence_transformers.json", {"prompts": PROMPTS, "default_prompt_name": None, "similarity_fn_name": "cosine"})


def backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """By the names of the format."""
    named = {
        "new.embeddings.token_type_embeddings.weight": state["token_type_embeddings.weight"],
        "new.embeddings.LayerNorm.weight": state["norm.weight"],
        "new.embeddings.LayerNorm.bias": state["norm.bias"],
    }
    places = {"qkv_proj": "attention.qkv_proj", "o_proj": "attention.o_proj", "up_gate_proj": "mlp.up_gate_proj", "down_proj": "mlp.down_proj"}
    for name, tensor in state.items():
        if name.startswith("layers."):
            _, layer, module, part = name.split(".")
            named[f"new.encoder.layer.{layer}.{places.get(module, module)}.{part}"] = tensor
    words = state["word_embeddings.weight"].to(torch.float8_e4m3fn).contiguous()
    # Above 448 there is nothing but NaN.
    if not words.float().isfinite().all():
        raise SystemExit("a word embedding is too large for 8 bits")
    return {"new.embeddings.word_embeddings.weight": words, **{name: half(tensor) for name, tensor in named.items()}}


def half(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float16).contiguous()


def tokenizer_json(pieces: list[str]) -> str:
    """A WordPiece tokenizer as BERT's, without padding and truncation: those are for whoever runs it."""
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    first, last = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
    sequence = [{"Sequence": {"id": name, "type_id": kind}} for kind, name in enumerate("AB")]
    end = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": token, **added} for i, token in enumerate(SPECIAL)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, sequence[0], last],
            "pair": [first, sequence[0], last, sequence[1], end],
            "special_tokens": {t: {"id": t, "ids": [SPECIAL.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {piece: i for i, piece in enumerate(pieces)},
        },
    }
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def dense(dimensions: int) -> dict[str, object]:
    return {
        "in_features": HIDDEN,
        "out_features": dimensions,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }


def modules() -> list[dict[str, object]]:
    paths = {"": "Transformer", "1_Pooling": "Pooling", f"2_Dense_{DEFAULT_DIMENSIONS}": "Dense"}
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(paths.items())
    ]


def write(path: Path, value: object) -> None:
    path.write_text(f"{json.dumps(value, indent=1)}\n", encoding="utf-8")


POOLING = {
    "word_embedding_dimension": HIDDEN,
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": True,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
}

CONFIG = {
    "architectures": ["NewModel"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_size": HIDDEN,
    "intermediate_size": INTERMEDIATE,
    "layer_norm_eps": EPSILON,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "max_position_embeddings": MAX_POSITIONS,
    "model_type": "new",
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "pack_qkv": True,
    "pad_token_id": 0,
    "position_embedding_type": "rope",
    "rope_scaling": {"factor": NTK_FACTOR, "type": "ntk"},
    "rope_theta": THETA,
    "torch_dtype": "float16",
    "type_vocab_size": 2,
    "vocab_size": VOCAB,
}

TOKENIZER_CONFIG = {
    "cls_token": "[CLS]",
    "do_lower_case": True,
    "mask_token": "[MASK]",
    "model_max_length": MAX_POSITIONS,
    "pad_token": "[PAD]",
    "padding_side": "right",
    "sep_token": "[SEP]",
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "tokenizer_class": "BertTokenizer",
    "unk_token": "[UNK]",
}

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
