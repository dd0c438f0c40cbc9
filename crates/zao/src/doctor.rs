//! `zao doctor`: what this machine can draw with, and what would make it better. Exit code 0 when `zao generate` can draw
//! here as things are, 1 when something prevents it.

mod advice;
mod findings;
mod report;
mod system;
mod words;

use crate::cli::DoctorArgs;
use crate::failure::{Failure, Result};
use crate::{console, places};
use findings::Findings;
use system::System;

pub(crate) fn run(args: &DoctorArgs) -> Result<()> {
    let language = args.lang.unwrap_or_else(places::language);
    let findings = Findings::gather()?;
    let advice = advice::advise(&findings, System::find());
    let obstacle = advice::obstacle(&findings);
    console::result(if args.json {
        let json = report::json(&findings, &advice, obstacle.as_ref(), language);
        serde_json::to_string_pretty(&json)?
    } else {
        report::lines(&findings, &advice, language).join("\n")
    })?;
    match obstacle {
        None => Ok(()),
        Some(why) => Err(Failure::failed(why.say(language))),
    }
}
