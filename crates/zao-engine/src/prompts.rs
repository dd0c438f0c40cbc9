//! From a prompt to the token ids that the encoder reads.

use zao_model::text::{MAX_TOKENS, PromptTokens, Tokenizer};

use crate::Result;

/// What turns prompts into ids.
pub(crate) enum Prompts {
    /// The checkpoint's own tokenizer and chat template.
    Tokenizer(Box<Tokenizer>),
    /// The same ids for every prompt: a model of random weights understands no words.
    Fixed(Vec<u32>),
}

impl Prompts {
    /// The ids of `prompt`, at most as many as the model reads.
    pub(crate) fn encode(&self, prompt: &str) -> Result<PromptTokens> {
        match self {
            Self::Tokenizer(tokenizer) => Ok(tokenizer.encode(prompt, MAX_TOKENS)?),
            Self::Fixed(ids) => Ok(PromptTokens { ids: ids.clone(), cut: 0 }),
        }
    }

    /// How many tokens `prompt` is, without those that the template adds to every prompt.
    pub(crate) fn count(&self, prompt: &str) -> Result<usize> {
        Ok(self.count_with_template(prompt)?.saturating_sub(self.count_with_template("")?))
    }

    /// How many tokens `prompt` is with the template's; of more than [`MAX_TOKENS`] the last are cut.
    pub(crate) fn count_with_template(&self, prompt: &str) -> Result<usize> {
        let tokens = self.encode(prompt)?;
        Ok(tokens.ids.len() + tokens.cut)
    }
}
