//! The adapters of a worker: opened for jobs, or because the parent wants them open before; and what of that the parent is told.
//! Which job names which is not known here.

use std::collections::{BTreeMap, VecDeque};

use zao_api::Lora;
use zao_engine::Engine;
use zao_request::{Loras, Result, Shelf};

use crate::protocol::Word;

/// What the parent wants of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// To be open.
    Open(String),
    /// To take no memory any more.
    Close(String),
}

pub(super) struct Adapters {
    shelf: Shelf,
    wishes: VecDeque<Wish>,
    /// Those that could not be opened when the parent wanted them to be, and why.
    refused: BTreeMap<String, String>,
    told: Word,
}

impl Adapters {
    pub(super) fn new(shelf: Shelf) -> Self {
        let told = Word::Adapters { open: Vec::new(), refused: Vec::new() };
        Self { shelf, wishes: VecDeque::new(), refused: BTreeMap::new(), told }
    }

    /// What is `wanted`, if all of it is open.
    pub(super) fn at_hand(&self, wanted: &[Lora]) -> Option<Loras> {
        self.shelf.at_hand(wanted)
    }

    /// Opens what is `wanted` and not open yet.
    pub(super) fn open(&mut self, engine: &mut Engine, wanted: &[Lora]) -> Result<Loras> {
        let opened = self.shelf.open(engine, wanted)?;
        for lora in wanted {
            self.refused.remove(&lora.name);
        }
        Ok(opened)
    }

    /// Notes a wish, which needs an engine without work.
    pub(super) fn wish(&mut self, wish: Wish) {
        self.wishes.push_back(wish);
    }

    pub(super) fn has_wishes(&self) -> bool {
        !self.wishes.is_empty()
    }

    /// Does what was wished for.
    pub(super) fn fulfil(&mut self, engine: &mut Engine) {
        while let Some(wish) = self.wishes.pop_front() {
            match wish {
                Wish::Open(name) => {
                    let wanted = [Lora { name: name.clone(), scale: 1.0 }];
                    if let Err(error) = self.open(engine, &wanted) {
                        self.refused.insert(name, error.to_string());
                    }
                }
                Wish::Close(name) => {
                    self.refused.remove(&name);
                    self.shelf.close(engine, &name);
                }
            }
        }
    }

    /// How they are, if that is news.
    pub(super) fn news(&mut self) -> Option<Word> {
        let refused = self.refused.iter().map(|(name, why)| (name.clone(), why.clone())).collect();
        let now = Word::Adapters { open: self.shelf.names(), refused };
        (now != self.told).then(|| {
            self.told = now.clone();
            now
        })
    }
}
