//! Where the tensors of a part come from: files, or nothing but its sizes. What loads them does not
//! know which.

use zao_backend::{Dtype, Form, LowRank, Role, StoredDelta};
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

/// A tensor on a device.
pub(crate) struct Loaded<'a> {
    pub(crate) tensor: &'a Declared,
    /// Bytes of the device's memory that it takes.
    pub(crate) bytes: u64,
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

    /// Whether some of them stay packed where they are multiplied, as far as the device lets them.
    pub(crate) fn has_packed(&self) -> bool {
        let is_packed = |tensor| self.outline(tensor).is_some_and(|form| form.is_packed());
        self.declared().iter().any(is_packed)
    }

    /// Each tensor as it is once a device has loaded it; those that are `changed` are handed over in `f32`.
    pub(crate) fn loaded(
        &self,
        target: Target,
        changed: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Loaded<'_>> {
        let loaded = move |tensor| {
            let dense = |dtype| target.loaded_bytes(tensor, dtype);
            let bytes = if changed(&tensor.name) {
                dense(Dtype::F32)
            } else {
                match self.outline(tensor) {
                    Some(Form::Dense(stored)) => dense(stored.dtype()),
                    None => dense(Dtype::Bf16),
                    Some(form) => match target.packed_bytes(tensor.usage, &form) {
                        Some(bytes) => bytes,
                        None if form.is_packed() => dense(unpacked(tensor.usage)),
                        // They are used as they lie.
                        None => form.bytes() as u64,
                    },
                }
            };
            Loaded { tensor, bytes }
        };
        self.declared().iter().map(loaded)
    }

    /// Bytes of a device's memory that the part needs besides because some of its tensors stay packed there.
    pub(crate) fn unpacking_bytes(&self, target: Target, changed: impl Fn(&str) -> bool) -> u64 {
        let unchanged = self.declared().iter().filter(|tensor| !changed(&tensor.name));
        let needed = unchanged.filter_map(|tensor| {
            Some(target.unpacking_bytes(tensor.usage, &self.outline(tensor)?))
        });
        needed.max().unwrap_or(0)
    }

    /// How the tensor is stored, but for its low-rank part; `None` where it is made, in bf16, when it is asked for.
    fn outline(&self, tensor: &Declared) -> Option<Form> {
        let form = match self {
            Self::Files { part, .. } => part.get(&tensor.name).cloned(),
            Self::Random(part) => part.outline(tensor),
        };
        form.map(|form| match form {
            Form::LowRank(both) => both.rest().clone(),
            form => form,
        })
    }

    /// The low-rank part of the tensor called `name`, if it is stored with one.
    pub(crate) fn low_rank(&self, name: &str) -> Option<&LowRank> {
        match self {
            Self::Files { part, .. } => match part.get(name)? {
                Form::LowRank(both) => Some(both),
                _ => None,
            },
            // None are made.
            Self::Random(_) => None,
        }
    }

    /// All low-rank parts, each as what is added to a layer, but for tensors that are `changed`.
    pub(crate) fn low_rank_parts(&self, changed: impl Fn(&str) -> bool) -> Vec<StoredDelta> {
        let unchanged = self.declared().iter().filter(|tensor| !changed(&tensor.name));
        let part = |tensor: &Declared| {
            let layer = tensor.name.strip_suffix(".weight")?;
            Some(self.low_rank(&tensor.name)?.delta(layer))
        };
        unchanged.filter_map(part).collect()
    }

    /// Whether files hold every tensor as a device of this kind takes it in, so that it costs no memory to read it
    /// again.
    pub(crate) fn are_read_again(&self, target: Target) -> bool {
        let as_it_lies = |tensor: &Declared| {
            self.outline(tensor).is_some_and(|form| {
                !form.is_packed() || target.packed_bytes(tensor.usage, &form).is_some()
            })
        };
        match self {
            Self::Files { declared, .. } => declared.iter().all(as_it_lies),
            // They are made anew for what is measured, which has memory for them.
            Self::Random(_) => true,
        }
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
