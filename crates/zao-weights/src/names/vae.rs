//! The autoencoder as the original project calls it: levels instead of blocks, which the decoder counts from
//! the picture, and attention as convolutions of one cell.

use zao_backend::Form;

use super::{Named, Tensors};
use crate::error::Error;

pub(super) fn translate(tensors: Tensors, named: &mut Named) -> Result<(), Error> {
    let levels =
        tensors.keys().filter_map(|name| level(name, "decoder.up.").map(|(level, _)| level));
    let last = levels.max().unwrap_or(0);
    for (name, form) in tensors {
        let translated = diffusers(&name, last);
        let form = if translated.contains(".attentions.") { of_one_cell(form) } else { form };
        named.insert(translated, form)?;
    }
    Ok(())
}

/// A convolution of one cell as the matrix that it is.
fn of_one_cell(form: Form) -> Form {
    match form.shape() {
        &[out, inner, 1, 1] => form.clone().reshaped(&[out, inner]).unwrap_or(form),
        _ => form,
    }
}

/// The level behind `prefix`, and what comes after it.
fn level<'a>(name: &'a str, prefix: &str) -> Option<(usize, &'a str)> {
    let (level, rest) = name.strip_prefix(prefix)?.split_once('.')?;
    Some((level.parse().ok()?, rest))
}

fn diffusers(name: &str, last: usize) -> String {
    let of_a_level = || {
        let (side, blocks, number, rest) = if let Some((level, rest)) = level(name, "encoder.down.")
        {
            ("encoder", "down_blocks", level, rest)
        } else {
            let (level, rest) = level(name, "decoder.up.")?;
            ("decoder", "up_blocks", last.checked_sub(level)?, rest)
        };
        let rest = if let Some(conv) = rest.strip_prefix("downsample.") {
            format!("downsamplers.0.{conv}")
        } else if let Some(conv) = rest.strip_prefix("upsample.") {
            format!("upsamplers.0.{conv}")
        } else {
            let rest = rest.strip_prefix("block.")?;
            format!("resnets.{}", rest.replace("nin_shortcut", "conv_shortcut"))
        };
        Some(format!("{side}.{blocks}.{number}.{rest}"))
    };
    let of_the_middle = || {
        let (side, rest) = name.split_once(".mid.")?;
        let (module, rest) = rest.split_once('.')?;
        let (inner, suffix) = rest.split_once('.')?;
        let rest = match (module, inner) {
            ("block_1", _) => format!("resnets.0.{rest}"),
            ("block_2", _) => format!("resnets.1.{rest}"),
            ("attn_1", "norm") => format!("attentions.0.group_norm.{suffix}"),
            ("attn_1", "q" | "k" | "v") => format!("attentions.0.to_{inner}.{suffix}"),
            ("attn_1", "proj_out") => format!("attentions.0.to_out.0.{suffix}"),
            _ => return None,
        };
        Some(format!("{side}.mid_block.{rest}"))
    };
    let translated = of_a_level().or_else(of_the_middle);
    translated.unwrap_or_else(|| name.replace("coder.norm_out.", "coder.conv_norm_out."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_the_decoder_are_counted_from_its_other_end() {
        for (theirs, ours) in [
            ("decoder.up.0.block.2.conv1.weight", "decoder.up_blocks.3.resnets.2.conv1.weight"),
            ("decoder.up.3.upsample.conv.bias", "decoder.up_blocks.0.upsamplers.0.conv.bias"),
            (
                "encoder.down.1.downsample.conv.bias",
                "encoder.down_blocks.1.downsamplers.0.conv.bias",
            ),
            (
                "encoder.down.1.block.0.nin_shortcut.weight",
                "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
            ),
            ("decoder.mid.block_2.norm1.bias", "decoder.mid_block.resnets.1.norm1.bias"),
            ("encoder.mid.attn_1.norm.bias", "encoder.mid_block.attentions.0.group_norm.bias"),
            ("encoder.mid.attn_1.k.bias", "encoder.mid_block.attentions.0.to_k.bias"),
            ("decoder.mid.attn_1.proj_out.bias", "decoder.mid_block.attentions.0.to_out.0.bias"),
            ("encoder.norm_out.weight", "encoder.conv_norm_out.weight"),
            ("decoder.conv_in.weight", "decoder.conv_in.weight"),
            ("decoder.up.9.block.0.conv1.weight", "decoder.up.9.block.0.conv1.weight"),
            ("decoder.up.x.block.0.conv1.weight", "decoder.up.x.block.0.conv1.weight"),
        ] {
            assert_eq!(diffusers(theirs, 3), ours);
        }
    }
}
