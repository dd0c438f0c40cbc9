//! The cases that every device has to pass, in every precision that the card of this machine has. Without a card each
//! says so and passes.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]
#![allow(missing_docs, reason = "the suite documents its cases")]

use std::sync::OnceLock;

use zao_cuda::{Cuda, CudaPrecision, Settings};

/// The card in this precision, unless there is none.
fn cuda(precision: CudaPrecision) -> Option<Cuda> {
    // A context is taken down with its last device, which would be after each case.
    static HELD: OnceLock<Result<Cuda, String>> = OnceLock::new();
    let held = HELD.get_or_init(|| {
        Cuda::new(Settings::default()).map_err(|error| {
            println!("skipped, there is no card to test: {error}");
            error.to_string()
        })
    });
    held.as_ref().ok()?;
    let opened = Cuda::new(Settings { precision, ..Settings::default() });
    if let Err(zao_backend::Error::Unsupported { what, .. }) = &opened {
        println!("skipped, not on this card: {what}");
        return None;
    }
    Some(opened.expect("the card worked a moment ago"))
}

macro_rules! precisions {
    ($($name:ident: $precision:ident;)*) => {$(
        mod $name {
            zao_backend::conformance_suite!(match super::cuda(super::CudaPrecision::$precision) {
                Some(cuda) => cuda,
                None => return,
            });
        }
    )*};
}

precisions! {
    in_f32: F32;
    in_bf16: Bf16;
    in_fp8: Fp8;
    in_int8: Int8;
}
