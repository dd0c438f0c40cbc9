//! `zao prompt check`.

use crate::cli::PromptCheckArgs;
use crate::failure::Result;

pub(crate) fn run(_args: &PromptCheckArgs) -> Result<()> {
    Ok(())
}
