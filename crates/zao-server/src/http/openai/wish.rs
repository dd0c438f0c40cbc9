//! What OpenAI's clients send, and what this server makes of it. Fields that it does not know are named in the answer, not refused:
//! clients send many that mean nothing here.

use serde::Deserialize;
use utoipa::ToSchema;
use zao_api::{JobRequest, Lora, Priority, Quality, Request, Steps};

use super::super::read::Object;
use super::super::{Code, Refusal, Result};

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
}

/// A request in OpenAI's words.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(super) request: JobRequest,
    pub(super) stream: bool,
    /// Whether pictures come as links.
    pub(super) links: bool,
    pub(super) format: Format,
    /// As asked, for the answer.
    pub(super) size: String,
    pub(super) quality: String,
    pub(super) ignored: Vec<String>,
}

/// A request in OpenAI's words. What is null is as if it were not there; fields that are not here are accepted and mean nothing.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct GenerateImage {
    /// What the picture shows.
    #[schema(min_length = 1)]
    prompt: String,
    /// The model of this server, or any of OpenAI's names, which mean the same.
    model: Option<String>,
    /// How many pictures.
    #[schema(minimum = 1, maximum = 10)]
    n: Option<u32>,
    /// `WIDTHxHEIGHT`, or `auto` for what suits the model.
    #[schema(pattern = r"^(auto|\s*\d{1,9}\s*[xX*]\s*\d{1,9}\s*)$")]
    size: Option<String>,
    /// The size where `size` is not given: `low` is smaller, `high` and `hd` are larger than usual.
    #[schema(pattern = "^(auto|standard|low|medium|high|hd)$")]
    quality: Option<String>,
    /// `png` unless given.
    #[schema(pattern = "^(png|jpeg|jpg|webp)$")]
    output_format: Option<String>,
    /// Of JPEGs: their quality.
    #[schema(maximum = 100)]
    output_compression: Option<u32>,
    /// `b64_json` unless given.
    #[schema(pattern = "^(b64_json|url)$")]
    response_format: Option<String>,
    /// Whether to show how they come to be.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    stream: bool,
    /// With `stream`: how often each picture is shown on its way.
    #[schema(maximum = 3)]
    partial_images: Option<u32>,
    /// Ours: seed of the first picture.
    #[schema(format = "uint64")]
    seed: Option<u64>,
    /// Ours: denoising steps, a number or `auto`: what the prompt asks for.
    num_inference_steps: Option<Steps>,
    /// The same.
    steps: Option<Steps>,
    /// Ours: classifier-free guidance, 0 is off.
    #[schema(minimum = 0)]
    guidance_scale: Option<f32>,
    /// Ours: what the picture should not show, with guidance.
    negative_prompt: Option<String>,
    /// Ours: adapters to follow.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Lora>>)]
    lora: Vec<Lora>,
    /// Ours: whose turn it is before others'.
    priority: Option<Priority>,
    /// Ours: whether the prompt decides the size where neither `size` nor `quality` says one. Their `auto` is what suits the model.
    auto_size: Option<bool>,
}

const KNOWN: [&str; 18] = [
    "prompt",
    "model",
    "n",
    "size",
    "quality",
    "output_format",
    "output_compression",
    "response_format",
    "stream",
    "partial_images",
    "seed",
    "num_inference_steps",
    "steps",
    "guidance_scale",
    "negative_prompt",
    "lora",
    "priority",
    "auto_size",
];

/// Pictures of one request, as OpenAI bounds them.
const MOST: u32 = 10;

impl Wish {
    /// Reads a request to the model called `model`.
    pub(crate) fn read(object: Object, model: &str) -> Result<Self> {
        let unknown = object.0.keys().filter(|field| !KNOWN.contains(&field.as_str()));
        let ignored = unknown.cloned().collect();
        let fields: GenerateImage = object.parse()?;
        if let Some(asked) = fields.model.as_deref().filter(|asked| *asked != model) {
            // Names of OpenAI's own models mean whatever there is; anything else is a mistake.
            if !["gpt-image", "dall-e", "chatgpt-image"].iter().any(|own| asked.starts_with(own)) {
                let message = format!("this server draws with {model:?} alone, not {asked:?}");
                return Err(Refusal::new(Code::UnknownModel, message).at("model"));
            }
        }
        if !(1..=MOST).contains(&fields.n.unwrap_or(1)) {
            return Err(Refusal::of("n", format!("n is 1 to {MOST}")));
        }
        if fields.partial_images.is_some_and(|count| count > 3) {
            return Err(Refusal::of("partial_images", "partial_images is 0 to 3"));
        }
        let size = fields.size.unwrap_or_else(|| "auto".into());
        let sides = sides(&size)?;
        let quality = fields.quality.unwrap_or_else(|| "auto".into());
        let tier = tier(&quality)?;
        let by_prompt =
            (fields.auto_size == Some(true) && quality == "auto").then_some(Quality::Auto);
        let links = match fields.response_format.as_deref() {
            None | Some("b64_json") => false,
            Some("url") => true,
            Some(other) => {
                let message =
                    format!("response_format {other:?} is unknown; there are b64_json and url");
                return Err(Refusal::of("response_format", message));
            }
        };
        let format = format(fields.output_format.as_deref(), fields.output_compression)?;
        let request = Request {
            prompt: fields.prompt,
            negative_prompt: fields.negative_prompt,
            width: sides.map(|(width, _)| width),
            height: sides.map(|(_, height)| height),
            quality: if sides.is_some() { None } else { tier.or(by_prompt) },
            steps: fields.num_inference_steps.or(fields.steps),
            guidance: fields.guidance_scale,
            seed: fields.seed,
            count: fields.n,
            loras: fields.lora,
            ..Request::default()
        };
        let previews = if fields.stream { fields.partial_images } else { None };
        let request =
            JobRequest { request, priority: fields.priority, previews, ..JobRequest::default() };
        Ok(Self { request, stream: fields.stream, links, format, size, quality, ignored })
    }
}

fn sides(size: &str) -> Result<Option<(u32, u32)>> {
    if size == "auto" {
        return Ok(None);
    }
    let sides = size.split_once(['x', 'X', '*']);
    let sides = sides.and_then(|(w, h)| Some((w.trim().parse().ok()?, h.trim().parse().ok()?)));
    let message = || format!("size {size:?} is no size; it looks like 1024x768, or auto");
    sides.map(Some).ok_or_else(|| Refusal::new(Code::InvalidSize, message()).at("size"))
}

/// The quality in our words; `auto` and `standard` leave the size to the model.
fn tier(quality: &str) -> Result<Option<Quality>> {
    match quality {
        "auto" | "standard" | "medium" => Ok(None),
        "low" => Ok(Some(Quality::Draft)),
        "high" | "hd" => Ok(Some(Quality::High)),
        other => {
            let message =
                format!("quality {other:?} is unknown; there are low, medium, high and auto");
            Err(Refusal::of("quality", message))
        }
    }
}

fn format(name: Option<&str>, compression: Option<u32>) -> Result<Format> {
    let quality = compression.unwrap_or(100);
    if quality > 100 {
        return Err(Refusal::of("output_compression", "output_compression is 0 to 100"));
    }
    match name {
        None | Some("png") => Ok(Format::Png),
        Some("jpeg" | "jpg") => Ok(Format::Jpeg(quality.clamp(1, 100) as u8)),
        Some("webp") => Ok(Format::WebP),
        Some(other) => {
            let message =
                format!("output_format {other:?} is unknown; there are png, jpeg and webp");
            Err(Refusal::of("output_format", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Wish> {
        Wish::read(Object(serde_json::from_str(json).unwrap()), "demo")
    }

    #[test]
    fn openais_words_become_ours() {
        let wish = read(
            r#"{"prompt": "a cat", "model": "gpt-image-1", "n": 2, "size": "256x128", "quality": "low", "stream": true,
                "partial_images": 2, "user": "me", "moderation": "low", "num_inference_steps": 4, "seed": 7}"#,
        )
        .unwrap();
        assert_eq!(wish.ignored, ["moderation", "user"]);
        assert!(wish.stream && wish.request.previews == Some(2));
        let request = &wish.request.request;
        assert_eq!((request.width, request.height), (Some(256), Some(128)));
        assert_eq!(
            (request.count, request.steps, request.seed),
            (Some(2), Some(4.into()), Some(7))
        );
        assert_eq!(request.quality, None, "a size says enough");
        let auto = read(r#"{"prompt": "a", "quality": "hd", "size": "auto"}"#).unwrap();
        assert_eq!(auto.request.request.quality, Some(Quality::High));
    }

    #[test]
    fn a_prompt_decides_steps_and_size_where_that_is_wanted_and_nothing_else_says_them() {
        for (json, quality) in [
            (r#"{"prompt": "a", "steps": "auto", "auto_size": true}"#, Some(Quality::Auto)),
            (
                r#"{"prompt": "a", "steps": "auto", "auto_size": true, "quality": "auto"}"#,
                Some(Quality::Auto),
            ),
            (
                r#"{"prompt": "a", "steps": "auto", "auto_size": true, "quality": "low"}"#,
                Some(Quality::Draft),
            ),
            (r#"{"prompt": "a", "steps": "auto", "auto_size": true, "size": "64x64"}"#, None),
            (r#"{"prompt": "a", "steps": "auto"}"#, None),
        ] {
            let wish = read(json).unwrap();
            let Request { steps, quality: told, .. } = wish.request.request;
            assert_eq!((steps, told), (Some(Steps::Auto), quality), "{json}");
            assert!(wish.ignored.is_empty());
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_where_it_stands() {
        for (json, param) in [
            (r#"{"prompt": "a", "n": 0}"#, "n"),
            (r#"{"prompt": "a", "n": 11}"#, "n"),
            (r#"{"prompt": "a", "size": "big"}"#, "size"),
            (r#"{"prompt": "a", "size": "-1x4"}"#, "size"),
            (r#"{"prompt": "a", "quality": "ultra"}"#, "quality"),
            (r#"{"prompt": "a", "output_format": "gif"}"#, "output_format"),
            (r#"{"prompt": "a", "output_compression": 101}"#, "output_compression"),
            (r#"{"prompt": "a", "partial_images": 4}"#, "partial_images"),
            (r#"{"prompt": "a", "response_format": "ascii"}"#, "response_format"),
            (r#"{"prompt": "a", "model": "sdxl"}"#, "model"),
            (r#"{"n": 1}"#, "prompt"),
        ] {
            let body = serde_json::to_value(read(json).unwrap_err().body(None)).unwrap();
            let told = body["error"]["param"].as_str().or(body["error"]["message"].as_str());
            assert!(told.is_some_and(|told| told.contains(param)), "{json}: {body}");
        }
    }
}
