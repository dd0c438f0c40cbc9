//! The arguments that name single files of a model's parts, and those of `zao inspect`.

use std::path::PathBuf;

use clap::Args;

/// Single files in place of parts of the model, in any mixture.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FileArgs {
    /// File with the transformer, in place of the model's: safetensors as ComfyUI has them, or GGUF
    #[arg(long, value_name = "FILE")]
    pub(crate) transformer: Option<PathBuf>,

    /// File with the text encoder, in place of the model's
    #[arg(long, value_name = "FILE")]
    pub(crate) text_encoder: Option<PathBuf>,

    /// File with the autoencoder, in place of the model's
    #[arg(long, value_name = "FILE")]
    pub(crate) vae: Option<PathBuf>,

    /// Folder with tokenizer.json, in place of the model's
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tokenizer: Option<PathBuf>,
}

impl FileArgs {
    /// Whether none is named.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { transformer, text_encoder, vae, tokenizer } = self;
        [transformer, text_encoder, vae, tokenizer].into_iter().all(Option::is_none)
    }
}

#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// A safetensors or GGUF file, or a model folder
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) path: PathBuf,

    /// Name or folder of the model that a file is to be used with [default: the published
    /// Z-Image-Turbo]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
