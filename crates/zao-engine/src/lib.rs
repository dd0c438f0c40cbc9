//! Jobs to pictures: checks what is asked, plans memory, loads and drops the model's parts, runs a
//! batch step by step, and says what happens as [`Event`]s.
//!
//! There is no HTTP here, no command line and no picture format. A caller opens an [`Engine`] with
//! [`open`], makes [`Job`]s, and gets [`Picture`]s of RGB bytes. [`convert()`] makes a model smaller.
//!
//! The way of a request: [`Job::new`] makes it valid and complete, [`Engine::draw`] tokenizes the
//! prompts, rehearses the run to know its memory, encodes pictures to begin with, encodes and refines the
//! captions, steps all latents as one packed batch, and decodes them one by one.

mod adapters;
mod aside;
pub mod bench;
mod cancel;
mod checked;
mod convert;
mod denoise;
mod desk;
mod devices;
mod draw;
mod engine;
mod error;
mod estimate;
mod event;
mod facts;
mod fingerprint;
mod forecast;
mod host;
mod idle;
mod inspect;
mod job;
mod known_cards;
mod memory;
mod model;
mod origins;
mod outlook;
mod parts;
mod picture;
mod placement;
mod planning;
mod plans;
mod precision;
mod preview;
mod probe;
mod prompts;
mod prospects;
mod reads;
mod rehearsal;
mod run;
mod source;
mod start;
mod synthetic;
mod watch;
mod weights;
mod work;

pub use adapters::{AdapterId, AdapterInfo};
pub use cancel::CancelToken;
pub use convert::{
    Beside, COMPARED, Compared, ConvertSettings, ConvertTo, Converted, ConvertedMatrix, Gained,
    Kept, KeptBecause, compare, convert,
};
pub use desk::{Desk, Lacking, News, Notice, Rung, StepTimes, Ticket};
pub use devices::{
    Bus, CardFacts, CardMeter, CardReading, Device, DriverState, InstalledLibrary, Instructions,
    LibraryPlaces, Served, UseOfLibraries, used_bytes,
};
pub use engine::{Engine, ModelInfo, Residency, Settings, open, open_synthetic};
pub use error::{Error, Result};
pub use estimate::{Drawn, ProcessorPeaks, Speed, StoredBytes, Times};
pub use event::{Event, Stage, Timings};
pub use facts::ModelFacts;
pub use forecast::MemoryPlan;
pub use host::{Host, MainMemory, Processor, look};
pub use idle::IdleTimer;
pub use inspect::{Inspected, InspectedPart, Inspection, StoredIn, inspect};
pub use job::{Ask, InvalidJob, Job, MAX_ADAPTER_SCALE, MAX_SIDE, MAX_STEPS};
pub use known_cards::{Family, KNOWN_CARDS, KnownCard};
pub use memory::peak_bytes;
pub use outlook::{Outlook, outlook, outlook_synthetic};
pub use picture::Picture;
pub use placement::{Place, Placed, Placement};
pub use plans::{Machine, Plans};
pub use precision::{Precision, PrecisionReason, ResolvedPrecision};
pub use prospects::{CardSite, On, Prospect, Site, prospects, recommended};
pub use reads::{Reads, TextEncoderOn};
pub use source::ModelSource;
pub use start::{Mask, Start};
pub use synthetic::{Architecture, Synthetic, UnknownArchitecture, UnknownForm, WeightForm};
pub use zao_backend::{Description, Grid, Streamed};
pub use zao_model::guidance::Guidance;
pub use zao_model::noise::Generator;
pub use zao_model::text::MAX_TOKENS;
