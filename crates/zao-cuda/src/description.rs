//! What the device says about itself, and which kernels it chose.

use zao_backend::Description;

use crate::CudaPrecision;
use crate::device::Cuda;

/// The device in words.
pub(crate) fn describe(cuda: &Cuda) -> Description {
    let card = cuda.card();
    let (major, minor) = card.capability;
    let precision = cuda.settings().precision;
    let by_driver = if cuda.kernels_are_compiled_by_driver() {
        ", kernels compiled by the driver: none are built in for this card"
    } else {
        ""
    };
    let library = cuda.library_products().in_use();
    let library = library.map_or_else(String::new, |name| format!(" {name}"));
    let mut kernels = kernels(cuda).map(|(family, what)| (family.to_owned(), what)).to_vec();
    kernels.extend(cuda.library_products().describe().map(|what| ("libraries".to_owned(), what)));
    Description {
        device: card.label.clone(),
        numerics: format!("{} sm_{major}{minor}{library}", card.name),
        detail: format!(
            "{}, {:.1} GB, compute capability {major}.{minor}, {precision} precision{by_driver}",
            card.name,
            card.memory as f64 / 1e9,
        ),
        kernels,
    }
}

fn kernels(cuda: &Cuda) -> [(&'static str, String); 4] {
    let products = match cuda.settings().precision {
        CudaPrecision::F32 => "f32 multiply-adds".to_owned(),
        precision => {
            let operands = match precision {
                CudaPrecision::F32 | CudaPrecision::Bf16 => "bf16",
                CudaPrecision::Fp8 => "e4m3 with a scale for each row of inputs and weights",
                CudaPrecision::Int8 => "int8 with a scale for each row of inputs and weights",
            };
            format!("{} on {operands}, f32 sums", tensor_cores(cuda, "gemm_bf16_sm90a"))
        }
    };
    let floats = |hopper: &str| match cuda.settings().precision {
        CudaPrecision::F32 => "f32 multiply-adds".to_owned(),
        _ => format!("{} on bf16, f32 sums", tensor_cores(cuda, hopper)),
    };
    [
        ("linear", products),
        ("attention", format!("{}; running softmax in f32", floats("attention_sm90a"))),
        ("conv2d", format!("{}; windows multiplied where they lie", floats("convolution_sm90a"))),
        ("everything else", "one pass over rows in f32".to_owned()),
    ]
}

/// The instructions that multiply, if the card has the kernels of `hopper` or not.
fn tensor_cores(cuda: &Cuda, hopper: &str) -> &'static str {
    if cuda.has_kernels(hopper) { "wgmma fed by the copy engine" } else { "mma.sync" }
}
