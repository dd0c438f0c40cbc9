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
            add(&mut hash, form);
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Adds the ends of all that a tensor is stored in.
fn add(hash: &mut Sha256, form: &Form) {
    let mut ends = |bytes: &[u8]| {
        hash.update(&bytes[..SAMPLE.min(bytes.len())]);
        hash.update(&bytes[bytes.len().saturating_sub(SAMPLE)..]);
    };
    match form {
        Form::Dense(stored) => ends(stored.bytes()),
        Form::Int8Panels(panels) => {
            ends(panels.words());
            ends(panels.scales().bytes());
        }
        Form::Blocks(blocks) => ends(blocks.bytes()),
        Form::Scaled(scaled) => {
            let scales: Vec<u8> = scaled.scales().iter().flat_map(|s| s.to_le_bytes()).collect();
            ends(scaled.bytes());
            ends(&scales);
        }
        Form::LowRank(both) => {
            ends(both.up().bytes());
            ends(both.down().bytes());
            add(hash, both.rest());
        }
        _ => {}
    }
}
