//! Noise levels of the flow-matching Euler solver, as `FlowMatchEulerDiscreteScheduler` gives them to
//! the Z-Image pipeline, computed in the same order and precision.

use crate::SchedulerConfig;

/// The noise levels of a run of `steps` forwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    sigmas: Vec<f32>,
    train_steps: f32,
}

impl Schedule {
    /// The schedule of `steps` forwards for a picture of `image_tokens` patches.
    ///
    /// # Panics
    /// When `steps` is 0.
    #[must_use]
    pub fn new(config: &SchedulerConfig, steps: usize, image_tokens: usize) -> Self {
        assert!(steps > 0, "a schedule has at least one step");
        let mut sigmas = linspace(1.0, 1.0 / steps as f32, steps);
        for sigma in &mut sigmas {
            *sigma = config.shift.apply(*sigma, image_tokens);
        }
        let last = 1.0 - sigmas[steps - 1];
        // A single step begins and ends at pure noise: there is nothing to stretch.
        if let Some(terminal) = config.shift_terminal.filter(|_| last > 0.0) {
            let stretch = last / (1.0 - terminal);
            for sigma in &mut sigmas {
                *sigma = 1.0 - (1.0 - *sigma) / stretch;
            }
        }
        sigmas.push(0.0);
        Self { sigmas, train_steps: config.num_train_timesteps }
    }

    /// The schedule without its first `count` steps, as many as there are at most.
    #[must_use]
    pub fn without_first(mut self, count: usize) -> Self {
        self.sigmas.drain(..count.min(self.steps()));
        self
    }

    /// A latent at the noise level that step `step` begins at, or the last step ends at.
    ///
    /// # Panics
    /// When there is no such level, or the noise has not as many values as the latent.
    #[must_use]
    pub fn noised(&self, step: usize, latent: &[f32], noise: &[f32]) -> Vec<f32> {
        assert_eq!(latent.len(), noise.len(), "each value of a latent gets its noise");
        let sigma = self.sigmas[step];
        latent.iter().zip(noise).map(|(x, n)| sigma * n + (1.0 - sigma) * x).collect()
    }

    /// Number of forwards.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.sigmas.len() - 1
    }

    /// The noise levels: one for each step, then the last one's target.
    #[must_use]
    pub fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    /// The model's time of each step: 0 at pure noise, towards 1 at the picture.
    #[must_use]
    pub fn times(&self) -> Vec<f32> {
        let time = |&sigma: &f32| (self.train_steps - sigma * self.train_steps) / self.train_steps;
        self.sigmas[..self.steps()].iter().map(time).collect()
    }

    /// What the model's raw output is multiplied with in step `step`. The model predicts the way from
    /// the picture to the noise with the opposite sign, so this is positive.
    #[must_use]
    pub fn delta(&self, step: usize) -> f32 {
        -(self.sigmas[step + 1] - self.sigmas[step])
    }
}

/// How many of `steps` steps are left out when a picture is changed with this strength, from 0 to 1, as
/// diffusers' `get_timesteps` counts them. In `f64`, where it does: 10 steps of strength 0.6 leave out 4,
/// and in `f32` they would be 3.
#[must_use]
pub fn left_out(steps: usize, strength: f64) -> usize {
    let steps = steps as f64;
    (steps - (steps * strength).min(steps)).max(0.0) as usize
}

/// `torch.linspace`: from both ends towards the middle, in `f32`, each product and sum rounded once.
fn linspace(start: f32, end: f32, count: usize) -> Vec<f32> {
    if count == 1 {
        return vec![start];
    }
    let step = (end - start) / (count - 1) as f32;
    let value = |i: usize| {
        if i < count / 2 {
            step.mul_add(i as f32, start)
        } else {
            (-step).mul_add((count - 1 - i) as f32, end)
        }
    };
    (0..count).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_steps_of_shift_three() {
        let schedule = Schedule::new(&SchedulerConfig::default(), 8, 4096);
        let expected = [1.0, 0.954_545, 0.9, 0.833_333, 0.75, 0.642_857, 0.5, 0.3, 0.0];
        for (got, want) in schedule.sigmas().iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{got} is not {want}");
        }
        assert_eq!(schedule.times()[0], 0.0);
        assert!((0..8).all(|i| schedule.delta(i) > 0.0));
    }

    #[test]
    fn strength_cuts_the_schedule_as_in_python() {
        for (steps, strength, expected) in [
            (8, 1.0, 0),
            (8, 0.6, 3),
            (10, 0.6, 4),
            (10, 0.7, 3),
            (10, 0.3, 7),
            (50, 0.02, 49),
            (8, 0.1, 7),
            (8, 0.0, 8),
        ] {
            assert_eq!(left_out(steps, strength), expected, "{steps} {strength}");
        }
        let whole = Schedule::new(&SchedulerConfig::default(), 8, 4096);
        let cut = whole.clone().without_first(3);
        assert_eq!((cut.steps(), cut.sigmas()), (5, &whole.sigmas()[3..]));
        assert_eq!(cut.delta(0), whole.delta(3));
        assert_eq!(cut.without_first(99).sigmas(), [0.0]);
    }

    #[test]
    fn noise_is_mixed_in_by_its_level() {
        let schedule = Schedule::new(&SchedulerConfig::default(), 8, 4096);
        assert_eq!(schedule.noised(0, &[4.0], &[-1.0]), [-1.0]);
        assert_eq!(schedule.noised(6, &[4.0], &[-1.0]), [1.5]);
        assert_eq!(schedule.noised(8, &[4.0], &[-1.0]), [4.0]);
    }

    #[test]
    fn a_single_step_has_nothing_to_stretch() {
        let config = SchedulerConfig { shift_terminal: Some(0.1), ..Default::default() };
        assert_eq!(Schedule::new(&config, 1, 4096).sigmas(), [1.0, 0.0]);
    }
}
