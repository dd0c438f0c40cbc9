//! `zao pull`: a model from a hub into the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use zao_weights::{Hub, KnownModel, PullEvent, PullOptions, Token, Watch};

use crate::cli::{HubName, PullArgs};
use crate::failure::{Failure, Result};
use crate::{interrupt, places, units};

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
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    interrupt::on_interrupt(move || flag.store(true, Ordering::Relaxed))?;

    let show = Show::new(args.quiet);
    let watch = Watch { on_event: &|event| show.event(&event), cancel: &cancel };
    let installed = zao_weights::pull(&store, model, &options(args), watch);
    show.bar.finish_and_clear();
    let installed = installed?;
    println!(
        "{} is installed in {} ({})",
        installed.name,
        installed.path.display(),
        units::bytes(installed.bytes)
    );
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
    options.proxy = places::proxy();
    if args.from == HubName::Huggingface {
        options.token = places::hugging_face_token().map(Token::new);
    }
    options
}

/// The bar, and lines above it.
struct Show {
    bar: ProgressBar,
    quiet: bool,
}

impl Show {
    fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = "{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is constant");
        Self { bar: ProgressBar::with_draw_target(None, target).with_style(style), quiet }
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("zao: {line}"));
        }
    }

    fn event(&self, event: &PullEvent<'_>) {
        match event {
            PullEvent::Listing => self.say("asking the hub for the list of files"),
            PullEvent::Plan { files, bytes, already } => {
                self.bar.set_length(*bytes);
                self.bar.set_position(*already);
                let (all, here) = (units::bytes(*bytes), units::bytes(*already));
                self.say(&format!("{files} files, {all}, of which {here} are here already"));
            }
            PullEvent::Progress { done } => self.bar.set_position(*done),
            PullEvent::Retry { what, reason, wait } => {
                let wait = units::seconds(*wait);
                self.say(&format!("{what}: {reason}; trying again in {wait}"));
            }
            PullEvent::Verifying { path } => self.bar.set_message(format!("checking {path}")),
            PullEvent::File { .. } | PullEvent::Done => {}
        }
    }
}
