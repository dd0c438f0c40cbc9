//! How zao's own safetensors files say that some of their tensors are quantised, and how they are believed.
//!
//! Such a file has in its `__metadata__` under `zao` the name of a [`Packing`], beside it a version and what else
//! that packing has a choice of, and under `shapes` the logical shape `[out, in]` of each of these tensors as JSON. A
//! tensor `x.weight` is stored under its own name, with the element type and extents that the packing gives it; those
//! that have a scale for each output keep it as `x.weight_scale` in `f32`, in the same file.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use safetensors::Dtype as FileDtype;
use safetensors::tensor::TensorInfo;
use zao_backend::{BlockKind, Blocks, Dtype, Form, Int8Panels, Scaled, ScaledKind, Stored};

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

/// The name of the scales of the tensor called `name`.
pub(crate) fn scales(name: &str) -> String {
    format!("{name}_scale")
}

impl Packing {
    /// Every packing.
    pub const ALL: [Self; 3] = [Self::Int8Panels, Self::Int4Blocks, Self::Fp8Rows];

    /// The keys of `__metadata__` that tell it, its name first, and their values.
    fn keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Int8Panels => {
                &[(NAME, "int8-panels"), ("version", "1"), ("rotation", "hadamard-256")]
            }
            Self::Int4Blocks => &[(NAME, "int4-blocks"), ("version", "1"), ("group", "64")],
            Self::Fp8Rows => &[(NAME, "fp8-rows"), ("version", "1")],
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

    /// Whether a matrix has scales under a name of their own.
    pub(crate) fn has_scales(self) -> bool {
        match self {
            Self::Int8Panels | Self::Fp8Rows => true,
            Self::Int4Blocks => false,
        }
    }

    /// What a file keeps of `form` under its name and under that of its scales; `None` if it is packed otherwise.
    pub(crate) fn content(self, form: Form) -> Option<(Bytes, Option<Bytes>)> {
        match (self, form) {
            (Self::Int8Panels, Form::Int8Panels(panels)) => {
                Some((panels.words().clone(), Some(panels.scales().bytes().clone())))
            }
            (Self::Int4Blocks, Form::Blocks(blocks)) if blocks.kind() == BlockKind::Int4 => {
                Some((blocks.bytes().clone(), None))
            }
            (Self::Fp8Rows, Form::Scaled(scaled)) if scaled.kind() == ScaledKind::E4m3 => {
                let scales = Stored::from_f32(&[scaled.scales().len()], scaled.scales());
                Some((scaled.bytes().clone(), Some(scales.bytes().clone())))
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
}

impl Description {
    /// What the `__metadata__` of a file say; nothing if it is an ordinary file.
    pub(crate) fn read(
        file: &str,
        metadata: Option<&HashMap<String, String>>,
    ) -> Result<Option<Self>, Error> {
        let value = |key: &str| metadata.and_then(|metadata| metadata.get(key)).map(String::as_str);
        let Some(name) = value(NAME) else { return Ok(None) };
        let packing = Packing::ALL
            .into_iter()
            .find(|packing| packing.keys().iter().all(|(key, known)| value(key) == Some(known)));
        let Some(packing) = packing else {
            let named = |packing: &Packing| packing.keys().contains(&(NAME, name));
            // Of a packing without this name at least the version should be there.
            let keys =
                Packing::ALL.into_iter().find(named).map_or(&[("version", "")][..], Packing::keys);
            let said = keys.iter().filter(|(key, _)| *key != NAME);
            let said = said.map(|(key, _)| format!("{key} {}", value(key).unwrap_or("unknown")));
            let found = [name.to_owned()].into_iter().chain(said).collect::<Vec<_>>().join(", ");
            return Err(Error::Format { file: file.to_owned(), found });
        };
        let shapes = serde_json::from_str(value(SHAPES).unwrap_or_default()).map_err(|error| {
            Error::Header {
                file: file.to_owned(),
                reason: format!("the {SHAPES} of its {name} weights cannot be read: {error}"),
            }
        })?;
        Ok(Some(Self { packing, shapes }))
    }

    /// The `__metadata__` that say this.
    pub(crate) fn to_metadata(&self) -> BTreeMap<&'static str, String> {
        let shapes = serde_json::to_string(&self.shapes).expect("names and numbers are JSON");
        let keys = self.packing.keys().iter().map(|&(key, value)| (key, value.to_owned()));
        keys.chain([(SHAPES, shapes)]).collect()
    }

    /// The tensor `name` from what the file has under its name and under that of its scales.
    pub(crate) fn form(
        &self,
        file: &str,
        name: &str,
        packed: Option<(&TensorInfo, Bytes)>,
        scales: Option<(&TensorInfo, Bytes)>,
    ) -> Result<Form, Error> {
        let wrong = |reason: &str| {
            let (file, tensor) = (file.to_owned(), name.to_owned());
            Error::Converted { file, tensor, reason: reason.to_owned() }
        };
        let shape = *self.shapes.get(name).ok_or_else(|| wrong("is not described"))?;
        let (info, bytes) = packed.ok_or_else(|| wrong("is described and not there"))?;
        let is_as_described = self.packing.holds(shape)
            && info.dtype == self.packing.dtype()
            && info.shape == self.packing.extents(shape);
        if !is_as_described {
            return Err(wrong("has not the extents that its description gives"));
        }
        let unfit = || wrong("has scales that do not fit it");
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
        form.ok_or_else(|| wrong("has more values than can be counted"))
    }
}
