//! `zao prompt`: a prompt looked at before anything is drawn.

mod check;
mod input;
mod template;

use crate::cli::{PromptArgs, PromptCommand};
use crate::failure::Result;

pub(crate) fn run(args: &PromptArgs) -> Result<()> {
    match &args.command {
        PromptCommand::Check(args) => check::run(args),
        PromptCommand::Template(args) => template::run(args),
    }
}
