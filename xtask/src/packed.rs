//! Images of kernels as they are kept: packed by zstd, which is called as a program, because it packs smaller than anything in Rust and because
//! its library would have to be compiled by everybody who runs the tests. Unpacking needs no program. What an image is, is for
//! [`crate::kernels`].

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Slow to make, fast to read; without a checksum, since the manifest has a better one.
const ARGUMENTS: [&str; 5] = ["--ultra", "-21", "--no-check", "--quiet", "--stdout"];

/// Packs `bytes` as small as zstd can.
///
/// # Errors
/// No zstd on this machine, or one that fails.
pub(crate) fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut zstd = Command::new("zstd")
        .args(ARGUMENTS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start zstd, which packs kernels; install it (on Debian: `apt-get install zstd`)")?;
    let mut input = zstd.stdin.take().context("zstd takes no input")?;
    std::thread::scope(|scope| {
        // Beside the reading, so that neither waits for a full pipe.
        let writer = scope.spawn(move || input.write_all(bytes));
        let output = zstd.wait_with_output().context("zstd cannot be read")?;
        ensure!(output.status.success(), "zstd ended with {}", output.status);
        let written = writer.join().map_err(|_| anyhow::anyhow!("a thread died"))?;
        written.context("zstd did not read everything")?;
        Ok(output.stdout)
    })
}

/// What was packed.
///
/// # Errors
/// Bytes that zstd did not make, or not all of them.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(packed)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_image_is_small_and_comes_back() {
        let bytes = b"the same again, ".repeat(20_000);
        // Without zstd nobody here packs kernels.
        if Command::new("zstd").arg("--version").output().is_err() {
            return;
        }
        let packed = pack(&bytes).unwrap();
        assert!(packed.len() < 1000, "{}", packed.len());
        assert_eq!(unpack(&packed).unwrap(), bytes);
    }

    #[test]
    fn half_an_image_is_refused() {
        let image = b"image".repeat(1000);
        let packed = ruzstd::encoding::compress_to_vec(
            &image[..],
            ruzstd::encoding::CompressionLevel::Uncompressed,
        );
        assert_eq!(unpack(&packed).unwrap(), image);
        assert!(unpack(&packed[..packed.len() / 2]).is_err());
        assert!(unpack(b"broken").is_err());
    }
}
