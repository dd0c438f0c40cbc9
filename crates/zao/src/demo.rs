//! The demo model, compiled into the binary by the feature `demo-model`.

/// What the demo model is called.
pub(crate) const NAME: &str = "demo";

#[cfg(feature = "demo-model")]
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../../assets/demo-model/", $path)))),*]
    };
}

/// The files of the demo model, or `None` in a binary built without it.
#[cfg(feature = "demo-model")]
pub(crate) static FILES: Option<&[(&str, &[u8])]> = Some(files![
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/chat_template.jinja",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
]);

/// The files of the demo model, or `None` in a binary built without it.
#[cfg(not(feature = "demo-model"))]
pub(crate) static FILES: Option<&[(&str, &[u8])]> = None;
