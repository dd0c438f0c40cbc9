//! What OpenAI's clients get: pictures in Base64 or as links, and the numbers around them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use zao_api::{Image, Job};

use super::super::formats::Format;
use super::super::{Code, Refusal, Result, timing};
use super::wish::Wish;
use crate::house::House;

/// An answer about one job.
pub(super) struct Answer<'a> {
    wish: &'a Wish,
    prompt_tokens: usize,
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl<'a> Answer<'a> {
    pub(super) fn new(house: &House, wish: &'a Wish, job: &Job) -> Result<Self> {
        let tokens = house.model.prompt_tokens(&job.request.request.prompt);
        let prompt_tokens =
            tokens.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
        Ok(Self { wish, prompt_tokens })
    }

    /// The whole answer, to a client that knows the server as `server`.
    pub(super) async fn whole(&self, house: &Arc<House>, server: &str, job: &Job) -> Result<Drawn> {
        let mut data = Vec::with_capacity(job.images.len());
        for image in &job.images {
            let (url, b64_json) = if self.wish.links {
                (Some(format!("{server}{}", link(house, image))), None)
            } else {
                (None, Some(base64(house, self.wish.format, image).await?))
            };
            data.push(DrawnImage { b64_json, url, seed: image.seed });
        }
        let peak = job.peak_memory_bytes;
        Ok(Drawn {
            created: job.finished_at.map_or_else(now, |at| at as u64),
            data,
            size: format!("{}x{}", job.width, job.height),
            quality: self.wish.quality,
            output_format: self.wish.format.as_str(),
            background: "opaque",
            usage: Usage::of(self.prompt_tokens, job.images.iter()),
            inference_time_s: job.timing.map(|timing| timing.inference_seconds),
            peak_memory_mb: peak.map(timing::mebibytes),
            ignored: self.wish.unused.fields.clone(),
            warnings: self.wish.unused.with(&job.warnings),
            job: job.id.clone(),
        })
    }

    /// The event of one picture.
    pub(super) async fn stream(
        house: &Arc<House>,
        wish: &Wish,
        image: &Image,
    ) -> Result<CompletedImage> {
        let tokens = house.model.prompt_tokens(&image.prompt).unwrap_or(0);
        Ok(CompletedImage {
            kind: "image_generation.completed",
            b64_json: base64(house, wish.format, image).await?,
            size: format!("{}x{}", image.width, image.height),
            quality: wish.quality,
            background: "opaque",
            output_format: wish.format.as_str(),
            created_at: image.created_at as u64,
            seed: image.seed,
            ignored: wish.unused.fields.clone(),
            warnings: wish.unused.reasons.clone(),
            usage: Usage::of(tokens, std::iter::once(image)),
        })
    }
}

/// Pictures in one answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Drawn {
    /// Seconds since 1970.
    created: u64,
    data: Vec<DrawnImage>,
    /// `WIDTHxHEIGHT`.
    size: String,
    /// `low`, `medium` or `high`; `auto` where the prompt decided.
    quality: &'static str,
    /// `png`, `jpeg` or `webp`.
    output_format: &'static str,
    background: &'static str,
    usage: Usage,
    /// Seconds that the pictures were worked on.
    #[schema(required)]
    inference_time_s: Option<f64>,
    /// The most of the device's memory that was held meanwhile, in MiB; null where nobody knows.
    #[schema(required)]
    peak_memory_mb: Option<f64>,
    /// Fields of the request that mean nothing here or had no effect.
    ignored: Vec<String>,
    /// What the client should know although it succeeded, one line each.
    warnings: Vec<String>,
    /// Id of the job, whose pictures can be had at `/v1/jobs/{id}` as well.
    job: String,
}

/// A picture: in Base64, or where it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrawnImage {
    #[serde(skip_serializing_if = "Option::is_none")]
    b64_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Seed that draws it again.
    #[schema(format = "uint64")]
    seed: u64,
}

/// The data of an event `image_generation.completed`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompletedImage {
    /// `image_generation.completed`.
    #[serde(rename = "type")]
    kind: &'static str,
    b64_json: String,
    /// `WIDTHxHEIGHT`.
    size: String,
    /// `low`, `medium` or `high`; `auto` where the prompt decided.
    quality: &'static str,
    background: &'static str,
    /// `png`, `jpeg` or `webp`.
    output_format: &'static str,
    /// Seconds since 1970.
    created_at: u64,
    /// Seed that draws it again.
    #[schema(format = "uint64")]
    seed: u64,
    usage: Usage,
    /// Fields of the request that mean nothing here or had no effect.
    ignored: Vec<String>,
    /// Why, for those that are known here, one line each.
    warnings: Vec<String>,
}

/// OpenAI's bill, of which only the counts mean something here: tokens of the prompt, and cells of pictures.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    input_tokens_details: UsageDetails,
}

/// What was read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageDetails {
    text_tokens: u64,
    image_tokens: u64,
}

impl Usage {
    fn of<'a>(prompt: usize, images: impl Iterator<Item = &'a Image>) -> Self {
        let patches = |image: &Image| u64::from(image.width / 16) * u64::from(image.height / 16);
        let (input_tokens, output_tokens) = (prompt as u64, images.map(patches).sum());
        Self {
            input_tokens,
            output_tokens,
            total_tokens: input_tokens + output_tokens,
            input_tokens_details: UsageDetails { text_tokens: input_tokens, image_tokens: 0 },
        }
    }
}

/// The path of a picture, for programs that follow it without a token.
fn link(house: &House, image: &Image) -> String {
    match house.settings.token {
        Some(_) => house.links.sign(&image.url, SystemTime::now()),
        None => image.url.clone(),
    }
}

async fn base64(house: &Arc<House>, format: Format, image: &Image) -> Result<String> {
    let id = image.id.parse().map_err(Refusal::from)?;
    let path = house.ledger(move |ledger, _| ledger.image_file(&id)).await?;
    let made = tokio::task::spawn_blocking(move || -> Result<String> {
        let unreadable =
            |error| Refusal::new(Code::Internal, format!("the picture cannot be read: {error}"));
        let png = std::fs::read(path).map_err(unreadable)?;
        Ok(STANDARD.encode(format.of(png)?))
    });
    made.await.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
}
