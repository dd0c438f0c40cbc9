//! Cases of memory: plans that fit, refusals that are values, tensors that keep to themselves.

use super::bench::{Bench, ROOM, Scenario};
use super::compare::{Bound, compare, same_bits};
use super::random::{self, Random};
use super::{Failure, Outcome};
use crate::prelude::*;
use crate::{
    Arena, Dtype, Element, Error, Form, Matrix, Plan, Planner, Policy, Result, Role, Scalar, Shape,
};

/// A small run that keeps something between its steps: two layers of a feed-forward network.
#[derive(Debug)]
struct Episode;

impl Scenario for Episode {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        const WIDTH: usize = 70;
        let backend = bench.backend;
        let up = bench.weight(Role::SwiGlu, Dtype::F32, &[vec![341, WIDTH], vec![341, WIDTH]])?;
        let down = bench.weight(Role::Linear, Dtype::F32, &[vec![WIDTH, 341]])?;
        let norm = bench.vector(&random::values(3, WIDTH))?;
        let mut kept = Vec::new();
        for step in 0..2 {
            let mut x = bench.activation(33, &random::values(step, 33 * WIDTH))?;
            let normed = backend.rms_norm(&x, &norm, 1e-5, None, Some(&up))?;
            let hidden = backend.swiglu(&normed, &up, Some(&down))?;
            drop(normed);
            backend.linear_accumulate(&mut x, &hidden, &down, None)?;
            kept.push(backend.keep(&x)?);
        }
        let [first, second] = &kept[..] else { return Ok(Vec::new()) };
        backend.read(&backend.pack(&[(first, 0..33), (second, 0..33)])?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let layer = Bound::product(341, policy.linear_input, policy.activation);
        layer.plus(layer).plus(layer)
    }
}

impl Episode {
    /// The memory it needs on a device with this policy.
    fn plan(policy: Policy) -> Result<Plan> {
        let planner = Planner::new(policy);
        Self.run(&Bench { backend: &planner, inputs: policy })?;
        Ok(planner.plan())
    }

    /// Whether it runs, without reserving anything, and gives the right values.
    fn succeeds<B: Backend>(backend: &B) -> Outcome {
        let inputs = backend.policy();
        let failed = |source| Failure::refused("a run that was planned", source);
        let got = Self.run(&Bench { backend, inputs }).map_err(failed)?;
        let expected = Self.run(&Bench { backend: &Scalar, inputs })?;
        compare(&got, &expected, Self.bound(inputs))
            .map_err(|difference| Failure::differs("a run that was planned", difference))
    }
}

/// What a rehearsal on the planner counted is enough.
pub fn memory_rehearsed_run_fits<B: Backend>(backend: &B) -> Outcome {
    let plan = Episode::plan(backend.policy())?;
    backend.reserve(plan)?;
    Episode::succeeds(backend)?;
    Episode::succeeds(backend)
}

/// A run for which `region` is one allocation unit too small is refused as a value; afterwards more
/// can be reserved, and it succeeds.
fn shortage<B: Backend>(backend: &B, region: Region, reserved: Plan, needed: Plan) -> Outcome {
    backend.reserve(reserved)?;
    let outcome = Episode.run(&Bench { backend, inputs: backend.policy() });
    match outcome {
        Err(Error::OutOfMemory { region: refused, .. }) if refused == region => {}
        Ok(_) => return Err(accepted(format!("a run with {reserved:?} that needs {needed:?}"))),
        Err(source) => return Err(Failure::refused("a run that must be out of memory", source)),
    }
    backend.reserve(needed)?;
    Episode::succeeds(backend)
}

fn accepted(what: String) -> Failure {
    accepted_as(what, "an out-of-memory error")
}

fn accepted_as(what: String, expected: &'static str) -> Failure {
    Failure::Accepted { what, expected, got: "success".into() }
}

/// The unit in which memory is planned, in bytes: what arenas align to.
const UNIT: usize = Arena::ALIGNMENT;

/// The step region one unit too small.
pub fn memory_step_shortage_is_a_value<B: Backend>(backend: &B) -> Outcome {
    let needed = Episode::plan(backend.policy())?;
    shortage(backend, Region::Step, Plan { step: needed.step - UNIT, ..needed }, needed)
}

/// The job region one unit too small.
pub fn memory_job_shortage_is_a_value<B: Backend>(backend: &B) -> Outcome {
    let needed = Episode::plan(backend.policy())?;
    shortage(backend, Region::Job, Plan { job: needed.job - UNIT, ..needed }, needed)
}

/// Memory for one tensor serves many, one after the other.
pub fn memory_dropped_is_reused<B: Backend>(backend: &B) -> Outcome {
    let shape = Shape::new(16, 64);
    let bytes = shape.len() * Element::F32.size();
    backend.reserve(Plan { step: bytes, job: bytes })?;
    for region in [Region::Step, Region::Job] {
        for seed in 0..20 {
            let values = random::values(seed, shape.len());
            let tensor = backend.upload(shape, &values, region)?;
            same_bits(&backend.read(&tensor)?, &values).map_err(|d| {
                Failure::differs(format!("tensor {seed} in the {region} region"), d)
            })?;
            if backend.upload(Shape::new(1, 1), &[0.0], region).is_ok() {
                return Err(accepted(format!("a second tensor in a full {region} region")));
            }
        }
    }
    Ok(())
}

/// A request that no machine can serve is refused as a value in every region, and nothing is lost.
pub fn memory_absurd_requests_are_refused<B: Backend>(backend: &B) -> Outcome {
    backend.reserve(ROOM)?;
    for region in [Region::Step, Region::Job, Region::Model] {
        match backend.allocate(usize::MAX / 2, region) {
            Err(Error::OutOfMemory { .. }) => {}
            Err(source) => return Err(Failure::refused("half the address space", source)),
            Ok(_) => return Err(accepted(format!("half the address space, {region} region"))),
        }
    }
    Episode::succeeds(backend)
}

/// Tensors of all regions that come and go never write into each other.
pub fn memory_live_tensors_never_share<B: Backend>(backend: &B) -> Outcome {
    backend.reserve(ROOM)?;
    let mut random = Random::new(1);
    let mut live: Vec<(Tensor<B>, Vec<f32>)> = Vec::new();
    for seed in 0..300 {
        if live.len() > 12 {
            let (tensor, values) = live.swap_remove(random.below(12));
            same_bits(&backend.read(&tensor)?, &values)
                .map_err(|d| Failure::differs(format!("{tensor:?} among others"), d))?;
        }
        let region = [Region::Step, Region::Job, Region::Model][random.below(3)];
        let shape = Shape::new(1 + random.below(33), 1 + random.below(341));
        let values = random::values(seed, shape.len());
        live.push((backend.upload(shape, &values, region)?, values));
    }
    live.iter().try_for_each(|(tensor, values)| {
        same_bits(&backend.read(tensor)?, values)
            .map_err(|d| Failure::differs(format!("{tensor:?} at the end"), d))
    })
}

/// Neither a smaller reservation nor a release harms a live tensor; both work again without one.
pub fn memory_release_spares_live_tensors<B: Backend>(backend: &B) -> Outcome {
    backend.reserve(ROOM)?;
    let values = random::values(1, 33 * 70);
    let tensor = backend.upload(Shape::new(33, 70), &values, Region::Job)?;
    backend.reserve(Plan { step: UNIT, job: UNIT })?;
    backend.release();
    // A device may have given back the other region.
    backend.reserve(ROOM)?;
    Episode::succeeds(backend)?;
    same_bits(&backend.read(&tensor)?, &values)
        .map_err(|d| Failure::differs("a tensor that outlived a release", d))?;
    drop(tensor);
    backend.release();
    memory_rehearsed_run_fits(backend)
}

/// Writing another number of values than the tensor has is refused, not half done.
pub fn memory_write_checks_its_length<B: Backend>(backend: &B) -> Outcome {
    backend.reserve(ROOM)?;
    let values = random::values(2, 12);
    let mut tensor = backend.upload(Shape::new(3, 4), &values, Region::Job)?;
    for count in [0, 11, 13] {
        match backend.write(&mut tensor, &vec![0.0; count]) {
            Err(Error::Shape { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => {
                return Err(accepted_as(format!("writing {count} of 12 values"), "a shape error"));
            }
        }
    }
    same_bits(&backend.read(&tensor)?, &values)
        .map_err(|d| Failure::differs("a tensor after refused writes", d))
}

/// A weight of which only the shape is known is refused when it is loaded, by its name.
pub fn load_refuses_hollow_weights<B: Backend>(backend: &B) -> Outcome {
    let hollow = || Form::Hollow(vec![4, 4]);
    for (role, parts) in [(Role::Linear, 3), (Role::SwiGlu, 2), (Role::Table, 1), (Role::Conv, 1)] {
        let matrix = Matrix::new("layers.7.w", role, (0..parts).map(|_| hollow()).collect())?;
        let got = match Weight::load(backend, &matrix) {
            Err(Error::Unsupported { what, .. }) if what.contains("layers.7.w") => continue,
            Err(error) => error.to_string(),
            Ok(_) => "success".into(),
        };
        let what = format!("loading a {role:?} weight without values");
        return Err(Failure::Accepted { what, expected: "unsupported, with its name", got });
    }
    Ok(())
}
