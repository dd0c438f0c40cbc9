//! The request as jobs: nothing left open, one job a picture.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use zao_api::{Quality, Request, Rng, Steps};
use zao_engine::{AdapterId, Ask, Generator, Grid, Guidance, InvalidJob, Job, ModelInfo, Start};
use zao_weights::KnownModel;

use crate::size::quarters;

/// Steps for a model that nobody has published settings for: Z-Image-Turbo's, as for most of its kin.
const STEPS: u32 = 8;

/// The request with the model's own steps and guidance where it asks for none, and what to tell the user about the steps if the
/// prompt decided them.
#[must_use]
pub fn complete(request: Request, model: &ModelInfo) -> (Request, Option<String>) {
    let known = KnownModel::find(&model.name);
    let (steps, remark) = match request.steps {
        Some(Steps::Exactly(steps)) => (steps, None),
        Some(Steps::Auto) => {
            let (steps, remark) = advised_steps(&request.prompt, model);
            (steps, Some(remark))
        }
        None => (usual_steps(model), None),
    };
    let guidance = request.guidance.or(known.map(|known| known.guidance));
    (Request { steps: Some(steps.into()), guidance, ..request }, remark)
}

/// The steps that `model` takes where nobody says how many.
#[must_use]
pub fn usual_steps(model: &ModelInfo) -> u32 {
    KnownModel::find(&model.name).map_or(STEPS, |known| known.steps)
}

/// The steps of a quality where it is asked for as a whole, size and steps: the model's own, in the proportion in which its sides are.
#[must_use]
pub fn tier_steps(quality: Quality, model: &ModelInfo) -> u32 {
    let (own, quarters) = (usual_steps(model), quarters(quality));
    ((own * quarters + 2) / 4).max(1)
}

/// The steps that `prompt` suggests, in proportion to those that `model` usually takes, and what to tell the user about
/// it.
#[must_use]
pub fn advised_steps(prompt: &str, model: &ModelInfo) -> (u32, String) {
    let advice = zao_prompt::advise(prompt);
    let own = usual_steps(model);
    // The advice is for a model of 8 steps.
    let steps = (own * advice.steps + STEPS / 2) / STEPS;
    let reason = advice.reason;
    (steps, format!("drawing in {steps} steps of usually {own}: {reason}"))
}

/// The seed of each picture of a request: counting up from the asked one, or from a random one below 2^32, which is short
/// enough to type again.
#[must_use]
pub fn seeds(request: &Request) -> Vec<u64> {
    let first = request.seed.unwrap_or_else(random_seed);
    (0..u64::from(request.count.unwrap_or(1))).map(|i| first.wrapping_add(i)).collect()
}

/// The job of one picture of a request that is [`complete`], with this seed and size, which follows `adapters`.
///
/// # Errors
/// The first thing that is not possible.
pub fn job(
    request: &Request,
    seed: u64,
    size: Grid,
    start: Option<&Start>,
    adapters: &[(AdapterId, f32)],
    model: &ModelInfo,
) -> Result<Job, InvalidJob> {
    let guidance = Guidance {
        scale: request.guidance.unwrap_or(Guidance::OFF.scale),
        normalization: request.cfg_normalization.unwrap_or(Guidance::OFF.normalization),
        truncation: request.cfg_truncation.unwrap_or(Guidance::OFF.truncation),
    };
    let ask = Ask {
        prompt: request.prompt.clone(),
        negative: request.negative_prompt.clone().unwrap_or_default(),
        width: size.width,
        height: size.height,
        steps: request.steps.and_then(Steps::number).unwrap_or(STEPS) as usize,
        guidance,
        seed,
        generator: match request.rng.unwrap_or_default() {
            Rng::TorchCpu => Generator::TorchCpu,
            Rng::Nv => Generator::Nv,
        },
        start: start.cloned(),
    };
    Job::new(ask, model)?.following(adapters)
}

/// The standard library's hasher draws its keys from the system.
fn random_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_count_up_and_wrap_around() {
        let seeds = |seed, count| seeds(&Request { seed, count, ..Request::default() });
        assert_eq!(seeds(Some(7), None), [7]);
        assert_eq!(seeds(Some(u64::MAX), Some(3)), [u64::MAX, 0, 1]);
        let random = seeds(None, Some(2));
        assert!(random[0] < 1 << 32 && random[1] == random[0] + 1);
    }

    #[test]
    fn advised_steps_are_in_proportion_to_the_models_own() {
        let model = |name: &str| ModelInfo {
            name: name.into(),
            fingerprint: String::new(),
            size_multiple: 16,
            pixels_per_cell: 8,
            max_size: Grid::new(2048, 2048),
            default_size: Grid::new(256, 256),
            shift: 3.0,
        };
        for (name, steps) in [("demo", 7), ("z-image-turbo", 7), ("z-image", 44)] {
            assert_eq!(advised_steps("a cat", &model(name)).0, steps, "{name}");
            let asked = |asked: Option<Steps>| {
                let request =
                    Request { prompt: "a cat".into(), steps: asked, ..Request::default() };
                let (request, remark) = complete(request, &model(name));
                (request.steps.and_then(Steps::number), remark.is_some())
            };
            assert_eq!(asked(Some(Steps::Auto)), (Some(steps), true), "{name}");
            assert_eq!(asked(Some(3.into())), (Some(3), false), "{name}");
            assert_eq!(asked(None), (Some(usual_steps(&model(name))), false), "{name}");
        }
        for (name, steps) in [("z-image-turbo", [6, 8, 10]), ("z-image", [38, 50, 63])] {
            let tiers = [Quality::Draft, Quality::Standard, Quality::High];
            assert_eq!(tiers.map(|tier| tier_steps(tier, &model(name))), steps, "{name}");
        }
    }
}
