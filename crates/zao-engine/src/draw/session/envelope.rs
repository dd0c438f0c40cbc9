//! Pictures that are planned alike: an envelope is as large as the largest of them in everything that takes memory, and
//! whatever it holds fits where it was planned for. So nobody who joins has to be rehearsed, and a rehearsal of the same
//! envelope is not repeated. Pictures that begin with others, or are decoded in bands, are not planned this way.

#[cfg(test)]
mod turnover;

use std::borrow::Cow;
use std::collections::HashMap;

use zao_backend::{Grid, Plan};
use zao_model::vae::Thrift;

use crate::AdapterId;
use crate::model::ModelFiles;
use crate::planning::Planning;
use crate::rehearsal::rehearse_joining;
use crate::work::Work;

/// Prompts are planned as if they had a multiple of so many tokens, so that most are planned alike.
const PROMPT: usize = 64;

/// So many rehearsals are remembered; a server is seldom asked for more kinds of pictures.
const MOST: usize = 256;

/// What takes memory in pictures of one kind, at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Envelope {
    latent: Grid,
    pixels: Grid,
    steps: usize,
    positive: usize,
    /// Of guided ones.
    negative: Option<usize>,
    /// With the bits of their scales.
    adapters: Vec<(AdapterId, u32)>,
}

/// Rehearsals that were done, by envelope and number of pictures.
#[derive(Debug, Default)]
pub(in crate::draw) struct Rehearsed(HashMap<(Envelope, usize), Plan>);

impl Envelope {
    /// Of this picture alone.
    fn of(work: &Work<'_>) -> Option<Self> {
        let (job, ask) = (&work.job, work.job.ask());
        if ask.start.is_some() || work.thrift != Thrift::NONE {
            return None;
        }
        let padded = |ids: &Vec<u32>| ids.len().next_multiple_of(PROMPT);
        Some(Self {
            latent: job.latent(),
            pixels: Grid::new(ask.height, ask.width),
            steps: ask.steps,
            positive: padded(&work.positive),
            negative: work.negative.as_ref().map(padded),
            adapters: job.adapters().iter().map(|(id, scale)| (*id, scale.to_bits())).collect(),
        })
    }

    /// The smallest that holds both, if they are of one kind.
    fn with(self, other: &Self) -> Option<Self> {
        let alike =
            self.negative.is_some() == other.negative.is_some() && self.adapters == other.adapters;
        alike.then(|| Self {
            latent: larger(self.latent, other.latent),
            pixels: larger(self.pixels, other.pixels),
            steps: self.steps.max(other.steps),
            positive: self.positive.max(other.positive),
            negative: self.negative.max(other.negative),
            adapters: self.adapters,
        })
    }

    /// The smallest that holds all of `work`, if these are of one kind.
    pub(super) fn around(work: &[Work<'_>]) -> Option<Self> {
        let (first, others) = work.split_first()?;
        others.iter().try_fold(Self::of(first)?, |all, other| all.with(&Self::of(other)?))
    }

    /// Whether this picture takes no more in anything.
    pub(super) fn holds(&self, work: &Work<'_>) -> bool {
        let both = Self::of(work).and_then(|other| self.clone().with(&other));
        both.as_ref() == Some(self)
    }

    /// `count` pictures as large as this, each with prompts of its own; in everything else like `one`.
    pub(super) fn filled(&self, one: &Work<'_>, count: usize) -> Vec<Work<'static>> {
        let job = one.job.resized(self.pixels).with_steps(self.steps);
        // Ids are not looked at, but equal prompts would be planned as one.
        let ids = |nth: usize, tokens: usize| vec![nth as u32; tokens];
        let one = |nth: usize| Work {
            job: Cow::Owned(job.clone()),
            positive: ids(2 * nth, self.positive),
            negative: self.negative.map(|tokens| ids(2 * nth + 1, tokens)),
            thrift: Thrift::NONE,
        };
        (0..count).map(one).collect()
    }
}

fn larger(a: Grid, b: Grid) -> Grid {
    Grid::new(a.height.max(b.height), a.width.max(b.width))
}

impl Rehearsed {
    /// What `count` pictures like `one` in the envelope `of` take; `None` where so large ones cannot be drawn.
    pub(super) fn plan(
        &mut self,
        planning: &Planning<'_>,
        model: &ModelFiles,
        (of, one): (&Envelope, &Work<'_>),
        count: usize,
    ) -> Option<Plan> {
        if let Some((_, plan)) = self.0.get_key_value(&(of.clone(), count)) {
            return Some(*plan);
        }
        let plan = rehearse_joining(model, planning.actor(), &of.filled(one, count)).ok()?;
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert((of.clone(), count), plan);
        Some(plan)
    }

    /// Forgets all: the model will be loaded otherwise.
    pub(in crate::draw) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zao_model::guidance::Guidance;
    use zao_weights::Source;

    use super::*;
    use crate::precision::usual_picture;
    use crate::watch::Watch;
    use crate::{Ask, CancelToken, Job, ModelInfo};

    #[test]
    fn an_envelope_holds_what_it_was_made_of_and_what_is_smaller_in_everything() {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../zao-model/tests/goldens/tiny-a");
        let model = ModelFiles::open(&Source::Folder(folder).into()).unwrap();
        let info = ModelInfo::of("test", &model);
        let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
        let watch = Watch::new(&events, &cancel, &mut deliver);
        let work = |height, width, steps, scale: f32| {
            let guidance = Guidance { scale, ..Guidance::OFF };
            let ask = Ask { steps, guidance, ..usual_picture(Grid::new(height, width)) };
            let job = Job::new(ask, &info).unwrap();
            Work::new(&model, Cow::Owned(job), &watch).unwrap()
        };
        let (wide, tall) = (work(16, 64, 2, 0.0), work(64, 16, 3, 0.0));
        let both = Envelope::around(&[wide.clone(), tall.clone()]).unwrap();
        assert!(both.holds(&wide) && both.holds(&tall) && both.holds(&work(64, 64, 3, 0.0)));
        for larger in [work(16, 68, 2, 0.0), work(16, 16, 4, 0.0), work(16, 16, 1, 2.0)] {
            assert!(!both.holds(&larger));
        }
        assert_eq!(Envelope::around(&[wide.clone(), work(16, 16, 2, 2.0)]), None, "other kinds");
        let filled = both.filled(&wide, 3);
        assert_eq!(filled.len(), 3);
        assert!(filled.iter().all(|one| both.holds(one) && one.job.steps() == 3));
        assert_eq!(Work::prompts(&filled).len(), 3, "each is read");
    }
}
