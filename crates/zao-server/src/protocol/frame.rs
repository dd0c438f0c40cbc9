//! Messages as bytes: four bytes that say what this is, the length of the JSON, the JSON, and its attachments. Every
//! length is bounded, and nothing is allocated for bytes that have not come.

use std::io::{self, ErrorKind, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Attachment;

/// What each frame begins with: the protocol and its version.
const MARK: [u8; 4] = *b"zao1";

/// No message's JSON is longer, in bytes.
pub const MAX_JSON: u32 = 4 << 20;

/// No attachment is longer, in bytes: the largest picture that is drawn has 192 MiB of pixels.
pub const MAX_ATTACHMENT: u64 = 512 << 20;

/// A message that can be framed.
pub trait Frame: Serialize + DeserializeOwned {
    /// Its attachments, in the order in which they follow.
    fn attachments(&mut self) -> Vec<&mut Attachment>;
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Something else speaks.
    #[error(
        "no message of this version of zao, it begins with {0:?}; only frames may be written to this pipe"
    )]
    Mark(String),
    /// A length that no message has.
    #[error("a message of {bytes} bytes where at most {most} are allowed")]
    TooLong {
        /// As announced.
        bytes: u64,
        /// As allowed.
        most: u64,
    },
    /// The other end went away within a message.
    #[error("the stream ended within a message")]
    Cut,
    /// JSON that is none, or says something unknown.
    #[error("a message that means nothing: {0}")]
    Json(#[from] serde_json::Error),
    /// The pipe failed.
    #[error("the pipe failed: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::Cut } else { Self::Io(error) }
    }
}

/// Writes one message.
///
/// # Errors
/// A message beyond the bounds, and those of `output`.
pub fn write<M: Frame>(output: &mut impl Write, mut message: M) -> Result<(), FrameError> {
    let json = serde_json::to_vec(&message)?;
    let length = u32::try_from(json.len()).ok().filter(|&length| length <= MAX_JSON);
    let Some(length) = length else {
        return Err(FrameError::TooLong { bytes: json.len() as u64, most: MAX_JSON.into() });
    };
    let attachments = message.attachments();
    attachments.iter().try_for_each(|attachment| check(attachment))?;
    let head = [&MARK[..], &length.to_le_bytes(), &json].concat();
    output.write_all(&head)?;
    for attachment in attachments {
        output.write_all(attachment.bytes())?;
    }
    Ok(output.flush()?)
}

/// Reads the next message; `None` where the stream ends before one.
///
/// # Errors
/// Bytes that are no message, after which nothing more can be read; those of `input`.
pub fn read<M: Frame>(input: &mut impl Read) -> Result<Option<M>, FrameError> {
    let mut mark = Vec::with_capacity(MARK.len());
    input.take(MARK.len() as u64).read_to_end(&mut mark)?;
    if mark.is_empty() {
        return Ok(None);
    }
    if mark != MARK {
        // A short stream of something else is something else, too.
        return Err(if MARK.starts_with(&mark) {
            FrameError::Cut
        } else {
            FrameError::Mark(String::from_utf8_lossy(&mark).into_owned())
        });
    }
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_JSON {
        return Err(FrameError::TooLong { bytes: length.into(), most: MAX_JSON.into() });
    }
    let mut message: M = serde_json::from_slice(&exactly(input, length.into())?)?;
    for attachment in message.attachments() {
        check(attachment)?;
        attachment.fill(exactly(input, attachment.announced())?);
    }
    Ok(Some(message))
}

fn check(attachment: &Attachment) -> Result<(), FrameError> {
    match attachment.announced() {
        0..=MAX_ATTACHMENT => Ok(()),
        bytes => Err(FrameError::TooLong { bytes, most: MAX_ATTACHMENT }),
    }
}

fn exactly(input: &mut impl Read, length: u64) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(FrameError::Cut) }
}

#[cfg(test)]
mod tests {
    use super::super::{Draw, JobId, Order, Report, Word};
    use super::*;

    fn draw(image: Option<Vec<u8>>, mask: Option<Vec<u8>>) -> Order {
        Order::Draw(Box::new(Draw {
            job: "job_1".into(),
            request: zao_api::JobRequest::default(),
            seeds: vec![u64::MAX, 0],
            pictures: vec![1],
            width: 64,
            height: 48,
            steps: 8,
            previews: 3,
            image: image.map(Into::into),
            mask: mask.map(Into::into),
        }))
    }

    fn framed(message: impl Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, message).unwrap();
        bytes
    }

    #[test]
    fn messages_come_through_with_what_is_attached() {
        let job = || JobId::from("job_1");
        let orders = [
            draw(None, None),
            draw(Some(vec![7; 70_000]), Some(Vec::new())),
            draw(Some(vec![1]), Some(vec![2, 3])),
            Order::Cancel { job: job() },
            Order::OpenAdapter { name: "ink".into() },
            Order::CloseAdapter { name: "ink".into() },
            Order::Free,
            Order::Drain,
        ];
        let bytes: Vec<u8> = orders.iter().flat_map(|order| framed(order.clone())).collect();
        let mut input = &bytes[..];
        for order in &orders {
            assert_eq!(read::<Order>(&mut input).unwrap().as_ref(), Some(order));
        }
        assert!(read::<Order>(&mut input).unwrap().is_none());
        let refused = vec![("torn".to_owned(), "it fits no layer".to_owned())];
        let word = Word::Adapters { open: vec!["ink".into()], refused };
        assert_eq!(read::<Word>(&mut &framed(word.clone())[..]).unwrap(), Some(word));
        let png = vec![b'{'; 9].into();
        let (width, height, held_bytes) = (64, 48, 5);
        let report =
            Report::Picture { index: 1, seed: 3, width, height, seconds: 0.25, held_bytes, png };
        let word = Word::Job { job: job(), report };
        let bytes = framed(word.clone());
        assert_eq!(read::<Word>(&mut &bytes[..]).unwrap(), Some(word));
    }

    #[test]
    fn a_frame_cut_anywhere_is_an_error_and_no_message() {
        let bytes = framed(draw(Some(vec![7; 9]), Some(vec![8])));
        for length in 1..bytes.len() {
            let cut = read::<Order>(&mut &bytes[..length]);
            assert!(matches!(cut, Err(FrameError::Cut)), "{length}: {cut:?}");
        }
    }

    #[test]
    fn garbage_and_absurd_lengths_are_refused_before_memory_is_taken() {
        let refusal = |bytes: &[u8]| read::<Order>(&mut &*bytes).unwrap_err().to_string();
        assert!(refusal(b"warning: something\n").contains("begins with \"warn\""));
        assert!(refusal(b"no").contains("begins with \"no\""));
        assert!(refusal(b"zao1\xff\xff\xff\xffxx").contains("4294967295 bytes"));
        let frame =
            |json: &str| [&MARK[..], &(json.len() as u32).to_le_bytes(), json.as_bytes()].concat();
        assert!(refusal(&frame("{\"dance\":{}}")).contains("means nothing"));
        assert!(refusal(&frame("[")).contains("means nothing"));
        let absurd = framed(draw(Some(vec![7]), None));
        let absurd = String::from_utf8_lossy(&absurd[8..absurd.len() - 1]);
        let absurd = absurd.replace("\"image\":1", "\"image\":18446744073709551615");
        assert!(refusal(&frame(&absurd)).contains("18446744073709551615 bytes"));
        let many = absurd.replace("18446744073709551615", "536870912");
        assert!(matches!(read::<Order>(&mut &frame(&many)[..]), Err(FrameError::Cut)));
    }
}
