//! Linear layers on Hopper cards (`kernels/gemm_*_sm90a.cu`): which tile a multiply is cut into, and its launch.
//!
//! Every tile sums an element in the same order, so the choice changes no bit of a result.

mod adapted;

pub(crate) use adapted::{Addend, addends, multiply as multiply_adapted};
use zao_backend::{Element, Result};

use super::{Ending, Product};
use crate::address::int;
use crate::device::Cuda;
use crate::driver::{
    Argument, DevicePtr, Launch, Swizzle, TensorMap, TensorMapSpec, TensorType, args,
};
use crate::ending;
use crate::weight::Kept;

/// `struct Sm90aArguments`.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Arguments {
    a: TensorMap,
    w: TensorMap,
    a_hint: u64,
    w_hint: u64,
    ending: ending::Ending,
    m: i32,
    n: i32,
    k: i32,
    group: i32,
}

// SAFETY: the layout of `Sm90aArguments` in `gemm_sm90a.cuh`.
unsafe impl Argument for Arguments {}

/// Operands that there are kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operands {
    Bf16,
    Fp8,
    Int8,
}

impl Operands {
    const fn of(product: &Product) -> Option<Self> {
        match (product.x_element, product.weight_kept) {
            (Element::Bf16, Kept::Bf16) => Some(Self::Bf16),
            (Element::Fp8, Kept::Fp8) => Some(Self::Fp8),
            (Element::Int8, Kept::Int8) => Some(Self::Int8),
            _ => None,
        }
    }

    const fn module(self) -> &'static str {
        match self {
            Self::Bf16 => "gemm_bf16_sm90a",
            Self::Fp8 => "gemm_fp8_sm90a",
            Self::Int8 => "gemm_int8_sm90a",
        }
    }

    const fn adapted_module(self) -> &'static str {
        match self {
            Self::Bf16 => "adapted_bf16_sm90a",
            Self::Fp8 => "adapted_fp8_sm90a",
            Self::Int8 => "adapted_int8_sm90a",
        }
    }

    /// Bytes of an element.
    const fn size(self) -> usize {
        match self {
            Self::Bf16 => 2,
            Self::Fp8 | Self::Int8 => 1,
        }
    }
}

/// One of the tiles that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tile {
    /// Kernels for bf16, fp8 and int8.
    kernels: [&'static str; 3],
    /// The same for rows that follow adapters.
    adapted_kernels: [&'static str; 3],
    /// Whether there are those.
    adapted: bool,
    rows: u32,
    columns: u32,
    /// Tiles beside each other whose multiprocessors share rows of `x`.
    cluster: u32,
    /// Parts of the operands, of [`ROW_BYTES`] a row, that a stage has.
    depth: u32,
    /// Stages that are in shared memory at once.
    stages: u32,
    /// Time that a multiprocessor takes for an element of a tile, in percent of the best.
    time: [usize; 3],
}

/// Bytes of a row of an operand that one copy brings.
const ROW_BYTES: u32 = 128;
/// Bytes of L2 that rows of `x` may fill while weights pass by.
const KEPT_IN_L2: usize = 32 << 20;

/// The usual treatment in L2, and that of what is read once; as `createpolicy` makes them.
const EVICT_NORMAL: u64 = 0x1000_0000_0000_0000;
const EVICT_FIRST: u64 = 0x12F0_0000_0000_0000;

macro_rules! tile {
    ($rows:literal x $columns:literal, $cluster:literal blocks, $depth:literal x $stages:literal, $time:expr, $adapted:literal) => {
        Tile {
            kernels: [
                concat!("gemm_bf16_", $rows, "x", $columns),
                concat!("gemm_fp8_", $rows, "x", $columns),
                concat!("gemm_int8_", $rows, "x", $columns),
            ],
            adapted_kernels: [
                concat!("adapted_bf16_", $rows, "x", $columns),
                concat!("adapted_fp8_", $rows, "x", $columns),
                concat!("adapted_int8_", $rows, "x", $columns),
            ],
            adapted: $adapted,
            rows: $rows,
            columns: $columns,
            cluster: $cluster,
            depth: $depth,
            stages: $stages,
            time: $time,
        }
    };
}

const TILES: [Tile; 10] = [
    tile!(192 x 192, 2 blocks, 1 x 4, [100, 100, 100], true),
    tile!(192 x 176, 2 blocks, 1 x 4, [100, 101, 101], false),
    tile!(192 x 160, 2 blocks, 1 x 5, [101, 103, 103], false),
    tile!(128 x 256, 2 blocks, 1 x 4, [98, 104, 104], true),
    tile!(128 x 192, 2 blocks, 1 x 5, [105, 110, 110], false),
    tile!(128 x 160, 2 blocks, 1 x 6, [112, 113, 113], false),
    tile!(128 x 128, 2 blocks, 1 x 7, [135, 135, 135], true),
    tile!(128 x 64, 2 blocks, 2 x 4, [200, 215, 215], false),
    tile!(64 x 64, 1 blocks, 2 x 6, [260, 270, 270], true),
    tile!(64 x 32, 1 blocks, 2 x 8, [300, 320, 320], false),
];

impl Tile {
    /// The fastest for a product of `rows` by `columns`.
    fn of(
        tiles: impl Iterator<Item = Self>,
        operands: Operands,
        rows: usize,
        columns: usize,
        multiprocessors: u32,
    ) -> Self {
        // Weights pass faster by tiles that have no more rows than there are.
        let fits = |tile: &Tile| rows > 64 || tile.rows == 64;
        tiles
            .filter(fits)
            .min_by_key(|tile| {
                let at_once = tile.clusters_of(multiprocessors);
                let rounds = tile.clusters(rows, columns).div_ceil(at_once);
                rounds * (tile.rows * tile.columns) as usize * tile.time[operands as usize]
            })
            .expect("there are tiles")
    }

    /// Clusters of tiles that cover so much.
    fn clusters(self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows as usize) * columns.div_ceil((self.columns * self.cluster) as usize)
    }

    /// Clusters that a card works on at once.
    fn clusters_of(self, multiprocessors: u32) -> usize {
        (multiprocessors / self.cluster).max(1) as usize
    }

    /// Threads of a block: a warpgroup for every 64 rows, and one that loads.
    const fn threads(self) -> u32 {
        (self.rows / 64 + 1) * 128
    }

    /// Bytes of shared memory: stages from a boundary of 1024 on, and two barriers for each.
    const fn shared(self) -> u32 {
        1024 + self.stages * (self.depth * (self.rows + self.columns) * ROW_BYTES + 16)
    }
}

/// Whether the kernels can multiply it; the number of rows does not matter.
pub(crate) fn takes(cuda: &Cuda, product: &Product) -> bool {
    let widths = match product.ending {
        Ending::SwiGlu => 16,
        Ending::Store | Ending::Silu | Ending::Accumulate => 8,
    };
    Operands::of(product).is_some_and(|operands| {
        cuda.has_kernels(operands.module())
            && product.inputs > 0
            && (product.inputs * operands.size()).is_multiple_of(16)
            && product.outputs.is_multiple_of(widths)
            && product.out_width.is_multiple_of(8)
    })
}

/// Multiplies.
pub(crate) fn multiply(cuda: &Cuda, product: &Product) -> Result<()> {
    let (rows, columns) = (product.rows, product.outputs);
    let Some(operands) = Operands::of(product) else {
        return Err(cuda.unsupported("linear", format!("these types on Hopper: {product:?}")));
    };
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let multiprocessors = cuda.card().multiprocessors;
    let tile = Tile::of(TILES.into_iter(), operands, rows, columns, multiprocessors);
    let kernel = cuda.kernel(operands.module(), tile.kernels[operands as usize])?;
    let arguments = arguments(cuda, operands, product, tile)?;
    let launch = launch(tile, rows, columns, multiprocessors);
    // SAFETY: the sizes are those of the operands, whose rows are whole pieces of 16 bytes, and of the result,
    // whose rows are whole groups of eight columns.
    unsafe { cuda.run(&kernel, launch, args![arguments]) }
}

/// What a kernel with this tile is told of `product`.
fn arguments(cuda: &Cuda, operands: Operands, product: &Product, tile: Tile) -> Result<Arguments> {
    let (rows, columns, width) = (product.rows, product.outputs, product.inputs);
    // Rows of tiles whose part of `x` stays in L2 while all weights pass by.
    let group = (KEPT_IN_L2 / (tile.rows as usize * width * operands.size())).max(8);
    let once = rows <= tile.rows as usize;
    Ok(Arguments {
        a: map(cuda, operands, (product.x, rows, width), tile.rows / tile.cluster)?,
        w: map(cuda, operands, (product.weight, columns, width), tile.columns)?,
        a_hint: EVICT_NORMAL,
        w_hint: if once { EVICT_FIRST } else { EVICT_NORMAL },
        ending: product.ending()?,
        m: int(rows)?,
        n: int(columns)?,
        k: int(width)?,
        group: int(group)?,
    })
}

/// An operand `[rows, width]` from `start` on, of which one copy brings `piece` rows.
fn map(
    cuda: &Cuda,
    operands: Operands,
    (start, rows, width): (DevicePtr, usize, usize),
    piece: u32,
) -> Result<TensorMap> {
    cuda.tensor_map(TensorMapSpec {
        start,
        element: match operands {
            Operands::Bf16 => TensorType::Bf16,
            Operands::Fp8 | Operands::Int8 => TensorType::Byte,
        },
        extents: &[width as u64, rows as u64],
        strides: &[(width * operands.size()) as u64],
        piece: &[ROW_BYTES / operands.size() as u32, piece],
        swizzle: Swizzle::B128,
    })
}

/// How a kernel with this tile is launched for a result of `rows` by `columns`.
fn launch(tile: Tile, rows: usize, columns: usize, multiprocessors: u32) -> Launch {
    let clusters = tile.clusters(rows, columns).min(tile.clusters_of(multiprocessors));
    Launch {
        grid: [clusters as u32 * tile.cluster, 1, 1],
        block: [tile.threads(), 1, 1],
        shared: tile.shared(),
        cluster: [tile.cluster, 1, 1],
        overlap: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(operands: Operands, rows: usize, columns: usize) -> (u32, u32) {
        let tile = Tile::of(TILES.into_iter(), operands, rows, columns, 132);
        (tile.rows, tile.columns)
    }

    #[test]
    fn tiles_fill_whole_rounds_of_the_card() {
        // 22 by 60 tiles are 10 rounds, 33 by 80 are 20, 22 by 24 are 4, 6 by 22 are one.
        assert_eq!(chosen(Operands::Bf16, 4160, 11_520), (192, 192));
        assert_eq!(chosen(Operands::Bf16, 4160, 20_480), (128, 256));
        assert_eq!(chosen(Operands::Bf16, 4160, 3840), (192, 160));
        assert_eq!(chosen(Operands::Bf16, 1088, 3840), (192, 176));
    }

    #[test]
    fn few_rows_are_spread_over_all_multiprocessors() {
        assert_eq!(chosen(Operands::Bf16, 64, 2560), (64, 32));
        assert_eq!(chosen(Operands::Bf16, 64, 6144), (64, 64));
        assert_eq!(chosen(Operands::Fp8, 1, 19_456), (64, 32));
    }

    #[test]
    fn tiles_fit_shared_memory() {
        assert!(TILES.iter().all(|tile| tile.shared() <= 232_448));
    }

    #[test]
    fn arguments_lie_as_the_kernel_reads_them() {
        assert_eq!(size_of::<Arguments>(), 384);
        assert_eq!(std::mem::offset_of!(Arguments, ending), 272);
        assert_eq!(std::mem::offset_of!(Arguments, m), 320);
    }
}
