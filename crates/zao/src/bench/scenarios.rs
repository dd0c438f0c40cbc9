//! What it is like to use a model: the first picture, the next ones, several at once, and the memory of
//! each. Pictures are encoded as PNG, which is timed, and written nowhere.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use zao_api::{BatchRun, BenchScenarios, ColdStart, MemoryUse, Repeated, Stages};
use zao_engine::{
    Ask, CancelToken, Device, Engine, Event, Job, ModelSource, Residency, Settings, Synthetic,
    Timings,
};
use zao_request::{Provenance, on_the_wire};

use super::report::spread;
use super::{CAPTION, ask, number, settings};
use crate::cli::ScenariosArgs;
use crate::failure::{Failure, Result};
use crate::model::{self, Asked};
use crate::places;
use crate::progress::Progress;
use crate::screen::Screen;

/// Measures everything, one scenario after the other.
pub(super) fn run(args: &ScenariosArgs) -> Result<BenchScenarios> {
    let subject = Subject::new(args)?;
    let (repeat, device) = (args.repeat.repeat.get(), args.setting.device);
    let idle = zao_engine::used_bytes(device)?;

    let mut cold = Vec::new();
    let mut engine = None;
    for _ in 0..repeat {
        // The one before gives its memory back first.
        drop(engine.take());
        let (opened, first) = subject.first()?;
        cold.push(first);
        engine = Some(opened);
    }
    let Some(mut engine) = engine else {
        return Err(Failure::failed("nothing was measured"));
    };
    let loaded = zao_engine::used_bytes(device)?;
    let planned = subject.planned.get();

    let warm = (0..repeat).map(|_| subject.draw(&mut engine, 1)).collect::<Result<Vec<_>>>()?;
    let warm_stages = warm.last().copied().unwrap_or_default();
    let warm: Vec<_> = warm.iter().map(|it| Duration::from_secs_f64(it.total)).collect();
    let batches =
        args.batches.iter().map(|&pictures| batch(&subject, &mut engine, pictures, repeat, device));
    let batches = batches.collect::<Result<Vec<_>>>()?;
    let in_batches = batches.iter().filter_map(|batch| batch.peak_bytes).max();

    let description = engine.device();
    let (name, precision) = (engine.model().name.clone(), on_the_wire(engine.precision()));
    drop(engine);
    let times = |of: fn(&First) -> Duration| spread(&cold.iter().map(of).collect::<Vec<_>>());
    let (width, height) = args.size.size;
    Ok(BenchScenarios {
        bench: "scenarios".into(),
        model: name,
        device: description.device,
        device_detail: description.detail,
        precision,
        kernels: description.kernels.into_iter().collect(),
        width,
        height,
        steps: number(args.steps),
        cold: ColdStart {
            open: times(|first| first.open),
            load: times(|first| first.load),
            draw: times(|first| first.total - first.open - first.load),
            total: times(|first| first.total),
        },
        warm: repeated(&warm),
        warm_stages,
        batches,
        memory: MemoryUse {
            idle,
            loaded,
            peak: loaded.max(in_batches),
            after: zao_engine::used_bytes(device)?,
            planned,
        },
    })
}

/// So many pictures at once, once for nothing and then timed.
fn batch(
    subject: &Subject<'_>,
    engine: &mut Engine,
    pictures: NonZeroUsize,
    repeat: usize,
    device: Device,
) -> Result<BatchRun> {
    subject.pictures(engine, pictures.get())?;
    let runs = (0..repeat).map(|_| subject.pictures(engine, pictures.get()));
    let seconds = spread(&runs.collect::<Result<Vec<_>>>()?);
    Ok(BatchRun {
        pictures: number(pictures.get()),
        seconds,
        seconds_per_picture: seconds.median / pictures.get() as f64,
        // What runs reserve stays reserved, so this is the most of them.
        peak_bytes: zao_engine::used_bytes(device)?,
    })
}

/// What is opened and drawn again and again.
struct Subject<'a> {
    args: &'a ScenariosArgs,
    model: Model,
    settings: Settings,
    /// The most memory that was planned so far.
    planned: Cell<u64>,
    /// How many runs were drawn.
    runs: Cell<u64>,
}

/// Where its weights come from.
enum Model {
    Files { name: String, source: ModelSource },
    Random(Synthetic),
}

/// One first picture.
struct First {
    open: Duration,
    load: Duration,
    total: Duration,
}

impl<'a> Subject<'a> {
    fn new(args: &'a ScenariosArgs) -> Result<Self> {
        let model = match args.synthetic {
            Some(architecture) => {
                let weights = args.weights.weights;
                Model::Random(Synthetic { architecture, tokens: CAPTION, weights })
            }
            None => {
                let asked = args.model.as_deref().map_or(Asked::Any, Asked::ByUser);
                let chosen = model::choose(&asked, &args.files, &places::store()?)?;
                Model::Files { name: chosen.name, source: chosen.source }
            }
        };
        let settings = settings(&args.setting, Residency::Keep)?;
        Ok(Self { args, model, settings, planned: Cell::new(0), runs: Cell::new(0) })
    }

    fn open(&self) -> Result<Engine> {
        Ok(match &self.model {
            Model::Files { name, source } => {
                zao_engine::open(name, source.clone(), &self.settings)?
            }
            Model::Random(synthetic) => zao_engine::open_synthetic(*synthetic, &self.settings)?,
        })
    }

    /// Opens the model and draws one picture.
    fn first(&self) -> Result<(Engine, First)> {
        let since = Instant::now();
        let mut engine = self.open()?;
        let open = since.elapsed();
        let load = Duration::from_secs_f64(self.draw(&mut engine, 1)?.load);
        let first = First { open, load, total: since.elapsed() };
        Ok((engine, first))
    }

    /// What so many pictures take.
    fn pictures(&self, engine: &mut Engine, count: usize) -> Result<Duration> {
        Ok(Duration::from_secs_f64(self.draw(engine, count)?.total))
    }

    /// Draws so many pictures and says where the time went.
    fn draw(&self, engine: &mut Engine, count: usize) -> Result<Stages> {
        let since = Instant::now();
        let (size, steps) = (self.args.size.size, self.args.steps);
        // Other words for each run, because an engine does not read the same ones again.
        let run = self.runs.replace(self.runs.get() + 1);
        let jobs = (0..count as u64).map(|seed| {
            let usual = ask(size, steps, seed);
            let prompt = format!("{}, number {run}", usual.prompt);
            Job::new(Ask { prompt, ..usual }, engine.model())
        });
        let jobs = jobs.collect::<std::result::Result<Vec<_>, _>>().map_err(Failure::usage)?;
        let provenance = Provenance::of(engine)?;
        let recipes = jobs
            .iter()
            .map(|job| provenance.recipe(job))
            .collect::<zao_request::Result<Vec<_>>>()?;
        let progress = Progress::new(&Screen::new(self.args.setting.quiet), steps, count);
        let (mut encoded, mut encoding, mut index) = (Ok(()), Duration::ZERO, 0);
        let timings = engine.draw_each(
            &jobs,
            &|event| match event {
                Event::Planned(plan) => self.planned.set(self.planned.get().max(plan.total())),
                other => progress.show(&other),
            },
            &CancelToken::new(),
            &mut |picture| {
                let (width, height) = (number(picture.width), number(picture.height));
                let before = Instant::now();
                let png = zao_png::encode(&picture.rgb, width, height, &recipes[index]);
                encoding += before.elapsed();
                index += 1;
                if let Err(error) = png {
                    encoded = Err(error);
                }
            },
        );
        progress.clear();
        encoded?;
        let Timings { load, encode, text, denoise, decode, .. } = timings?;
        Ok(Stages {
            load: load.as_secs_f64(),
            encode: encode.as_secs_f64(),
            text: text.as_secs_f64(),
            denoise: denoise.as_secs_f64(),
            decode: decode.as_secs_f64(),
            encode_png: encoding.as_secs_f64(),
            total: since.elapsed().as_secs_f64(),
        })
    }
}

/// Timings with their mean.
fn repeated(runs: &[Duration]) -> Repeated {
    let seconds: Vec<f64> = runs.iter().map(Duration::as_secs_f64).collect();
    let count = seconds.len().max(1) as f64;
    let mean = seconds.iter().sum::<f64>() / count;
    let squares: f64 = seconds.iter().map(|second| (second - mean).powi(2)).sum();
    Repeated { seconds: spread(runs), mean, deviation: (squares / count).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_and_how_far_from_it() {
        let warm = repeated(&[1, 3].map(Duration::from_secs));
        assert_eq!((warm.mean, warm.deviation, warm.seconds.median), (2.0, 1.0, 2.0));
    }
}
