//! `zao prompt template`.

use crate::cli::PromptTemplateArgs;
use crate::failure::Result;

pub(crate) fn run(_args: &PromptTemplateArgs) -> Result<()> {
    Ok(())
}
