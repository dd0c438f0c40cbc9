//! A model to a smaller copy of it: which tensor becomes what, and how near it stays. How a weight is quantised to
//! int8 is the device's, so that the next start has nothing to quantise; how files look is zao-weights'.

mod beside;
mod kept;
mod low_rank;
mod rows;
mod subspace;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;

use half::bf16;
use zao_backend::{Dtype, Form, Stored};
use zao_model::{Declared, Usage};
use zao_weights::{Draft, ModelFolder, Packing, Part, PartName, Planned, SaveOptions, StoredAs};

pub use self::beside::{Beside, COMPARED, Compared, compare};
pub use self::kept::{Kept, KeptBecause};
use self::kept::{kept_of, why_kept};
use self::low_rank::{LowRankPart, glanced_bytes, worthwhile};
use self::rows::Rows;
use crate::checked::Checked;
use crate::devices::{self, Quantise};
use crate::precision::is_small;
use crate::weights::unpacked;
use crate::{CancelToken, Error, ModelSource, Result};

/// What the usual weights are converted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConvertTo {
    /// 8-bit integers with a scale for each output, after a rotation, laid out as a processor multiplies them.
    #[default]
    Int8,
    /// 8-bit floats with a scale for each output.
    Fp8,
    /// 4-bit integers with a scale for each 64 inputs.
    Int4,
}

impl ConvertTo {
    fn packing(self) -> Packing {
        match self {
            Self::Int8 => Packing::Int8Panels,
            Self::Fp8 => Packing::Fp8Rows,
            Self::Int4 => Packing::Int4Blocks,
        }
    }
}

impl std::fmt::Display for ConvertTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Int8 => "int8",
            Self::Fp8 => "fp8",
            Self::Int4 => "int4",
        })
    }
}

/// How to convert.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvertSettings {
    /// What to.
    pub to: ConvertTo,
    /// How many threads compute; `None` for one a core.
    pub threads: Option<NonZeroUsize>,
    /// How the files are written.
    pub save: SaveOptions,
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// Bytes of the weights before.
    pub before: u64,
    /// Bytes of the weights now.
    pub after: u64,
    /// Every matrix, in the order of the files.
    pub matrices: Vec<ConvertedMatrix>,
    /// Matrices that were not quantised.
    pub kept: Vec<Kept>,
    /// Whether the model is so small that drawing with it takes no time to speak of.
    pub is_small: bool,
}

/// What became of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvertedMatrix {
    /// Its part.
    pub part: PartName,
    /// Its name.
    pub name: String,
    /// Its shape, outermost first.
    pub shape: Vec<usize>,
    /// How it is stored now, as in `int4` or `bf16`.
    pub stored: &'static str,
    /// Bytes that it takes now.
    pub bytes: u64,
    /// How far it is from what it was: the root of the mean square of the differences over that of its values.
    pub relative_error: f64,
    /// Why it was not quantised, if it was not.
    pub kept: Option<KeptBecause>,
    /// The low-rank matrix that is stored beside it, if that pays.
    pub low_rank: Option<Gained>,
}

/// What a low-rank matrix beside a quantised one gains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gained {
    /// Its rank.
    pub rank: usize,
    /// Bytes that it takes, which are among those of the matrix.
    pub bytes: u64,
    /// What the relative error of the matrix would be without, as some of its rows show it.
    pub error_without: f64,
}

/// Low-rank parts by the names of the matrices that they belong to, of each part of a model.
type LowRankParts = HashMap<String, LowRankPart>;

/// Writes the model at `source` to the new folder `place`, with the usual weights as asked. `progress`
/// hears how many bytes of how many are read. Drawing with a copy in int8 gives the pictures that the model
/// gives in int8, bit for bit, unless the model is packed: its rows then get a scale each, where drawing with it gives
/// one to each group of their columns. What no drawing and no encoding of pictures reads is left out.
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
    let (source, packing) = (source.into(), settings.to.packing());
    let model = Checked::open(&source)?;
    let draft = Draft::new(place, settings.save)?;
    let maker = maker(settings)?;
    let stored = |(part, declared): (&Part, &Vec<Declared>)| {
        let bytes =
            |tensor: &Declared| part.get(&tensor.name).map_or(0, |form| form.bytes() as u64);
        declared.iter().map(bytes).sum::<u64>()
    };
    let parts = || model.parts.iter().zip(&model.declared);
    let looked: u64 = parts().map(|(part, declared)| maker.looks_at(part, declared)).sum();
    let of = looked + parts().map(stored).sum::<u64>();
    let mut done = 0;
    let read = |bytes: u64, done: &mut u64| {
        *done += bytes;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        progress(*done, of);
        Ok(())
    };
    // Files are written from front to back, so what is in them has to be known before.
    let low_rank: Vec<_> = parts()
        .map(|(part, declared)| maker.low_rank(part, declared, |bytes| read(bytes, &mut done)))
        .collect::<Result<_>>()?;
    let plans: Vec<_> = parts()
        .zip(&low_rank)
        .map(|((part, declared), low_rank)| plan(packing, part, declared, low_rank))
        .collect::<Result<_>>()?;
    let layout = |(part, plan): (&Part, &Vec<Planned>)| draft.layout(part.name(), packing, plan);
    let layouts: Vec<_> = model.parts.iter().zip(&plans).map(layout).collect();
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

    let mut matrices = Vec::new();
    for (((part, declared), layout), low_rank) in parts().zip(&layouts).zip(&low_rank) {
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
            let from = dense(part, tensor)?;
            let (form, matrix) = maker.make(part.name(), tensor, &from, low_rank.get(name))?;
            matrices.extend(matrix);
            read(part.get(name).map_or(0, |form| form.bytes() as u64), &mut done)?;
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
    let kept = kept.flat_map(|(part, declared)| kept_of(packing, part.name(), declared)).collect();
    let values = model.declared.iter().flatten().map(|tensor| tensor.values() as u64).sum();
    Ok(Converted { before, after, matrices, kept, is_small: is_small(values) })
}

/// How the tensors of a part will be stored.
fn plan(
    packing: Packing,
    part: &Part,
    declared: &[Declared],
    low_rank: &LowRankParts,
) -> Result<Vec<Planned>> {
    let planned = |tensor: &Declared| {
        let dtype = dtype(part, tensor)?;
        let stored = match (tensor.usage, why_kept(packing, tensor)) {
            (Usage::Matrix { .. }, None) => match low_rank.get(&tensor.name) {
                Some(part) => StoredAs::PackedBeside { rank: part.down.shape()[0] },
                None => StoredAs::Packed,
            },
            (Usage::Vector, _) | (_, Some(KeptBecause::LookedUp)) => StoredAs::Dense(dtype),
            // Loading it in 8 bits would round it so.
            (_, Some(_)) => StoredAs::Dense(Dtype::Bf16),
        };
        Ok(Planned { name: tensor.name.clone(), shape: tensor.shape.clone(), stored })
    };
    declared.iter().map(planned).collect()
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

/// What makes tensors as they will be stored.
struct Maker<Q> {
    to: ConvertTo,
    device: Q,
    threads: NonZeroUsize,
}

fn maker(settings: &ConvertSettings) -> Result<Maker<impl Quantise + Sync>> {
    let device = devices::quantiser(settings.threads)?;
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = settings.threads.unwrap_or_else(cores);
    Ok(Maker { to: settings.to, device, threads })
}

impl<Q: Quantise + Sync> Maker<Q> {
    /// The shape of a matrix that may get a low-rank part.
    fn candidate(&self, tensor: &Declared) -> Option<[usize; 2]> {
        let is_packed = matches!(tensor.usage, Usage::Matrix { .. })
            && self.to == ConvertTo::Int4
            && why_kept(self.to.packing(), tensor).is_none();
        tensor.shape.as_slice().try_into().ok().filter(|_| is_packed)
    }

    /// Bytes that [`Self::low_rank`] tells of.
    fn looks_at(&self, part: &Part, declared: &[Declared]) -> u64 {
        let bytes = |tensor: &Declared| {
            let stored = part.get(&tensor.name)?.bytes() as u64;
            Some(glanced_bytes(self.candidate(tensor)?, stored))
        };
        declared.iter().filter_map(bytes).sum()
    }

    /// The low-rank parts that pay. Values that are no numbers pay nothing, and are refused when they are converted.
    fn low_rank(
        &self,
        part: &Part,
        declared: &[Declared],
        mut read: impl FnMut(u64) -> Result<()>,
    ) -> Result<LowRankParts> {
        let mut parts = LowRankParts::new();
        for tensor in declared {
            let Some(shape) = self.candidate(tensor) else { continue };
            let from = dense(part, tensor)?;
            if let Some(part) = worthwhile(&from, self.threads) {
                parts.insert(tensor.name.clone(), part);
            }
            part.release(&tensor.name);
            let stored = part.get(&tensor.name).map_or(0, |form| form.bytes() as u64);
            read(glanced_bytes(shape, stored))?;
        }
        Ok(parts)
    }

    /// The tensor as it will be stored; if it is a matrix, also what became of it.
    fn make(
        &self,
        part: PartName,
        tensor: &Declared,
        from: &Stored,
        low_rank: Option<&LowRankPart>,
    ) -> Result<(Form, Option<ConvertedMatrix>)> {
        ensure_finite(tensor, from)?;
        let Usage::Matrix { .. } = tensor.usage else {
            return Ok((Form::Dense(from.clone()), None));
        };
        let kept = why_kept(self.to.packing(), tensor);
        let form = match kept {
            None => self.packed(from, low_rank)?,
            Some(KeptBecause::LookedUp) => Form::Dense(from.clone()),
            Some(_) => Form::Dense(rounded(from)),
        };
        let matrix = ConvertedMatrix {
            part,
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            stored: form.name(),
            bytes: form.bytes() as u64,
            relative_error: self.relative_error(from, &form),
            kept,
            low_rank: low_rank.map(|part| Gained {
                rank: part.down.shape()[0],
                bytes: (part.up.bytes().len() + part.down.bytes().len()) as u64,
                error_without: part.error_without,
            }),
        };
        Ok((form, Some(matrix)))
    }

    fn packed(&self, from: &Stored, low_rank: Option<&LowRankPart>) -> Result<Form> {
        let rows = Rows::of(from, self.threads);
        Ok(match (self.to, rows, low_rank) {
            (ConvertTo::Int8, ..) => Form::Int8Panels(self.device.quantise(from)?),
            (ConvertTo::Fp8, Some(rows), _) => rows.fp8(),
            (ConvertTo::Int4, Some(rows), None) => rows.int4(),
            (ConvertTo::Int4, Some(rows), Some(LowRankPart { up, down, .. })) => {
                rows.int4_beside(up, down)
            }
            (_, None, _) => unreachable!("a model's matrices have values"),
        })
    }

    fn relative_error(&self, from: &Stored, form: &Form) -> f64 {
        let Some(rows) = Rows::of(from, self.threads) else { return 0.0 };
        let columns = from.len() / from.shape()[0];
        match form {
            Form::Dense(stored) if stored.dtype() == from.dtype() => 0.0,
            Form::Dense(stored) => {
                rows.relative_error(|first, out| stored.widen(first * columns, out))
            }
            Form::Int8Panels(panels) => rows.relative_error(|first, out| {
                for (row, out) in (first..).zip(out.chunks_mut(columns)) {
                    self.device.widen(panels, row, out);
                }
            }),
            Form::Blocks(_) | Form::LowRank(_) => rows.error_of(form),
            Form::Scaled(scaled) => rows.relative_error(|first, out| scaled.widen(first, out)),
            _ => unreachable!("nothing is converted to {}", form.name()),
        }
    }
}

/// Refuses a tensor with values that are no numbers.
fn ensure_finite(tensor: &Declared, from: &Stored) -> Result<()> {
    let Some(index) = from.first_non_finite() else { return Ok(()) };
    let (name, mut value) = (tensor.name.clone(), [0.0]);
    from.widen(index, &mut value);
    Err(Error::Model(zao_model::Error::NotFinite { name, index, value: value[0] }))
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
