//! Picture files against what Pillow makes of them, and files that are no pictures.

#![allow(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

mod hostile;
mod pillow;
