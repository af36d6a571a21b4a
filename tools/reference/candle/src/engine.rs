//! candle's `EmbeddingModel` over one checkpoint and one head, fed as its README example feeds it.
//! Knows no case list and no output format.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::stella_en_v5::{Config, EmbedHead, EmbeddingModel, ModelVariant};

use crate::checkpoint::Checkpoint;

pub struct Engine {
    model: EmbeddingModel,
    pads_left: bool,
    pad_id: u32,
}

impl Engine {
    /// With the checkpoint's own `2_Dense_{dimensions}`.
    pub fn with_head(checkpoint: &Checkpoint, dimensions: usize) -> Result<Self> {
        let path = checkpoint.folder.join(format!("2_Dense_{dimensions}/model.safetensors"));
        let head = load(&[path])?;
        Self::new(checkpoint, dimensions, head)
    }

    /// With the identity for a head, so that candle's own pooling comes out untouched: it is private otherwise.
    pub fn pooled(checkpoint: &Checkpoint) -> Result<Self> {
        let hidden = checkpoint.config.hidden_size;
        let device = Device::Cpu;
        let head = HashMap::from([
            ("linear.weight".to_string(), Tensor::eye(hidden, DType::F32, &device)?),
            ("linear.bias".to_string(), Tensor::zeros(hidden, DType::F32, &device)?),
        ]);
        Self::new(checkpoint, hidden, VarBuilder::from_tensors(head, DType::F32, &device))
    }

    fn new(checkpoint: &Checkpoint, dimensions: usize, head: VarBuilder) -> Result<Self> {
        let backbone = load(&[checkpoint.folder.join("model.safetensors")])?;
        let config = Config {
            embed_head: EmbedHead { in_features: checkpoint.config.hidden_size, out_features: dimensions },
            ..checkpoint.config.clone()
        };
        Ok(Self {
            model: EmbeddingModel::new(&config, backbone, head)?,
            pads_left: config.variant == ModelVariant::Large,
            pad_id: checkpoint.pad_id,
        })
    }

    /// Mean-pooled and projected, not normalised.
    pub fn alone(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        let (ids, mask) = pad(&[ids], self.pad_id, self.pads_left)?;
        finite(self.model.forward(&ids, &mask)?.squeeze(0)?.to_vec1()?)
    }

    /// The same, L2-normalised by candle.
    pub fn alone_normalised(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        let (ids, mask) = pad(&[ids], self.pad_id, self.pads_left)?;
        finite(self.model.forward_norm(&ids, &mask)?.squeeze(0)?.to_vec1()?)
    }

    /// Several texts padded to the longest, not normalised.
    pub fn batch(&mut self, rows: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let (ids, mask) = pad(rows, self.pad_id, self.pads_left)?;
        self.model.forward(&ids, &mask)?.to_vec2()?.into_iter().map(finite).collect()
    }
}

/// A golden vector that is not a number would match nothing, or everything.
fn finite(values: Vec<f32>) -> Result<Vec<f32>> {
    ensure!(values.iter().all(|value| value.is_finite()), "candle returned a vector with NaN or infinity");
    Ok(values)
}

/// Half-precision files are widened: both references run in float32.
fn load(files: &[std::path::PathBuf]) -> Result<VarBuilder<'static>> {
    // SAFETY: the checkpoint is not modified while it is mapped.
    Ok(unsafe { VarBuilder::from_mmaped_safetensors(files, DType::F32, &Device::Cpu)? })
}

/// Ids and mask, each [rows, longest], u32. The 1.5B pads on the left and the 400M on the right, as in candle's README.
fn pad(rows: &[&[u32]], pad_id: u32, left: bool) -> Result<(Tensor, Tensor)> {
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut ids = Vec::with_capacity(rows.len() * longest);
    let mut mask = Vec::with_capacity(rows.len() * longest);
    for row in rows {
        let padding = longest - row.len();
        let before = if left { padding } else { 0 };
        let after = padding - before;
        ids.extend(std::iter::repeat_n(pad_id, before));
        ids.extend_from_slice(row);
        ids.extend(std::iter::repeat_n(pad_id, after));
        mask.extend(std::iter::repeat_n(0u32, before));
        mask.extend(std::iter::repeat_n(1u32, row.len()));
        mask.extend(std::iter::repeat_n(0u32, after));
    }
    let shape = (rows.len(), longest);
    Ok((Tensor::from_vec(ids, shape, &Device::Cpu)?, Tensor::from_vec(mask, shape, &Device::Cpu)?))
}
