//! What a process takes of main memory, as the system counts it, beside what was planned. It is alone in its process,
//! for everything counts there. Linux only, where the system tells.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a test with helpers beside it")]

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::Path;

use zao_engine::{
    Ask, CancelToken, Device, Event, Generator, Guidance, Job, Precision, ResolvedPrecision,
    Settings, peak_bytes, used_bytes,
};
use zao_weights::Source;

fn ask((width, height): (usize, usize)) -> Ask {
    Ask {
        prompt: "a red apple on a blue background".into(),
        negative: String::new(),
        width,
        height,
        steps: 1,
        guidance: Guidance::OFF,
        seed: 1,
        generator: Generator::TorchCpu,
        start: None,
    }
}

#[test]
fn the_system_counts_what_was_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo-model");
    for (precision, size) in [
        (ResolvedPrecision::F32, (512, 512)),
        (ResolvedPrecision::Bf16, (768, 384)),
        (ResolvedPrecision::Int8, (512, 640)),
    ] {
        let settings = Settings {
            device: Device::Cpu,
            precision: Precision::Exactly(precision),
            threads: NonZeroUsize::new(2),
            ..Settings::default()
        };
        let mut engine =
            zao_engine::open("demo", Source::Folder(folder.clone()), &settings).unwrap();
        let jobs = [Job::new(ask(size), engine.model()).unwrap()];
        // The peak is counted from now on.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = used_bytes(Device::Cpu).unwrap().unwrap();
        let planned = Cell::new(0);
        let events = |event| {
            if let Event::Planned(plan) = event {
                planned.set(plan.total());
            }
        };
        drop(engine.draw(&jobs, &events, &CancelToken::new()).unwrap());
        let (taken, planned) = (peak_bytes().unwrap() - before, planned.get());
        let off = taken as f64 / planned as f64 - 1.0;
        println!("{precision:?} {size:?}: {taken} of {planned}, {:+.1} %", off * 100.0);
        assert!(off.abs() < 0.05, "{precision:?} {size:?}: {taken} of {planned}");
        engine.release();
        let left = used_bytes(Device::Cpu).unwrap().unwrap().saturating_sub(before);
        assert!(left < planned / 5, "{left} of {planned} are not given back");
    }
}
