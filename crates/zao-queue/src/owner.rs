//! Whose a job is, which way it came, and who may change it. Who may come in at all, and as whom, is NOT decided here.

use sha2::{Digest, Sha256};

/// Somebody who can show the same key again. Only a hash of the key is kept, so that nobody who reads the database can be them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(String);

impl Owner {
    /// Whoever has this key.
    #[must_use]
    pub fn with_key(key: &str) -> Self {
        let hash = Sha256::new().chain_update("zao: who sent a job\n").chain_update(key).finalize();
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(text: String) -> Self {
        Self(text)
    }
}

/// The family of routes that a job came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    /// The server's own.
    #[default]
    Native,
    /// That of OpenAI's clients.
    OpenAi,
    /// That of AUTOMATIC1111's.
    A1111,
}

impl Via {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::OpenAi => "openai",
            Self::A1111 => "a1111",
        }
    }
}

/// Who sent a job, beside the client that it is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    /// Whoever showed a key; `None` for somebody who cannot be told from others.
    pub owner: Option<Owner>,
    /// Which way it came.
    pub via: Via,
}

/// What somebody may change beside what is their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Nothing.
    #[default]
    Own,
    /// What came without a key, from anywhere: they sit at the server's machine.
    Keyless,
    /// Everything: they run the server.
    All,
}

/// Whoever looks at jobs and pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Viewer {
    /// Whoever they showed a key of.
    pub owner: Option<Owner>,
    /// The client that their jobs are counted for, which is where they are.
    pub client: String,
    /// What they may change beside their own.
    pub reach: Reach,
}

impl Viewer {
    /// Whether they showed the key of whoever sent a job.
    pub(crate) fn is(&self, owner: Option<&Owner>) -> bool {
        owner.is_some() && self.owner.as_ref() == owner
    }

    /// Whether they may cancel what `owner` sent from `client`, and delete its pictures. What came without a key belongs to
    /// where it came from: nobody else there can be told apart.
    pub(crate) fn may_change(&self, owner: Option<&Owner>, client: &str) -> bool {
        match self.reach {
            Reach::All => true,
            Reach::Keyless if owner.is_none() => true,
            Reach::Keyless | Reach::Own => match owner {
                Some(_) => self.is(owner),
                None => self.client == client,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_open_their_own_and_places_what_came_without() {
        let (ann, bob) = (Owner::with_key("ann"), Owner::with_key("bob"));
        let viewer = |owner: Option<&Owner>, client: &str, reach| Viewer {
            owner: owner.cloned(),
            client: client.into(),
            reach,
        };
        let at_home = viewer(Some(&ann), "10.0.0.1", Reach::Own);
        assert!(at_home.may_change(Some(&ann), "10.0.0.9") && at_home.is(Some(&ann)));
        assert!(!at_home.may_change(Some(&bob), "10.0.0.1"), "a neighbour's");
        assert!(at_home.may_change(None, "10.0.0.1") && !at_home.is(None));
        assert!(!at_home.may_change(None, "10.0.0.9"));
        let program = viewer(None, "10.0.0.1", Reach::Own);
        assert!(
            program.may_change(None, "10.0.0.1") && !program.may_change(Some(&ann), "10.0.0.1")
        );
        let at_the_server = viewer(None, "127.0.0.1", Reach::Keyless);
        assert!(at_the_server.may_change(None, "10.0.0.9"));
        assert!(!at_the_server.may_change(Some(&ann), "127.0.0.1"));
        assert!(viewer(None, "", Reach::All).may_change(Some(&ann), "10.0.0.9"));
    }

    #[test]
    fn a_key_names_its_owner_and_cannot_be_read_back() {
        let key = "a-key-of-sixteen";
        assert_eq!(Owner::with_key(key), Owner::with_key(key));
        assert_ne!(Owner::with_key(key), Owner::with_key("a-key-of-sixteeN"));
        assert!(!Owner::with_key(key).as_str().contains(key));
        assert_eq!(Owner::with_key(key).as_str().len(), 64);
    }
}
