//! Linear layers on the tensor cores that every card since Ampere has (`kernels/gemm.cu`).
//!
//! Which tile a multiply uses depends on its size, and changes no bit: all of them sum in the same order. What
//! the kernels cannot take is for [`super::plain`].

use zao_backend::{Element, Result};

use super::{Ending, Product};
use crate::address::int;
use crate::device::Cuda;
use crate::driver::{Argument, DevicePtr, Launch, args};
use crate::ending::{self, Kind};
use crate::weight::Kept;

/// `struct GemmArguments`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Arguments {
    a: DevicePtr,
    w: DevicePtr,
    ending: ending::Ending,
    m: i32,
    n: i32,
    row_bytes: i32,
    group: i32,
}

// SAFETY: the layout of `GemmArguments` in `gemm.cu`.
unsafe impl Argument for Arguments {}

/// One of the tiles that the kernels are compiled for.
#[derive(Clone, Copy, Debug)]
struct Tile {
    /// Kernels for bf16, int8 and fp8.
    kernels: [&'static str; 3],
    rows: usize,
    columns: usize,
    threads: u32,
    /// Bytes of a row of operands in shared memory.
    row_bytes: usize,
    stages: usize,
    /// Rate that it reached on an H100 where there were enough blocks, in percent of the best.
    rate: usize,
}

const TILES: [Tile; 6] = [
    Tile {
        kernels: ["gemm_128x256_bf16", "gemm_128x256_int8", "gemm_128x256_fp8"],
        rows: 128,
        columns: 256,
        threads: 256,
        row_bytes: 64,
        stages: 4,
        rate: 100,
    },
    Tile {
        kernels: ["gemm_128x128_bf16", "gemm_128x128_int8", "gemm_128x128_fp8"],
        rows: 128,
        columns: 128,
        threads: 128,
        row_bytes: 64,
        stages: 3,
        rate: 86,
    },
    Tile {
        kernels: ["gemm_64x256_bf16", "gemm_64x256_int8", "gemm_64x256_fp8"],
        rows: 64,
        columns: 256,
        threads: 128,
        row_bytes: 64,
        stages: 4,
        rate: 84,
    },
    Tile {
        kernels: ["gemm_64x128_bf16", "gemm_64x128_int8", "gemm_64x128_fp8"],
        rows: 64,
        columns: 128,
        threads: 128,
        row_bytes: 128,
        stages: 3,
        rate: 72,
    },
    Tile {
        kernels: ["gemm_64x64_bf16", "gemm_64x64_int8", "gemm_64x64_fp8"],
        rows: 64,
        columns: 64,
        threads: 128,
        row_bytes: 128,
        stages: 4,
        rate: 58,
    },
    Tile {
        kernels: ["gemm_64x32_bf16", "gemm_64x32_int8", "gemm_64x32_fp8"],
        rows: 64,
        columns: 32,
        threads: 128,
        row_bytes: 128,
        stages: 6,
        rate: 41,
    },
];

/// Tiles of rows that are worked on together: what they and a few columns of tiles read stays in the
/// smallest L2.
const GROUP: i32 = 8;

impl Tile {
    fn shared(self) -> usize {
        self.stages * (self.rows + self.columns) * self.row_bytes
    }

    fn count(self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * columns.div_ceil(self.columns)
    }

    /// Time that a multiply takes, in arbitrary units.
    fn time(self, rows: usize, columns: usize, multiprocessors: usize) -> usize {
        // Blocks on one multiprocessor share its rate, however many of them it holds.
        let rounds = self.count(rows, columns).div_ceil(multiprocessors);
        rounds * self.rows * self.columns * 1000 / self.rate
    }

    /// The fastest for a product of this size.
    fn of(rows: usize, columns: usize, multiprocessors: usize, shared: usize) -> Self {
        let fits = TILES.into_iter().filter(|tile| tile.shared() <= shared);
        fits.min_by_key(|tile| tile.time(rows, columns, multiprocessors))
            .expect("the smallest tile fits every card")
    }
}

/// Which of a tile's kernels multiplies these types, and bytes of an element.
fn operands(cuda: &Cuda, product: &Product) -> Option<(usize, usize)> {
    match (product.x_element, product.weight_kept) {
        (Element::Bf16, Kept::Bf16) => Some((0, 2)),
        (Element::Int8, Kept::Int8) => Some((1, 1)),
        (Element::Fp8, Kept::Fp8) if cuda.card().capability >= (8, 9) => Some((2, 1)),
        _ => None,
    }
}

/// Whether the kernels can multiply it; the number of rows does not matter.
pub(crate) fn takes(cuda: &Cuda, product: &Product) -> bool {
    cuda.has_kernels("gemm")
        && operands(cuda, product).is_some_and(|(_, size)| {
            product.inputs > 0 && (product.inputs * size).is_multiple_of(16)
        })
}

/// Multiplies.
pub(crate) fn multiply(cuda: &Cuda, product: &Product) -> Result<()> {
    let Some((kernel, size)) = operands(cuda, product) else {
        return Err(cuda.unsupported("linear", format!("these types on tensor cores: {product:?}")));
    };
    let (rows, columns) = (product.rows, product.outputs);
    let card = cuda.card();
    let tile =
        Tile::of(rows, columns, card.multiprocessors as usize, card.shared_per_block as usize);
    let arguments = Arguments {
        a: product.x,
        w: product.weight,
        ending: product.ending()?,
        m: int(rows)?,
        n: int(columns)?,
        row_bytes: int(product.inputs * size)?,
        group: GROUP,
    };
    let kernel = cuda.kernel("gemm", tile.kernels[kernel])?;
    let launch = Launch {
        grid: [crate::address::blocks(tile.count(rows, columns), 1)?, 1, 1],
        block: [tile.threads, 1, 1],
        shared: u32::try_from(tile.shared()).expect("a tile is smaller than shared memory"),
        ..Launch::ONE
    };
    // SAFETY: the sizes are those of the operands, rows are whole chunks of 16 bytes, and the grid covers the result.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}

impl Product {
    /// Its end as kernels take it.
    pub(super) fn ending(&self) -> Result<ending::Ending> {
        Ok(ending::Ending {
            out: self.out,
            bias: self.bias,
            row_scales: self.x_scales,
            column_scales: self.weight_scales,
            kind: match self.ending {
                Ending::Store => Kind::Store,
                Ending::Silu => Kind::Silu,
                Ending::Accumulate => Kind::Accumulate,
                Ending::SwiGlu => Kind::SwiGlu,
            },
            out_f32: i32::from(self.out_element == Element::F32),
            out_width: int(self.out_width)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_get_small_tiles_and_small_cards_what_fits() {
        let tile = |rows, columns, shared| {
            let tile = Tile::of(rows, columns, 132, shared);
            (tile.rows, tile.columns)
        };
        // What was the fastest when all of them were measured.
        assert_eq!(tile(64, 2560, 232_448), (64, 32));
        assert_eq!(tile(1088, 3840, 232_448), (64, 256));
        assert_eq!(tile(1088, 11_520, 232_448), (64, 256));
        assert_eq!(tile(1088, 20_480, 232_448), (128, 256));
        assert_eq!(tile(4160, 11_520, 232_448), (128, 256));
        for shared in [101_376, 166_912, 232_448] {
            assert!(Tile::of(4160, 3840, 82, shared).shared() <= shared);
        }
    }
}
