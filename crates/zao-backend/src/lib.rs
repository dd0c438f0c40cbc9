//! The vocabulary every device speaks: about twenty fused operations, the shapes and errors they
//! share, their scalar definition, and the suite that tells whether a device is done.
//!
//! There is no general tensor library here. A device implements [`Backend`]: it hands out memory,
//! takes weights in and launches an [`op::Op`]. Everything a device must *not* decide (shapes, which
//! rows belong to which picture, what an operation means) lives here, once.
//!
//! * [`op`]: the operations, their argument checks, and the methods the model calls;
//! * [`Scalar`]: their definition in plain `f32` loops, slow and readable;
//! * [`Planner`]: the same interface computing nothing, which tells the memory a run will need and
//!   how much arithmetic it is;
//! * [`conformance`]: the cases every device has to pass against [`Scalar`].

mod adaptation;
mod arena;
mod backend;
mod blocks;
pub mod conformance;
mod delta;
mod element;
mod error;
mod expected;
mod flops;
mod form;
mod grid;
mod int8_panels;
mod low_rank;
pub mod op;
mod plan;
mod scalar;
mod scaled;
mod segments;
mod stored;
mod strip;
mod tensor;
mod weight;

pub use adaptation::{Adaptation, Addend, Delta};
pub use arena::{Arena, Slot};
pub use backend::{Backend, Description, Policy, Region};
pub use blocks::{BlockKind, Blocks};
pub use delta::{DeltaRows, Factors, Half, StoredDelta};
pub use element::Element;
pub use error::{Error, Result};
pub use expected::{Expected, Streamed};
pub use grid::Grid;
pub use int8_panels::Int8Panels;
pub use low_rank::LowRank;
pub use plan::{Plan, Planner};
pub use scalar::Scalar;
pub use scaled::{Scaled, ScaledKind, rotate};
pub use segments::Segments;
pub use stored::{Dtype, Stored};
pub use strip::Strip;
pub use tensor::{Shape, Tensor};
pub use weight::{Care, Form, Matrix, Role, Weight};

/// What model code imports: the trait and every operation's method.
pub mod prelude {
    pub use crate::op::{
        Adapted, AttentionOps, ConvolutionOps, Heads, ImageOps, LatentOps, LinearOps, Mask,
        MemoryOps, Modulation, NextNorm, Norm, NormOps, Pairing, SequenceOps, View,
    };
    pub use crate::{Backend, Grid, Region, Segments, Strip, Tensor, Weight};
}
