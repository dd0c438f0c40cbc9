//! The parsers, and what is done with whatever they let through.

use bytes::Bytes;
use zao_backend::{Dtype, Form};
use zao_weights::{Expected, ModelFolder, Part, PartName, Source, WeightFile};

/// Forms of more values are not unpacked.
const MOST_VALUES: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parser {
    /// GGUF files.
    Gguf,
    /// Safetensors files as ComfyUI has them.
    Safetensors,
    /// Safetensors files of our own, with quantised matrices.
    Packing,
    /// The index of a folder's shards.
    Index,
}

impl Parser {
    pub(crate) const ALL: [Self; 4] = [Self::Gguf, Self::Safetensors, Self::Packing, Self::Index];
    pub(crate) const NAMES: [&str; 4] = ["gguf", "safetensors", "packing", "index"];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[Self::ALL.iter().position(|it| *it == self).unwrap()]
    }

    /// Parses `input` and uses what comes out; says what came out.
    pub(crate) fn run(self, input: &[u8]) -> String {
        match self {
            Self::Gguf | Self::Safetensors | Self::Packing => file(input),
            Self::Index => index(input),
        }
    }
}

fn file(input: &[u8]) -> String {
    let file = match WeightFile::parse("fuzz", &Bytes::copy_from_slice(input)) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let mut said = file.holds();
    file.tensors().for_each(|(_, form)| use_form(form));
    for name in file.parts() {
        match file.part(name) {
            Ok(part) => use_part(&part),
            Err(error) => said += &error.to_string(),
        }
    }
    said
}

fn use_part(part: &Part) {
    part.iter().for_each(|(name, form)| {
        use_form(form);
        part.release(name);
    });
    let _ = (part.bytes(), part.stored_as());
    // Nothing that is damaged fits; the message lists what is wrong.
    let checked = part.check(&[Expected::new("a", [1])], &["b."]);
    assert!(!checked.unwrap_err().to_string().is_empty());
}

fn use_form(form: &Form) {
    let rows = form.shape().first().copied().unwrap_or(0);
    let _ = (form.rows(0..rows / 2), form.rows(rows / 2..rows), form.bytes(), form.name());
    let values = form.shape().iter().try_fold(1, |all: usize, &size| all.checked_mul(size));
    if values.is_some_and(|values| values <= MOST_VALUES) {
        for dtype in [Dtype::F32, Dtype::Bf16] {
            if let Form::Dense(stored) = form.clone().unpacked(dtype) {
                let _ = stored.first_non_finite();
            }
        }
    }
}

/// A folder with an index that is the input, and one good shard.
fn index(input: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let named = r#"["a", "b"]"#;
    let parts = ["scheduler", "text_encoder", "tokenizer", "transformer", "vae"];
    let parts = parts.map(|part| format!("\"{part}\": {named}")).join(", ");
    write("model_index.json", format!("{{{parts}}}").as_bytes());
    write("vae/diffusion_pytorch_model.safetensors.index.json", input);
    write("vae/one.safetensors", &crate::corpus::plain());
    let part = ModelFolder::open(Source::Folder(folder.path().to_owned()))
        .and_then(|folder| folder.part(PartName::Vae));
    match part {
        Ok(part) => {
            use_part(&part);
            "read".into()
        }
        // The folder has another name each time.
        Err(error) => error.to_string().replace(&folder.path().display().to_string(), ""),
    }
}
