//! Whether pictures that come and go keep to what was planned for them: pieces of memory that were given back leave
//! gaps, and what comes next has to fit into these.

use std::borrow::Cow;
use std::path::Path;

use zao_backend::{Grid, Plan, Planner, Policy};
use zao_weights::Source;

use super::Envelope;
use crate::denoise::Denoising;
use crate::model::ModelFiles;
use crate::precision::usual_picture;
use crate::preview;
use crate::rehearsal::{Actor, Hollow, rehearse_joining};
use crate::run::{begin, decode};
use crate::watch::Watch;
use crate::work::Work;
use crate::{Ask, CancelToken, Job, ModelInfo};

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

/// What is taken at most when pictures with prompts of up to `tokens` tokens join and leave for `rounds` steps.
fn turnover(model: &ModelFiles, one: &Work<'_>, seats: usize, rounds: usize, seed: u64) -> Plan {
    let actor = Actor::reading(Policy::F32);
    let planner = Planner::new(actor.policy);
    let mut supply = Hollow::new(model, &planner, actor.reads).unwrap();
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let mut watch = Watch::new(&events, &cancel, &mut deliver);
    let (mut denoising, mut seated, mut dice) = (Denoising::new(), Vec::new(), Dice(seed));
    let longest = one.positive.len();
    for _ in 0..rounds {
        while let Some(done) = (0..seated.len()).find(|&seat| denoising.is_done(seat)) {
            let work: Work<'static> = seated.remove(done);
            let latent = denoising.remove(done);
            decode(&planner, &supply.decoder, &work, latent).unwrap();
        }
        let joining = dice.below(seats - seated.len() + 1);
        let party: Vec<Work<'static>> = (0..joining)
            .map(|nth| Work {
                job: Cow::Owned(one.job.clone().into_owned()),
                positive: vec![nth as u32; 1 + dice.below(longest)],
                negative: None,
                thrift: one.thrift,
            })
            .collect();
        if party.is_empty() && seated.is_empty() {
            continue;
        }
        if !party.is_empty() {
            denoising.clear_layout();
            let noise = |_: &Job| -> crate::run::Draws { Box::new(|count| vec![0.0; count]) };
            let latents =
                begin(&planner, &mut supply, &party, &model.scheduler, &noise, &mut watch).unwrap();
            for latent in latents {
                denoising.join(&planner, &supply.transformer, latent).unwrap();
            }
            seated.extend(party);
        }
        denoising.step(&planner, &supply.transformer).unwrap();
        let shown = dice.below(seated.len());
        let (cells, ask) = (one.job.latent(), one.job.ask());
        let shrink = preview::shrink_of(cells, ask.height / cells.height);
        let latent = denoising.values(&planner, shown).unwrap();
        preview::decode_small(&planner, &supply.decoder, &latent, cells, shrink).unwrap();
    }
    planner.plan()
}

#[test]
fn who_comes_and_goes_keeps_to_what_was_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo-model");
    let model = ModelFiles::open(&Source::Folder(folder).into()).unwrap();
    let info = ModelInfo::of("test", &model);
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let watch = Watch::new(&events, &cancel, &mut deliver);
    for (side, steps, tokens) in [(64, 4, 64), (256, 8, 64), (128, 3, 128)] {
        let ask = Ask { steps, ..usual_picture(Grid::new(side, side)) };
        let job = Job::new(ask, &info).unwrap();
        let one = Work::new(&model, Cow::Owned(job), &watch).unwrap();
        let one = Work { positive: vec![0; tokens], ..one };
        let envelope = Envelope::of(&one).unwrap();
        for seats in [2, 3, 8, 16] {
            let filled = envelope.filled(&one, seats);
            let planned = rehearse_joining(&model, Actor::reading(Policy::F32), &filled).unwrap();
            for seed in 0..4 {
                let taken = turnover(&model, &one, seats, 60, seed);
                assert_eq!(taken.max(planned), planned, "{side}, {tokens}, {seats}, {seed}");
            }
        }
    }
}
