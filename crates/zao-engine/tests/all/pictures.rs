//! Whole pictures of the demo model against those that diffusers drew.

use zao_engine::ResolvedPrecision;

use crate::golden::{self, Golden, compare};

pub(crate) fn goldens() -> Vec<Golden> {
    let goldens = golden::goldens("pictures", |_, _, _| None);
    assert!(goldens.len() >= 6);
    goldens
}

#[test]
fn in_f32_they_are_the_same_to_the_eye() {
    compare(goldens(), ResolvedPrecision::F32, 45.0);
}

#[test]
fn in_bf16_they_are_nearly_the_same() {
    compare(goldens(), ResolvedPrecision::Bf16, 30.0);
}
