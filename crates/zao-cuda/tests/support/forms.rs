//! Random weights in the packed forms that files have. Nothing is checked here.

use zao_backend::{BlockKind, Blocks, Form, Scaled, ScaledKind};

use crate::support::Random;

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.next() as u8).collect()
}

/// Blocks of any integers, with factors of either sign from 2^-9 to 2^-3.
pub(crate) fn blocks(random: &mut Random, kind: BlockKind, shape: [usize; 2]) -> Form {
    let factors: &[usize] = match kind {
        BlockKind::Q4_0 | BlockKind::Q5_0 | BlockKind::Q8_0 | BlockKind::Int4 => &[0],
        BlockKind::Q4_1 | BlockKind::Q5_1 | BlockKind::Q4K | BlockKind::Q5K => &[0, 2],
        BlockKind::Q2K => &[80, 82],
        BlockKind::Q3K => &[108],
        BlockKind::Q6K => &[208],
    };
    let mut bytes = bytes(random, shape[0] * shape[1] / kind.values() * kind.bytes());
    for block in bytes.chunks_mut(kind.bytes()) {
        for &at in factors {
            block[at + 1] = block[at + 1] & 0x83 | 0x18 | block[at + 1] >> 2 & 0x0c;
        }
    }
    Form::Blocks(Blocks::new(kind, shape, bytes.into()).expect("whole blocks"))
}

/// Elements of any size but none that is no number, of which each row has the largest.
pub(crate) fn scaled(
    random: &mut Random,
    kind: ScaledKind,
    [rows, width]: [usize; 2],
    each: bool,
) -> Form {
    let mut bytes = bytes(random, rows * width);
    let largest = match kind {
        ScaledKind::E4m3 => 0x7e,
        ScaledKind::E5m2 => 0x7b,
        ScaledKind::Int8 { .. } => 0x7f,
    };
    for row in bytes.chunks_mut(width) {
        for byte in row.iter_mut() {
            let bad = kind.first_non_finite(&[*byte]).is_some() || *byte == 0x80;
            *byte = if bad { 1 } else { *byte };
        }
        row[width / 3] = largest;
    }
    let scales = (0..if each { rows } else { 1 }).map(|row| 0.01 * (1 + row % 7) as f32);
    let scaled = Scaled::new(kind, [rows, width], bytes.into(), scales.collect());
    Form::Scaled(scaled.expect("sizes fit"))
}
