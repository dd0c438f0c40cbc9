//! The noise a picture starts from: the same numbers for the same seed on every machine.

mod mt19937;
mod nv;
mod torch_cpu;

/// Which generator draws the noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// What `torch.randn` gives on a CPU: diffusers with a CPU generator, ComfyUI.
    TorchCpu,
    /// What `torch.randn` gives on an NVIDIA GPU as long as every element has a thread of its own:
    /// the "NV" generator of web interfaces.
    Nv,
}

/// A generator that goes on where it stopped, as one `torch.Generator` does in several calls.
#[derive(Debug)]
pub struct Source(Kind);

#[derive(Debug)]
enum Kind {
    TorchCpu(Box<torch_cpu::TorchCpu>),
    Nv(nv::Nv),
}

impl Source {
    /// The generator as it is after seeding.
    #[must_use]
    pub fn new(generator: Generator, seed: u64) -> Self {
        Self(match generator {
            Generator::TorchCpu => Kind::TorchCpu(Box::new(torch_cpu::TorchCpu::new(seed))),
            Generator::Nv => Kind::Nv(nv::Nv::new(seed)),
        })
    }

    /// What the next `torch.randn` of `count` values gives.
    pub fn normal(&mut self, count: usize) -> Vec<f32> {
        match &mut self.0 {
            Kind::TorchCpu(generator) => generator.normal(count),
            Kind::Nv(generator) => generator.normal(count),
        }
    }
}

/// `count` values of the standard normal distribution.
#[must_use]
pub fn normal(generator: Generator, seed: u64, count: usize) -> Vec<f32> {
    Source::new(generator, seed).normal(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generators_are_normal() {
        for generator in [Generator::TorchCpu, Generator::Nv] {
            let values = normal(generator, 1, 100_000);
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
            let var = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / 1e5;
            assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.02, "{generator:?} {mean} {var}");
            assert_ne!(values[..16], normal(generator, 2, 16)[..]);
            let mut source = Source::new(generator, 1);
            let first = source.normal(16);
            assert_ne!(first, source.normal(16), "a second call gives other values");
        }
    }
}
