//! How a safetensors file says that some of its tensors are [`Int8Panels`], and how it is believed.
//!
//! Such a file has `"zao": "int8-panels"` in its `__metadata__`, beside it a version, the rotation,
//! and under `shapes` the logical shape `[out, in]` of each of these tensors as JSON. A tensor `x.weight`
//! is stored under its own name as bytes of the shape [`Int8Panels::extents`], its scales as
//! `x.weight_scale` in `f32`, both in the same file. What the bytes mean is told at [`Int8Panels`].

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use safetensors::Dtype as FileDtype;
use safetensors::tensor::TensorInfo;
use zao_backend::{Dtype, Int8Panels, Stored};

use crate::error::Error;

/// The keys of `__metadata__` that name format, version and rotation, and their values here.
const FORMAT: [(&str, &str); 3] =
    [("zao", "int8-panels"), ("version", "1"), ("rotation", "hadamard-256")];

/// The key of the logical shapes.
const SHAPES: &str = "shapes";

/// The name of the scales of the tensor called `name`.
pub(crate) fn scales(name: &str) -> String {
    format!("{name}_scale")
}

/// What a file says about its panels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Description {
    /// The logical shape of each tensor that is stored as panels.
    pub(crate) shapes: BTreeMap<String, [usize; 2]>,
}

impl Description {
    /// What the `__metadata__` of a file say; nothing if it is an ordinary file.
    pub(crate) fn read(
        file: &str,
        metadata: Option<&HashMap<String, String>>,
    ) -> Result<Option<Self>, Error> {
        let value = |key: &str| metadata.and_then(|metadata| metadata.get(key)).map(String::as_str);
        let [(format, ..), ..] = FORMAT;
        if value(format).is_none() {
            return Ok(None);
        }
        if FORMAT.iter().any(|(key, known)| value(key) != Some(known)) {
            let said = FORMAT.iter().map(|(key, _)| value(key).unwrap_or("unknown"));
            let found = said.collect::<Vec<_>>().join(" ");
            return Err(Error::Format { file: file.to_owned(), found });
        }
        let shapes = serde_json::from_str(value(SHAPES).unwrap_or_default()).map_err(|error| {
            Error::Header {
                file: file.to_owned(),
                reason: format!("the {SHAPES} of its int8 weights cannot be read: {error}"),
            }
        })?;
        Ok(Some(Self { shapes }))
    }

    /// The `__metadata__` that say this.
    pub(crate) fn to_metadata(&self) -> BTreeMap<&'static str, String> {
        let shapes = serde_json::to_string(&self.shapes).expect("names and numbers are JSON");
        let format = FORMAT.map(|(key, value)| (key, value.to_owned()));
        format.into_iter().chain([(SHAPES, shapes)]).collect()
    }

    /// The tensor `name` from what the file has under its name and under that of its scales.
    pub(crate) fn panels(
        &self,
        file: &str,
        name: &str,
        panels: Option<(&TensorInfo, Bytes)>,
        scales: Option<(&TensorInfo, Bytes)>,
    ) -> Result<Int8Panels, Error> {
        let wrong = |reason: &str| {
            let (file, tensor) = (file.to_owned(), name.to_owned());
            Error::Converted { file, tensor, reason: reason.to_owned() }
        };
        let shape = *self.shapes.get(name).ok_or_else(|| wrong("is not described"))?;
        let (info, words) = panels.ok_or_else(|| wrong("is described and not there"))?;
        if info.dtype != FileDtype::U8 || info.shape != Int8Panels::extents(shape) {
            return Err(wrong("has not the extents that its description gives"));
        }
        let (info, scales) = scales.ok_or_else(|| wrong("has no scales"))?;
        let scales = (info.dtype == FileDtype::F32)
            .then(|| Stored::new(Dtype::F32, info.shape.clone(), scales))
            .flatten();
        let unfit = || wrong("has scales that do not fit it");
        Int8Panels::new(shape, words, scales.ok_or_else(unfit)?).ok_or_else(unfit)
    }
}
