//! Reading prompts beside the device that draws: the text encoder on a device of its own, which is opened when the first
//! prompt is there. Where prompts are read is decided in `reads.rs`.

use zao_backend::prelude::*;
use zao_backend::{Description, Plan, Planner, Policy, Shape};
use zao_model::text::TextEncoder;

use crate::Result;
use crate::devices::Target;
use crate::model::ModelFiles;
use crate::parts::{self, Piece};
use crate::watch::Watch;

/// What the text encoder says of a prompt, in main memory: `[tokens, width]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct States {
    pub(crate) tokens: usize,
    pub(crate) values: Vec<f32>,
}

impl States {
    /// What `features`, `[tokens, width]`, are on the device.
    pub(crate) fn of<B: Backend>(b: &B, features: &Tensor<B>) -> Result<Self> {
        Ok(Self { tokens: features.rows(), values: b.read(features)? })
    }

    /// The same on the device, in the element type that a text encoder there would give them: they were widened from
    /// that, or rounded to it only now.
    pub(crate) fn upload<B: Backend>(&self, b: &B) -> Result<Tensor<B>> {
        let width = self.values.len() / self.tokens.max(1);
        let mut features = b.no_rows(Shape::new(self.tokens, width))?;
        b.write(&mut features, &self.values)?;
        Ok(features)
    }
}

/// Reads prompts where the caller does not compute.
pub(crate) trait ReadsPrompts {
    /// The states of each prompt.
    fn states(&self, prompts: &[&[u32]]) -> Result<Vec<States>>;
}

/// Who reads prompts for a device.
pub(crate) enum Reader<'a, B: Backend> {
    /// The device itself.
    Own(&'a TextEncoder<B>),
    /// Somebody beside it.
    Aside(&'a dyn ReadsPrompts),
}

impl<B: Backend> Reader<'_, B> {
    /// Caption features of each prompt on the device: `[tokens, hidden_size]` each.
    pub(crate) fn features(&self, b: &B, prompts: &[&[u32]]) -> Result<Vec<Tensor<B>>> {
        let aside = match self {
            Self::Own(encoder) => return Ok(encoder.encode(b, prompts)?),
            Self::Aside(aside) => aside,
        };
        aside.states(prompts)?.iter().map(|states| states.upload(b)).collect()
    }
}

/// Says nothing of any prompt, in as many numbers: for rehearsals.
pub(crate) struct Unread {
    /// Numbers a token.
    pub(crate) width: usize,
}

impl ReadsPrompts for Unread {
    fn states(&self, prompts: &[&[u32]]) -> Result<Vec<States>> {
        let of =
            |ids: &&[u32]| States { tokens: ids.len(), values: vec![0.0; ids.len() * self.width] };
        Ok(prompts.iter().map(of).collect())
    }
}

/// A text encoder beside the device that draws.
pub(crate) trait Aside: ReadsPrompts {
    /// Whether its weights are in memory.
    fn is_loaded(&self) -> bool;

    /// Takes the weights in unless they are there.
    fn load(&mut self, model: &ModelFiles, watch: &mut Watch<'_>) -> Result<()>;

    /// Drops the weights.
    fn unload(&mut self);

    /// Gives everything back, for a while without prompts.
    fn rest(&mut self);

    /// The device, which is opened for it.
    fn describe(&mut self) -> Result<Description>;
}

/// A device that is opened when it is needed, and the text encoder on it.
pub(crate) struct OnDevice<A: Backend, F> {
    /// It goes before its device. Beside it the same without weights, to know what a prompt will take.
    encoder: Option<(TextEncoder<A>, TextEncoder<Planner>)>,
    device: Option<A>,
    open: F,
    target: Target,
}

impl<A: Backend, F: Fn() -> Result<A>> OnDevice<A, F> {
    /// On a device of the kind of `target`, which `open` makes.
    pub(crate) fn new(target: Target, open: F) -> Self {
        Self { encoder: None, device: None, open, target }
    }

    fn device(&mut self) -> Result<&A> {
        if self.device.is_none() {
            self.device = Some((self.open)()?);
        }
        Ok(self.device.as_ref().expect("it was just opened"))
    }
}

impl<A: Backend, F: Fn() -> Result<A>> ReadsPrompts for OnDevice<A, F> {
    fn states(&self, prompts: &[&[u32]]) -> Result<Vec<States>> {
        let (Some(device), Some((encoder, hollow))) = (&self.device, &self.encoder) else {
            return Ok(Vec::new());
        };
        device.reserve(rehearse(hollow, &Planner::new(device.policy()), prompts)?)?;
        let features = encoder.encode(device, prompts)?;
        let states = features.iter().map(|features| States::of(device, features)).collect();
        // Reading a prompt takes little beside its weights, but nobody knows when the next one comes.
        device.release();
        states
    }
}

impl<A: Backend, F: Fn() -> Result<A>> Aside for OnDevice<A, F> {
    fn is_loaded(&self) -> bool {
        self.encoder.is_some()
    }

    fn load(&mut self, model: &ModelFiles, watch: &mut Watch<'_>) -> Result<()> {
        if self.encoder.is_some() {
            return Ok(());
        }
        let target = self.target;
        let weights = model.piece(Piece::TextEncoder);
        let device = self.device()?;
        let encoder = parts::take_in(device, weights, target, watch, |device, files| {
            TextEncoder::load(device, files, &model.text)
        })?;
        let hollow = hollow(model, &Planner::new(device.policy()))?;
        self.encoder = Some((encoder, hollow));
        Ok(())
    }

    fn unload(&mut self) {
        self.encoder = None;
    }

    fn rest(&mut self) {
        self.encoder = None;
        self.device = None;
    }

    fn describe(&mut self) -> Result<Description> {
        Ok(self.device()?.describe())
    }
}

/// What reading `prompts` at once takes beside the weights.
pub(crate) fn plan(model: &ModelFiles, policy: Policy, prompts: &[&[u32]]) -> Result<Plan> {
    let planner = Planner::new(policy);
    rehearse(&hollow(model, &planner)?, &planner, prompts)
}

fn hollow(model: &ModelFiles, planner: &Planner) -> Result<TextEncoder<Planner>> {
    Ok(TextEncoder::load(planner, &model.outline(Piece::TextEncoder), &model.text)?)
}

fn rehearse(encoder: &TextEncoder<Planner>, planner: &Planner, prompts: &[&[u32]]) -> Result<Plan> {
    drop(encoder.encode(planner, prompts)?);
    Ok(planner.plan())
}
