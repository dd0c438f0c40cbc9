//! Where the tensors of a part come from: files, or nothing but its sizes. What loads them does not
//! know which.

use zao_backend::{Dtype, Form, Role};
use zao_model::{Declared, Usage};
use zao_weights::{Part, PartName};

use crate::devices::Target;
use crate::synthetic::RandomPart;

/// The tensors of one part that drawing reads.
#[derive(Debug)]
pub(crate) enum Weights {
    /// Mapped or embedded files.
    Files {
        /// The tensors.
        part: Part,
        /// The same as they are asked for, in that order.
        declared: Vec<Declared>,
    },
    /// Made anew each time.
    Random(RandomPart),
}

impl Weights {
    /// Which part this is.
    pub(crate) fn name(&self) -> PartName {
        match self {
            Self::Files { part, .. } => part.name(),
            Self::Random(part) => part.name(),
        }
    }

    /// The tensors as they are asked for.
    pub(crate) fn declared(&self) -> &[Declared] {
        match self {
            Self::Files { declared, .. } => declared,
            Self::Random(part) => part.declared(),
        }
    }

    /// The tensor called `name`, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<Form> {
        match self {
            Self::Files { part, .. } => part.get(name).cloned(),
            Self::Random(part) => part.make(name),
        }
    }

    /// The size of all tensors in bytes, as stored.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Files { part, .. } => part.bytes(),
            Self::Random(part) => part.bytes(),
        }
    }

    /// Whether some of them are quantised in their files.
    pub(crate) fn has_int8(&self) -> bool {
        match self {
            Self::Files { part, .. } => part.iter().any(|(_, form)| is_int8(form)),
            Self::Random(_) => false,
        }
    }

    /// Bytes that they take in the memory of a device once they are loaded, with what multiplying packed ones takes
    /// beside them; those that are `changed` are handed over in `f32`.
    pub(crate) fn loaded_bytes(&self, target: Target, changed: impl Fn(&str) -> bool) -> u64 {
        let bytes = |tensor: &Declared| {
            if changed(&tensor.name) {
                return target.loaded_bytes(tensor, Dtype::F32);
            }
            let packed = |form: &Form| target.packed_bytes(tensor.usage, form);
            let dtype = match self {
                Self::Files { part, .. } => match part.get(&tensor.name) {
                    Some(Form::Dense(stored)) => stored.dtype(),
                    Some(form) if form.is_packed() => match packed(form) {
                        Some(bytes) => return bytes,
                        None => unpacked(tensor.usage),
                    },
                    // They are used as they lie.
                    stored => return stored.map_or(0, |form| form.bytes() as u64),
                },
                Self::Random(part) => match part.outline(tensor) {
                    Some(form) => match packed(&form) {
                        Some(bytes) => return bytes,
                        None => unpacked(tensor.usage),
                    },
                    None => Dtype::Bf16,
                },
            };
            target.loaded_bytes(tensor, dtype)
        };
        let space = |tensor: &Declared| {
            let needed = |form: &Form| target.unpacking_bytes(tensor.usage, form);
            match self {
                _ if changed(&tensor.name) => None,
                Self::Files { part, .. } => part.get(&tensor.name).map(needed),
                Self::Random(part) => part.outline(tensor).as_ref().map(needed),
            }
        };
        let tensors = self.declared().iter();
        tensors.clone().map(bytes).sum::<u64>() + tensors.filter_map(space).max().unwrap_or(0)
    }

    /// Lets the memory behind the tensor called `name` go, if a file can bring it back.
    pub(crate) fn release(&self, name: &str) {
        match self {
            Self::Files { part, .. } => part.release(name),
            Self::Random(_) => {}
        }
    }

    /// [`Self::release`] for every tensor.
    pub(crate) fn release_all(&self) {
        self.declared().iter().for_each(|tensor| self.release(&tensor.name));
    }
}

/// What the values of a tensor that is stored in blocks, or in 8 bits beside scales, are unpacked to when it
/// is loaded. Devices round matrices once, to what they multiply; a table they keep as it comes.
pub(crate) fn unpacked(usage: Usage) -> Dtype {
    match usage {
        Usage::Matrix { role: Role::Table, .. } => Dtype::Bf16,
        Usage::Matrix { .. } | Usage::Vector => Dtype::F32,
    }
}

fn is_int8(form: &Form) -> bool {
    matches!(form, Form::Int8Panels(_))
}
