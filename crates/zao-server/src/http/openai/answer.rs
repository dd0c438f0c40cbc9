//! What OpenAI's clients get: pictures in Base64 or as links, and the numbers around them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use zao_api::{Image, Job};

use super::super::{Code, Refusal, Result};
use super::wish::{Format, Wish};
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

    /// The whole answer, to a client that knows the server as `host`.
    pub(super) async fn whole(&self, house: &Arc<House>, host: &str, job: &Job) -> Result<Value> {
        let mut data = Vec::with_capacity(job.images.len());
        for image in &job.images {
            let mut picture = Map::new();
            if self.wish.links {
                picture.insert("url".into(), format!("http://{host}{}", image.url).into());
            } else {
                picture.insert(
                    "b64_json".into(),
                    base64(house, self.wish.format, image).await?.into(),
                );
            }
            picture.insert("seed".into(), image.seed.into());
            data.push(picture);
        }
        Ok(json!({
            "created": now(), "data": data, "size": format!("{}x{}", job.width, job.height),
            "quality": self.wish.quality, "output_format": self.wish.format.as_str(), "background": "opaque",
            "usage": usage(self.prompt_tokens, job.images.iter()), "ignored": self.wish.ignored,
            "warnings": job.warnings, "job": job.id,
        }))
    }

    /// The event of one picture.
    pub(super) async fn stream(house: &Arc<House>, wish: &Wish, image: &Image) -> Result<Value> {
        let tokens = house.model.prompt_tokens(&image.prompt).unwrap_or(0);
        let data = base64(house, wish.format, image).await?;
        Ok(json!({
            "type": "image_generation.completed", "b64_json": data,
            "size": format!("{}x{}", image.width, image.height), "quality": wish.quality,
            "background": "opaque", "output_format": wish.format.as_str(), "created_at": now(),
            "seed": image.seed, "usage": usage(tokens, std::iter::once(image)),
        }))
    }
}

/// OpenAI's bill, of which only the counts mean something here: tokens of the prompt, and cells of pictures.
fn usage<'a>(prompt: usize, images: impl Iterator<Item = &'a Image>) -> Value {
    let patches = |image: &Image| u64::from(image.width / 16) * u64::from(image.height / 16);
    let output: u64 = images.map(patches).sum();
    json!({
        "input_tokens": prompt, "output_tokens": output, "total_tokens": prompt as u64 + output,
        "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0},
    })
}

async fn base64(house: &Arc<House>, format: Format, image: &Image) -> Result<String> {
    let id = image.id.parse().map_err(Refusal::from)?;
    let path = house.ledger(move |ledger, _| ledger.image_file(&id)).await?;
    let made = tokio::task::spawn_blocking(move || -> Result<String> {
        let unreadable = |error: &dyn std::fmt::Display| {
            Refusal::new(Code::Internal, format!("the picture cannot be read: {error}"))
        };
        let png = std::fs::read(path).map_err(|error| unreadable(&error))?;
        let bytes = match format {
            Format::Png => png,
            Format::Jpeg(quality) => zao_image::decode(&png)
                .and_then(|picture| picture.to_jpeg(quality))
                .map_err(|error| unreadable(&error))?,
            Format::WebP => zao_image::decode(&png)
                .and_then(|picture| picture.to_webp())
                .map_err(|error| unreadable(&error))?,
        };
        Ok(STANDARD.encode(bytes))
    });
    made.await.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
}
