//! What OpenAI's clients send, and what this server makes of it. Fields that it does not know are named in the answer, not refused:
//! clients send many that mean nothing here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use zao_api::{JobRequest, Lora, Priority, Quality, Request, Steps};
use zao_engine::ModelInfo;

use super::super::formats::Format;
use super::super::read::Object;
use super::super::unused::Unused;
use super::super::{Code, Refusal, Result};

/// A request in OpenAI's words.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(super) request: JobRequest,
    pub(super) stream: bool,
    /// Whether pictures come as links.
    pub(super) links: bool,
    pub(super) format: Format,
    /// The quality that is drawn, for the answer.
    pub(super) quality: &'static str,
    pub(super) unused: Unused,
    /// The request as it came, the same text for the same fields in whatever order.
    pub(super) form: String,
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
    /// Size and steps where they are not given: `medium` and `standard` are the model's own, `low` is three quarters of both, `high` and
    /// `hd` are five quarters. `auto` is what suits the model.
    #[schema(pattern = "^(auto|standard|low|medium|high|hd)$")]
    quality: Option<String>,
    /// `png` unless given.
    #[schema(pattern = "^(png|jpeg|jpg|webp)$")]
    output_format: Option<String>,
    /// Of JPEGs: their quality. PNG and WebP lose nothing, so for them it means nothing.
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
    #[serde(default, deserialize_with = "zao_api::read_seed")]
    #[schema(schema_with = zao_api::asked_seed)]
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
    /// Ours: whether a smaller picture may be drawn where memory has no room for this one.
    allow_downscale: Option<bool>,
    /// Ours: `false` keeps the recipe out of the PNG.
    metadata: Option<bool>,
}

const KNOWN: [&str; 20] = [
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
    "allow_downscale",
    "metadata",
];

/// Pictures of one request, as OpenAI bounds them.
const MOST: u32 = 10;

impl Wish {
    /// Reads a request to `model`. A quality asks for `most_steps` at most.
    pub(crate) fn read(object: Object, model: &ModelInfo, most_steps: u32) -> Result<Self> {
        let mut unused = Unused::unknown(&object.0, &KNOWN);
        let form = form(&object);
        let fields: GenerateImage = object.parse()?;
        check(&fields, &model.name)?;
        let sides = fields.size.as_deref().map_or(Ok(None), sides)?;
        let tier = tier(fields.quality.as_deref().unwrap_or("auto"))?;
        let by_prompt = fields.auto_size == Some(true) && tier.is_none() && sides.is_none();
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
        let asked_steps = fields.num_inference_steps.or(fields.steps);
        let tier_steps =
            tier.map(|tier| zao_request::tier_steps(tier, model).min(most_steps).into());

        let is_jpeg = matches!(format, Format::Jpeg(_));
        let shows = fields.partial_images.is_some_and(|count| count > 0);
        let compresses = fields.output_compression.is_some() && !is_jpeg;
        unused.say(compresses, "output_compression", "PNG and WebP lose nothing here");
        let streams = fields.stream;
        unused.say(links && streams, "response_format", "a stream brings pictures in Base64");
        unused.say(
            shows && !streams,
            "partial_images",
            "only a stream shows pictures on their way",
        );
        let has_both = sides.is_some() && asked_steps.is_some();
        unused.say(tier.is_some() && has_both, "quality", "size and steps are given");
        let twice = fields.num_inference_steps.is_some() && fields.steps.is_some();
        unused.say(twice, "steps", "num_inference_steps says how many");

        let of_size = if by_prompt { Some(Quality::Auto) } else { tier };
        let request = Request {
            prompt: fields.prompt,
            negative_prompt: fields.negative_prompt,
            width: sides.map(|(width, _)| width),
            height: sides.map(|(_, height)| height),
            quality: if sides.is_some() { None } else { of_size },
            steps: asked_steps.or(tier_steps),
            guidance: fields.guidance_scale,
            seed: fields.seed,
            count: fields.n,
            loras: fields.lora,
            ..Request::default()
        };
        let request = JobRequest {
            request,
            priority: fields.priority,
            previews: if streams { fields.partial_images } else { None },
            allow_downscale: fields.allow_downscale,
            metadata: fields.metadata,
            ..JobRequest::default()
        };
        let quality = if by_prompt { "auto" } else { name(tier) };
        Ok(Self { request, stream: streams, links, format, quality, unused, form })
    }
}

/// The fields of a request as one text, whatever order they came in.
fn form(object: &Object) -> String {
    let said = object.0.iter().filter(|(_, value)| !value.is_null());
    let sorted: BTreeMap<&String, &Value> = said.collect();
    // JSON that was read can be written.
    serde_json::to_string(&sorted).unwrap_or_default()
}

fn check(fields: &GenerateImage, model: &str) -> Result<()> {
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
    Ok(())
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

/// The quality in our words; `auto` leaves size and steps to the model.
fn tier(quality: &str) -> Result<Option<Quality>> {
    match quality {
        "auto" => Ok(None),
        "medium" | "standard" => Ok(Some(Quality::Standard)),
        "low" => Ok(Some(Quality::Draft)),
        "high" | "hd" => Ok(Some(Quality::High)),
        other => {
            let message =
                format!("quality {other:?} is unknown; there are low, medium, high and auto");
            Err(Refusal::of("quality", message))
        }
    }
}

/// What OpenAI calls a quality; what suits the model is its standard.
const fn name(tier: Option<Quality>) -> &'static str {
    match tier {
        Some(Quality::Draft) => "low",
        Some(Quality::High) => "high",
        Some(Quality::Standard | Quality::Auto) | None => "medium",
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
    use zao_engine::Grid;

    use super::*;

    fn read(json: &str) -> Result<Wish> {
        let model = ModelInfo {
            name: "demo".into(),
            fingerprint: String::new(),
            size_multiple: 16,
            pixels_per_cell: 8,
            max_size: Grid::new(512, 512),
            default_size: Grid::new(256, 256),
            shift: 3.0,
        };
        Wish::read(Object(serde_json::from_str(json).unwrap()), &model, 9)
    }

    #[test]
    fn a_quality_is_a_size_and_steps_of_at_most_what_the_server_draws() {
        for (asked, tier, steps, told) in [
            (r#""quality": "low""#, Some(Quality::Draft), Some(6), "low"),
            (r#""quality": "medium""#, Some(Quality::Standard), Some(8), "medium"),
            (r#""quality": "standard""#, Some(Quality::Standard), Some(8), "medium"),
            (r#""quality": "high""#, Some(Quality::High), Some(9), "high"),
            (r#""quality": "hd""#, Some(Quality::High), Some(9), "high"),
            (r#""quality": "auto""#, None, None, "medium"),
            (r#""user": "me""#, None, None, "medium"),
            (r#""quality": "high", "steps": 3"#, Some(Quality::High), Some(3), "high"),
            (r#""quality": "low", "size": "64x64""#, None, Some(6), "low"),
            (r#""auto_size": true"#, Some(Quality::Auto), None, "auto"),
        ] {
            let wish = read(&format!(r#"{{"prompt": "a", {asked}}}"#)).unwrap();
            let Request { quality, steps: drawn, .. } = wish.request.request;
            assert_eq!((quality, drawn), (tier, steps.map(Steps::Exactly)), "{asked}");
            assert_eq!((wish.quality, wish.unused.reasons.len()), (told, 0), "{asked}");
        }
    }

    #[test]
    fn what_is_known_and_does_nothing_is_named_with_the_reason() {
        for (asked, field) in [
            (r#""output_compression": 50"#, "output_compression"),
            (r#""output_compression": 50, "output_format": "webp""#, "output_compression"),
            (r#""response_format": "url", "stream": true"#, "response_format"),
            (r#""partial_images": 2"#, "partial_images"),
            (r#""quality": "high", "size": "64x64", "steps": 2"#, "quality"),
            (r#""steps": 2, "num_inference_steps": 3"#, "steps"),
        ] {
            let unused = read(&format!(r#"{{"prompt": "a", {asked}}}"#)).unwrap().unused;
            assert_eq!(unused.fields, [field], "{asked}");
            let reason = format!("{field} has no effect: ");
            assert!(unused.reasons[0].starts_with(&reason), "{:?}", unused.reasons);
        }
        for asked in [
            r#""output_compression": 50, "output_format": "jpeg""#,
            r#""response_format": "url""#,
            r#""partial_images": 0"#,
            r#""partial_images": 2, "stream": true"#,
        ] {
            let unused = read(&format!(r#"{{"prompt": "a", {asked}}}"#)).unwrap().unused;
            assert_eq!(unused, Unused::default(), "{asked}");
        }
    }

    #[test]
    fn the_same_fields_are_the_same_request_in_whatever_order() {
        let form = |json| read(json).unwrap().form;
        let one = form(r#"{"prompt": "a", "n": 1, "user": null}"#);
        assert_eq!(one, form(r#"{"n": 1, "prompt": "a"}"#));
        assert_ne!(one, form(r#"{"n": 1, "prompt": "a", "output_format": "jpeg"}"#));
    }

    #[test]
    fn openais_words_become_ours() {
        let wish = read(
            r#"{"prompt": "a cat", "model": "gpt-image-1", "n": 2, "size": "256x128", "quality": "low", "stream": true,
                "partial_images": 2, "user": "me", "moderation": "low", "num_inference_steps": 4, "seed": 7}"#,
        )
        .unwrap();
        assert_eq!(wish.unused.fields, ["moderation", "user", "quality"]);
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
            assert_eq!(wish.unused, Unused::default());
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
