//! Prompts to token ids, with the checkpoint's own tokenizer and chat template.

use serde::Deserialize;

use super::template;
use crate::{Error, Result};

/// The tokenizer's files, as bytes.
#[derive(Clone, Copy, Debug)]
pub struct TokenizerFiles<'a> {
    /// `tokenizer/tokenizer.json`.
    pub tokenizer: &'a [u8],
    /// `tokenizer/tokenizer_config.json`.
    pub config: &'a [u8],
    /// `tokenizer/chat_template.jinja`, where newer checkpoints keep the template.
    pub chat_template: Option<&'a [u8]>,
}

/// Turns prompts into token ids.
pub struct Tokenizer {
    tokenizer: tokenizers::Tokenizer,
    chat_template: String,
}

/// A prompt as the encoder reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptTokens {
    /// Token ids, template included.
    pub ids: Vec<u32>,
    /// How many tokens at the end did not fit and were cut off.
    pub cut: usize,
}

#[derive(Deserialize)]
struct Config {
    chat_template: Option<String>,
}

impl Tokenizer {
    /// Reads the files.
    ///
    /// # Errors
    /// Files that are no tokenizer, or no chat template in any of them.
    pub fn new(files: TokenizerFiles<'_>) -> Result<Self> {
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(files.tokenizer)
            .map_err(|e| Error::config("tokenizer/tokenizer.json", e.to_string()))?;
        // The file may carry settings of its last use; the pipeline's own apply here.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|e| Error::config("tokenizer/tokenizer.json", e.to_string()))?;
        let chat_template = match files.chat_template {
            Some(bytes) => String::from_utf8(bytes.to_vec())
                .map_err(|e| Error::config("tokenizer/chat_template.jinja", e.to_string()))?,
            None => {
                let file = "tokenizer/tokenizer_config.json";
                let config: Config = serde_json::from_slice(files.config)
                    .map_err(|e| Error::config(file, e.to_string()))?;
                config.chat_template.ok_or_else(|| Error::config(file, "no chat_template"))?
            }
        };
        Ok(Self { tokenizer, chat_template })
    }

    /// How many tokens there are, added ones included.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The ids of `prompt` inside the chat template, at most `limit` of them.
    ///
    /// # Errors
    /// A template that refuses the prompt.
    pub fn encode(&self, prompt: &str, limit: usize) -> Result<PromptTokens> {
        let text = template::render(&self.chat_template, prompt)
            .map_err(|e| Error::Prompt(format!("the chat template failed: {e}")))?;
        let encoding = self
            .tokenizer
            .encode(text.as_str(), true)
            .map_err(|e| Error::Prompt(format!("the tokenizer failed: {e}")))?;
        let mut ids = encoding.get_ids().to_vec();
        let cut = ids.len().saturating_sub(limit);
        ids.truncate(limit);
        Ok(PromptTokens { ids, cut })
    }
}
