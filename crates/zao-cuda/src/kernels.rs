//! The kernels in the binary: which image suits a card, loaded when the first of its kernels is asked for.
//!
//! `cargo xtask kernels` compiles `kernels/*.cu` for each family of cards (`kernels/built`). A card without
//! an image of its own gets portable assembly (PTX), which the driver compiles.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use zao_backend::{Error, Result};

use crate::driver::{Card, Context, Kernel, Module};

/// Module, architecture and compressed image of everything that was compiled.
const IMAGES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/images.rs"));

/// What the driver can compile for a card that is not known here.
const PORTABLE: &str = "compute_80";

/// The kernels of one card.
#[derive(Debug)]
pub(crate) struct Kernels {
    context: Arc<Context>,
    /// Architectures whose images run here, the best first.
    architectures: Vec<&'static str>,
    modules: Mutex<HashMap<&'static str, Arc<Module>>>,
    kernels: Mutex<HashMap<(&'static str, &'static str), Arc<Kernel>>>,
}

impl Kernels {
    /// The kernels for the card of `context`; none is loaded yet.
    ///
    /// # Errors
    /// A card for which there are none.
    pub(crate) fn new(context: &Arc<Context>) -> Result<Self> {
        let architectures = architectures(context.card())?;
        let (modules, kernels) = (Mutex::default(), Mutex::default());
        Ok(Self { context: Arc::clone(context), architectures, modules, kernels })
    }

    /// The kernel `name` of `kernels/<module>.cu`.
    pub(crate) fn get(&self, module: &'static str, name: &'static str) -> Result<Arc<Kernel>> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = kernels.get(&(module, name)) {
            return Ok(Arc::clone(kernel));
        }
        let kernel = self.module(module)?.kernel(name)?;
        kernels.insert((module, name), Arc::clone(&kernel));
        Ok(kernel)
    }

    /// Whether this card has an image of `module`.
    pub(crate) fn has(&self, module: &str) -> bool {
        self.image(module).is_some()
    }

    /// Whether the driver has to compile the kernels, because none were compiled for this card.
    pub(crate) fn compiled_by_driver(&self) -> bool {
        self.architectures == [PORTABLE]
    }

    fn image(&self, module: &str) -> Option<(&'static str, &'static [u8])> {
        let of = |architecture: &&'static str| {
            let found = IMAGES.iter().find(|image| (image.0, image.1) == (module, architecture));
            found.map(|image| (image.1, image.2))
        };
        self.architectures.iter().find_map(of)
    }

    fn module(&self, name: &'static str) -> Result<Arc<Module>> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(name) {
            return Ok(Arc::clone(module));
        }
        let Some((architecture, packed)) = self.image(name) else {
            let what =
                format!("the kernels `{name}` were not compiled for {:?}", self.architectures);
            let device = self.context.card().label.clone();
            return Err(Error::Unsupported { op: "load kernels", device, what });
        };
        let mut image = unpack(packed)
            .map_err(|error| self.context.failed("unpack kernels", format!("{name}: {error}")))?;
        if architecture.starts_with("compute") {
            image.push(0);
        }
        let module = Module::new(&self.context, &image, waits(architecture))?;
        modules.insert(name, Arc::clone(&module));
        Ok(module)
    }
}

/// Whether kernels compiled for `architecture` can wait for the one in front (`kernels/overlap.cuh`).
fn waits(architecture: &str) -> bool {
    let number = architecture.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = number.trim_end_matches(|c: char| !c.is_ascii_digit());
    number.parse().is_ok_and(|number: u32| number >= 90)
}

/// Tells builds apart whose kernels `<prefix>*` differ (FNV-1a, eight bytes at a time).
pub(crate) fn checksum(prefix: &str) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    for (_, _, packed) in IMAGES.iter().filter(|image| image.0.starts_with(prefix)) {
        for piece in packed.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    sum
}

/// The architecture of the kernels that a card runs; `None` for those that its driver compiles.
///
/// # Errors
/// A card for which there are none.
pub(crate) fn built_for(card: &Card) -> Result<Option<&'static str>> {
    Ok(architectures(card)?.into_iter().find(|&architecture| architecture != PORTABLE))
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut image = Vec::new();
    let mut decoder =
        ruzstd::decoding::StreamingDecoder::new(packed).map_err(std::io::Error::other)?;
    decoder.read_to_end(&mut image)?;
    Ok(image)
}

/// Which images run on a card, the best first. An image runs on later cards of the same major version,
/// unless it uses what only one architecture has (names that end in `a`).
fn architectures(card: &Card) -> Result<Vec<&'static str>> {
    Ok(match card.capability {
        (8, 0) => vec!["sm_80", PORTABLE],
        (8, 6..=8) => vec!["sm_86", "sm_80", PORTABLE],
        (8, 9) => vec!["sm_89", "sm_86", "sm_80", PORTABLE],
        (9, 0) => vec!["sm_90a", PORTABLE],
        (10, 0) => vec!["sm_100a", PORTABLE],
        (12, 0) => vec!["sm_120a", PORTABLE],
        (9.., _) => vec![PORTABLE],
        (major, minor) => {
            let what = format!(
                "{} has compute capability {major}.{minor}, and 8.0 (Ampere) or later is needed",
                card.name
            );
            return Err(Error::Unsupported {
                op: "open the card",
                device: card.label.clone(),
                what,
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(capability: (u32, u32)) -> Card {
        Card {
            label: "cuda:0".into(),
            name: "a card".into(),
            capability,
            multiprocessors: 1,
            shared_per_block: 0,
            memory: 0,
        }
    }

    #[test]
    fn an_unknown_card_gets_portable_code_and_an_old_one_is_refused() {
        assert_eq!(architectures(&card((10, 3))).unwrap(), [PORTABLE]);
        assert_eq!(architectures(&card((9, 0))).unwrap(), ["sm_90a", PORTABLE]);
        let error = architectures(&card((7, 5))).unwrap_err().to_string();
        assert!(error.contains("7.5") && error.contains("8.0"), "{error}");
    }

    #[test]
    fn only_images_for_hopper_and_later_wait() {
        assert!(["sm_90a", "sm_100a", "sm_120a"].into_iter().all(waits));
        // Portable code waits for nobody, however new the card is that it is compiled for.
        assert!(!["sm_80", "sm_86", "sm_89", PORTABLE].into_iter().any(waits));
    }

    #[test]
    fn every_image_unpacks() {
        for (module, architecture, packed) in IMAGES {
            let image = unpack(packed).unwrap_or_else(|e| panic!("{module}.{architecture}: {e}"));
            let start: &[u8] = if architecture.starts_with("sm") { b"\x7fELF" } else { b"//" };
            assert!(image.starts_with(start), "{module}.{architecture}");
        }
    }
}
