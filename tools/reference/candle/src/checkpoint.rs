//! A checkpoint folder in the Hugging Face layout: its configuration as candle's `Config`, its prompts, its tokenizer.
//! Knows no tensor.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use candle_nn::Activation;
use candle_transformers::models::stella_en_v5::{Config, EmbedHead, ModelVariant};
use serde_json::Value;
use tokenizers::Tokenizer;

pub struct Checkpoint {
    pub folder: PathBuf,
    /// With an empty head; `Engine` fills it in.
    pub config: Config,
    prompts: Value,
    tokenizer: Tokenizer,
    /// Fills rows of a batch; masked out.
    pub pad_id: u32,
}

impl Checkpoint {
    pub fn open(folder: &str) -> Result<Self> {
        let folder = PathBuf::from(folder);
        let config = read_config(&read_json(&folder.join("config.json"))?)?;
        let prompts = read_json(&folder.join("config_sentence_transformers.json"))?["prompts"].clone();
        let mut tokenizer = Tokenizer::from_file(folder.join("tokenizer.json")).map_err(|error| anyhow!(error))?;
        // The 400M's file embeds Fixed(512) padding and truncation at 512; padding is done in `Engine::batch`.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| anyhow!(error))?;
        let pad = if config.variant == ModelVariant::Large { "<|endoftext|>" } else { "[PAD]" };
        let pad_id = tokenizer.token_to_id(pad).with_context(|| format!("tokenizer has no {pad}"))?;
        Ok(Self { folder, config, prompts, tokenizer, pad_id })
    }

    /// Ids of prompt + text, special tokens added by the tokenizer's own post-processor.
    pub fn tokenize(&self, text: &str, task: &str) -> Result<Vec<u32>> {
        let prompt = match task {
            "document" => "",
            name => self.prompts[name].as_str().with_context(|| format!("no prompt named {name}"))?,
        };
        let encoding = self.tokenizer.encode(format!("{prompt}{text}"), true).map_err(|error| anyhow!(error))?;
        Ok(encoding.get_ids().to_vec())
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// candle has constructors for the two real sizes only; its fields are public, so any size can be described.
fn read_config(json: &Value) -> Result<Config> {
    let integer = |name: &str| json[name].as_u64().map(|n| n as usize).with_context(|| format!("config.json: {name}"));
    let number = |name: &str| json[name].as_f64().with_context(|| format!("config.json: {name}"));
    let hidden_size = integer("hidden_size")?;
    let shared = Config {
        vocab_size: integer("vocab_size")?,
        hidden_size,
        intermediate_size: integer("intermediate_size")?,
        num_hidden_layers: integer("num_hidden_layers")?,
        num_attention_heads: integer("num_attention_heads")?,
        max_position_embeddings: integer("max_position_embeddings")?,
        rope_theta: number("rope_theta")?,
        embed_head: EmbedHead { in_features: hidden_size, out_features: 0 },
        ..Default::default()
    };
    let activation = json["hidden_act"].as_str().unwrap_or("missing");
    match (json["model_type"].as_str(), activation) {
        (Some("new"), "gelu") => {
            let scaling = &json["rope_scaling"];
            if scaling["type"] != "ntk" || !scaling["mixed_b"].is_null() {
                bail!("candle's Small variant always scales positions by plain NTK, config.json says {scaling}");
            }
            Ok(Config {
                variant: ModelVariant::Small,
                // candle's default for this variant too. Activation::Gelu is the erf form, NewGelu the tanh form.
                activation_fn: Activation::Gelu,
                norm_eps: number("layer_norm_eps")?,
                type_vocab_size: integer("type_vocab_size")?,
                scaling_factor: scaling["factor"].as_f64().context("config.json: rope_scaling.factor")?,
                ..shared
            })
        }
        (Some("qwen2"), "silu") => Ok(Config {
            variant: ModelVariant::Large,
            activation_fn: Activation::Silu,
            norm_eps: number("rms_norm_eps")?,
            num_key_value_heads: integer("num_key_value_heads")?,
            ..shared
        }),
        (kind, activation) => bail!("config.json: cannot run model_type {kind:?} with activation {activation}"),
    }
}
