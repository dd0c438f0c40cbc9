//! The ends of tensor names: which factor of which kind of adapter a tensor is.

/// A factor of an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    /// LoRA, `[rank, in]`.
    Down,
    /// LoRA, `[out, rank]`.
    Up,
    /// What the rank is divided into, a number.
    Alpha,
    /// DoRA, a length for each output.
    Magnitude,
    /// LoHa, `[out, rank]` and `[rank, in]` of the first and of the second matrix.
    Hada1Up,
    Hada1Down,
    Hada2Up,
    Hada2Down,
    /// LoKr, whole or as two factors, the left matrix and the right one.
    Kron1,
    Kron1Up,
    Kron1Down,
    Kron2,
    Kron2Up,
    Kron2Down,
    /// The matrix that is added.
    Diff,
}

/// Names that a tensor's name may end in, behind that of its layer.
const SUFFIXES: [(&str, Field); 34] = [
    (".lora_A.weight", Field::Down),
    (".lora_B.weight", Field::Up),
    (".lora_A.default.weight", Field::Down),
    (".lora_B.default.weight", Field::Up),
    (".lora_A.default_0.weight", Field::Down),
    (".lora_B.default_0.weight", Field::Up),
    (".lora_A", Field::Down),
    (".lora_B", Field::Up),
    (".lora_down.weight", Field::Down),
    (".lora_up.weight", Field::Up),
    (".lora_down", Field::Down),
    (".lora_up", Field::Up),
    (".lora.down.weight", Field::Down),
    (".lora.up.weight", Field::Up),
    (".lora_linear_layer.down.weight", Field::Down),
    (".lora_linear_layer.up.weight", Field::Up),
    (".alpha", Field::Alpha),
    (".lora_alpha", Field::Alpha),
    (".dora_scale", Field::Magnitude),
    (".lora_magnitude_vector", Field::Magnitude),
    (".lora_magnitude_vector.weight", Field::Magnitude),
    (".lora_magnitude_vector.default", Field::Magnitude),
    (".lora_magnitude_vector.default.weight", Field::Magnitude),
    (".hada_w1_a", Field::Hada1Up),
    (".hada_w1_b", Field::Hada1Down),
    (".hada_w2_a", Field::Hada2Up),
    (".hada_w2_b", Field::Hada2Down),
    (".lokr_w1", Field::Kron1),
    (".lokr_w1_a", Field::Kron1Up),
    (".lokr_w1_b", Field::Kron1Down),
    (".lokr_w2", Field::Kron2),
    (".lokr_w2_a", Field::Kron2Up),
    (".lokr_w2_b", Field::Kron2Down),
    (".diff", Field::Diff),
];

/// What is known and not applied.
const UNSUPPORTED: [(&str, &str); 11] = [
    (".lora_mid.weight", "a factor for convolutions"),
    (".hada_t1", "a factor for convolutions"),
    (".hada_t2", "a factor for convolutions"),
    (".lokr_t2", "a factor for convolutions"),
    (".diff_b", "a change of a bias"),
    (".lora_B.bias", "a change of a bias"),
    (".oft_blocks", "a rotation (OFT)"),
    (".oft_diag", "a rotation (OFT)"),
    (".oft_R.weight", "a rotation (OFT)"),
    (".set_weight", "a replaced weight"),
    (".reshape_weight", "a reshaped weight"),
];

/// The name of the layer and the factor, if `name` ends in one.
pub(super) fn split(name: &str) -> Option<(&str, Field)> {
    let found = |(suffix, field): &(&str, Field)| Some((name.strip_suffix(suffix)?, *field));
    SUFFIXES.iter().find_map(found)
}

/// What `name` is, if it is something that is not applied.
pub(super) fn unsupported(name: &str) -> Option<&'static str> {
    UNSUPPORTED.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_is_found_and_leaves_the_layer() {
        for (suffix, field) in SUFFIXES {
            let name = format!("layers.0.attention.to_q{suffix}");
            assert_eq!(split(&name), Some(("layers.0.attention.to_q", field)), "{suffix}");
        }
        assert_eq!(split("layers.0.attention.to_q.weight"), None);
        assert!(unsupported("a.oft_diag").is_some() && unsupported("a.lora_A.weight").is_none());
    }
}
