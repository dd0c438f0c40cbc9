//! How a safetensors file says that some of its tensors are 8 bits a value beside scales, as ComfyUI writes
//! them, and how it is believed.
//!
//! Today's files have beside `x.weight` a tensor `x.weight_scale` (one `f32`, or one a row) and say how it is
//! stored in JSON: in the bytes of a tensor `x.comfy_quant`, or under `layers` and `x` of
//! `_quantization_metadata` in their `__metadata__`. Older ones have `x.scale_weight` and, once for all,
//! a tensor `scaled_fp8`. Others again are plain fp8 without any scale. Scales of activations
//! (`x.input_scale`, `x.scale_input`) are for devices that multiply as ComfyUI does, and are left out.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use safetensors::Dtype as FileDtype;
use safetensors::tensor::TensorInfo;
use serde::Deserialize;
use zao_backend::{Dtype, Form, Scaled, ScaledKind, Stored};

use crate::error::Error;

/// The tensor that marks a file of the older kind.
const MARKER: &str = "scaled_fp8";

/// The key of `__metadata__` under which layers are described.
const METADATA: &str = "_quantization_metadata";

/// What a layer's description in a tensor is called, behind its name.
const DESCRIPTION: &str = ".comfy_quant";

/// Longest description of one layer.
const LONGEST_DESCRIPTION: usize = 1 << 16;

/// Most values of a tensor in fp8 that is no matrix: it is copied, not mapped.
const MOST_COPIED: usize = 1 << 24;

/// The tensors of a file that are not cut yet, by name.
type Infos<'a> = BTreeMap<String, &'a TensorInfo>;

/// What a layer says of its weight.
#[derive(Clone, Debug, Deserialize)]
struct Layer {
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    convrot: bool,
    #[serde(default = "usual_rotation")]
    convrot_groupsize: usize,
}

fn usual_rotation() -> usize {
    256
}

#[derive(Deserialize)]
struct Layers {
    layers: HashMap<String, Layer>,
}

/// Takes out of `infos` whatever is stored so, with all that describes it, and returns what it is.
pub(crate) fn take<'a>(
    file: &str,
    infos: &mut Infos<'a>,
    metadata: Option<&HashMap<String, String>>,
    bytes_of: impl Fn(&TensorInfo) -> Bytes,
) -> Result<BTreeMap<String, Form>, Error> {
    infos.retain(|name, _| last(name) != MARKER);
    let layers = layers(file, infos, metadata, &bytes_of)?;
    let eight_bits = |info: &TensorInfo| {
        matches!(info.dtype, FileDtype::F8_E4M3 | FileDtype::F8_E5M2 | FileDtype::I8)
    };
    let described = |name: &str| name.strip_suffix(".weight").and_then(|it| layers.get(it));
    let names = infos.iter().filter(|(name, info)| eight_bits(info) || described(name).is_some());
    let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
    let mut taken = BTreeMap::new();
    for name in names {
        let Some(info) = infos.remove(&name) else { continue };
        let layer = name.strip_suffix(".weight");
        let scales = layer.and_then(|layer| {
            let mut remove = |suffix: &str| infos.remove(&format!("{layer}.{suffix}"));
            remove("input_scale");
            remove("scale_input");
            let (new, old) = (remove("weight_scale"), remove("scale_weight"));
            new.or(old)
        });
        let one = Tensor { file, name: &name, info, bytes: bytes_of(info) };
        let scales = scales.map(|scales| one.scales(scales, bytes_of(scales))).transpose()?;
        taken.insert(name.clone(), one.form(described(&name), scales)?);
    }
    Ok(taken)
}

/// The last part of a dotted name.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// What the file says of its layers, by their full names; takes what is no more than that out of `infos`.
fn layers(
    file: &str,
    infos: &mut Infos<'_>,
    metadata: Option<&HashMap<String, String>>,
    bytes_of: impl Fn(&TensorInfo) -> Bytes,
) -> Result<HashMap<String, Layer>, Error> {
    let malformed = |what: &str, error: &dyn std::fmt::Display| Error::Header {
        file: file.to_owned(),
        reason: format!("what {what} says of its quantised weights cannot be read: {error}"),
    };
    let mut layers = HashMap::new();
    if let Some(text) = metadata.and_then(|metadata| metadata.get(METADATA)) {
        let all: Layers =
            serde_json::from_str(text).map_err(|error| malformed(METADATA, &error))?;
        layers = all.layers;
    }
    let names: Vec<String> =
        infos.keys().filter(|name| name.ends_with(DESCRIPTION)).cloned().collect();
    for name in names {
        let Some(info) = infos.remove(&name) else { continue };
        let bytes = bytes_of(info);
        if bytes.len() > LONGEST_DESCRIPTION {
            return Err(malformed(&name, &"it is too long"));
        }
        let layer = serde_json::from_slice(&bytes).map_err(|error| malformed(&name, &error))?;
        layers.insert(name[..name.len() - DESCRIPTION.len()].to_owned(), layer);
    }
    Ok(layers)
}

/// One tensor of a file.
struct Tensor<'a> {
    file: &'a str,
    name: &'a str,
    info: &'a TensorInfo,
    bytes: Bytes,
}

impl Tensor<'_> {
    fn wrong(&self, reason: impl Into<String>) -> Error {
        let (file, tensor) = (self.file.to_owned(), self.name.to_owned());
        Error::Quantised { file, tensor, reason: reason.into() }
    }

    /// The values of its scales.
    fn scales(&self, info: &TensorInfo, bytes: Bytes) -> Result<Vec<f32>, Error> {
        let dtype = match info.dtype {
            FileDtype::F32 => Dtype::F32,
            FileDtype::F16 => Dtype::F16,
            FileDtype::BF16 => Dtype::Bf16,
            other => return Err(self.wrong(format!("has scales in {other:?}"))),
        };
        let stored = Stored::new(dtype, info.shape.clone(), bytes);
        Ok(stored.ok_or_else(|| self.wrong("has scales that do not fit it"))?.to_f32())
    }

    fn form(&self, layer: Option<&Layer>, scales: Option<Vec<f32>>) -> Result<Form, Error> {
        let kind = self.kind(layer)?;
        if scales.is_none() && matches!(kind, ScaledKind::Int8 { .. }) {
            return Err(self.wrong("is stored in int8 and has no weight_scale"));
        }
        let scales = scales.unwrap_or_else(|| vec![1.0]);
        let unfit = || {
            self.wrong(format!(
                "of the shape {:?} does not fit its scales or rotation",
                self.info.shape
            ))
        };
        if let &[rows, columns] = &self.info.shape[..] {
            let scaled = Scaled::new(kind, [rows, columns], self.bytes.clone(), scales);
            return Ok(Form::Scaled(scaled.ok_or_else(unfit)?));
        }
        // Norms and biases of files that are fp8 throughout: few values, and no matrix.
        if self.bytes.len() > MOST_COPIED {
            return Err(self.wrong("is no matrix and too large for fp8"));
        }
        let flat = Scaled::new(kind, [1, self.bytes.len()], self.bytes.clone(), scales);
        let flat = Form::Scaled(flat.ok_or_else(unfit)?).unpacked(Dtype::F32);
        flat.reshaped(&self.info.shape).ok_or_else(unfit)
    }

    /// What its bytes are, as far as its type and its description agree on it.
    fn kind(&self, layer: Option<&Layer>) -> Result<ScaledKind, Error> {
        let format = layer.and_then(|layer| layer.format.as_deref());
        let rotated = layer.filter(|layer| layer.convrot).map(|layer| layer.convrot_groupsize);
        match (self.info.dtype, format) {
            (FileDtype::F8_E4M3, None | Some("float8_e4m3fn")) => Ok(ScaledKind::E4m3),
            (FileDtype::F8_E5M2, None | Some("float8_e5m2")) => Ok(ScaledKind::E5m2),
            (FileDtype::I8, None | Some("int8_tensorwise")) => Ok(ScaledKind::Int8 { rotated }),
            (dtype, format) => {
                let format = format.map_or(String::new(), |format| format!(" as {format}"));
                Err(self.wrong(format!(
                    "is stored in {dtype:?}{format}, which cannot be read; use a file of the same model in \
                     bf16, fp8, int8 (int8_tensorwise) or GGUF"
                )))
            }
        }
    }
}
