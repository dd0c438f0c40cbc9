//! Random matrices in the packed forms that files have: as many bytes to read and as much to unpack as trained
//! ones, of about the same size of values. They are made packed, not packed from values, so they have no outliers.

use bytes::Bytes;
use zao_backend::{BlockKind, Blocks, Care, Form, Role, Scaled, ScaledKind};
use zao_model::{Declared, Usage};

use super::weights::Random;

/// How the large matrices of a synthetic model are stored. What a model keeps exact (norms, embedders, tables, the
/// autoencoder) is bf16 in each, and so is a matrix whose rows are not whole blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightForm {
    /// As the model is published.
    #[default]
    Bf16,
    /// In quantised blocks.
    Blocks(BlockKind),
    /// In fp8 with one scale a matrix.
    Fp8,
}

/// A name that no form has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weights are not stored as {given:?}; there are: {}", known.join(", "))]
pub struct UnknownForm {
    /// The name as given.
    pub given: String,
    /// The names there are.
    pub known: Vec<String>,
}

impl WeightForm {
    /// As `zao convert --to int4` stores a model.
    pub const INT4: Self = Self::Blocks(BlockKind::Int4);

    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        let blocks = BlockKind::GGML.into_iter().chain([BlockKind::Int4]).map(Self::Blocks);
        [Self::Bf16, Self::Fp8].into_iter().chain(blocks)
    }

    /// The name that users type.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Bf16 => "bf16".into(),
            Self::Fp8 => "fp8".into(),
            Self::Blocks(kind) => kind.name().to_lowercase(),
        }
    }

    /// Whether a tensor is stored so; it is bf16 otherwise.
    fn holds(self, tensor: &Declared) -> bool {
        let usual = matches!(
            tensor.usage,
            Usage::Matrix { role: Role::Linear | Role::SwiGlu, care: Care::Usual }
        );
        let whole = |columns: usize| match self {
            Self::Blocks(kind) => columns.is_multiple_of(kind.values()),
            Self::Bf16 | Self::Fp8 => true,
        };
        usual && matches!(tensor.shape[..], [_, columns] if whole(columns))
    }

    /// Bytes of a tensor as it is stored.
    pub(super) fn bytes(self, tensor: &Declared) -> u64 {
        let values = tensor.values() as u64;
        match self {
            Self::Blocks(kind) if self.holds(tensor) => {
                values / kind.values() as u64 * kind.bytes() as u64
            }
            Self::Fp8 if self.holds(tensor) => values + size_of::<f32>() as u64,
            _ => values * size_of::<half::bf16>() as u64,
        }
    }

    /// The tensor with nothing in it, unless it is one that stays in bf16: with as many bytes of `nothing` as it takes.
    pub(super) fn outline(self, tensor: &Declared, nothing: &Bytes) -> Option<Form> {
        let &[rows, columns] = &tensor.shape[..] else { return None };
        if !self.holds(tensor) {
            return None;
        }
        let shape = [rows, columns];
        match self {
            Self::Bf16 => None,
            Self::Fp8 => {
                let bytes = nothing.slice(..rows * columns);
                Scaled::new(ScaledKind::E4m3, shape, bytes, vec![0.0]).map(Form::Scaled)
            }
            Self::Blocks(kind) => {
                let bytes = nothing.slice(..rows * (columns / kind.values()) * kind.bytes());
                Blocks::new(kind, shape, bytes).map(Form::Blocks)
            }
        }
    }

    /// The tensor with values of this root mean square, unless it is one that stays in bf16.
    pub(super) fn make(
        self,
        tensor: &Declared,
        deviation: f32,
        random: &mut Random,
    ) -> Option<Form> {
        let &[rows, columns] = &tensor.shape[..] else { return None };
        if !self.holds(tensor) {
            return None;
        }
        match self {
            Self::Bf16 => None,
            Self::Fp8 => fp8([rows, columns], deviation, random).map(Form::Scaled),
            Self::Blocks(kind) => {
                let bytes = random.bytes(rows * (columns / kind.values()) * kind.bytes());
                Blocks::spread(kind, [rows, columns], bytes, deviation).map(Form::Blocks)
            }
        }
    }
}

impl std::fmt::Display for WeightForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.name())
    }
}

impl std::str::FromStr for WeightForm {
    type Err = UnknownForm;

    fn from_str(name: &str) -> Result<Self, UnknownForm> {
        Self::all().find(|form| form.name() == name.to_lowercase()).ok_or_else(|| UnknownForm {
            given: name.into(),
            known: Self::all().map(Self::name).collect(),
        })
    }
}

fn fp8([rows, columns]: [usize; 2], deviation: f32, random: &mut Random) -> Option<Scaled> {
    let new =
        |bytes, shape, scale| Scaled::new(ScaledKind::E4m3, shape, Bytes::from(bytes), vec![scale]);
    let finite = |byte: &mut u8| *byte &= if *byte & 0x7f == 0x7f { 0xfe } else { 0xff };
    let mut bytes = random.bytes(rows * columns);
    bytes.iter_mut().for_each(finite);
    let every = (0..=u8::MAX).filter(|byte| byte & 0x7f != 0x7f).collect::<Vec<_>>();
    let mut values = vec![0.0; every.len()];
    let shape = [1, every.len()];
    new(every, shape, 1.0)?.widen(0, &mut values);
    new(bytes, [rows, columns], deviation / root_mean_square(&values))
}

fn root_mean_square(values: &[f32]) -> f32 {
    let squares: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
    (squares / values.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use zao_backend::Dtype;

    use super::*;

    fn tensor(shape: [usize; 2], care: Care) -> Declared {
        let usage = Usage::Matrix { role: Role::Linear, care };
        Declared { name: "layers.0.attention.to_q.weight".into(), shape: shape.into(), usage }
    }

    #[test]
    fn every_form_has_values_of_the_wanted_size_around_zero_and_its_own_number_of_bytes() {
        let tensor = tensor([40, 768], Care::Usual);
        for form in WeightForm::all().skip(1) {
            let mut random = Random::of_seed(7);
            let made = form.make(&tensor, 0.02, &mut random).unwrap();
            assert_eq!(made.bytes() as u64, form.bytes(&tensor), "{form}");
            assert_eq!(made.name().to_lowercase().split(' ').next().unwrap(), form.name());
            let Form::Dense(values) = made.unpacked(Dtype::F32) else { panic!("{form}") };
            assert_eq!(values.first_non_finite(), None, "{form}");
            let values = values.to_f32();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            // Integers of four bits reach from -8 to 7, the middle of which is not zero.
            assert!(mean.abs() < 0.003, "{form}: mean {mean}");
            let spread = root_mean_square(&values);
            assert!((0.018..0.022).contains(&spread), "{form}: {spread}");
        }
    }

    #[test]
    fn what_must_stay_exact_or_is_not_whole_blocks_stays_bf16() {
        let form = WeightForm::Blocks(BlockKind::Q4K);
        for tensor in [tensor([2, 512], Care::Unrounded), tensor([2, 500], Care::Usual)] {
            assert!(form.make(&tensor, 1.0, &mut Random::of_seed(1)).is_none());
            assert_eq!(form.bytes(&tensor), tensor.values() as u64 * 2);
        }
    }

    #[test]
    fn forms_are_known_by_their_names() {
        for form in WeightForm::all() {
            assert_eq!(form.name().parse(), Ok(form));
        }
        assert_eq!("Q4_K".parse(), Ok(WeightForm::Blocks(BlockKind::Q4K)));
        let error = "q9".parse::<WeightForm>().unwrap_err().to_string();
        assert!(error.contains("q9") && error.contains("bf16, fp8, q4_0"), "{error}");
    }
}
