//! `zao pull`: a model from a hub into the store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use zao_weights::{Hub, KnownModel, PullEvent, PullOptions, Token, Watch};

use crate::cli::{HubName, PullArgs};
use crate::failure::{Failure, Result};
use crate::screen::Screen;
use crate::{console, interrupt, places, units};

pub(crate) fn run(args: &PullArgs) -> Result<()> {
    let Some(model) = KnownModel::find(&args.name) else {
        let known: Vec<_> = KnownModel::ALL.iter().map(|known| known.name).collect();
        return Err(Failure::usage(format!(
            "no model {:?} is known; choose one of {}",
            args.name,
            known.join(", ")
        )));
    };
    let store = places::store()?;
    let screen = Screen::new(args.quiet);
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    interrupt::on_interrupt(&screen, move || flag.store(true, Ordering::Relaxed))?;

    let show = Show::new(screen);
    let watch = Watch { on_event: &|event| show.event(&event), cancel: &cancel };
    let installed = zao_weights::pull(&store, model, &options(args), watch);
    show.clear();
    let installed = installed?;
    if !args.quiet {
        let (path, size) = (installed.path.display(), units::bytes(installed.bytes));
        console::result(format_args!("{} is installed in {path} ({size})", installed.name))?;
    }
    Ok(())
}

fn options(args: &PullArgs) -> PullOptions {
    let hub = match (args.from, places::hugging_face_endpoint()) {
        (HubName::Huggingface, Some(endpoint)) => Hub::HuggingFace { endpoint },
        (HubName::Huggingface, None) => Hub::hugging_face(),
        (HubName::Modelscope, _) => Hub::model_scope(),
    };
    let mut options = PullOptions::new(hub);
    options.parallel = args.parallel;
    options.retries = args.retries;
    options.proxy = places::proxy();
    if args.from == HubName::Huggingface {
        options.token = places::hugging_face_token().map(Token::new);
    }
    options
}

/// What is shown of a download.
struct Show {
    screen: Screen,
    shown: Mutex<Shown>,
}

struct Shown {
    bar: ProgressBar,
    /// Bytes that the bar does not count, since they were here before: they would spoil its rate.
    already: u64,
}

impl Show {
    fn new(screen: Screen) -> Self {
        let shown = Shown { bar: ProgressBar::hidden(), already: 0 };
        Self { screen, shown: Mutex::new(shown) }
    }

    fn event(&self, event: &PullEvent<'_>) {
        match *event {
            PullEvent::Listing => self.begin("{spinner} {msg}", None, "asking the hub"),
            PullEvent::Plan { files, bytes, already } => self.plan(files, bytes, already),
            PullEvent::Progress { done } => self.with(|Shown { bar, already }| {
                bar.set_position(done.saturating_sub(*already));
                bar.set_message("");
            }),
            PullEvent::Retry { what, reason, wait } => {
                let wait = units::seconds(wait);
                self.screen.remark(&format!("{what}: {reason}; trying again in {wait}"));
            }
            PullEvent::Verifying { path } => {
                self.with(|Shown { bar, .. }| bar.set_message(format!("checking {path}")));
            }
            PullEvent::File { .. } | PullEvent::Done => {}
        }
    }

    fn plan(&self, files: usize, bytes: u64, already: u64) {
        let (all, here) = (units::bytes(bytes), units::bytes(already));
        self.screen.remark(&match already {
            0 => format!("{files} files, {all}"),
            _ => format!("{files} files, {all}, of which {here} are here already"),
        });
        let template = "{bar:40} {decimal_bytes} of {decimal_total_bytes}, \
                        {decimal_bytes_per_sec}, {eta} left  {wide_msg}";
        self.begin(template, Some(bytes.saturating_sub(already)), "");
        self.with(|shown| shown.already = already);
    }

    /// Puts a new bar in place of the old one.
    fn begin(&self, template: &str, len: Option<u64>, message: &'static str) {
        self.clear();
        let style = ProgressStyle::with_template(template).expect("the templates are constant");
        let bar = self.screen.bar(style, len).with_message(message);
        self.with(|shown| shown.bar = bar);
    }

    fn clear(&self) {
        self.with(|shown| self.screen.remove(&shown.bar));
    }

    /// Events come from several threads at once.
    fn with(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
