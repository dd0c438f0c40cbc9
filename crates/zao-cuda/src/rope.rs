//! The norm and rotation of queries and keys.

use zao_backend::op::{Pairing, QkNormRope};
use zao_backend::{Element, Result};

use crate::address::{blocks, int, start};
use crate::device::Cuda;
use crate::driver::{DevicePtr, Launch, args};

/// Threads of a block.
const THREADS: u32 = 256;
/// Heads that a block of the kernel for any width treats, one a warp.
const HEADS: usize = 8;

/// `QkNormRope` of `zao-backend`.
pub(crate) fn qk_norm_rope(cuda: &Cuda, op: QkNormRope<'_, Cuda>) -> Result<()> {
    let [wide, any] = match (op.qkv.element(), op.pairing) {
        (Element::F32, Pairing::Interleaved) => {
            ["qk_norm_rope_f32_interleaved_128", "qk_norm_rope_f32_interleaved"]
        }
        (Element::F32, Pairing::Halves) => {
            ["qk_norm_rope_f32_halves_128", "qk_norm_rope_f32_halves"]
        }
        (Element::Bf16, Pairing::Interleaved) => {
            ["qk_norm_rope_bf16_interleaved_128", "qk_norm_rope_bf16_interleaved"]
        }
        (Element::Bf16, Pairing::Halves) => {
            ["qk_norm_rope_bf16_halves_128", "qk_norm_rope_bf16_halves"]
        }
        (element, _) => return Err(cuda.unsupported("qk_norm_rope", format!("{element:?}"))),
    };
    let (query, key) =
        op.norms.map_or((DevicePtr::NULL, DevicePtr::NULL), |(q, k)| (start(q), start(k)));
    let (qkv, rope, tokens) = (start(op.qkv), start(op.rope), op.qkv.rows());
    let (queries, keys) = (int(op.heads.query)?, int(op.heads.kv)?);
    let launch = |blocks| Launch {
        grid: [blocks, 1, 1],
        block: [THREADS, 1, 1],
        overlap: true,
        ..Launch::ONE
    };
    if op.heads.dim == 128 {
        let launch = launch(blocks(tokens, 1)?);
        let kernel = cuda.kernel("rope", wide)?;
        // SAFETY: the operation's shapes were checked; the arguments are those of the kernel.
        unsafe { cuda.run(&kernel, launch, args![qkv, query, key, rope, queries, keys, op.eps]) }
    } else {
        let launch = launch(blocks(tokens * (op.heads.query + op.heads.kv), HEADS)?);
        let kernel = cuda.kernel("rope", any)?;
        let (tokens, dim) = (int(tokens)?, int(op.heads.dim)?);
        // SAFETY: as above.
        unsafe {
            cuda.run(
                &kernel,
                launch,
                args![qkv, query, key, rope, tokens, queries, keys, dim, op.eps],
            )
        }
    }
}
