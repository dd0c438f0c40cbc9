//! Cases of the operations on latents.

use super::bench::{Bench, Reader, Scenario, agree, agree_all};
use super::compare::Bound;
use super::{Outcome, random};
use crate::op::LatentOps;
use crate::{Backend, Element, Grid, Policy, Result};

/// A latent cut into tokens.
#[derive(Debug)]
struct Cut {
    channels: usize,
    grid: Grid,
    patch: usize,
    /// Zero rows after the patches.
    pads: usize,
    reader: Reader,
}

impl Scenario for Cut {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let count = self.channels * self.grid.area();
        let latent = bench.table(self.channels, &random::values(1, count))?;
        let rows = self.grid.over(self.patch).area() + self.pads;
        let width = self.patch * self.patch * self.channels;
        let feeds = bench.reader(self.reader, width)?;
        bench.poison_for(self.reader, rows * width)?;
        let backend = bench.backend;
        backend.read(&backend.patchify(&latent, self.grid, self.patch, rows, feeds.as_ref())?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        Bound::moved(self.reader.element(policy))
    }
}

/// A latent put together from tokens.
#[derive(Debug)]
struct Join {
    channels: usize,
    grid: Grid,
    patch: usize,
    first_row: usize,
}

impl Scenario for Join {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let rows = self.first_row + self.grid.over(self.patch).area() + 3;
        let width = self.patch * self.patch * self.channels;
        let x = bench.activation(rows, &random::values(1, rows * width))?;
        bench.poison(self.channels * self.grid.area(), Element::F32)?;
        let backend = bench.backend;
        backend.read(&backend.unpatchify(&x, self.first_row, self.grid, self.patch)?)
    }

    fn bound(&self, _policy: Policy) -> Bound {
        Bound::EXACT
    }
}

/// Side of a patch and extents it divides.
const GRIDS: [(usize, Grid); 5] = [
    (1, Grid::new(1, 1)),
    (1, Grid::new(5, 7)),
    (2, Grid::new(2, 2)),
    (2, Grid::new(6, 14)),
    (2, Grid::new(16, 24)),
];

/// Patches of one and four cells, with pad rows, from one channel to sixteen.
pub fn patchify_grids<B: Backend>(backend: &B) -> Outcome {
    for (patch, grid) in GRIDS {
        for channels in [1, 3, 16] {
            for pads in [0, 1, 31] {
                let cut = |reader| Cut { channels, grid, patch, pads, reader };
                agree_all(backend, Reader::ALL.map(cut))?;
            }
        }
    }
    Ok(())
}

/// Latents from the rows of one segment among others.
pub fn unpatchify_grids<B: Backend>(backend: &B) -> Outcome {
    for (patch, grid) in GRIDS {
        for channels in [1, 3, 16] {
            let join = |first_row| Join { channels, grid, patch, first_row };
            agree_all(backend, [0, 1, 32].map(join))?;
        }
    }
    Ok(())
}

/// The operations that change every element by itself.
#[derive(Debug)]
enum Change {
    Euler { delta: f32 },
    Combine { guidance: f32, limit: f32 },
    ToImage { scale: f32, shift: f32 },
}

/// One of them on a latent.
#[derive(Debug)]
struct Changed {
    channels: usize,
    cells: usize,
    change: Change,
}

impl Scenario for Changed {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let backend = bench.backend;
        let count = self.channels * self.cells;
        let latent = |seed| bench.table(self.channels, &random::values(seed, count));
        let mut a = latent(1)?;
        let b = latent(2)?;
        let out = match self.change {
            Change::Euler { delta } => {
                backend.euler_step(&mut a, &b, delta)?;
                a
            }
            Change::Combine { guidance, limit } => {
                bench.poison(count, Element::F32)?;
                backend.cfg_combine(&a, &b, guidance, limit)?
            }
            Change::ToImage { scale, shift } => {
                bench.poison_for(Reader::None, count)?;
                backend.latent_to_image(&a, scale, shift)?
            }
        };
        backend.read(&out)
    }

    fn bound(&self, policy: Policy) -> Bound {
        match self.change {
            Change::Euler { .. } => Bound::sum(1, Element::F32),
            // The norms are sums over the whole tensor.
            Change::Combine { .. } => Bound::sum(self.channels * self.cells, Element::F32),
            Change::ToImage { .. } => Bound::sum(1, policy.activation),
        }
    }
}

/// Channels and cells of latents.
const LATENTS: [(usize, usize); 4] = [(1, 1), (3, 35), (16, 33), (16, 384)];

/// Steps in either direction and none.
pub fn euler_step_deltas<B: Backend>(backend: &B) -> Outcome {
    for (channels, cells) in LATENTS {
        let changed = |delta| Changed { channels, cells, change: Change::Euler { delta } };
        agree_all(backend, [-0.125, 0.0, 0.3].map(changed))?;
    }
    Ok(())
}

/// Guidance off and on, with a limit that binds, one that does not, and none.
pub fn cfg_combine_limits<B: Backend>(backend: &B) -> Outcome {
    for (channels, cells) in LATENTS {
        for (guidance, limit) in [(0.0, 0.0), (0.0, 0.5), (3.5, 0.0), (3.5, 1.0), (3.5, 100.0)] {
            let change = Change::Combine { guidance, limit };
            agree(backend, &Changed { channels, cells, change })?;
        }
    }
    Ok(())
}

/// The published autoencoder's factors.
pub fn latent_to_image_factors<B: Backend>(backend: &B) -> Outcome {
    for (channels, cells) in LATENTS {
        let change = Change::ToImage { scale: 0.3611, shift: 0.1159 };
        agree(backend, &Changed { channels, cells, change })?;
    }
    Ok(())
}
