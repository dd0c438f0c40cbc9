//! Runs in many settings with a planner in the place of the device, which counts what they take.

use std::cell::Cell;
use std::path::Path;

use zao_backend::Planner;
use zao_model::guidance::Guidance;
use zao_weights::Source;

use super::{Artist, Draw};
use crate::aside::OnDevice;
use crate::devices::Target;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::precision::usual_picture;
use crate::watch::Watch;
use crate::{
    Ask, CancelToken, Event, Grid, Job, Mask, ModelInfo, Picture, Place, Reads, Residency,
    ResolvedPrecision, Start,
};

/// Every kind of device and precision.
fn targets() -> Vec<Target> {
    use ResolvedPrecision::{Bf16, F32, Fp8, Int8};
    let cpu = [F32, Bf16, Int8].map(Target::Cpu);
    let cuda = [F32, Bf16, Fp8, Int8].map(Target::Cuda);
    cpu.into_iter().chain(cuda).collect()
}

#[test]
fn in_thirty_settings_a_run_takes_to_the_byte_what_was_planned() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tests.join("../zao-model/tests/goldens/tiny-a");
    let mut model = ModelFiles::open(&Source::Folder(folder).into()).unwrap();
    let adapter = tests.join("tests/goldens/adapters/every-layer.safetensors");
    let adapter = model.adapters.open(&adapter).unwrap();
    let info = ModelInfo::of("test", &model);
    let mut random = 0x5eed_u64;
    let mut below = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % bound
    };
    for setting in 0..30 {
        let target = targets()[below(targets().len())];
        let residency = [Residency::Keep, Residency::InTurn][below(2)];
        let job = |_| {
            let size = Grid::new(4 * (1 + below(16)), 4 * (1 + below(16)));
            let guidance = Guidance { scale: below(2) as f32 * 3.0, ..Guidance::OFF };
            let (width, height) = (size.width, size.height);
            let picture = Picture { width, height, rgb: vec![9; 3 * width * height] };
            let mask = Mask { width, height, grey: vec![255; width * height] };
            let start = match below(3) {
                0 => None,
                1 => Some(Start { picture: picture.into(), mask: None, strength: 0.5 }),
                _ => {
                    let mask = Some(mask.into());
                    Some(Start { picture: picture.into(), mask, strength: 0.5 })
                }
            };
            let ask = Ask { guidance, start, steps: 2 + below(3), ..usual_picture(size) };
            let stack = [(adapter, 1.0)];
            Job::new(ask, &info).unwrap().following(&stack[..below(2)]).unwrap()
        };
        let count = 1 + setting % 4;
        let jobs: Vec<Job> = (0..count).map(job).collect();
        let planner = Planner::new(target.policy());
        let mut artist = Artist::new(planner, target, Budget::new(Some(1 << 40)), residency);
        let aside = Reads::beside(&model, ResolvedPrecision::Bf16);
        let reads = [Reads::Device, aside][below(2)];
        if let Some(target) = reads.target() {
            let open = move || Ok(Planner::new(target.policy()));
            artist = artist.with_reader((reads, Box::new(OnDevice::new(target, open))));
        }
        let planned = Cell::new(None);
        let events = |event| {
            if let Event::Planned(plan) = event {
                planned.set(Some(*plan));
            }
        };
        let (cancel, mut deliver) = (CancelToken::new(), drop);
        artist.draw(&model, &jobs, &mut Watch::new(&events, &cancel, &mut deliver)).unwrap();
        let planned = planned.get().unwrap();
        let taken = artist.backend.plan().bytes() as u64;
        assert_eq!(planned.runs, taken, "{setting}: {target:?} {residency:?}");
        if residency == Residency::Keep {
            assert_eq!(planned.total(), artist.held_bytes(&model), "{setting}: {target:?}");
        }
        assert_eq!(planned.aside > 0, reads != Reads::Device);
        let text = planned.placement.text_encoder.place;
        assert_eq!(text == Place::Processor, reads != Reads::Device);
    }
}
