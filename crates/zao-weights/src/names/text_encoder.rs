//! The text encoder as llama.cpp calls it. Its converter leaves Qwen3's query and key rows in their order,
//! unlike those of Llama.

use zao_backend::Form;

use super::Named;
use crate::error::Error;

/// Names outside of layers.
const OUTSIDE: [(&str, &str); 3] =
    [("token_embd.", "embed_tokens."), ("output_norm.", "norm."), ("output.", "lm_head.")];

/// Names inside of a layer.
const INSIDE: [(&str, &str); 11] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

pub(super) fn translate(
    tensors: impl Iterator<Item = (String, Form)>,
    named: &mut Named,
) -> Result<(), Error> {
    for (name, form) in tensors {
        named.insert(diffusers(&name), form)?;
    }
    Ok(())
}

fn diffusers(name: &str) -> String {
    let of_a_layer = || {
        let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
        let (inner, suffix) = rest.rsplit_once('.')?;
        let (_, ours) = INSIDE.iter().find(|(theirs, _)| *theirs == inner)?;
        Some(format!("layers.{layer}.{ours}.{suffix}"))
    };
    let outside = || {
        let (theirs, ours) = OUTSIDE.iter().find(|(theirs, _)| name.starts_with(theirs))?;
        Some(format!("{ours}{}", &name[theirs.len()..]))
    };
    of_a_layer().or_else(outside).unwrap_or_else(|| name.to_owned())
}
