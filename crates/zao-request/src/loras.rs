//! The adapters that pictures are to follow: from names or paths to files, opened before anything is drawn.
//! What may be named by somebody who is not the user of this machine is on a [`crate::Shelf`].

use zao_api::{Lora, UsedLora};
use zao_engine::{AdapterId, Engine};
use zao_weights::AdapterFolder;

use crate::{Error, Result};

/// Adapters that are open.
#[derive(Clone, Debug, PartialEq)]
pub struct Loras {
    pub(crate) used: Vec<UsedLora>,
    pub(crate) stack: Vec<(AdapterId, f32)>,
}

impl Loras {
    /// Opens what is `wanted`, by name in `folder` or by path, and merges it into the weights if that is asked for.
    ///
    /// # Errors
    /// [`Error::UnknownLora`]; a file that cannot be read or does not fit the model.
    pub fn open(
        engine: &mut Engine,
        wanted: &[Lora],
        folder: &AdapterFolder,
        merged: bool,
    ) -> Result<Self> {
        let (mut used, mut stack) = (Vec::new(), Vec::new());
        for Lora { name, scale } in wanted {
            let Some(found) = folder.find(name) else {
                let folder = folder.root().to_owned();
                return Err(Error::UnknownLora { name: name.clone(), folder });
            };
            let id = engine.open_adapter(&found.path)?;
            let sha256 = engine.adapter(id).sha256;
            used.push(UsedLora { name: found.name, scale: *scale, sha256, merged });
            stack.push((id, *scale));
        }
        if merged {
            engine.merge_adapters(std::mem::take(&mut stack));
        }
        Ok(Self { used, stack })
    }

    /// The adapters as recipes record them.
    #[must_use]
    pub fn used(&self) -> &[UsedLora] {
        &self.used
    }

    /// What jobs have to follow: nothing that is merged.
    #[must_use]
    pub fn stack(&self) -> &[(AdapterId, f32)] {
        &self.stack
    }
}
