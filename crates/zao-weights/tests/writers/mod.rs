//! Files as other programs write them: GGUF, and safetensors in ComfyUI's names. For tests of several
//! crates; nothing is checked here.

#![allow(dead_code, reason = "each test binary uses what it needs")]

pub(crate) mod comfy;
pub(crate) mod gguf;
pub(crate) mod plain;
pub(crate) mod safetensors;
