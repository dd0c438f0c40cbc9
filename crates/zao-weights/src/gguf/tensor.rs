//! The tensors of a GGUF file: their entries in the header, and the bytes that these point to.

use bytes::Bytes;
use zao_backend::{BlockKind, Blocks, Dtype, Form, Stored};

use super::cursor::Cursor;

/// The format's own limit.
const MOST_DIMENSIONS: u32 = 4;

/// How values are stored, of the ways that can be read.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Dense(Dtype),
    Blocks(BlockKind),
}

/// A tensor as the header describes it.
#[derive(Debug)]
pub(super) struct Entry {
    name: String,
    kind: Kind,
    /// Outermost first, unlike in the file.
    shape: Vec<usize>,
    bytes: u64,
    /// From the end of the header.
    offset: u64,
}

impl Entry {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let name = cursor.name("the name of a tensor")?;
        let dimensions = cursor.u32()?;
        if dimensions > MOST_DIMENSIONS {
            return Err(format!("the tensor {name} claims {dimensions} dimensions"));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let size = cursor.u64()?;
            shape.push(usize::try_from(size).map_err(|_| overflow(&name))?);
        }
        shape.reverse();
        let kind = kind(&name, cursor.u32()?)?;
        let offset = cursor.u64()?;
        let bytes = bytes(kind, &shape).ok_or_else(|| match kind {
            Kind::Blocks(kind) if !fits_blocks(kind, &shape) => {
                format!("the tensor {name} of the shape {shape:?} cannot be in {kind}")
            }
            _ => overflow(&name),
        })?;
        Ok(Self { name, kind, shape, bytes, offset })
    }

    /// The tensor, cut from the file's `content`; `start` is the end of the header. It has to be
    /// [placed](place).
    pub(super) fn cut(self, content: &Bytes, start: u64) -> Result<(String, Form), String> {
        let Self { name, kind, shape, bytes, offset } = self;
        let from = start.checked_add(offset).and_then(|from| usize::try_from(from).ok());
        let range =
            from.and_then(|from| Some(from..from.checked_add(usize::try_from(bytes).ok()?)?));
        let range =
            range.filter(|range| range.end <= content.len()).ok_or_else(|| overflow(&name))?;
        let bytes = content.slice(range);
        let form = match (kind, &shape[..]) {
            (Kind::Dense(dtype), _) => Stored::new(dtype, shape, bytes).map(Form::Dense),
            (Kind::Blocks(kind), &[rows, columns]) => {
                Blocks::new(kind, [rows, columns], bytes).map(Form::Blocks)
            }
            (Kind::Blocks(_), _) => None,
        };
        form.ok_or_else(|| overflow(&name)).map(|form| (name, form))
    }
}

fn overflow(name: &str) -> String {
    format!("the sizes of the tensor {name} overflow")
}

fn fits_blocks(kind: BlockKind, shape: &[usize]) -> bool {
    matches!(shape, [_, columns] if columns.is_multiple_of(kind.values()))
}

/// Bytes of a tensor; `None` when they cannot be counted or it cannot be stored so.
fn bytes(kind: Kind, shape: &[usize]) -> Option<u64> {
    let bytes = match (kind, shape) {
        (Kind::Dense(dtype), _) => {
            shape.iter().try_fold(dtype.size(), |bytes, &size| bytes.checked_mul(size))?
        }
        (Kind::Blocks(kind), &[rows, columns]) if fits_blocks(kind, shape) => {
            (columns / kind.values()).checked_mul(kind.bytes())?.checked_mul(rows)?
        }
        (Kind::Blocks(_), _) => return None,
    };
    u64::try_from(bytes).ok()
}

/// Checks that all tensors lie inside of a file of `length` bytes, where its alignment lets them, and none
/// over another.
pub(super) fn place(
    entries: &[Entry],
    start: u64,
    alignment: u64,
    length: u64,
) -> Result<(), String> {
    let mut places = Vec::new();
    for Entry { name, bytes, offset, .. } in entries {
        if !offset.is_multiple_of(alignment) {
            return Err(format!(
                "the tensor {name} begins at {offset}, no multiple of {alignment}"
            ));
        }
        let end = start.checked_add(*offset).and_then(|from| from.checked_add(*bytes));
        let end = end.filter(|end| *end <= length).ok_or_else(|| {
            format!(
                "it is cut off, or lies about the tensor {name}: its {bytes} bytes at {offset} go beyond \
                 the end of the file, which has {length}"
            )
        })?;
        if *bytes > 0 {
            places.push((start + offset, end, name));
        }
    }
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        None => Ok(()),
        Some(pair) => Err(format!("the tensors {} and {} overlap", pair[0].2, pair[1].2)),
    }
}

/// From GGML's numbers of types.
fn kind(name: &str, number: u32) -> Result<Kind, String> {
    Ok(match number {
        0 => Kind::Dense(Dtype::F32),
        1 => Kind::Dense(Dtype::F16),
        30 => Kind::Dense(Dtype::Bf16),
        2 => Kind::Blocks(BlockKind::Q4_0),
        3 => Kind::Blocks(BlockKind::Q4_1),
        6 => Kind::Blocks(BlockKind::Q5_0),
        7 => Kind::Blocks(BlockKind::Q5_1),
        8 => Kind::Blocks(BlockKind::Q8_0),
        10 => Kind::Blocks(BlockKind::Q2K),
        11 => Kind::Blocks(BlockKind::Q3K),
        12 => Kind::Blocks(BlockKind::Q4K),
        13 => Kind::Blocks(BlockKind::Q5K),
        14 => Kind::Blocks(BlockKind::Q6K),
        _ => {
            let other = unread(number).map_or(format!("of type {number}"), |it| format!("in {it}"));
            let known = BlockKind::GGML.map(BlockKind::name).join(", ");
            return Err(format!(
                "the tensor {name} is {other}, which cannot be read; use a file of the same model in \
                 F32, F16, BF16, {known}"
            ));
        }
    })
}

/// Types that exist and cannot be read.
fn unread(number: u32) -> Option<&'static str> {
    const NAMES: [(u32, &str); 14] = [
        (9, "Q8_1"),
        (15, "Q8_K"),
        (16, "IQ2_XXS"),
        (17, "IQ2_XS"),
        (18, "IQ3_XXS"),
        (19, "IQ1_S"),
        (20, "IQ4_NL"),
        (21, "IQ3_S"),
        (22, "IQ2_S"),
        (23, "IQ4_XS"),
        (29, "IQ1_M"),
        (34, "TQ1_0"),
        (35, "TQ2_0"),
        (39, "MXFP4"),
    ];
    NAMES.iter().find(|(it, _)| *it == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, offset: u64, bytes: u64) -> Entry {
        let kind = Kind::Dense(Dtype::F32);
        Entry { name: name.into(), kind, shape: vec![bytes as usize / 4], bytes, offset }
    }

    #[test]
    fn tensors_may_touch_and_not_overlap() {
        let ends = entry("ends", 64, 0);
        place(&[entry("b", 32, 32), entry("a", 0, 32), ends], 128, 32, 192).unwrap();
        let both = place(&[entry("b", 32, 32), entry("a", 0, 33)], 128, 32, 192).unwrap_err();
        assert!(both.contains("a and b overlap"), "{both}");
        let same = place(&[entry("a", 0, 32), entry("b", 0, 32)], 128, 32, 192).unwrap_err();
        assert!(same.contains("overlap"), "{same}");
    }

    #[test]
    fn types_that_are_not_read_are_named() {
        let error = kind("blk.0.attn_q.weight", 23).unwrap_err();
        assert!(error.contains("IQ4_XS") && error.contains("Q4_K"), "{error}");
        assert!(kind("t", 99).unwrap_err().contains("of type 99"));
    }

    #[test]
    fn blocks_are_of_matrices_with_whole_rows() {
        let q4_k = Kind::Blocks(BlockKind::Q4K);
        assert_eq!(bytes(q4_k, &[3, 512]), Some(3 * 2 * 144));
        assert_eq!(bytes(q4_k, &[3, 500]), None);
        assert_eq!(bytes(q4_k, &[512]), None);
        assert_eq!(bytes(q4_k, &[usize::MAX, usize::MAX - 255]), None);
    }
}
