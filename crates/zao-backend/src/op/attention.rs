//! Attention over packed segments, and the norm and rotation before it.

use super::{Op, all_f32, ensure, result_for};
use crate::{Backend, Result, Segments, Shape, Tensor, Weight};

/// How the width of a fused `qkv` row divides: `query` heads, then `kv` key heads, then `kv` value
/// heads, each `dim` wide. Query head `h` reads key and value head `h / (query / kv)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Number of query heads, a multiple of `kv`.
    pub query: usize,
    /// Number of key and of value heads.
    pub kv: usize,
    /// Width of a head.
    pub dim: usize,
}

impl Heads {
    /// Width of a fused row.
    #[must_use]
    pub const fn qkv_width(self) -> usize {
        (self.query + 2 * self.kv) * self.dim
    }

    /// Width of the result.
    #[must_use]
    pub const fn out_width(self) -> usize {
        self.query * self.dim
    }

    /// The key and value head that query head `head` reads.
    #[must_use]
    pub const fn shared(self, head: usize) -> usize {
        head / (self.query / self.kv)
    }
}

/// Which elements of a head form the pairs that RoPE rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Elements `2i` and `2i + 1`, as complex numbers: the transformer.
    Interleaved,
    /// Elements `i` and `i + dim / 2`: the text encoder.
    Halves,
}

/// Which keys a query may see within its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All.
    Full,
    /// Those of its own row and before.
    Causal,
}

/// RMSNorm of every query and key head, then rotation by position, in place; values stay as they
/// are.
pub struct QkNormRope<'a, B: Backend> {
    /// `[tokens, heads.qkv_width()]`.
    pub qkv: &'a mut Tensor<B>,
    /// How a row divides.
    pub heads: Heads,
    /// Weights of the query and key norms, each `[1, dim]`, `f32`; `None` leaves lengths as they are.
    pub norms: Option<(&'a Tensor<B>, &'a Tensor<B>)>,
    /// Added to the mean square of a head.
    pub eps: f32,
    /// `[tokens, dim]`, `f32`: cosines of the `dim / 2` pairs, then their sines.
    pub rope: &'a Tensor<B>,
    /// Which elements form a pair.
    pub pairing: Pairing,
}

/// `softmax(q k^T / sqrt(dim)) v` for each segment and head; scores and softmax in `f32`.
pub struct Attention<'a, B: Backend> {
    /// `[tokens, heads.qkv_width()]`.
    pub qkv: &'a Tensor<B>,
    /// How a row divides.
    pub heads: Heads,
    /// No token sees another segment.
    pub segments: &'a Segments,
    /// Which keys a query may see.
    pub mask: Mask,
    /// `[tokens, heads.out_width()]`.
    pub out: &'a mut Tensor<B>,
}

/// Attention.
pub trait AttentionOps: Backend {
    /// Normalises and rotates the queries and keys of `qkv` in place.
    ///
    /// # Errors
    /// Sizes that do not fit.
    fn qk_norm_rope(
        &self,
        qkv: &mut Tensor<Self>,
        heads: Heads,
        norms: Option<(&Tensor<Self>, &Tensor<Self>)>,
        eps: f32,
        rope: (&Tensor<Self>, Pairing),
    ) -> Result<()> {
        let (rope, pairing) = rope;
        let norm_fits = |w: &Tensor<Self>| w.shape() == Shape::new(1, heads.dim) && all_f32([w]);
        let fits = qkv.width() == heads.qkv_width()
            && heads.dim.is_multiple_of(2)
            && rope.shape() == Shape::new(qkv.rows(), heads.dim)
            && all_f32([rope])
            && norms.is_none_or(|(q, k)| norm_fits(q) && norm_fits(k));
        ensure(fits, "qk_norm_rope", || {
            format!("{qkv:?} as {heads:?} with norms {norms:?} and rope {rope:?}")
        })?;
        self.launch(Op::QkNormRope(QkNormRope { qkv, heads, norms, eps, rope, pairing }))
    }

    /// Attention within each segment, `[tokens, qkv] -> [tokens, query * dim]`, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn attention(
        &self,
        qkv: &Tensor<Self>,
        heads: Heads,
        segments: &Segments,
        mask: Mask,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        let fits = qkv.width() == heads.qkv_width()
            && heads.kv > 0
            && heads.query.is_multiple_of(heads.kv)
            && segments.rows() == qkv.rows();
        ensure(fits, "attention", || {
            format!("{qkv:?} as {heads:?} in segments of {} rows", segments.rows())
        })?;
        let mut out = result_for(self, Shape::new(qkv.rows(), heads.out_width()), feeds)?;
        self.launch(Op::Attention(Attention { qkv, heads, segments, mask, out: &mut out }))?;
        Ok(out)
    }
}

impl<B: Backend> AttentionOps for B {}
