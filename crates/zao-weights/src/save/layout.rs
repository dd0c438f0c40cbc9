//! Which tensor lies where: in which file of a part, and at which of its bytes. All of it is known
//! before the first tensor is made, so that files are written from front to back.

use std::collections::BTreeMap;

use safetensors::Dtype as FileDtype;
use serde_json::{Map, Value, json};
use zao_backend::Dtype;

use crate::packing::{Companion, Description, Packing};
use crate::part::PartName;

/// What the tensors of a file begin at a multiple of, so that panels can be used where they lie.
const ALIGNMENT: usize = 64;

/// A tensor that will be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Its logical shape.
    pub shape: Vec<usize>,
    /// How it is stored.
    pub stored: StoredAs,
}

/// How a tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredAs {
    /// As floating-point numbers.
    Dense(Dtype),
    /// In the packing of its part; only a matrix `[out, in]` that this [holds](Packing::holds).
    Packed,
    /// The same, with a low-rank matrix beside it, which only int4 has.
    PackedBeside {
        /// The rank.
        rank: usize,
    },
}

impl Planned {
    /// What it is stored as under names of their own, in a part that is packed so.
    fn pieces(&self, packing: Packing) -> Vec<Piece> {
        let (name, shape) = (self.name.clone(), self.shape.clone());
        let rank = match self.stored {
            StoredAs::Dense(dtype) => return vec![Piece::Dense { name, dtype, shape }],
            StoredAs::Packed => 0,
            StoredAs::PackedBeside { rank } => rank,
        };
        let &[out, inner] = self.shape.as_slice() else {
            unreachable!("{name} {shape:?} cannot be packed")
        };
        let fits = packing.holds([out, inner]) && (rank == 0 || packing.takes_ranks());
        assert!(fits, "{name} {shape:?} of rank {rank} cannot be packed");
        let beside = |companion, dtype, shape: &[usize]| Piece::Beside {
            of: name.clone(),
            companion,
            dtype,
            shape: shape.to_vec(),
        };
        let mut pieces =
            vec![Piece::Packed { name: name.clone(), packing, shape: [out, inner], rank }];
        if packing.has_scales() {
            pieces.push(beside(Companion::Scales, Dtype::F32, &[out]));
        }
        if rank > 0 {
            pieces.push(beside(Companion::Up, Dtype::Bf16, &[out, rank]));
            pieces.push(beside(Companion::Down, Dtype::Bf16, &[rank, inner]));
        }
        pieces
    }
}

/// Something that a file has under a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Packed { name: String, packing: Packing, shape: [usize; 2], rank: usize },
    Beside { of: String, companion: Companion, dtype: Dtype, shape: Vec<usize> },
    Dense { name: String, dtype: Dtype, shape: Vec<usize> },
}

impl Piece {
    pub(super) fn bytes(&self) -> u64 {
        self.extents().iter().map(|&n| n as u64).product::<u64>() * self.element() as u64
    }

    fn extents(&self) -> Vec<usize> {
        match self {
            Self::Packed { packing, shape, .. } => packing.extents(*shape),
            Self::Beside { shape, .. } | Self::Dense { shape, .. } => shape.clone(),
        }
    }

    /// Bytes of an element.
    fn element(&self) -> usize {
        match self {
            Self::Packed { .. } => 1,
            Self::Beside { dtype, .. } | Self::Dense { dtype, .. } => dtype.size(),
        }
    }

    /// The file's own name for it, and for its element type.
    fn entry(&self) -> (String, FileDtype) {
        let of = |dtype: &Dtype| match dtype {
            Dtype::F32 => FileDtype::F32,
            Dtype::F16 => FileDtype::F16,
            Dtype::Bf16 => FileDtype::BF16,
        };
        match self {
            Self::Packed { name, packing, .. } => (name.clone(), packing.dtype()),
            Self::Beside { of: name, companion, dtype, .. } => (companion.name(name), of(dtype)),
            Self::Dense { name, dtype, .. } => (name.clone(), of(dtype)),
        }
    }

    /// What is packed comes first, since panels fill lines of memory whole; then what is a multiple of words.
    fn rank(&self) -> usize {
        match (self, self.element()) {
            (Self::Packed { .. }, _) => 0,
            (_, 4) => 1,
            _ => 2,
        }
    }
}

/// The files of a part.
#[derive(Clone, Debug)]
pub struct PartLayout {
    part: PartName,
    files: Vec<FileLayout>,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct FileLayout {
    path: String,
    header: Vec<u8>,
    pieces: Vec<Piece>,
}

impl PartLayout {
    /// Distributes `tensors`, in their order, to files of at most `shard_bytes` bytes of tensors.
    pub(super) fn new(
        part: PartName,
        packing: Packing,
        tensors: &[Planned],
        shard_bytes: u64,
    ) -> Self {
        let mut shards: Vec<Vec<Piece>> = Vec::new();
        let mut room = 0;
        for tensor in tensors {
            let pieces = tensor.pieces(packing);
            let bytes = pieces.iter().map(Piece::bytes).sum();
            match shards.last_mut() {
                Some(shard) if bytes <= room => shard.extend(pieces),
                _ => {
                    shards.push(pieces);
                    room = shard_bytes.max(bytes);
                }
            }
            room -= bytes;
        }
        let count = shards.len();
        let (folder, single) = (part.folder(), part.single_file());
        let stem = single.trim_end_matches(".safetensors");
        let file = |(i, shard): (usize, Vec<Piece>)| {
            let path = match count {
                1 => format!("{folder}/{single}"),
                _ => format!("{folder}/{stem}-{:05}-of-{count:05}.safetensors", i + 1),
            };
            FileLayout::new(path, packing, shard)
        };
        Self { part, files: shards.into_iter().enumerate().map(file).collect() }
    }

    pub(super) fn files(&self) -> &[FileLayout] {
        &self.files
    }

    /// Bytes of all files but the index.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(FileLayout::bytes).sum()
    }

    /// Path and content of the index, if there are several files.
    pub(super) fn index(&self) -> Option<(String, Vec<u8>)> {
        if self.files.len() < 2 {
            return None;
        }
        let mut weight_map = BTreeMap::new();
        for file in &self.files {
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            weight_map.extend(file.pieces.iter().map(|piece| (piece.entry().0, name)));
        }
        let pieces = self.files.iter().flat_map(|file| &file.pieces);
        let total: u64 = pieces.map(Piece::bytes).sum();
        let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
        let path = format!("{}/{}.index.json", self.part.folder(), self.part.single_file());
        Some((path, serde_json::to_vec_pretty(&index).expect("names and numbers are JSON")))
    }
}

impl FileLayout {
    fn new(path: String, packing: Packing, mut pieces: Vec<Piece>) -> Self {
        pieces.sort_by_key(Piece::rank);
        let header = header(packing, &pieces);
        Self { path, header, pieces }
    }

    /// Its path in the model folder.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// All that comes before the tensors.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// What it holds, in the order in which it lies there.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn bytes(&self) -> u64 {
        self.header.len() as u64 + self.pieces.iter().map(Piece::bytes).sum::<u64>()
    }
}

/// The length of the JSON, the JSON, and spaces up to where the tensors shall begin.
fn header(packing: Packing, pieces: &[Piece]) -> Vec<u8> {
    let shape = |piece: &Piece| match piece {
        Piece::Packed { name, shape, .. } => Some((name.clone(), *shape)),
        Piece::Beside { .. } | Piece::Dense { .. } => None,
    };
    let rank = |piece: &Piece| match piece {
        Piece::Packed { name, rank, .. } if *rank > 0 => Some((name.clone(), *rank)),
        _ => None,
    };
    let shapes: BTreeMap<_, _> = pieces.iter().filter_map(shape).collect();
    let ranks = pieces.iter().filter_map(rank).collect();
    let metadata = match shapes.is_empty() {
        // What diffusers asks of a file that it reads.
        true => json!({ "format": "pt" }),
        false => json!(Description { packing, shapes, ranks }.to_metadata()),
    };
    let mut header = Map::from_iter([("__metadata__".to_owned(), metadata)]);
    let mut start = 0;
    for piece in pieces {
        let end = start + piece.bytes();
        let (name, dtype) = piece.entry();
        let (shape, offsets): (_, [u64; 2]) = (piece.extents(), [start, end]);
        header.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }));
        start = end;
    }
    const LENGTH: usize = size_of::<u64>();
    let mut json = Value::Object(header).to_string().into_bytes();
    json.resize((LENGTH + json.len()).next_multiple_of(ALIGNMENT) - LENGTH, b' ');
    [&(json.len() as u64).to_le_bytes()[..], &json].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(name: &str, dtype: Dtype, shape: &[usize]) -> Planned {
        Planned { name: name.into(), shape: shape.into(), stored: StoredAs::Dense(dtype) }
    }

    fn panels(name: &str, shape: [usize; 2]) -> Planned {
        Planned { name: name.into(), shape: shape.into(), stored: StoredAs::Packed }
    }

    #[test]
    fn tensors_keep_their_order_and_share_files_up_to_the_limit() {
        let tensor = |name: &str, count| dense(name, Dtype::F32, &[count]);
        let tensors = vec![tensor("a", 10), tensor("b", 15), tensor("c", 1), tensor("huge", 99)];
        let layout = PartLayout::new(PartName::Transformer, Packing::Int8Panels, &tensors, 100);
        let names = |file: &FileLayout| file.pieces.iter().map(|p| p.entry().0).collect::<Vec<_>>();
        let files: Vec<_> = layout.files().iter().map(names).collect();
        assert_eq!(files, [vec!["a", "b"], vec!["c"], vec!["huge"]]);
        let path = "transformer/diffusion_pytorch_model-00002-of-00003.safetensors";
        assert_eq!(layout.files()[1].path(), path);
        let (name, index) = layout.index().unwrap();
        assert_eq!(name, "transformer/diffusion_pytorch_model.safetensors.index.json");
        let index: Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(index["metadata"]["total_size"], 500);
        assert_eq!(index["weight_map"]["c"], "diffusion_pytorch_model-00002-of-00003.safetensors");
    }

    #[test]
    fn panels_are_aligned_and_scales_lie_in_their_file() {
        let tensors = vec![
            dense("norm", Dtype::Bf16, &[3]),
            panels("w", [33, 5]),
            dense("bias", Dtype::F32, &[1]),
            panels("v", [1, 1]),
        ];
        let layout = PartLayout::new(PartName::TextEncoder, Packing::Int8Panels, &tensors, 1 << 30);
        let [file] = layout.files() else { unreachable!("all fit into one") };
        assert_eq!((file.path(), layout.index()), ("text_encoder/model.safetensors", None));
        assert!(file.header().len().is_multiple_of(ALIGNMENT));
        let names: Vec<_> = file.pieces.iter().map(|piece| piece.entry().0).collect();
        assert_eq!(names, ["w", "v", "w_scale", "bias", "v_scale", "norm"]);
        let header: Value = serde_json::from_slice(&file.header()[8..]).unwrap();
        assert_eq!(header["v"]["data_offsets"], json!([512, 640]));
        assert_eq!(header["norm"]["data_offsets"], json!([780, 786]));
        assert_eq!(header["__metadata__"]["shapes"], r#"{"v":[1,1],"w":[33,5]}"#);
        assert_eq!(layout.bytes(), file.header().len() as u64 + 786);
    }
}
