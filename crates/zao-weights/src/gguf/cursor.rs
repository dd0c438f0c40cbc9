//! Reading a header piece by piece, never past its end. What the pieces mean is not known here.

/// Longest name of a tensor or key, in bytes; the format itself stops at 65535.
const LONGEST_NAME: u64 = 1024;

/// Bytes not read yet.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.position..];
        let taken = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        let taken = taken.ok_or_else(|| {
            let (at, left) = (self.position, rest.len());
            format!("its header ends too early: {count} bytes are wanted at {at}, {left} are left")
        })?;
        self.position += taken.len();
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let bytes = self.take(N as u64)?;
        Ok(*bytes.first_chunk().expect("as many bytes were taken"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    /// Bytes behind their number.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], String> {
        let count = self.u64()?;
        self.take(count)
    }

    /// A name behind its length.
    pub(super) fn name(&mut self, what: &str) -> Result<String, String> {
        let length = self.u64()?;
        if length > LONGEST_NAME {
            return Err(format!("{what} claims to be {length} bytes long"));
        }
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))?;
        Ok(text.to_owned())
    }
}
