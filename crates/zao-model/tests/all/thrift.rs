//! A decoder that saves memory gives the same bits, and does save memory.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use zao_backend::prelude::*;
use zao_backend::{Plan, Planner, Policy, Shape};
use zao_cpu::{Cpu, CpuPrecision, Settings};
use zao_model::vae::{Decoder, Thrift};
use zao_model::{Manifest, VaeConfig};

use crate::random::{Random, noise};

fn config(json: &Value) -> VaeConfig {
    VaeConfig::from_json(json.to_string().as_bytes()).unwrap()
}

/// What a decode on a planner takes.
fn planned(config: &VaeConfig, policy: Policy, grid: Grid, thrift: Thrift) -> (Plan, u64) {
    let planner = Planner::new(policy);
    let decoder = Decoder::load(&planner, &Manifest::default(), config).unwrap();
    let shape = Shape::new(config.latent_channels, grid.area());
    let latent = planner.upload(shape, &vec![0.0; shape.len()], Region::Job).unwrap();
    decoder.decode(&planner, &latent, grid, thrift).unwrap();
    (planner.plan(), planner.flops())
}

/// A decode in exactly the memory that was planned for it.
fn decoded(cpu: &Cpu, config: &VaeConfig, grid: Grid, thrift: Thrift) -> Vec<u32> {
    cpu.release();
    cpu.reserve(planned(config, cpu.policy(), grid, thrift).0).unwrap();
    let decoder = Decoder::load(cpu, &Random, config).unwrap();
    let shape = Shape::new(config.latent_channels, grid.area());
    let latent = cpu.upload(shape, &noise("latent", shape.len()), Region::Job).unwrap();
    let picture = cpu.read(&decoder.decode(cpu, &latent, grid, thrift).unwrap()).unwrap();
    picture.into_iter().map(f32::to_bits).collect()
}

#[test]
fn a_picture_in_bands_is_the_whole_picture_bit_for_bit() {
    let configs = [
        json!({ "block_out_channels": [4, 8, 8, 16], "layers_per_block": 2, "latent_channels": 4,
                "norm_num_groups": 4, "scaling_factor": 0.5, "use_post_quant_conv": false }),
        json!({ "block_out_channels": [6, 6], "layers_per_block": 1, "latent_channels": 3,
                "norm_num_groups": 3, "scaling_factor": 0.5 }),
    ];
    for config in configs.map(|json| config(&json)) {
        for precision in [CpuPrecision::F32, CpuPrecision::Bf16] {
            let cpu = |threads| {
                let threads = NonZeroUsize::new(threads);
                Cpu::new(Settings { precision, threads, instructions: None }).unwrap()
            };
            let (one, three) = (cpu(1), cpu(3));
            for grid in [Grid::new(1, 1), Grid::new(3, 2), Grid::new(5, 7)] {
                let whole = decoded(&three, &config, grid, Thrift::NONE);
                assert!(decoded(&one, &config, grid, Thrift::NONE) == whole);
                for thrift in Thrift::ways(config.block_out_channels.len()) {
                    let cpu = if thrift.count() % 16 == 0 { &one } else { &three };
                    let banded = decoded(cpu, &config, grid, thrift);
                    assert!(banded == whole, "{grid} in {precision}, {thrift:?}");
                }
            }
        }
    }
}

#[test]
fn less_memory_costs_more_arithmetic() {
    let flux = config(&json!({
        "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 16,
        "norm_num_groups": 32, "scaling_factor": 0.3611, "shift_factor": 0.1159,
        "use_post_quant_conv": false }));
    let policy = Cpu::new(Settings::default()).unwrap().policy();
    let grid = Grid::new(128, 128);
    let (whole, arithmetic) = planned(&flux, policy, grid, Thrift::NONE);
    let mut before = (whole.step, arithmetic);
    for thrift in Thrift::ways(4) {
        let (plan, flops) = planned(&flux, policy, grid, thrift);
        let percent = |part: f64, all: f64| 100.0 * part / all;
        println!(
            "{thrift:?}: {} MiB, {:.0} % of the memory, {:.0} % of the arithmetic",
            plan.step >> 20,
            percent(plan.step as f64, whole.step as f64),
            percent(flops as f64, arithmetic as f64)
        );
        assert!(flops > before.1, "they come in the order of arithmetic");
        before = (plan.step, flops);
    }
    let (least, most) = before;
    assert!(5 * least < 2 * whole.step, "{least} of {}", whole.step);
    assert!(2 * most < 3 * arithmetic * 105 / 100, "{most} for {arithmetic}");
}
