//! The values of a GGUF file's metadata: single ones are kept, arrays (a tokenizer's words) stepped over.

use super::cursor::Cursor;

/// Longest text that is kept; a chat template is far shorter.
const LONGEST_TEXT: usize = 1 << 20;

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A number or a truth value; integers beyond 2^53 are rounded.
    Number(f64),
    /// A text.
    Text(String),
}

/// The types of values, by their number in files.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    Array,
    U64,
    I64,
    F64,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let number = cursor.u32()?;
        let kind = usize::try_from(number).ok().and_then(|number| Self::ALL.get(number));
        kind.copied().ok_or_else(|| format!("there is no type {number}"))
    }

    /// Bytes of a value, where all values have the same number.
    fn size(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::Array => None,
        }
    }
}

/// Reads a value with its type; `None` for an array, or a text that is too long to be kept.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Option<Value>, String> {
    let number = match Kind::read(cursor)? {
        Kind::U8 | Kind::Bool => f64::from(cursor.array::<1>()?[0]),
        Kind::I8 => f64::from(i8::from_le_bytes(cursor.array()?)),
        Kind::U16 => f64::from(u16::from_le_bytes(cursor.array()?)),
        Kind::I16 => f64::from(i16::from_le_bytes(cursor.array()?)),
        Kind::U32 => f64::from(u32::from_le_bytes(cursor.array()?)),
        Kind::I32 => f64::from(i32::from_le_bytes(cursor.array()?)),
        Kind::F32 => f64::from(f32::from_le_bytes(cursor.array()?)),
        Kind::U64 => cursor.u64()? as f64,
        Kind::I64 => i64::from_le_bytes(cursor.array()?) as f64,
        Kind::F64 => f64::from_le_bytes(cursor.array()?),
        Kind::Text => {
            let bytes = cursor.counted()?;
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT)]);
            return Ok((bytes.len() <= LONGEST_TEXT).then(|| Value::Text(text.into_owned())));
        }
        Kind::Array => return skip_array(cursor).map(|()| None),
    };
    Ok(Some(Value::Number(number)))
}

fn skip_array(cursor: &mut Cursor<'_>) -> Result<(), String> {
    let (kind, count) = (Kind::read(cursor)?, cursor.u64()?);
    match (kind.size(), kind) {
        (Some(size), _) => {
            let bytes = count.checked_mul(size);
            let bytes = bytes.ok_or_else(|| format!("an array claims {count} values"))?;
            cursor.take(bytes)?;
        }
        (None, Kind::Text) => {
            // Each takes eight bytes at least, so this ends with the header.
            for _ in 0..count {
                cursor.counted()?;
            }
        }
        (None, _) => return Err("arrays of arrays are not read".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(kind: u32, bytes: &[u8]) -> Result<Option<Value>, String> {
        let all = [&kind.to_le_bytes(), bytes].concat();
        let mut cursor = Cursor::new(&all);
        let value = read(&mut cursor)?;
        assert_eq!(cursor.position(), all.len(), "all of it is read");
        Ok(value)
    }

    #[test]
    fn every_type_of_number_is_read() {
        let number = |kind, bytes: &[u8]| value(kind, bytes).unwrap().unwrap();
        for (kind, bytes, expected) in [
            (0, &[255][..], 255.0),
            (1, &[255], -1.0),
            (2, &[0, 1], 256.0),
            (3, &[255, 255], -1.0),
            (4, &[0, 0, 0, 128], 2_147_483_648.0),
            (5, &[0, 0, 0, 128], -2_147_483_648.0),
            (6, &[0, 0, 192, 63], 1.5),
            (7, &[1], 1.0),
            (10, &[0, 0, 0, 0, 1, 0, 0, 0], 4_294_967_296.0),
            (11, &[255; 8], -1.0),
            (12, &[0, 0, 0, 0, 0, 0, 248, 63], 1.5),
        ] {
            assert_eq!(number(kind, bytes), Value::Number(expected), "{kind}");
        }
    }

    #[test]
    fn texts_are_kept_and_arrays_stepped_over() {
        let text = [&3_u64.to_le_bytes()[..], b"abc"].concat();
        assert_eq!(value(8, &text), Ok(Some(Value::Text("abc".into()))));
        let texts = [&8_u32.to_le_bytes()[..], &2_u64.to_le_bytes(), &text, &text].concat();
        assert_eq!(value(9, &texts), Ok(None));
        let numbers = [&5_u32.to_le_bytes()[..], &2_u64.to_le_bytes(), &[0; 8]].concat();
        assert_eq!(value(9, &numbers), Ok(None));
    }

    #[test]
    fn lying_lengths_are_refused() {
        let array = |kind: u32, count: u64| {
            value(9, &[&kind.to_le_bytes()[..], &count.to_le_bytes(), &[0; 8]].concat())
                .unwrap_err()
        };
        assert!(array(12, u64::MAX).contains("claims"));
        assert!(array(0, u64::MAX).contains("ends"));
        assert!(array(8, u64::MAX).contains("ends"));
        assert!(array(9, 1).contains("arrays of arrays"));
        assert!(array(13, 1).contains("no type 13"));
        assert!(value(8, &u64::MAX.to_le_bytes()).unwrap_err().contains("ends"));
    }
}
