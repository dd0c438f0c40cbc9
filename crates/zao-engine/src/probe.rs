//! Whether a device still computes: values go to it, one kernel runs, and what comes back is compared with what is known to be right.
//! Nothing of a model takes part, so it says nothing of weights, and nothing is kept.

use zao_backend::prelude::*;
use zao_backend::{Error, Plan, Planner, Result, Shape};

/// Rows and their width: enough for several blocks of threads, little enough to take no time.
const SHAPE: Shape = Shape::new(64, 256);

/// Far above what rounding to bf16 costs, far below what a wrong answer is off by.
const TOLERANCE: f32 = 0.02;

/// What a probe takes of the regions of a device like this one.
pub(crate) fn plan<B: Backend>(backend: &B) -> Result<Plan> {
    let planner = Planner::new(backend.policy());
    computed(&planner)?;
    Ok(planner.plan())
}

/// Has the device compute, and waits for it. The regions have to have room for [`plan`].
///
/// # Errors
/// Those of the device; [`Error::Device`] where it computes something else than is right.
pub(crate) fn check<B: Backend>(backend: &B) -> Result<()> {
    let found = computed(backend)?;
    let right = |at: usize| sign(at) * scale(at % SHAPE.width);
    let is_off = |at: &usize| {
        let off = (found[*at] - right(*at)).abs();
        // No number at all is off as well.
        off.is_nan() || off > TOLERANCE * scale(*at % SHAPE.width)
    };
    match (0..SHAPE.len()).find(is_off) {
        None => Ok(()),
        Some(at) => {
            let (wrong, right) = (found[at], right(at));
            let message = format!("it computed {wrong} where {right} is right");
            Err(Error::Device { op: "probe", device: backend.describe().device, message })
        }
    }
}

/// Norms of rows whose every value is as far from zero as the row is long, so that they come out as signs times scales.
fn computed<B: Backend>(backend: &B) -> Result<Vec<f32>> {
    let value = |at: usize| sign(at) * (1 + at / SHAPE.width) as f32;
    let values: Vec<f32> = (0..SHAPE.len()).map(value).collect();
    let scales: Vec<f32> = (0..SHAPE.width).map(scale).collect();
    let rows = backend.upload(SHAPE, &values, Region::Step)?;
    let scales = backend.upload(Shape::new(1, SHAPE.width), &scales, Region::Step)?;
    let normed = backend.rms_norm(&rows, &scales, 1e-6, None, None)?;
    backend.wait()?;
    backend.read(&normed)
}

fn sign(at: usize) -> f32 {
    if at.is_multiple_of(3) { -1.0 } else { 1.0 }
}

fn scale(column: usize) -> f32 {
    [0.5, 1.0, 2.0, 4.0][column % 4]
}

#[cfg(test)]
mod tests {
    use zao_backend::Scalar;

    use super::*;

    #[test]
    fn a_device_that_computes_passes_and_one_that_answers_nothing_does_not() {
        assert_eq!(check(&Scalar), Ok(()));
        let planner = Planner::new(zao_backend::Policy::F32);
        let wrong = check(&planner).unwrap_err();
        assert!(matches!(&wrong, Error::Device { op: "probe", .. }), "{wrong}");
        assert!(wrong.to_string().contains("computed 0 where -0.5 is right"), "{wrong}");
        let plan = plan(&planner).unwrap();
        assert!(plan.job == 0 && (128 << 10..512 << 10).contains(&plan.step), "{plan:?}");
    }
}
