//! Whether a picture is one that was asked for: whole, of the right size, not one colour, not seen before, and where that is
//! known, equal to what the same request draws alone. Whether it is beautiful is for people.

mod expected;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::plan::Wish;
pub(crate) use expected::{expected_pictures, pictures_of};

/// Channels of a picture in one colour may differ by so much: JPEG-like rounding and dithering are no content.
const FLAT: u8 = 2;

/// What is wrong with a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not a whole PNG.
    Undecodable(String),
    /// It has another size.
    Size { asked: (u32, u32), given: (u32, u32) },
    /// Every pixel has the same colour, as when a model computes what is no number.
    Constant,
    /// Another request got the same pixels before.
    Repeated,
    /// It differs from what the same request draws alone.
    Differs,
    /// There are fewer than asked for, or more.
    Count { asked: u32, given: usize },
}

impl Fault {
    /// Its name in reports.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::Size { .. } => "wrong_size",
            Self::Constant => "constant",
            Self::Repeated => "repeated",
            Self::Differs => "differs",
            Self::Count { .. } => "wrong_count",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Undecodable(reason) => f.write_str(reason),
            Self::Size { asked, given } => {
                write!(f, "asked for {}x{}, got {}x{}", asked.0, asked.1, given.0, given.1)
            }
            Self::Constant => f.write_str("every pixel has the same colour"),
            Self::Repeated => f.write_str("the pixels of an earlier picture, for another request"),
            Self::Differs => f.write_str("not the pixels that the same request draws alone"),
            Self::Count { asked, given } => write!(f, "asked for {asked}, got {given}"),
        }
    }
}

/// A picture by its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

/// Remembers what was seen, and knows what is expected.
#[derive(Default)]
pub(crate) struct Judge {
    /// What each picture was asked for by.
    seen: Mutex<HashMap<Fingerprint, Origin>>,
    /// By a request's key, its pictures.
    expected: HashMap<u64, Vec<Fingerprint>>,
}

/// Which picture of which request; one without a seed is never asked for twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin {
    request: Option<u64>,
    index: usize,
}

impl Judge {
    /// Expects these pictures, by the keys of the requests for them.
    pub(crate) fn expecting(expected: HashMap<u64, Vec<Fingerprint>>) -> Self {
        Self { seen: Mutex::default(), expected }
    }

    /// Looks at the pictures that came for a request. `told_size` is the size that the server named, where the request does not.
    pub(crate) fn judge(
        &self,
        wish: &Wish,
        told_size: Option<(u32, u32)>,
        pictures: &[impl AsRef<[u8]>],
    ) -> Result<(), Fault> {
        let asked = wish.count();
        if pictures.len() != asked as usize {
            return Err(Fault::Count { asked, given: pictures.len() });
        }
        let asked = wish.size().or(told_size);
        for (index, bytes) in pictures.iter().enumerate() {
            let picture = look(bytes.as_ref(), asked)?;
            self.compare(wish, index, picture)?;
        }
        Ok(())
    }

    fn compare(&self, wish: &Wish, index: usize, picture: Fingerprint) -> Result<(), Fault> {
        let key = wish.key();
        if let Some(expected) = key.and_then(|key| self.expected.get(&key)) {
            return match expected.get(index) == Some(&picture) {
                true => Ok(()),
                false => Err(Fault::Differs),
            };
        }
        let origin = Origin { request: key, index };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.entry(picture) {
            Entry::Vacant(entry) => {
                entry.insert(origin);
                Ok(())
            }
            // Whoever sends the very same request twice wants the very same picture.
            Entry::Occupied(first) if key.is_some() && *first.get() == origin => Ok(()),
            Entry::Occupied(_) => Err(Fault::Repeated),
        }
    }
}

/// Decodes a picture and checks what can be seen of it alone.
pub(crate) fn look(bytes: &[u8], asked: Option<(u32, u32)>) -> Result<Fingerprint, Fault> {
    let picture =
        zao_png::decode_rgb(bytes).map_err(|error| Fault::Undecodable(error.to_string()))?;
    let given = (picture.width, picture.height);
    if let Some(asked) = asked.filter(|&asked| asked != given) {
        return Err(Fault::Size { asked, given });
    }
    if is_flat(&picture.pixels) {
        return Err(Fault::Constant);
    }
    Ok(fingerprint(&picture))
}

/// What tells a picture from every other.
pub(crate) fn fingerprint(picture: &zao_png::RgbImage) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(picture.width.to_le_bytes());
    hash.update(&picture.pixels);
    Fingerprint(hash.finalize().into())
}

/// Whether no channel has more than a trace of variation.
fn is_flat(pixels: &[u8]) -> bool {
    let (mut low, mut high) = ([u8::MAX; 3], [0_u8; 3]);
    for pixel in pixels.chunks_exact(3) {
        for channel in 0..3 {
            low[channel] = low[channel].min(pixel[channel]);
            high[channel] = high[channel].max(pixel[channel]);
        }
    }
    low.iter().zip(high).all(|(&low, high)| high.saturating_sub(low) <= FLAT)
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::plan::Wish;

    fn png(width: u32, height: u32, shade: impl Fn(u32) -> u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let pixels: Vec<u8> = (0..width * height).map(shade).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        bytes
    }

    fn wish(seed: u64) -> Wish {
        let request = zao_api::Request {
            width: Some(4),
            height: Some(4),
            seed: Some(seed),
            ..zao_api::Request::default()
        };
        Wish::new(zao_api::JobRequest { request, ..zao_api::JobRequest::default() })
    }

    #[test]
    fn each_kind_of_wrong_picture_has_its_name() {
        let judge = Judge::default();
        let good = png(4, 4, |at| (at * 9) as u8);
        let verdict = |seed, pictures: &[Vec<u8>]| {
            judge.judge(&wish(seed), None, pictures).map_err(|fault| fault.code())
        };
        assert_eq!(verdict(1, from_ref(&good)), Ok(()));
        assert_eq!(verdict(2, from_ref(&good)), Err("repeated"));
        assert_eq!(verdict(1, from_ref(&good)), Ok(()), "the same request again");
        assert_eq!(verdict(3, &[png(4, 4, |_| 7)]), Err("constant"));
        assert_eq!(verdict(3, &[png(4, 4, |at| (at % 3) as u8)]), Err("constant"));
        assert_eq!(verdict(3, &[png(4, 8, |at| at as u8)]), Err("wrong_size"));
        assert_eq!(verdict(3, &[good[..good.len() - 20].to_vec()]), Err("undecodable"));
        assert_eq!(verdict(3, &[b"<html>".to_vec()]), Err("undecodable"));
        assert_eq!(verdict(3, &[]), Err("wrong_count"));
    }

    #[test]
    fn two_pictures_of_one_request_may_not_be_the_same() {
        let mut wish = wish(1);
        wish.request.request.count = Some(2);
        let good = png(4, 4, |at| (at * 9) as u8);
        let verdict = Judge::default().judge(&wish, None, &[good.clone(), good]);
        assert_eq!(verdict, Err(Fault::Repeated));
    }

    #[test]
    fn a_picture_that_is_expected_has_to_be_that_one() {
        let [good, other] = [9, 7].map(|step| png(4, 4, move |at| (at * step) as u8));
        let print = look(&good, None).unwrap();
        let judge = Judge::expecting([(wish(1).key().unwrap(), vec![print])].into());
        assert_eq!(judge.judge(&wish(1), None, &[good]), Ok(()));
        assert_eq!(judge.judge(&wish(1), None, &[other]), Err(Fault::Differs));
    }

    #[test]
    fn without_a_seed_the_same_pixels_are_never_right() {
        let mut wish = wish(1);
        wish.request.request.seed = None;
        let judge = Judge::default();
        let good = png(4, 4, |at| (at * 9) as u8);
        assert_eq!(judge.judge(&wish, None, from_ref(&good)), Ok(()));
        assert_eq!(judge.judge(&wish, None, &[good]), Err(Fault::Repeated));
    }
}
