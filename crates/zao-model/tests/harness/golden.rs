//! Reading the golden files; `tools/goldens/README.md` says what is in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use zao_backend::{Grid, Shape};

/// A golden file in memory.
pub(crate) struct Golden {
    bytes: Vec<u8>,
}

/// A golden tensor of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Golden {
    /// Where the goldens are.
    pub(crate) fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
    }

    /// The file `name.safetensors`.
    pub(crate) fn open(name: &str) -> Self {
        let path = Self::folder().join(name).with_extension("safetensors");
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { bytes }
    }

    fn data(&self, name: &str, dtype: Dtype) -> (Vec<usize>, &[u8]) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(tensor.dtype(), dtype, "{name}");
        (tensor.shape().to_vec(), tensor.data())
    }

    /// A tensor of `f32`.
    pub(crate) fn array(&self, name: &str) -> Array {
        let (shape, data) = self.data(name, Dtype::F32);
        let values = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Array { shape, values }
    }

    /// A tensor of `f64`.
    pub(crate) fn doubles(&self, name: &str) -> Vec<f64> {
        let (_, data) = self.data(name, Dtype::F64);
        data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
    }

    /// A tensor of integers that are never negative: token ids, positions.
    pub(crate) fn integers(&self, name: &str) -> Vec<u32> {
        let (_, data) = self.data(name, Dtype::I64);
        let integers = data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b));
        integers.map(|i| u32::try_from(i).unwrap()).collect()
    }

    /// A tensor of bytes.
    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        self.data(name, Dtype::U8).1
    }

    /// What comes next in the names below `group` (below nothing for ""), each once: its cases.
    pub(crate) fn cases(&self, group: &str) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let prefix = if group.is_empty() { String::new() } else { format!("{group}/") };
        let cases: BTreeSet<String> = file
            .names()
            .into_iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_owned())
            .collect();
        assert!(!cases.is_empty(), "no golden begins with {prefix}");
        cases.into_iter().collect()
    }

    /// What `name` says in the file's description: prompts, arguments, configurations.
    pub(crate) fn about(&self, name: &str) -> Value {
        let (_, header) = SafeTensors::read_metadata(&self.bytes).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        let about: Value = serde_json::from_str(&metadata["golden"]).unwrap();
        about.get(name).unwrap_or_else(|| panic!("the description has no {name}")).clone()
    }
}

impl Array {
    /// As a matrix: the first dimension, then all others together.
    pub(crate) fn as_matrix(&self) -> Shape {
        Shape::new(self.shape[0], self.shape[1..].iter().product())
    }

    /// The extent of a `[channels, height, width]` array.
    pub(crate) fn grid(&self) -> Grid {
        let [_, height, width] = self.shape[..] else { panic!("{:?} is no picture", self.shape) };
        Grid::new(height, width)
    }

    /// The values of a `[channels, height, width]` array with the channels last.
    pub(crate) fn channels_last(&self) -> Vec<f32> {
        let cells = self.grid().area();
        (0..cells).flat_map(|cell| self.values[cell..].iter().step_by(cells).copied()).collect()
    }
}
