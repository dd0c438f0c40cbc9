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
    fn a_single_step_has_nothing_to_stretch() {
        let config = SchedulerConfig { shift_terminal: Some(0.1), ..Default::default() };
        assert_eq!(Schedule::new(&config, 1, 4096).sigmas(), [1.0, 0.0]);
    }
}
