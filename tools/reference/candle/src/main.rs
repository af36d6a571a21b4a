//! Golden vectors from candle-transformers' `stella_en_v5`, the engine this project's design comes from.
//! Reads a checkpoint folder and a list of cases, writes one JSON file. Holds no model code of its own.

mod checkpoint;
mod encode;
mod engine;

use std::{env, fs, process::ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use checkpoint::Checkpoint;
use encode::base64_f32;
use engine::Engine;

/// Texts padded together when the effect of padding is measured.
const BATCH_SIZE: usize = 8;

const USAGE: &str = "usage: stella-reference <checkpoint folder> <cases.json> <out.json>
cases.json: [{\"id\", \"text\", \"task\": \"document\"|\"s2p_query\"|\"s2s_query\", \"dimensions\": [n, …]}, …]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [folder, cases, out] => run(folder, cases, out),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One line of the case list.
struct Case {
    id: String,
    text: String,
    task: String,
    dimensions: Vec<usize>,
    /// Prompt + text, as the tokenizer sees it.
    ids: Vec<u32>,
}

fn run(folder: &str, cases_path: &str, out_path: &str) -> Result<()> {
    let checkpoint = Checkpoint::open(folder)?;
    let cases = read_cases(&checkpoint, cases_path)?;
    let mut pooler = Engine::pooled(&checkpoint)?;
    let pooled = cases.iter().map(|case| pooler.alone(&case.ids)).collect::<Result<Vec<_>>>()?;

    let mut heads: Vec<usize> = cases.iter().flat_map(|case| case.dimensions.clone()).collect();
    heads.sort_unstable();
    heads.dedup();

    let mut entries = Vec::new();
    let mut padding = Vec::new();
    for dimensions in heads {
        let mut engine = Engine::with_head(&checkpoint, dimensions)?;
        let chosen: Vec<usize> = (0..cases.len()).filter(|&i| cases[i].dimensions.contains(&dimensions)).collect();
        let mut raws = Vec::new();
        for &index in &chosen {
            let case = &cases[index];
            let raw = engine.alone(&case.ids)?;
            let embedding = engine.alone_normalised(&case.ids)?;
            // The pooled state does not depend on the head: it is stored with the first head of a case only.
            let first = case.dimensions.iter().min() == Some(&dimensions);
            entries.push(entry(case, dimensions, first.then(|| &pooled[index]), &raw, &embedding));
            raws.push(raw);
        }
        padding.push(padding_effect(&mut engine, &cases, &chosen, &raws, dimensions)?);
    }

    let facts = json!({
        "engine": "candle-transformers stella_en_v5",
        "version": "0.11.1",
        "tokenizers": "0.22.2",
        "precision": "float32 on CPU",
        "gelu": "erf (candle_nn::Activation::Gelu)",
        "alone": "every vector is of the text run alone, unpadded",
        "padding": padding,
    });
    fs::write(out_path, golden_text(&facts, &entries)).with_context(|| out_path.to_string())
}

/// The golden file, one case to a line.
fn golden_text(facts: &Value, entries: &[Value]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (name, value) in facts.as_object().into_iter().flatten() {
        lines.push(format!("  {}: {value}", json!(name)));
    }
    let cases: Vec<String> = entries.iter().map(|entry| format!("    {entry}")).collect();
    lines.push(format!("  \"cases\": [\n{}\n  ]", cases.join(",\n")));
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn entry(case: &Case, dimensions: usize, pooled: Option<&Vec<f32>>, raw: &[f32], embedding: &[f32]) -> Value {
    let mut value = json!({
        "id": case.id,
        "text": case.text,
        "task": case.task,
        "tokenIds": case.ids,
        "dimensions": dimensions,
        "raw": base64_f32(raw),
        "embedding": base64_f32(embedding),
    });
    if let Some(pooled) = pooled {
        value["pooled"] = json!(base64_f32(pooled));
    }
    value
}

/// Runs the same texts in padded batches of mixed lengths and reports how far that moves candle's own vectors.
fn padding_effect(
    engine: &mut Engine,
    cases: &[Case],
    chosen: &[usize],
    alone: &[Vec<f32>],
    dimensions: usize,
) -> Result<Value> {
    let mut worst = 0f32;
    let mut worst_id = "";
    for (positions, chunk) in chosen.chunks(BATCH_SIZE).enumerate() {
        let rows: Vec<&[u32]> = chunk.iter().map(|&index| cases[index].ids.as_slice()).collect();
        let batch = engine.batch(&rows)?;
        for (offset, row) in batch.iter().enumerate() {
            let reference = &alone[positions * BATCH_SIZE + offset];
            let difference = row.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            if difference.is_nan() || difference > worst {
                worst = difference;
                worst_id = &cases[chunk[offset]].id;
            }
        }
    }
    Ok(json!({ "dimensions": dimensions, "batchSize": BATCH_SIZE, "rawMaxAbs": worst, "worstCase": worst_id }))
}

fn read_cases(checkpoint: &Checkpoint, path: &str) -> Result<Vec<Case>> {
    let list: Value = serde_json::from_str(&fs::read_to_string(path).with_context(|| path.to_string())?)?;
    let Some(list) = list.as_array() else { bail!("{path}: expected a JSON array") };
    list.iter()
        .map(|item| {
            let field = |name: &str| item[name].as_str().map(str::to_owned).with_context(|| format!("{path}: {name}"));
            let (text, task) = (field("text")?, field("task")?);
            let ids = checkpoint.tokenize(&text, &task)?;
            let dimensions = item["dimensions"].as_array().with_context(|| format!("{path}: dimensions"))?;
            let dimensions = dimensions.iter().filter_map(Value::as_u64).map(|n| n as usize).collect();
            Ok(Case { id: field("id")?, text, task, dimensions, ids })
        })
        .collect()
}
