//! Every kernel against plain sums, and rows against rows that stand alone.

use half::bf16;

use super::*;
use crate::isa::Isa;

fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut x = seed;
    (0..count)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn words(floats: Floats, values: &[f32]) -> Vec<u32> {
    match floats {
        Floats::F32 => values.iter().map(|v| v.to_bits()).collect(),
        Floats::Bf16 => values
            .chunks(2)
            .map(|pair| {
                let [low, high] =
                    [pair[0], pair[1]].map(|v| u32::from(bf16::from_f32(v).to_bits()));
                low | high << 16
            })
            .collect(),
    }
}

/// The numbers in a word.
fn parts(floats: Floats, word: u32) -> [f64; 2] {
    match floats {
        Floats::F32 => [f64::from(f32::from_bits(word)), 0.0],
        Floats::Bf16 => {
            [f32::from_bits(word << 16), f32::from_bits(word & 0xffff_0000)].map(f64::from)
        }
    }
}

fn routes() -> impl Iterator<Item = (Isa, Floats)> {
    Isa::all().into_iter().flat_map(|isa| {
        let bf16 = isa.multiplies_bf16().then_some((isa, Floats::Bf16));
        std::iter::once((isa, Floats::F32)).chain(bf16)
    })
}

#[test]
fn products_are_right_and_do_not_depend_on_the_number_of_vectors() {
    for ((isa, floats), k) in routes().flat_map(|route| [0, 1, 2, 3, 17, 256].map(|k| (route, k))) {
        let panel_data = words(floats, &values(2 * (k * 40 + PANEL), 1));
        let panel = Panel { data: &panel_data, step: 40 };
        let data = words(floats, &values(2 * 30 * 300, 2));
        let operands = |count| {
            let vectors = Vectors { data: &data, count, stride: 300, step: 1 };
            Operands { words: k, panel, vectors }
        };
        let mut all = vec![f32::NAN; 30 * PANEL];
        multiply(isa, floats, operands(30), &mut all, Into::Store);
        for t in 0..30 {
            for c in 0..PANEL {
                let product = |i: usize| {
                    let (a, b) = (panel_data[i * 40 + c], data[t * 300 + i]);
                    let (a, b) = (parts(floats, a), parts(floats, b));
                    a[0] * b[0] + a[1] * b[1]
                };
                let exact: f64 = (0..k).map(product).sum();
                assert!((f64::from(all[t * PANEL + c]) - exact).abs() < 2e-4, "{floats:?} {k}");
            }
        }
        for count in 1..30 {
            let mut some = vec![f32::NAN; count * PANEL];
            multiply(isa, floats, operands(count), &mut some, Into::Store);
            assert_eq!(some, all[..count * PANEL]);
        }
    }
}

#[test]
fn strided_vectors_are_added() {
    for isa in Isa::all() {
        let panel_data = words(Floats::F32, &values(9 * PANEL, 3));
        let panel = Panel { data: &panel_data, step: PANEL };
        let rows = words(Floats::F32, &values(5 * 9, 4));
        let columns: Vec<u32> = (0..45).map(|i| rows[i % 5 * 9 + i / 5]).collect();
        let product = |vectors, out: &mut [f32], into| {
            multiply(isa, Floats::F32, Operands { words: 9, panel, vectors }, out, into);
        };
        let mut by_rows = vec![0.0; 5 * PANEL];
        let by_row = Vectors { data: &rows, count: 5, stride: 9, step: 1 };
        product(by_row, &mut by_rows, Into::Store);
        let mut by_columns = vec![0.0; 5 * PANEL];
        let by_column = Vectors { data: &columns, count: 5, stride: 1, step: 5 };
        product(by_column, &mut by_columns, Into::Store);
        assert_eq!(by_rows, by_columns);
        product(by_column, &mut by_columns, Into::Add);
        assert!(by_rows.iter().zip(&by_columns).all(|(a, b)| 2.0 * a == *b));
    }
}

/// The sum of products of integers, exactly.
fn exact(integers: Integers, panel: u32, vector: u32) -> i64 {
    match integers {
        Integers::Bytes => {
            let (panel, vector) = (panel.to_le_bytes(), vector.to_le_bytes());
            (0..4).map(|i| i64::from(panel[i]) * i64::from(vector[i] as i8)).sum()
        }
        Integers::Shorts => {
            let part = |word: u32, shift: u32| i64::from((word >> shift) as u16 as i16);
            [0, 16].map(|shift| part(panel, shift) * part(vector, shift)).iter().sum()
        }
    }
}

/// Words of every kind, the most extreme among them. Shorts are kept small enough for their sum.
fn integer_words(integers: Integers, count: usize, seed: u32) -> Vec<u32> {
    let extremes = [0x7f80_ff00, 0x8080_8080, 0x7f7f_7f7f, 0xffff_ffff, 0];
    let mut x = seed;
    let random = |i: usize| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if i % 7 == 3 { extremes[i % 5] } else { x }
    };
    let words = (0..count).map(random);
    match integers {
        Integers::Bytes => words.collect(),
        Integers::Shorts => words.map(|w| (w & 0x00ff_00ff).wrapping_sub(0x0080_0040)).collect(),
    }
}

#[test]
fn integers_are_multiplied_exactly_on_every_machine() {
    for isa in Isa::all() {
        for integers in [Integers::Bytes, Integers::Shorts] {
            if integers == Integers::Bytes && !isa.multiplies_bytes() {
                continue;
            }
            for (k, count) in [(0, 3), (1, 1), (64, 30), (2560, 13)] {
                let panel_data = integer_words(integers, k.max(1) * PANEL, 1);
                let data = integer_words(integers, count * k.max(1), 2);
                let starts: Vec<i32> = (0..count).map(|t| t as i32 * 1000 - 5000).collect();
                let rows: Vec<f32> = (0..count).map(|t| 0.5 + t as f32).collect();
                let columns: [f32; PANEL] = std::array::from_fn(|c| 1.0 - c as f32 * 0.03);
                let scales = Scales { starts: &starts, rows: &rows, columns: Some(&columns) };
                let panel = Panel { data: &panel_data, step: PANEL };
                let vectors = Vectors { data: &data, count, stride: k, step: 1 };
                let operands = Operands { words: k, panel, vectors };
                let mut out = vec![1.0; count * PANEL];
                multiply_scaled(isa, integers, operands, scales, &mut out, Into::Add);
                for t in 0..count {
                    for (c, column) in columns.iter().enumerate() {
                        let product =
                            |i: usize| exact(integers, panel_data[i * PANEL + c], data[t * k + i]);
                        let sum = i64::from(starts[t]) + (0..k).map(product).sum::<i64>();
                        let expected = 1.0 + sum as f64 * f64::from(rows[t] * column);
                        let off = (f64::from(out[t * PANEL + c]) - expected).abs();
                        assert!(off <= 3e-7 * (expected.abs() + 1.0), "{isa:?} {integers:?} {k}");
                    }
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "every vector has k elements")]
fn short_operands_are_a_bug() {
    let panel = Panel { data: &[0; 3 * PANEL], step: PANEL };
    let vectors = Vectors { data: &[0; 5], count: 2, stride: 3, step: 1 };
    let operands = Operands { words: 3, panel, vectors };
    multiply(Isa::detect(), Floats::F32, operands, &mut [0.0; 2 * PANEL], Into::Store);
}
