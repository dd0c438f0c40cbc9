//! The main memory of workers as it is bounded: what they may plan with, so that they keep to it themselves, and whether that is enough for
//! the model. That they do keep to it is watched by whoever runs them.

use zao_engine::{Grid, Machine, Plans, Precision, Reads, Residency, ResolvedPrecision};

use crate::cli::ServeArgs;
use crate::failure::{Failure, Result};
use crate::model::Chosen;
use crate::units;

/// Of nine parts so many are planned with; the rest is for what a process takes that nobody plans.
const PLANNED: u64 = 8;

/// What a worker may plan with, if it is bounded.
pub(super) fn of_a_worker(args: &ServeArgs) -> Option<u64> {
    let bounded = args.worker_memory.map(|bytes| bytes / (PLANNED + 1) * PLANNED);
    bounded.into_iter().chain(args.worker.memory.ram).min()
}

/// That a worker on the processor has room for the model, as far as its memory is bounded.
///
/// # Errors
/// A bound that a worker would be over with every picture, so that it would be replaced for ever, or within which it draws none at all. A
/// model that cannot be planned is none: whoever opens it next says what is wrong.
pub(super) fn check(args: &ServeArgs, chosen: &Chosen) -> Result<()> {
    let Some(ram) = of_a_worker(args) else { return Ok(()) };
    let Ok(plans) = Plans::open(&chosen.name, chosen.source.clone()) else { return Ok(()) };
    let wanted = zao_request::wanted_precision(args.worker.precision);
    let info = plans.model();
    let (usual, least) = (info.default_size, Grid::new(info.size_multiple, info.size_multiple));
    let name = &chosen.name;
    if let Some(limit) = args.worker_memory
        && let Some(needed) = too_little(&plans, wanted, usual, ram)
    {
        let (limit, enough) = (units::bytes(limit), as_given(needed / PLANNED * (PLANNED + 1)));
        return Err(Failure::usage(format!(
            "--worker-memory {limit} holds no worker that draws with {name} on the processor: it takes {} for one picture of {usual}, as \
             `zao plan` says, and it would be replaced for ever; use {enough} or more",
            units::bytes(needed),
        )));
    }
    if let Some(needed) = too_little(&plans, wanted, least, ram) {
        let (ram, enough) = (units::bytes(ram), as_given(needed));
        return Err(Failure::usage(format!(
            "--ram {ram} holds not even the smallest picture of {name} on the processor, which takes {} with the model; use {enough} or more",
            units::bytes(needed),
        )));
    }
    Ok(())
}

/// A size as it is given to flags, rounded up to what people write.
fn as_given(bytes: u64) -> String {
    if bytes < 1_000_000_000 {
        return format!("{}M", bytes.div_ceil(1_000_000));
    }
    let tenths = bytes.div_ceil(100_000_000);
    format!("{}.{}G", tenths / 10, tenths % 10)
}

/// The least that a picture of this size takes with a model that stays in memory, where not even a model whose parts take turns has room
/// in `ram` bytes.
fn too_little(plans: &Plans, wanted: Precision, size: Grid, ram: u64) -> Option<u64> {
    use ResolvedPrecision::{Bf16, F32, Int8};
    let precisions = match wanted {
        Precision::Auto => vec![F32, Bf16, Int8],
        Precision::Exactly(precision) => vec![precision],
    };
    let jobs = plans.usual_jobs(size, 1, 0.0, 1).ok()?;
    let plan = |precision, ram| {
        let machine = Machine { vram: None, ram };
        plans.plan(machine, precision, Reads::Device, Residency::Keep, &jobs)
    };
    let refused = |&precision: &ResolvedPrecision| {
        plan(precision, ram).is_err_and(|error| error.is_out_of_memory())
    };
    // One that the model cannot be drawn in at all says nothing of memory.
    let needed = |precision: &ResolvedPrecision| Some(plan(*precision, u64::MAX).ok()?.total());
    let possible: Vec<ResolvedPrecision> =
        precisions.into_iter().filter(|precision| needed(precision).is_some()).collect();
    if possible.is_empty() || !possible.iter().all(refused) {
        return None;
    }
    possible.iter().filter_map(needed).min()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use zao_engine::{Architecture, Synthetic, WeightForm};

    use super::*;
    use crate::cli::{Cli, Command};

    const GB: u64 = 1_000_000_000;

    fn planned_with(line: &[&str]) -> Option<u64> {
        let line = ["zao", "serve"].iter().chain(line);
        match Cli::try_parse_from(line).unwrap().command {
            Command::Serve(args) => of_a_worker(&args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn workers_plan_with_less_than_they_are_replaced_for() {
        assert_eq!(planned_with(&[]), None);
        assert_eq!(planned_with(&["--worker-memory", "9G"]), Some(8 * GB));
        assert_eq!(planned_with(&["--worker-memory", "9G", "--ram", "4G"]), Some(4 * GB));
        assert_eq!(planned_with(&["--worker-memory", "9G", "--ram", "16G"]), Some(8 * GB));
    }

    #[test]
    fn a_size_is_told_so_that_it_can_be_given() {
        for (bytes, told) in
            [(18_300_001, "19M"), (999_999_999, "1000M"), (22_610_000_000, "22.7G")]
        {
            assert_eq!(as_given(bytes), told);
        }
    }

    #[test]
    fn what_the_published_model_never_fits_into_is_found_before_it_is_loaded() {
        let architecture = Architecture::ZImageTurbo;
        let plans =
            Plans::synthetic(Synthetic { architecture, tokens: 64, weights: WeightForm::Bf16 });
        let plans = plans.unwrap();
        let bf16 = Precision::Exactly(ResolvedPrecision::Bf16);
        let size = plans.model().default_size;
        let needed = too_little(&plans, bf16, size, 4 * GB).unwrap();
        assert!((20 * GB..25 * GB).contains(&needed), "{needed}");
        assert_eq!(too_little(&plans, bf16, size, 30 * GB), None);
        // In int8, and one part after the other, it has room.
        assert!(too_little(&plans, Precision::Auto, size, 2 * GB).is_some());
        assert_eq!(too_little(&plans, Precision::Auto, size, 9 * GB), None);
    }
}
