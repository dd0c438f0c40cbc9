//! A short text that tells models apart by their content.

use sha2::{Digest, Sha256};
use zao_backend::Form;
use zao_weights::Part;

/// Bytes taken from either end of a tensor.
const SAMPLE: usize = 64;

/// The fingerprint of a model: the content of its small `files` (configurations, tokenizer, chat
/// template), and of each tensor the name, shape, type, first and last bytes. Reading all weights of a
/// real model would take longer than drawing with it; any retrained or converted model differs in the
/// sampled bytes too.
pub(crate) fn fingerprint<'a>(
    files: impl IntoIterator<Item = &'a [u8]>,
    parts: impl IntoIterator<Item = &'a Part>,
) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.len().to_le_bytes());
        hash.update(file);
    }
    for part in parts {
        hash.update(part.name().folder());
        for (name, form) in part.iter() {
            hash.update(format!("\n{name} {} {:?} ", form.name(), form.shape()));
            let scales: Vec<u8> = match form {
                Form::Scaled(scaled) => {
                    scaled.scales().iter().flat_map(|s| s.to_le_bytes()).collect()
                }
                _ => Vec::new(),
            };
            let all: [&[u8]; 2] = match form {
                Form::Dense(stored) => [stored.bytes(), &[]],
                Form::Int8Panels(panels) => [panels.words(), panels.scales().bytes()],
                Form::Blocks(blocks) => [blocks.bytes(), &[]],
                Form::Scaled(scaled) => [scaled.bytes(), &scales],
                _ => [&[]; 2],
            };
            for bytes in all {
                hash.update(&bytes[..SAMPLE.min(bytes.len())]);
                hash.update(&bytes[bytes.len().saturating_sub(SAMPLE)..]);
            }
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
