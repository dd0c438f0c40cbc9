//! The formats that pictures are sent in to clients of other programs' interfaces. Where a picture comes from is NOT known here, nor which
//! format a client may ask for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Code, Refusal, Result};

/// How pictures are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    /// With this quality, 1 to 100.
    Jpeg(u8),
    WebP,
}

impl Format {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg(_) => "jpeg",
            Self::WebP => "webp",
        }
    }

    /// The bytes of a picture of whatever format in this one.
    ///
    /// # Errors
    /// `internal`: this server made the picture, so it is damaged.
    pub(super) fn of(self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let is_it: fn(&[u8]) -> bool = match self {
            Self::Png => |bytes| bytes.starts_with(b"\x89PNG"),
            // These lose something each time, so only what is asked for is sent.
            Self::Jpeg(_) => |_| false,
            Self::WebP => |bytes| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        };
        if is_it(&bytes) {
            return Ok(bytes);
        }
        let picture = zao_image::decode(&bytes).map_err(|error| unreadable(&error))?;
        match self {
            Self::Png => {
                // Sides of a picture that was decoded are far below what would not fit.
                let (width, height) = (picture.width() as u32, picture.height() as u32);
                zao_png::encode_plain(picture.bytes(), width, height)
                    .map_err(|error| unreadable(&error))
            }
            Self::Jpeg(quality) => picture.to_jpeg(quality).map_err(|error| unreadable(&error)),
            Self::WebP => picture.to_webp().map_err(|error| unreadable(&error)),
        }
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Code::Internal, format!("the picture cannot be read: {error}"))
}

/// A picture of the way there in Base64, and the name of its format: the one that is asked for, or what it comes in where that cannot be read.
pub(super) async fn preview(wanted: Format, mime: &str, b64: &str) -> (String, String) {
    let as_it_is = || (b64.to_owned(), mime.trim_start_matches("image/").to_owned());
    let Ok(bytes) = STANDARD.decode(b64) else { return as_it_is() };
    let made = tokio::task::spawn_blocking(move || wanted.of(bytes)).await;
    match made {
        Ok(Ok(bytes)) => (STANDARD.encode(bytes), wanted.as_str().to_owned()),
        _ => as_it_is(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_preview_comes_in_the_format_that_is_asked_for() {
        let png = zao_png::encode_plain(&[7; 3 * 16 * 16], 16, 16).unwrap();
        let webp = Format::WebP.of(png.clone()).unwrap();
        assert!(webp.starts_with(b"RIFF"));
        for (wanted, magic) in [
            (Format::Png, &b"\x89PNG"[..]),
            (Format::Jpeg(80), &[0xff, 0xd8]),
            (Format::WebP, b"RIFF"),
        ] {
            let (b64, name) = preview(wanted, "image/webp", &STANDARD.encode(&webp)).await;
            assert!(STANDARD.decode(b64).unwrap().starts_with(magic), "{name}");
            assert_eq!(name, wanted.as_str());
        }
        assert_eq!(Format::Png.of(png.clone()).unwrap(), png, "the file itself, with its recipe");
        let odd = preview(Format::Png, "image/webp", "AAAA").await;
        assert_eq!(odd, ("AAAA".to_owned(), "webp".to_owned()), "as it is, under its own name");
    }
}
