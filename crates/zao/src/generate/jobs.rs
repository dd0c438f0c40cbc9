//! The request as jobs: nothing left open, one job a picture.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use zao_api::{Request, Rng};
use zao_engine::{AdapterId, Ask, Generator, Grid, Guidance, InvalidJob, Job, ModelInfo, Start};
use zao_weights::KnownModel;

/// Steps for a model that nobody has published settings for: Z-Image-Turbo's, as for most of its kin.
const STEPS: u32 = 8;

/// The request with the model's own steps and guidance where it asks for none.
pub(super) fn complete(request: Request, model: &ModelInfo) -> Request {
    let known = KnownModel::find(&model.name);
    Request {
        steps: request.steps.or(Some(known.map_or(STEPS, |known| known.steps))),
        guidance: request.guidance.or(known.map(|known| known.guidance)),
        ..request
    }
}

/// The jobs of a request for pictures of `size`, which follow `adapters`, with seeds counting up from the asked one
/// or from a random one.
pub(super) fn of(
    request: &Request,
    size: Grid,
    start: Option<&Start>,
    adapters: &[(AdapterId, f32)],
    model: &ModelInfo,
) -> Result<Vec<Job>, InvalidJob> {
    let first_seed = request.seed.unwrap_or_else(random_seed);
    let guidance = Guidance {
        scale: request.guidance.unwrap_or(Guidance::OFF.scale),
        normalization: request.cfg_normalization.unwrap_or(Guidance::OFF.normalization),
        truncation: request.cfg_truncation.unwrap_or(Guidance::OFF.truncation),
    };
    let jobs = (0..u64::from(request.count.unwrap_or(1))).map(|i| {
        let ask = Ask {
            prompt: request.prompt.clone(),
            negative: request.negative_prompt.clone().unwrap_or_default(),
            width: size.width,
            height: size.height,
            steps: request.steps.unwrap_or(STEPS) as usize,
            guidance,
            seed: first_seed.wrapping_add(i),
            generator: match request.rng.unwrap_or_default() {
                Rng::TorchCpu => Generator::TorchCpu,
                Rng::Nv => Generator::Nv,
            },
            start: start.cloned(),
        };
        Job::new(ask, model)?.following(adapters)
    });
    jobs.collect()
}

/// A seed short enough to type again. The standard library's hasher draws its keys from the system.
fn random_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 32
}
