//! A model to a copy of it in int8, stored as the processor multiplies it, so that the next start has
//! nothing to quantise. How a weight is quantised is the device's; how files look is zao-weights'.

use std::num::NonZeroUsize;
use std::path::Path;

use half::bf16;
use zao_backend::{Care, Dtype, Form, Role, Stored};
use zao_model::{Declared, Usage};
use zao_weights::{Draft, ModelFolder, Packing, Part, PartName, Planned, SaveOptions, StoredAs};

use crate::checked::Checked;
use crate::devices::{self, Quantise};
use crate::weights::unpacked;
use crate::{CancelToken, Error, ModelSource, Result};

/// How to convert.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvertSettings {
    /// How many threads compute; `None` for one a core.
    pub threads: Option<NonZeroUsize>,
    /// How the files are written.
    pub save: SaveOptions,
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Bytes of the weights before.
    pub before: u64,
    /// Bytes of the weights now.
    pub after: u64,
    /// Matrices that were not quantised.
    pub kept: Vec<Kept>,
}

/// Matrices of one part that were not quantised, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The part.
    pub part: PartName,
    /// The reason.
    pub why: KeptBecause,
    /// Their names, numbers in them replaced by `*`; none twice.
    pub names: Vec<String>,
    /// Whether these are all matrices of the part.
    pub whole: bool,
}

/// Why a matrix is not quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBecause {
    /// Its rows are looked up, not multiplied.
    LookedUp,
    /// It has to stay bf16 or better, and what it reads is not even rounded.
    Unrounded,
    /// It has to stay bf16 or better.
    AtLeastBf16,
}

/// Writes the model at `source` to the new folder `place`, with the usual weights in int8. `progress`
/// hears how many bytes of how many are read. Drawing with the copy gives the pictures that the model
/// gives in int8, bit for bit. What no drawing and no encoding of pictures reads is left out.
///
/// # Errors
/// A model that is not whole, or is in int8 already; a place that is taken, or has no room; cancelled.
/// Nothing is left then.
pub fn convert(
    source: impl Into<ModelSource>,
    place: &Path,
    settings: &ConvertSettings,
    progress: &dyn Fn(u64, u64),
    cancel: &CancelToken,
) -> Result<Converted> {
    let source = source.into();
    let model = Checked::open(&source)?;
    let plans: Vec<_> = model
        .parts
        .iter()
        .zip(&model.declared)
        .map(|(part, declared)| plan(part, declared))
        .collect::<Result<_>>()?;
    let draft = Draft::new(place, settings.save)?;
    let layouts: Vec<_> = model
        .parts
        .iter()
        .zip(plans)
        .map(|(part, plan)| draft.layout(part.name(), Packing::Int8Panels, &plan))
        .collect();
    let after = layouts.iter().map(zao_weights::PartLayout::bytes).sum();
    draft.check_space(after)?;
    let is_folder = source.is_base_only();
    match source.base {
        Some(folder) if is_folder => draft.copy_small_files(&ModelFolder::open(folder)?)?,
        _ => {
            for (name, content) in model.small_files() {
                draft.write_small_file(name, content)?;
            }
        }
    }

    let device = devices::quantiser(settings.threads)?;
    let stored = |(part, declared): (&Part, &Vec<Declared>)| {
        let bytes =
            |tensor: &Declared| part.get(&tensor.name).map_or(0, |form| form.bytes() as u64);
        declared.iter().map(bytes).sum::<u64>()
    };
    let of: u64 = model.parts.iter().zip(&model.declared).map(stored).sum();
    let mut done = 0;
    for ((part, declared), layout) in model.parts.iter().zip(&model.declared).zip(&layouts) {
        let mut last: Option<String> = None;
        draft.write_part(layout, |name| {
            // What was written is not read again.
            if let Some(last) = last.replace(name.to_owned()) {
                part.release(&last);
            }
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let tensor = declared.iter().find(|tensor| tensor.name == name);
            let tensor = tensor.expect("what is written was declared");
            let form = form(&device, tensor, &dense(part, tensor)?)?;
            done += part.get(name).map_or(0, |form| form.bytes() as u64);
            progress(done, of);
            Ok(form)
        })?;
        part.names().for_each(|name| part.release(name));
    }
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    draft.finish()?;
    let before = model.parts.iter().map(Part::bytes).sum();
    let kept = model.parts.iter().zip(&model.declared);
    let kept = kept.flat_map(|(part, declared)| kept_of(part.name(), declared)).collect();
    Ok(Converted { before, after, kept })
}

/// How the tensors of a part will be stored.
fn plan(part: &Part, declared: &[Declared]) -> Result<Vec<Planned>> {
    let planned = |tensor: &Declared| {
        let dtype = dtype(part, tensor)?;
        let stored = match tensor.usage {
            Usage::Matrix { role, care } => match why_kept(role, care) {
                None => StoredAs::Packed,
                Some(KeptBecause::LookedUp) => StoredAs::Dense(dtype),
                // Loading it in int8 would round it so.
                Some(KeptBecause::Unrounded | KeptBecause::AtLeastBf16) => {
                    StoredAs::Dense(Dtype::Bf16)
                }
            },
            Usage::Vector => StoredAs::Dense(dtype),
        };
        Ok(Planned { name: tensor.name.clone(), shape: tensor.shape.clone(), stored })
    };
    declared.iter().map(planned).collect()
}

fn why_kept(role: Role, care: Care) -> Option<KeptBecause> {
    match (role, care) {
        (Role::Table, _) => Some(KeptBecause::LookedUp),
        (_, Care::Unrounded) => Some(KeptBecause::Unrounded),
        (Role::Conv, _) | (_, Care::AtLeastBf16) => Some(KeptBecause::AtLeastBf16),
        (Role::Linear | Role::SwiGlu, Care::Usual) => None,
    }
}

/// In what the tensor's values are stored, or are unpacked to.
fn dtype(part: &Part, tensor: &Declared) -> Result<Dtype> {
    match part.get(&tensor.name) {
        Some(Form::Dense(stored)) => Ok(stored.dtype()),
        Some(packed) if packed.is_packed() => Ok(unpacked(tensor.usage)),
        _ => Err(Error::AlreadyInt8),
    }
}

/// The tensor's values.
fn dense(part: &Part, tensor: &Declared) -> Result<Stored> {
    match part.get(&tensor.name).map(|form| form.clone().unpacked(unpacked(tensor.usage))) {
        Some(Form::Dense(stored)) => Ok(stored),
        _ => Err(Error::AlreadyInt8),
    }
}

/// The tensor as it will be stored.
fn form(device: &impl Quantise, tensor: &Declared, from: &Stored) -> Result<Form> {
    if let Some(index) = from.first_non_finite() {
        let (name, mut value) = (tensor.name.clone(), [0.0]);
        from.widen(index, &mut value);
        return Err(Error::Model(zao_model::Error::NotFinite { name, index, value: value[0] }));
    }
    let Usage::Matrix { role, care } = tensor.usage else { return Ok(Form::Dense(from.clone())) };
    Ok(match why_kept(role, care) {
        None => Form::Int8Panels(device.quantise(from)?),
        Some(KeptBecause::LookedUp) => Form::Dense(from.clone()),
        Some(KeptBecause::Unrounded | KeptBecause::AtLeastBf16) => Form::Dense(rounded(from)),
    })
}

/// The same values in bf16.
fn rounded(from: &Stored) -> Stored {
    if from.dtype() == Dtype::Bf16 {
        return from.clone();
    }
    let values = from.to_f32();
    let bytes: Vec<u8> =
        values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect();
    Stored::new(Dtype::Bf16, from.shape().to_vec(), bytes.into())
        .expect("there are as many values as before")
}

/// The matrices of a part that are not quantised, by reason.
fn kept_of(part: PartName, declared: &[Declared]) -> Vec<Kept> {
    let (mut kept, mut matrices): (Vec<(Kept, usize)>, usize) = (Vec::new(), 0);
    for tensor in declared {
        let Usage::Matrix { role, care } = tensor.usage else { continue };
        matrices += 1;
        let Some(why) = why_kept(role, care) else { continue };
        let index = kept.iter().position(|(kept, _)| kept.why == why).unwrap_or_else(|| {
            kept.push((Kept { part, why, names: Vec::new(), whole: false }, 0));
            kept.len() - 1
        });
        let (group, count) = &mut kept[index];
        *count += 1;
        let name = pattern(&tensor.name);
        if !group.names.contains(&name) {
            group.names.push(name);
        }
    }
    kept.into_iter().map(|(kept, count)| Kept { whole: count == matrices, ..kept }).collect()
}

/// A name without its numbers.
fn pattern(name: &str) -> String {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split('.').map(|part| if is_number(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_without_their_numbers() {
        assert_eq!(
            pattern("layers.12.adaLN_modulation.0.bias"),
            "layers.*.adaLN_modulation.*.bias"
        );
        assert_eq!(pattern("all_x_embedder.2-1.weight"), "all_x_embedder.2-1.weight");
    }

    #[test]
    fn what_is_kept_is_told_once_and_by_reason() {
        let tensor = |name: &str, role, care| {
            let usage = Usage::Matrix { role, care };
            Declared { name: name.into(), shape: vec![1, 1], usage }
        };
        let linear = |name, care| tensor(name, Role::Linear, care);
        let vector = Declared { usage: Usage::Vector, ..linear("norm", Care::Usual) };
        let some = [
            tensor("embed", Role::Table, Care::Usual),
            linear("layers.0.ada", Care::Unrounded),
            linear("layers.0.q", Care::Usual),
            linear("layers.1.ada", Care::Unrounded),
            vector.clone(),
        ];
        let kept = kept_of(PartName::Transformer, &some);
        let told: Vec<_> = kept.iter().map(|kept| (kept.why, kept.names.join(" "))).collect();
        let expected = [
            (KeptBecause::LookedUp, "embed".to_owned()),
            (KeptBecause::Unrounded, "layers.*.ada".to_owned()),
        ];
        assert_eq!(told, expected);
        assert!(!kept.iter().any(|kept| kept.whole));
        let all = [tensor("conv", Role::Conv, Care::AtLeastBf16), vector];
        assert!(kept_of(PartName::Vae, &all)[0].whole);
    }
}
