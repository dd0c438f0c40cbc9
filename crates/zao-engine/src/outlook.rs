//! What drawing with a model on this machine would be like: which device, in which precision, how large, how many at
//! once. It decides as [`crate::open`] and a run do, by the same code, but takes no device and loads nothing.

use std::borrow::Cow;

use zao_backend::{Grid, Plan};

use crate::devices::Found;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::Present;
use crate::planning::{Bounds, Planning, Terms};
use crate::precision::{Choice, choose, usual_picture};
use crate::reads;
use crate::watch::Watch;
use crate::work::Work;
use crate::{
    CancelToken, Device, Error, Job, MemoryPlan, ModelInfo, ModelSource, PrecisionReason,
    ResolvedPrecision, Result, Settings, Synthetic,
};

/// What drawing would be like.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The device that draws.
    pub device: Device,
    /// What it calls itself in sentences.
    pub device_name: String,
    /// Why a card that is there does not draw, as a part of a sentence.
    pub passed_over: Option<String>,
    /// The precision.
    pub precision: ResolvedPrecision,
    /// Why that one.
    pub reason: PrecisionReason,
    /// The size that is drawn when nobody asks for another.
    pub size: Grid,
    /// What a picture of that size takes, or why it is refused.
    pub picture: std::result::Result<MemoryPlan, String>,
    /// The largest square up to 5/4 of that size which is not refused.
    pub largest: Option<Grid>,
    /// How many pictures of that size, up to [`Outlook::MOST_TOGETHER`], are drawn at once.
    pub together: usize,
}

impl Outlook {
    /// More pictures at once are not asked about.
    pub const MOST_TOGETHER: usize = 8;
}

/// What drawing with the model at `source` would be like.
///
/// # Errors
/// Those of [`crate::open`].
pub fn outlook(source: impl Into<ModelSource>, settings: &Settings) -> Result<Outlook> {
    of_model(&ModelFiles::open(&source.into())?, settings)
}

/// What drawing with a model of this architecture would be like, without its files.
///
/// # Errors
/// A device that is not there.
pub fn outlook_synthetic(synthetic: Synthetic, settings: &Settings) -> Result<Outlook> {
    of_model(&ModelFiles::synthetic(synthetic)?, settings)
}

fn of_model(model: &ModelFiles, settings: &Settings) -> Result<Outlook> {
    let info = ModelInfo::of("model", model);
    let Choice { found, passed_over, precision, reason } = choose(settings, model, &info)?;
    let target = found.with(precision);
    let budget = Budget::of(settings, &found);
    let terms = Terms {
        target,
        policy: target.policy(),
        beside: found.beside_bytes(),
        budget,
        residency: settings.residency,
        reads: reads::choose(settings, model, &info, (&found, precision))?,
    };
    // What is free is asked once, so that all answers are about the same moment.
    let bounds = Bounds::of(budget, &found);
    let planning = Planning::new(terms, model, bounds);
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let watch = Watch::new(&events, &cancel, &mut deliver);
    // The most memory that is taken, and in how many batches.
    let foresee = |size, count| -> Result<(MemoryPlan, usize)> {
        let job = Job::new(usual_picture(size), &info)?;
        let work = vec![Work::new(model, Cow::Borrowed(&job), &watch)?; count];
        let batches = planning.batches(&work)?;
        let plan = planning.forecast(Present::default(), Plan::default(), &batches)?;
        Ok((plan, batches.len()))
    };
    let size = info.default_size;
    let picture = match foresee(size, 1) {
        Ok((plan, _)) => Ok(plan),
        Err(refusal @ Error::OutOfMemory { .. }) => Err(refusal.to_string()),
        Err(error) => return Err(error),
    };
    let largest =
        [5, 4, 3, 2].map(|it| info.quarters(it)).into_iter().find(|&size| foresee(size, 1).is_ok());
    let at_once = |&count: &usize| foresee(size, count).is_ok_and(|(_, batches)| batches == 1);
    let counts = [Outlook::MOST_TOGETHER, 4, 2, 1];
    let together = counts.into_iter().find(at_once).unwrap_or(0);
    let device = match &found {
        Found::Cpu => Device::Cpu,
        Found::Cuda(_, ordinal) => Device::Cuda(*ordinal),
    };
    let device_name = found.name().to_owned();
    Ok(Outlook {
        device,
        device_name,
        passed_over,
        precision,
        reason,
        size,
        picture,
        largest,
        together,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WeightForm;
    use crate::{Architecture, Precision, Residency};

    const GB: u64 = 1_000_000_000;

    fn seen(limit: u64, precision: Precision) -> Outlook {
        let synthetic = Synthetic {
            architecture: Architecture::ZImageTurbo,
            tokens: 64,
            weights: WeightForm::Bf16,
        };
        let settings = Settings {
            device: Device::Cpu,
            precision,
            memory_limit: Some(limit),
            residency: Residency::InTurn,
            ..Settings::default()
        };
        outlook_synthetic(synthetic, &settings).unwrap()
    }

    #[test]
    fn more_memory_is_never_worse() {
        let area = |outlook: &Outlook| outlook.largest.map_or(0, Grid::area);
        let int8 = Precision::Exactly(ResolvedPrecision::Int8);
        let seen: Vec<_> = [4, 8, 10, 12, 64].map(|gb| seen(gb * GB, int8)).into_iter().collect();
        assert!(seen.iter().is_sorted_by_key(|it| (area(it), it.together)), "{seen:?}");
        let refusal = seen[0].picture.as_ref().unwrap_err();
        assert!(seen[0].largest.is_none() && refusal.contains("weights alone"), "{refusal}");
        let most = &seen[4];
        assert_eq!((area(most), most.together), (1280 * 1280, Outlook::MOST_TOGETHER));
        for (outlook, gb) in seen.iter().zip([4, 8, 10, 12, 64]) {
            assert!(outlook.picture.as_ref().is_ok_and(|plan| plan.total() <= gb * GB) || gb < 8);
        }
    }

    #[test]
    fn it_decides_as_a_run_does() {
        let seen = [9, 40].map(|gb| seen(gb * GB, Precision::Auto));
        assert_eq!(seen.map(|it| it.precision), [ResolvedPrecision::Int8, ResolvedPrecision::Bf16]);
    }
}
