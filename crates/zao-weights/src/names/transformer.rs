//! The transformer as ComfyUI and the original checkpoint call it: query, key and value in one matrix, one
//! patch size that no name tells.

use zao_backend::Form;

use super::Named;
use crate::error::Error;

/// The patch size of diffusers' names; files without it are of this one.
const PATCH: &str = "2-1";

/// Names that are not diffusers', of a block, each with its counterpart.
const OF_A_BLOCK: [(&str, &str); 3] = [
    (".attention.out.", ".attention.to_out.0."),
    (".attention.q_norm.", ".attention.norm_q."),
    (".attention.k_norm.", ".attention.norm_k."),
];

/// A tensor that files have and no forward reads: the reference keeps a norm that it does not call.
const UNREAD: &str = "norm_final.weight";

/// What query, key and value are stacked in.
const STACKED: &str = ".attention.qkv.";

pub(super) fn translate(
    tensors: impl Iterator<Item = (String, Form)>,
    named: &mut Named,
) -> Result<(), Error> {
    for (name, form) in tensors {
        if name == UNREAD {
            continue;
        }
        if let Some((block, suffix)) = name.split_once(STACKED) {
            let third = form.shape().first().map_or(0, |rows| rows / 3);
            let rows = |i: usize| form.rows(i * third..(i + 1) * third);
            let whole = form.shape().first().is_some_and(|rows| rows.is_multiple_of(3));
            if let (true, Some(q), Some(k), Some(v)) = (whole, rows(0), rows(1), rows(2)) {
                for (part, form) in [("to_q", q), ("to_k", k), ("to_v", v)] {
                    named.insert(format!("{block}.attention.{part}.{suffix}"), form)?;
                }
                continue;
            }
        }
        let form = match (&name[..], form.shape()) {
            ("cap_pad_token" | "x_pad_token", &[width]) => {
                form.clone().reshaped(&[1, width]).unwrap_or(form)
            }
            _ => form,
        };
        named.insert(diffusers(&name), form)?;
    }
    Ok(())
}

fn diffusers(name: &str) -> String {
    for of_the_patch in ["x_embedder", "final_layer"] {
        if let Some(rest) = name.strip_prefix(of_the_patch)
            && rest.starts_with('.')
        {
            return format!("all_{of_the_patch}.{PATCH}{rest}");
        }
    }
    let other = OF_A_BLOCK.iter().find(|(theirs, _)| name.contains(theirs));
    other.map_or_else(|| name.to_owned(), |(theirs, ours)| name.replace(theirs, ours))
}
