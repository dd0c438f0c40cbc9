//! How zao's own safetensors files say that some of their tensors are quantised, and how they are believed.
//!
//! Such a file has in its `__metadata__` under `zao` the name of a [`Packing`], beside it a version and what else
//! that packing has a choice of, and under `shapes` the logical shape `[out, in]` of each of these tensors as JSON. A
//! tensor `x.weight` is stored under its own name, with the element type and extents that the packing gives it; those
//! that have a scale for each output keep it as `x.weight_scale` in `f32`, in the same file.
//!
//! Blocks may have a low-rank matrix beside them, which is added to what they stand for. Files with such have another
//! version, and under `ranks` its rank for each tensor that has one: `x.weight_up`, `[out, rank]`, times
//! `x.weight_down`, `[rank, in]`, both bf16 and in the same file.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use safetensors::Dtype as FileDtype;
use safetensors::tensor::TensorInfo;
use zao_backend::{
    BlockKind, Blocks, Dtype, Form, Int8Panels, LowRank, Scaled, ScaledKind, Stored,
};

use crate::error::Error;

/// How the quantised matrices of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// [`Int8Panels`], bytes of the shape [`Int8Panels::extents`].
    Int8Panels,
    /// Blocks of [`BlockKind::Int4`], bytes `[out, in / 64, 34]`.
    Int4Blocks,
    /// [`Scaled`] of [`ScaledKind::E4m3`] with a scale for each output.
    Fp8Rows,
}

/// The key of `__metadata__` under which a packing is named.
const NAME: &str = "zao";

/// The key of the logical shapes.
const SHAPES: &str = "shapes";

/// The key of the ranks of low-rank matrices.
const RANKS: &str = "ranks";

/// The key of the version.
const VERSION: &str = "version";

/// The version of blocks with low-rank matrices.
const WITH_RANKS: &str = "2";

/// What a file may have beside a packed matrix, under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Companion {
    /// A scale for each output.
    Scales,
    /// The factors of the low-rank matrix that is added.
    Up,
    Down,
}

impl Companion {
    /// Its name beside the tensor called `name`.
    pub(crate) fn name(self, name: &str) -> String {
        let suffix = match self {
            Self::Scales => "scale",
            Self::Up => "up",
            Self::Down => "down",
        };
        format!("{name}_{suffix}")
    }
}

/// What a file keeps of a matrix: under its own name, and beside it.
pub(crate) struct PackedContent {
    pub(crate) bytes: Bytes,
    pub(crate) beside: Vec<(Companion, Bytes)>,
}

/// A tensor of a file: what its header says, and its bytes.
pub(crate) type Found<'a> = (&'a TensorInfo, Bytes);

impl Packing {
    /// Every packing.
    pub const ALL: [Self; 3] = [Self::Int8Panels, Self::Int4Blocks, Self::Fp8Rows];

    /// The keys of `__metadata__` that tell it, its name first, and their values.
    fn keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Int8Panels => {
                &[(NAME, "int8-panels"), (VERSION, "1"), ("rotation", "hadamard-256")]
            }
            Self::Int4Blocks => &[(NAME, "int4-blocks"), (VERSION, "1"), ("group", "64")],
            Self::Fp8Rows => &[(NAME, "fp8-rows"), (VERSION, "1")],
        }
    }

    /// Whether it can hold a matrix of this logical shape `[out, in]`.
    #[must_use]
    pub fn holds(self, [_, inner]: [usize; 2]) -> bool {
        match self {
            Self::Int8Panels | Self::Fp8Rows => true,
            Self::Int4Blocks => inner.is_multiple_of(BlockKind::Int4.values()),
        }
    }

    /// What the file calls the type of the elements.
    pub(crate) fn dtype(self) -> FileDtype {
        match self {
            Self::Int8Panels | Self::Int4Blocks => FileDtype::U8,
            Self::Fp8Rows => FileDtype::F8_E4M3,
        }
    }

    /// The extents of a matrix as the file has it; each element is a byte.
    pub(crate) fn extents(self, [out, inner]: [usize; 2]) -> Vec<usize> {
        match self {
            Self::Int8Panels => Int8Panels::extents([out, inner]).to_vec(),
            Self::Int4Blocks => {
                vec![out, inner / BlockKind::Int4.values(), BlockKind::Int4.bytes()]
            }
            Self::Fp8Rows => vec![out, inner],
        }
    }

    /// Whether matrices may have low-rank ones beside them.
    pub(crate) fn takes_ranks(self) -> bool {
        self == Self::Int4Blocks
    }

    /// Whether a matrix has scales under a name of their own.
    pub(crate) fn has_scales(self) -> bool {
        match self {
            Self::Int8Panels | Self::Fp8Rows => true,
            Self::Int4Blocks => false,
        }
    }

    /// What a file keeps of `form`; `None` if it is packed otherwise.
    pub(crate) fn content(self, form: Form) -> Option<PackedContent> {
        match (self, form) {
            (Self::Int8Panels, Form::Int8Panels(panels)) => {
                let scales = panels.scales().bytes().clone();
                let beside = vec![(Companion::Scales, scales)];
                Some(PackedContent { bytes: panels.words().clone(), beside })
            }
            (Self::Int4Blocks, Form::Blocks(blocks)) if blocks.kind() == BlockKind::Int4 => {
                Some(PackedContent { bytes: blocks.bytes().clone(), beside: Vec::new() })
            }
            (_, Form::LowRank(both)) if self.takes_ranks() => {
                let mut content = self.content(both.rest().clone())?;
                for (companion, factor) in
                    [(Companion::Up, both.up()), (Companion::Down, both.down())]
                {
                    if factor.dtype() != Dtype::Bf16 {
                        return None;
                    }
                    content.beside.push((companion, factor.bytes().clone()));
                }
                Some(content)
            }
            (Self::Fp8Rows, Form::Scaled(scaled)) if scaled.kind() == ScaledKind::E4m3 => {
                let scales = Stored::from_f32(&[scaled.scales().len()], scaled.scales());
                let beside = vec![(Companion::Scales, scales.bytes().clone())];
                Some(PackedContent { bytes: scaled.bytes().clone(), beside })
            }
            _ => None,
        }
    }
}

/// What a file says about its quantised matrices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) packing: Packing,
    /// The logical shape of each tensor that is packed so.
    pub(crate) shapes: BTreeMap<String, [usize; 2]>,
    /// The rank of the low-rank matrix of each tensor that has one.
    pub(crate) ranks: BTreeMap<String, usize>,
}

impl Description {
    /// What the `__metadata__` of a file say; nothing if it is an ordinary file.
    pub(crate) fn read(
        file: &str,
        metadata: Option<&HashMap<String, String>>,
    ) -> Result<Option<Self>, Error> {
        let value = |key: &str| metadata.and_then(|metadata| metadata.get(key)).map(String::as_str);
        let Some(name) = value(NAME) else { return Ok(None) };
        let is = |packing: Packing, with_ranks: bool| {
            packing.keys().iter().all(|&(key, known)| {
                let known = if with_ranks && key == VERSION { WITH_RANKS } else { known };
                value(key) == Some(known)
            })
        };
        let packing = Packing::ALL.into_iter().find_map(|packing| {
            let has_ranks = packing.takes_ranks() && is(packing, true);
            (has_ranks || is(packing, false)).then_some((packing, has_ranks))
        });
        let Some((packing, has_ranks)) = packing else {
            let named = |packing: &Packing| packing.keys().contains(&(NAME, name));
            // Of a packing without this name at least the version should be there.
            let keys =
                Packing::ALL.into_iter().find(named).map_or(&[("version", "")][..], Packing::keys);
            let said = keys.iter().filter(|(key, _)| *key != NAME);
            let said = said.map(|(key, _)| format!("{key} {}", value(key).unwrap_or("unknown")));
            let found = [name.to_owned()].into_iter().chain(said).collect::<Vec<_>>().join(", ");
            return Err(Error::Format { file: file.to_owned(), found });
        };
        let unread = |key: &str, error: serde_json::Error| Error::Header {
            file: file.to_owned(),
            reason: format!("the {key} of its {name} weights cannot be read: {error}"),
        };
        let of = |key| value(key).unwrap_or_default();
        let shapes: BTreeMap<_, _> =
            serde_json::from_str(of(SHAPES)).map_err(|error| unread(SHAPES, error))?;
        let ranks: BTreeMap<String, usize> = match has_ranks {
            true => serde_json::from_str(of(RANKS)).map_err(|error| unread(RANKS, error))?,
            false => BTreeMap::new(),
        };
        if let Some(name) = ranks.keys().find(|name| !shapes.contains_key(*name)) {
            let reason = "has a rank and no shape".to_owned();
            return Err(Error::Converted { file: file.to_owned(), tensor: name.clone(), reason });
        }
        Ok(Some(Self { packing, shapes, ranks }))
    }

    /// The `__metadata__` that say this.
    pub(crate) fn to_metadata(&self) -> BTreeMap<&'static str, String> {
        const JSON: &str = "names and numbers are JSON";
        let keys = self.packing.keys().iter().map(|&(key, value)| (key, value.to_owned()));
        let mut said: BTreeMap<_, _> = keys.collect();
        said.insert(SHAPES, serde_json::to_string(&self.shapes).expect(JSON));
        if !self.ranks.is_empty() {
            said.insert(VERSION, WITH_RANKS.to_owned());
            said.insert(RANKS, serde_json::to_string(&self.ranks).expect(JSON));
        }
        said
    }

    /// The tensor `name` from what the file has under its name and beside it, which `take` hands over by name.
    pub(crate) fn form<'a>(
        &self,
        file: &str,
        name: &str,
        mut take: impl FnMut(&str) -> Option<Found<'a>>,
    ) -> Result<Form, Error> {
        let wrong = |reason: &str| {
            let (file, tensor) = (file.to_owned(), name.to_owned());
            Error::Converted { file, tensor, reason: reason.to_owned() }
        };
        let shape = *self.shapes.get(name).ok_or_else(|| wrong("is not described"))?;
        let (info, bytes) = take(name).ok_or_else(|| wrong("is described and not there"))?;
        let is_as_described = self.packing.holds(shape)
            && info.dtype == self.packing.dtype()
            && info.shape == self.packing.extents(shape);
        if !is_as_described {
            return Err(wrong("has not the extents that its description gives"));
        }
        let unfit = || wrong("has scales that do not fit it");
        let scales = take(&Companion::Scales.name(name));
        let scales = match (self.packing.has_scales(), scales) {
            (true, None) => return Err(wrong("has no scales")),
            (false, Some(_)) => return Err(wrong("has scales, which blocks hold themselves")),
            (false, None) => None,
            (true, Some((info, scales))) => {
                let is_one_each = info.dtype == FileDtype::F32 && info.shape == [shape[0]];
                let scales = Stored::new(Dtype::F32, info.shape.clone(), scales);
                Some(scales.filter(|_| is_one_each).ok_or_else(unfit)?)
            }
        };
        let form = match (self.packing, scales) {
            (Packing::Int8Panels, Some(scales)) => {
                Int8Panels::new(shape, bytes, scales).map(Form::Int8Panels)
            }
            (Packing::Fp8Rows, Some(scales)) => {
                Scaled::new(ScaledKind::E4m3, shape, bytes, scales.to_f32()).map(Form::Scaled)
            }
            (Packing::Int4Blocks, _) => {
                Blocks::new(BlockKind::Int4, shape, bytes).map(Form::Blocks)
            }
            (Packing::Int8Panels | Packing::Fp8Rows, None) => None,
        };
        let form = form.ok_or_else(|| wrong("has more values than can be counted"))?;
        let Some(&rank) = self.ranks.get(name) else { return Ok(form) };
        let mut factor = |companion: Companion, shape: [usize; 2]| {
            let factor = companion.name(name);
            let (info, bytes) = take(&factor)
                .ok_or_else(|| wrong(&format!("has a low-rank part without {factor}")))?;
            let fits = info.dtype == FileDtype::BF16 && info.shape == shape;
            let stored = Stored::new(Dtype::Bf16, info.shape.clone(), bytes).filter(|_| fits);
            let found = (&info.shape, info.dtype);
            stored.ok_or_else(|| {
                wrong(&format!("needs {factor} as {shape:?} in BF16, found {found:?}"))
            })
        };
        let up = factor(Companion::Up, [shape[0], rank])?;
        let down = factor(Companion::Down, [rank, shape[1]])?;
        let both = LowRank::new(form, up, down);
        both.map(Form::LowRank).map_err(|error| wrong(&error.to_string()))
    }
}
