//! Weights: what a checkpoint hands to a device, and the opaque thing the device makes of it.

use crate::{Backend, Blocks, Error, Int8Panels, LowRank, Result, Scaled, Stored};

/// One stored matrix. A device that has no kernel for a form refuses
/// it in [`Backend::load`], and whoever loads can give it [the values](Form::unpacked) instead.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Form {
    /// Dense floating-point elements.
    Dense(Stored),
    /// Quantised integers, laid out for a processor.
    Int8Panels(Int8Panels),
    /// Quantised blocks: GGML's, or our own int4.
    Blocks(Blocks),
    /// 8 bits a value beside scales.
    Scaled(Scaled),
    /// One of the others, and a low-rank matrix that is added to it. No device takes it in: whoever loads makes two
    /// products of it.
    LowRank(LowRank),
    /// Only the shape is known: what a dry run (manifest, memory plan) loads. No device computes
    /// with it.
    Hollow(Vec<usize>),
}

impl Form {
    /// The logical shape, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Dense(stored) => stored.shape(),
            Self::Int8Panels(panels) => panels.shape(),
            Self::Blocks(blocks) => blocks.shape(),
            Self::Scaled(scaled) => scaled.shape(),
            Self::LowRank(both) => both.rest().shape(),
            Self::Hollow(shape) => shape,
        }
    }

    /// Bytes that it takes where it is stored; none for a shape alone.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(stored) => stored.bytes().len(),
            Self::Int8Panels(panels) => panels.words().len() + panels.scales().bytes().len(),
            Self::Blocks(blocks) => blocks.bytes().len(),
            Self::Scaled(scaled) => scaled.bytes().len() + size_of_val(scaled.scales()),
            Self::LowRank(both) => {
                both.rest().bytes() + both.up().bytes().len() + both.down().bytes().len()
            }
            Self::Hollow(_) => 0,
        }
    }

    /// What a user calls the way its values are stored.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dense(stored) => stored.dtype().name(),
            Self::Int8Panels(_) => "int8",
            Self::Blocks(blocks) => blocks.kind().name(),
            Self::Scaled(scaled) => scaled.kind().name(),
            Self::LowRank(both) => both.rest().name(),
            Self::Hollow(_) => "nothing",
        }
    }
}

/// What a matrix is for; a device may lay it out accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `y = x W^T`. Several parts `[out, in]` are stacked along `out` (q, k and v in one).
    Linear,
    /// `y = silu(x W1^T) * (x W3^T)`: exactly two parts of equal shape `[out, in]`, of which a device
    /// may interleave the rows.
    SwiGlu,
    /// Rows are looked up by token id: one part `[vocabulary, width]`.
    Table,
    /// A square convolution kernel: one part `[out, in, k, k]` with `k` 1 or 3, or, as attention
    /// projections of old checkpoints have it, `[out, in]`.
    Conv,
}

/// How far a device may go when it rounds a weight and what the weight reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Care {
    /// As far as the precision goes.
    Usual,
    /// Weight and activations stay bf16 or better: the autoencoder.
    AtLeastBf16,
    /// The weight stays bf16 or better, and the activations it reads are not rounded for it: time and
    /// caption embedders, adaLN, final layer.
    Unrounded,
}

/// A weight on its way to a device: one or more stored parts and what they are for.
#[derive(Clone, Debug)]
pub struct Matrix {
    name: String,
    role: Role,
    parts: Vec<Form>,
    rows: usize,
    columns: usize,
    kernel: usize,
    care: Care,
}

impl Matrix {
    /// Describes a weight.
    ///
    /// # Errors
    /// [`Error::Shape`] when the parts do not have the shapes that `role` asks for, or some of them are
    /// panels and others are not.
    pub fn new(name: impl Into<String>, role: Role, parts: Vec<Form>) -> Result<Self> {
        let name = name.into();
        let wrong = |what: &str| {
            let shapes: Vec<_> = parts.iter().map(Form::shape).collect();
            Error::shape("load", format!("{name}: {what}, found {shapes:?}"))
        };
        let Some(first) = parts.first() else { return Err(wrong("a weight needs a part")) };
        let (rows, columns, kernel) = match (role, first.shape()) {
            (Role::Conv, &[out, inner, kh, kw]) if kh == kw && (kh == 1 || kh == 3) => {
                (out, inner, kh)
            }
            (_, &[out, inner]) => (out, inner, 1),
            _ => return Err(wrong("expected a matrix [out, in]")),
        };
        let is_panels = |form: &Form| matches!(form, Form::Int8Panels(_));
        if let Some(other) = parts.iter().find(|&part| is_panels(part) != is_panels(first)) {
            let (one, other) = (first.name(), other.name());
            let detail = format!(
                "{name}: one part is stored in {one}, another in {other}; store them alike"
            );
            return Err(Error::shape("load", detail));
        }
        let rows = match role {
            Role::Linear => {
                if parts.iter().any(|p| p.shape().len() != 2 || p.shape()[1] != columns) {
                    return Err(wrong("stacked parts must have the same number of inputs"));
                }
                parts.iter().map(|p| p.shape()[0]).sum()
            }
            Role::SwiGlu => {
                if parts.len() != 2 || parts[1].shape() != first.shape() {
                    return Err(wrong("SwiGLU takes two parts of the same shape"));
                }
                rows
            }
            Role::Table | Role::Conv => {
                if parts.len() != 1 {
                    return Err(wrong("exactly one part is expected"));
                }
                rows
            }
        };
        let care = if role == Role::Conv { Care::AtLeastBf16 } else { Care::Usual };
        Ok(Self { name, role, parts, rows, columns, kernel, care })
    }

    /// The weight with as much care as `care` asks for; convolutions never get less than
    /// [`Care::AtLeastBf16`].
    #[must_use]
    pub fn with_care(mut self, care: Care) -> Self {
        self.care = self.care.max(care);
        self
    }

    /// How carefully it is to be treated.
    #[must_use]
    pub fn care(&self) -> Care {
        self.care
    }

    /// The name that errors show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the weight is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The stored parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Form] {
        &self.parts
    }

    /// Width of the result (for [`Role::Table`]: number of entries).
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Width of the input (for [`Role::Table`]: width of an entry).
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Side of the convolution kernel; 1 for everything else.
    #[must_use]
    pub fn kernel(&self) -> usize {
        self.kernel
    }
}

/// A weight on a device. Its sizes are known here, its stored form only to the device.
pub struct Weight<B: Backend> {
    role: Role,
    rows: usize,
    columns: usize,
    kernel: usize,
    care: Care,
    device: B::Weight,
}

impl<B: Backend> Weight<B> {
    /// Takes `matrix` to the device.
    ///
    /// # Errors
    /// What [`Backend::load`] says: no memory, or no kernel for the stored form.
    pub fn load(backend: &B, matrix: &Matrix) -> Result<Self> {
        Ok(Self {
            role: matrix.role,
            rows: matrix.rows,
            columns: matrix.columns,
            kernel: matrix.kernel,
            care: matrix.care,
            device: backend.load(matrix)?,
        })
    }

    /// What the weight is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Width of the result (for [`Role::Table`]: number of entries).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Width of the input (for [`Role::Table`]: width of an entry).
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Side of the convolution kernel; 1 for everything else.
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// How carefully it is treated, which decides what activations it reads.
    pub fn care(&self) -> Care {
        self.care
    }

    /// The device's own form, for the device that made it.
    pub fn device(&self) -> &B::Weight {
        &self.device
    }
}

impl<B: Backend> std::fmt::Debug for Weight<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weight[{}, {}] {:?}", self.rows, self.columns, self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hollow(shape: &[usize]) -> Form {
        Form::Hollow(shape.to_vec())
    }

    #[test]
    fn stacked_parts_add_their_rows() {
        let m = Matrix::new("qkv", Role::Linear, vec![hollow(&[8, 4]), hollow(&[2, 4])]).unwrap();
        assert_eq!((m.rows(), m.columns()), (10, 4));
    }

    #[test]
    fn parts_are_all_panels_or_none_is() {
        let dense = || Form::Dense(Stored::from_f32(&[1, 4], &[0.0; 4]));
        let scales = Stored::from_f32(&[1], &[1.0]);
        let panels = Int8Panels::new([1, 4], vec![128; 128].into(), scales).unwrap();
        let panels = || Form::Int8Panels(panels.clone());
        assert!(Matrix::new("qkv", Role::Linear, vec![panels(), panels()]).is_ok());
        let error = Matrix::new("qkv", Role::Linear, vec![dense(), panels()]).unwrap_err();
        let error = error.to_string();
        assert!(["qkv", "f32", "int8"].iter().all(|word| error.contains(word)), "{error}");
    }

    #[test]
    fn unfit_parts_are_refused_by_name() {
        for (role, parts) in [
            (Role::Linear, vec![hollow(&[8, 4]), hollow(&[8, 5])]),
            (Role::SwiGlu, vec![hollow(&[8, 4])]),
            (Role::SwiGlu, vec![hollow(&[8, 4]), hollow(&[9, 4])]),
            (Role::Conv, vec![hollow(&[8, 4, 5, 5])]),
            (Role::Conv, vec![hollow(&[8, 4, 3, 1])]),
            (Role::Table, vec![hollow(&[8])]),
            (Role::Linear, vec![]),
        ] {
            let error = Matrix::new("layers.0.w", role, parts).unwrap_err().to_string();
            assert!(error.contains("layers.0.w"), "{error}");
        }
    }
}
