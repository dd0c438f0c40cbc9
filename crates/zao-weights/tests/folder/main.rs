//! Model folders, good and broken, as the engine meets them.

mod broken;
mod fixture;
mod good;
mod packing;
mod save;
