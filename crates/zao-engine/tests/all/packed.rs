//! What packed weights cost: pictures of the demo model with a transformer in blocks, drawn in int8, beside those it
//! draws in bf16.
//!
//! Its matrices have 256 columns, one block of Q4_K, but for those behind SwiGLU, whose 682 are no whole blocks: as in
//! files of other programs these stay as they are.

use half::f16;
use zao_engine::ResolvedPrecision;
use zao_weights::PartName;

use crate::files::{Files, demo, q8_0, values};
use crate::precisions::asks;
use crate::support::{draw, psnr};
use crate::writers::gguf;
use crate::writers::safetensors::Tensor;

/// Rows of values as blocks of Q4_K: every 32 values from their smallest to their largest.
fn q4_k(values: &[f32]) -> Vec<u8> {
    values.as_chunks().0.iter().flat_map(q4_k_block).collect()
}

fn q4_k_block(values: &[f32; 256]) -> Vec<u8> {
    let groups = values.as_chunks::<32>().0;
    let ranges: Vec<(f32, f32)> = groups
        .iter()
        .map(|group| {
            let low = group.iter().fold(0_f32, |low, v| low.min(*v));
            let high = group.iter().fold(0_f32, |high, v| high.max(*v));
            ((high - low) / 15.0, -low)
        })
        .collect();
    let largest = |of: fn(&(f32, f32)) -> f32| ranges.iter().map(of).fold(0_f32, f32::max);
    let d = f16::from_f32(largest(|range| range.0) / 63.0);
    let m = f16::from_f32(largest(|range| range.1) / 63.0);
    let part = |value: f32, of: f16| {
        let of = of.to_f32();
        if of == 0.0 { 0 } else { (value / of).round().clamp(0.0, 63.0) as u8 }
    };
    let parts: Vec<(u8, u8)> =
        ranges.iter().map(|range| (part(range.0, d), part(range.1, m))).collect();
    let mut scales = [0; 12];
    for (group, &(scale, minimum)) in parts.iter().enumerate() {
        if group < 4 {
            scales[group] |= scale;
            scales[group + 4] |= minimum;
        } else {
            scales[group + 4] = scale & 15 | minimum << 4;
            scales[group - 4] |= scale >> 4 << 6;
            scales[group] |= minimum >> 4 << 6;
        }
    }
    let integers: Vec<u8> = groups
        .iter()
        .zip(&parts)
        .flat_map(|(group, &(scale, minimum))| {
            let step = d.to_f32() * f32::from(scale);
            let low = m.to_f32() * f32::from(minimum);
            group.map(|v| {
                if step == 0.0 { 0 } else { ((v + low) / step).round().clamp(0.0, 15.0) as u8 }
            })
        })
        .collect();
    let pairs = integers.as_chunks::<64>().0.iter();
    let halves = pairs.flat_map(|pair| (0..32).map(move |i| pair[i] | pair[i + 32] << 4));
    [&d.to_le_bytes()[..], &m.to_le_bytes(), &scales].concat().into_iter().chain(halves).collect()
}

/// The demo model with a transformer whose matrices are packed by `pack`, as far as they are whole blocks.
fn packed(kind: u32, pack: fn(&[f32]) -> Vec<u8>) -> Files {
    let entry = |t: Tensor| {
        let layers = [".attention.to_", ".feed_forward.w1", ".feed_forward.w3"];
        let packs = layers.iter().any(|layer| t.name.contains(layer));
        let (kind, bytes) = if packs { (kind, pack(&values(&t))) } else { (gguf::BF16, t.data) };
        gguf::Tensor { name: t.name, shape: t.shape, kind, bytes }
    };
    let tensors: Vec<_> = demo(PartName::Transformer).into_iter().map(entry).collect();
    Files::new().with(PartName::Transformer, gguf::file("lumina2", &tensors))
}

/// The pictures of all prompts.
fn pictures(files: &Files, precision: ResolvedPrecision) -> Vec<Vec<u8>> {
    let mut engine = files.open_in(precision);
    asks().map(|ask| draw(&mut engine, &[ask]).remove(0).rgb).collect()
}

#[test]
fn pictures_of_packed_weights_are_near_those_in_bf16() {
    let exact = pictures(&Files::new(), ResolvedPrecision::Bf16);
    for (name, files, floor) in
        [("Q8_0", packed(gguf::Q8_0, q8_0), 34.0), ("Q4_K", packed(gguf::Q4_K, q4_k), 24.0)]
    {
        let drawn = pictures(&files, ResolvedPrecision::Int8);
        let mut distances: Vec<f64> =
            drawn.iter().zip(&exact).map(|(drawn, exact)| psnr(drawn, exact)).collect();
        distances.sort_by(f64::total_cmp);
        let median = f64::midpoint(distances[11], distances[12]);
        let (worst, best) = (distances[0], distances[23]);
        println!(
            "{name} in int8 beside bf16: median {median:.1} dB, {worst:.1} to {best:.1}, n = 24"
        );
        assert!(median >= floor, "{name}: median {median:.1} dB, expected {floor}");
    }
}

#[test]
fn blocks_of_four_bits_hold_values_within_half_a_step() {
    let values: [f32; 256] = std::array::from_fn(|i| ((i * i) as f32 * 0.37).sin());
    let block =
        zao_backend::Blocks::new(zao_backend::BlockKind::Q4K, [1, 256], q4_k(&values).into());
    let mut unpacked = [0.0; 256];
    block.unwrap().widen(0, &mut unpacked);
    let off = values.iter().zip(&unpacked).map(|(a, b)| (a - b).abs()).fold(0_f32, f32::max);
    assert!(off < 2.0 / 15.0 * 0.6, "{off}");
}
