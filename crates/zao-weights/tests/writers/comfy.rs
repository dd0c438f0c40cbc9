//! diffusers' tensors under the names of other programs, and in their pieces.

use super::safetensors::Tensor;

/// The transformer as ComfyUI's files have it, query, key and value in one.
pub(crate) fn transformer(tensors: &[Tensor]) -> Vec<Tensor> {
    let mut renamed = Vec::new();
    for tensor in tensors {
        let of = |part: &str| {
            let name = tensor.name.replace(".to_q.", part);
            tensors.iter().find(|other| other.name == name).unwrap().data.clone()
        };
        if tensor.name.contains(".to_q.") {
            let data = [of(".to_q."), of(".to_k."), of(".to_v.")].concat();
            let shape = [3 * tensor.shape[0], tensor.shape[1]];
            let name = tensor.name.replace(".to_q.", ".qkv.");
            renamed.push(Tensor::new(&name, tensor.dtype, &shape, data));
        } else if !tensor.name.contains(".to_k.") && !tensor.name.contains(".to_v.") {
            let name = tensor
                .name
                .replace("all_x_embedder.2-1.", "x_embedder.")
                .replace("all_final_layer.2-1.", "final_layer.")
                .replace(".to_out.0.", ".out.")
                .replace(".norm_q.", ".q_norm.")
                .replace(".norm_k.", ".k_norm.");
            renamed.push(Tensor { name, ..tensor.clone() });
        }
    }
    let width =
        tensors.iter().find(|t| t.name == "x_pad_token").unwrap().shape.last().copied().unwrap();
    renamed.push(Tensor::f32("norm_final.weight", &[width], &vec![1.0; width]));
    renamed
}

/// The text encoder as ComfyUI's files have it.
pub(crate) fn text_encoder(tensors: &[Tensor]) -> Vec<Tensor> {
    let renamed = |t: &Tensor| Tensor { name: format!("model.{}", t.name), ..t.clone() };
    tensors.iter().map(renamed).collect()
}

/// The text encoder as llama.cpp's files have it.
pub(crate) fn llama(tensors: &[Tensor]) -> Vec<Tensor> {
    let names = [
        ("embed_tokens", "token_embd"),
        ("input_layernorm", "attn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("layers.", "blk."),
    ];
    let renamed = |t: &Tensor| {
        let name =
            names.iter().fold(t.name.clone(), |name, (ours, theirs)| name.replace(ours, theirs));
        let name = if name == "norm.weight" { "output_norm.weight".into() } else { name };
        Tensor { name, ..t.clone() }
    };
    tensors.iter().map(renamed).collect()
}

/// The autoencoder of four levels as Flux' own file has it, attention as convolutions.
pub(crate) fn vae(tensors: &[Tensor]) -> Vec<Tensor> {
    let renamed = |t: &Tensor| {
        let mut name = t.name.clone();
        for level in 0..4 {
            let (down, up) = (format!("down_blocks.{level}."), format!("up_blocks.{level}."));
            name = name.replace(&down, &format!("down.{level}."));
            name = name.replace(&up, &format!("up.{}.", 3 - level));
        }
        for (ours, theirs) in [
            ("mid_block.resnets.0.", "mid.block_1."),
            ("mid_block.resnets.1.", "mid.block_2."),
            ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."),
            ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
            ("mid_block.attentions.0.to_", "mid.attn_1."),
            ("resnets.", "block."),
            ("downsamplers.0.", "downsample."),
            ("upsamplers.0.", "upsample."),
            ("conv_shortcut", "nin_shortcut"),
            ("conv_norm_out", "norm_out"),
        ] {
            name = name.replace(ours, theirs);
        }
        let mut shape = t.shape.clone();
        if name.contains(".attn_1.") && shape.len() == 2 {
            shape.extend([1, 1]);
        }
        Tensor { name, shape, ..t.clone() }
    };
    tensors.iter().map(renamed).collect()
}
