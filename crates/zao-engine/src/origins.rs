//! The pictures that jobs begin with, as latents, and what of them stays while the rest is drawn.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_model::schedule::Schedule;
use zao_model::vae::{Encoder, Moments};

use crate::parts::{Piece, Supply};
use crate::run::Draws;
use crate::watch::Watch;
use crate::work::Work;
use crate::{Job, Picture, Result, Stage};

/// What a latent begins with besides noise.
pub(crate) struct Origin {
    /// The picture, `[channels, cells]`.
    latent: Vec<f32>,
    /// What is mixed into it, of the same size.
    noise: Vec<f32>,
    /// Which cells are drawn anew; `None` for all.
    redrawn: Option<Vec<bool>>,
}

/// The origins of `work`, in its order, `None` for what begins with noise alone. `draws` gives the
/// generator of a job.
pub(crate) fn origins<B: Backend>(
    b: &B,
    supply: &mut dyn Supply<B>,
    work: &[Work<'_>],
    draws: &dyn Fn(&Job) -> Draws,
    watch: &mut Watch<'_>,
) -> Result<Vec<Option<Origin>>> {
    if work.iter().all(|work| work.job.ask().start.is_none()) {
        return Ok(work.iter().map(|_| None).collect());
    }
    let encoder = supply.encoder(watch)?;
    watch.enter(Stage::Encode);
    let mut encoded = Encoded { b, encoder, of: Vec::new() };
    let mut origins = Vec::with_capacity(work.len());
    for Work { job, .. } in work {
        watch.check()?;
        let origin = |start: &crate::Start| -> Result<Origin> {
            let moments = encoded.moments(&start.picture)?;
            let mut draw = draws(job);
            // diffusers takes a sample, not the mean, and draws for it before it draws the noise.
            let sample = moments.sample(&draw(moments.mean.len()));
            Ok(Origin {
                latent: encoder.to_latent(&sample),
                noise: draw(sample.len()),
                redrawn: start.mask.as_deref().map(|mask| mask.cells(job.latent())),
            })
        };
        origins.push(job.ask().start.as_ref().map(origin).transpose()?);
    }
    supply.finished(Piece::Encoder);
    Ok(origins)
}

/// Pictures that went through the encoder; jobs with the same one share it.
struct Encoded<'a, B: Backend> {
    b: &'a B,
    encoder: &'a Encoder<B>,
    of: Vec<(Arc<Picture>, Arc<Moments>)>,
}

impl<B: Backend> Encoded<'_, B> {
    fn moments(&mut self, picture: &Arc<Picture>) -> Result<Arc<Moments>> {
        let same =
            |(other, _): &&(Arc<Picture>, _)| Arc::ptr_eq(other, picture) || other == picture;
        if let Some((_, moments)) = self.of.iter().find(same) {
            return Ok(Arc::clone(moments));
        }
        // To [0, 1] and then to [-1, 1], each rounded, as image processors do it.
        let value = |&byte: &u8| 2.0 * (f32::from(byte) / 255.0) - 1.0;
        let values: Vec<f32> = picture.rgb.iter().map(value).collect();
        let grid = Grid::new(picture.height, picture.width);
        let moments = Arc::new(self.encoder.encode(self.b, &values, grid)?);
        self.of.push((Arc::clone(picture), Arc::clone(&moments)));
        Ok(moments)
    }
}

impl Origin {
    /// The latent that `schedule` begins with.
    pub(crate) fn beginning(&self, schedule: &Schedule) -> Vec<f32> {
        schedule.noised(0, &self.latent, &self.noise)
    }

    /// Puts the picture back, as noisy as step `step` wants it, where `latent` is not drawn anew.
    pub(crate) fn restore<B: Backend>(
        &self,
        b: &B,
        latent: &mut Tensor<B>,
        schedule: &Schedule,
        step: usize,
    ) -> Result<()> {
        let Some(redrawn) = &self.redrawn else { return Ok(()) };
        // A latent is small and read by nobody else now: mixing it here costs less than the time a card needs
        // for the next forward to begin.
        let drawn = b.read(latent)?;
        let kept = schedule.noised(step, &self.latent, &self.noise);
        let cells = redrawn.iter().cycle();
        let mixed: Vec<f32> = drawn
            .iter()
            .zip(kept)
            .zip(cells)
            .map(|((&drawn, kept), &redrawn)| if redrawn { drawn } else { kept })
            .collect();
        Ok(b.write(latent, &mixed)?)
    }
}
