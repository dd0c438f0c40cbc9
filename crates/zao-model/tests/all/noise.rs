//! Both generators against `torch.randn`, on a CPU and on an NVIDIA GPU.

use zao_model::noise::{Generator, Source, normal};

use crate::harness::{Golden, assert_within};

/// Largest relative error: torch's own single-precision logarithm, sine and cosine are not exact.
const TOLERANCE: f64 = 4e-7;

/// The same for the faster and coarser sine that torch uses on a GPU.
const NV_TOLERANCE: f64 = 1e-6;

const LATENT: usize = 16 * 32 * 32;

fn torch(seed: u64, count: usize) -> Vec<f32> {
    normal(Generator::TorchCpu, seed, count)
}

fn seeds(golden: &Golden) -> Vec<u64> {
    serde_json::from_value(golden.about("seeds")).unwrap()
}

#[test]
fn few_values_are_torchs_bit_for_bit_and_many_nearly() {
    let golden = Golden::open("noise");
    let sizes: Vec<usize> = serde_json::from_value(golden.about("sizes")).unwrap();
    assert!(sizes.iter().any(|&n| n < 16) && sizes.iter().any(|&n| n > 16 && n % 16 != 0));
    for seed in seeds(&golden) {
        for &size in &sizes {
            let name = format!("seed{seed}/n{size}");
            let expected = golden.array(&name).values;
            let got = torch(seed, size);
            if size < 16 {
                assert_eq!(got, expected, "{name}");
            } else {
                assert_within(&name, &got, &expected, TOLERANCE);
            }
        }
    }
}

#[test]
fn a_whole_latent_is_torchs() {
    let golden = Golden::open("noise");
    for seed in seeds(&golden) {
        let latent = torch(seed, LATENT);
        let name = |what: &str| format!("seed{seed}/latent/{what}");
        let ends = [("first", &latent[..64]), ("last", &latent[LATENT - 64..])];
        for (end, values) in ends {
            let expected = golden.array(&name(end)).values;
            assert_within(&name(end), values, &expected, TOLERANCE);
        }
        let wide = || latent.iter().map(|&v| f64::from(v));
        let sums =
            [("sum", wide().sum::<f64>()), ("sum_of_squares", wide().map(|v| v * v).sum::<f64>())];
        for (what, sum) in sums {
            let expected = golden.doubles(&name(what))[0];
            // Errors of single values have either sign, so they hardly add up.
            let error = (sum - expected).abs() / LATENT as f64;
            assert!(error < 1e-8, "{}: {sum} is not {expected}", name(what));
        }
    }
}

#[test]
fn calls_on_one_generator_go_on_where_it_stopped() {
    let golden = Golden::open("noise");
    let mut source = Source::new(Generator::TorchCpu, 42);
    for case in 0..6 {
        let name = format!("sequence/{case}");
        let expected = golden.array(&name).values;
        let got = source.normal(expected.len());
        if got.len() < 16 {
            assert_eq!(got, expected, "{name}");
        } else {
            assert_within(&name, &got, &expected, TOLERANCE);
        }
    }
}

#[test]
fn only_the_low_half_of_a_seed_counts() {
    assert_eq!(torch((1 << 32) + 5, 40), torch(5, 40));
}

#[test]
fn values_of_the_nv_generator_are_those_of_a_gpu() {
    let golden = Golden::open("nv");
    for group in golden.cases("") {
        let seed = group.strip_prefix("seed").unwrap().parse().unwrap();
        for case in golden.cases(&group) {
            let count = case.strip_prefix('n').unwrap().parse().unwrap();
            let values = normal(Generator::Nv, seed, count);
            let name = format!("{group}/{case}");
            if count <= 4096 {
                assert_within(&name, &values, &golden.array(&name).values, NV_TOLERANCE);
                continue;
            }
            for (end, values) in [("first", &values[..64]), ("last", &values[count - 64..])] {
                let name = format!("{name}/{end}");
                assert_within(&name, values, &golden.array(&name).values, NV_TOLERANCE);
            }
        }
    }
}
