//! Which matrices a conversion leaves as they are, or in bf16, and why.

use zao_backend::{Care, Role};
use zao_model::{Declared, Usage};
use zao_weights::{Packing, PartName};

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
    /// Its rows are not whole groups of those values that would share a scale.
    NoWholeGroups,
}

/// What keeps a tensor that is used as a matrix from being packed so, if anything does.
pub(super) fn why_kept(packing: Packing, tensor: &Declared) -> Option<KeptBecause> {
    let Usage::Matrix { role, care } = tensor.usage else { return None };
    match (role, care, tensor.shape.as_slice()) {
        (Role::Table, ..) => Some(KeptBecause::LookedUp),
        (_, Care::Unrounded, _) => Some(KeptBecause::Unrounded),
        (Role::Conv, ..) | (_, Care::AtLeastBf16, _) => Some(KeptBecause::AtLeastBf16),
        (Role::Linear | Role::SwiGlu, Care::Usual, &[out, inner])
            if packing.holds([out, inner]) =>
        {
            None
        }
        (Role::Linear | Role::SwiGlu, Care::Usual, _) => Some(KeptBecause::NoWholeGroups),
    }
}

/// The matrices of a part that are not quantised, by reason.
pub(super) fn kept_of(packing: Packing, part: PartName, declared: &[Declared]) -> Vec<Kept> {
    let (mut kept, mut matrices): (Vec<(Kept, usize)>, usize) = (Vec::new(), 0);
    for tensor in declared {
        let Usage::Matrix { .. } = tensor.usage else { continue };
        matrices += 1;
        let Some(why) = why_kept(packing, tensor) else { continue };
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
        let kept = kept_of(Packing::Int8Panels, PartName::Transformer, &some);
        let told: Vec<_> = kept.iter().map(|kept| (kept.why, kept.names.join(" "))).collect();
        let expected = [
            (KeptBecause::LookedUp, "embed".to_owned()),
            (KeptBecause::Unrounded, "layers.*.ada".to_owned()),
        ];
        assert_eq!(told, expected);
        assert!(!kept.iter().any(|kept| kept.whole));
        let all = [tensor("conv", Role::Conv, Care::AtLeastBf16), vector];
        assert!(kept_of(Packing::Int8Panels, PartName::Vae, &all)[0].whole);
    }
}
