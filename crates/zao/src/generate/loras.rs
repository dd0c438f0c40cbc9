//! The adapters that pictures are to follow: from names to files, opened before anything is drawn.

use zao_api::{Lora, UsedLora};
use zao_engine::{AdapterId, Engine};
use zao_weights::AdapterFolder;

use crate::failure::{Failure, Result};

/// Adapters that are open.
pub(super) struct Loras {
    pub(super) used: Vec<UsedLora>,
    stack: Vec<(AdapterId, f32)>,
}

impl Loras {
    /// Opens what is `wanted`, and merges it into the weights if that is asked for.
    pub(super) fn open(
        engine: &mut Engine,
        wanted: &[Lora],
        folder: &AdapterFolder,
        merged: bool,
    ) -> Result<Self> {
        let (mut used, mut stack) = (Vec::new(), Vec::new());
        for Lora { name, scale } in wanted {
            let Some(found) = folder.find(name) else {
                let root = folder.root().display();
                return Err(Failure::usage(format!(
                    "no LoRA {name:?}: there is neither such a file nor one of that name in {root}; `zao loras` \
                     lists those that are there"
                )));
            };
            let id = engine.open_adapter(&found.path).map_err(Failure::failed)?;
            let sha256 = engine.adapter(id).sha256;
            used.push(UsedLora { name: found.name, scale: *scale, sha256, merged });
            stack.push((id, *scale));
        }
        if merged {
            engine.merge_adapters(std::mem::take(&mut stack));
        }
        Ok(Self { used, stack })
    }

    /// What jobs have to follow: nothing that is merged.
    pub(super) fn stack(&self) -> &[(AdapterId, f32)] {
        &self.stack
    }
}
