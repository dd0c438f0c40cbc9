//! A wish for pictures, as a person typed it. It does NOT know what zao fills in for what is absent.

use serde::{Deserialize, Serialize};

use crate::{Lora, Precision, Quality, Rng, Steps};

/// What to draw. Only the prompt is needed; whatever is `None` is left to zao and the model.
///
/// Unknown fields are ignored on reading.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Request {
    /// What the picture shows, in any language the model knows.
    #[cfg_attr(feature = "schema", schema(min_length = 1))]
    pub prompt: String,
    /// What the picture should not show; only heard when `guidance` is above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Width in pixels, a multiple of 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub width: Option<u32>,
    /// Height in pixels, a multiple of 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub height: Option<u32>,
    /// How fine a picture to draw where no size is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Path of a picture to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Path of a mask: white where that picture is drawn anew, black where it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// How much that picture is changed, above 0 and up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(exclusive_minimum = 0, maximum = 1))]
    pub strength: Option<f64>,
    /// Denoising steps; each is one forward pass of the transformer (two with guidance).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
    /// Classifier-free guidance in the convention of diffusers' Z-Image: 0 is off, and the usual
    /// "CFG scale" of other tools is this plus 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 0))]
    pub guidance: Option<f32>,
    /// Largest norm of the guided prediction, as a multiple of the unguided one's; 0 is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cfg_normalization: Option<f32>,
    /// Time, from 0 at the first step to 1 at the end, after which guidance is off; 1 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cfg_truncation: Option<f32>,
    /// Seed of the first picture; the next ones count up from it.
    #[serde(
        default,
        deserialize_with = "crate::read_seed",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(schema_with = crate::schema::asked_seed))]
    pub seed: Option<u64>,
    /// How many pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub count: Option<u32>,
    /// Generator of the starting noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rng: Option<Rng>,
    /// Arithmetic to draw in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Name of an installed model, or the path of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Adapters to follow, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<Lora>>))]
    pub loras: Vec<Lora>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_alone_is_a_request_and_nothing_else_is_written() {
        let request: Request = serde_json::from_str(r#"{"prompt": "a cat"}"#).unwrap();
        assert_eq!(request, Request { prompt: "a cat".into(), ..Request::default() });
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"prompt":"a cat"}"#);
    }

    #[test]
    fn a_request_without_a_prompt_is_refused() {
        assert!(serde_json::from_str::<Request>(r#"{"seed": 1}"#).is_err());
    }

    #[test]
    fn every_field_survives_a_round_trip() {
        let request = Request {
            prompt: "造".into(),
            negative_prompt: Some("blurry".into()),
            width: Some(256),
            height: Some(512),
            quality: Some(Quality::High),
            image: Some("cat.jpg".into()),
            mask: Some("mask.png".into()),
            strength: Some(0.6),
            steps: Some(8.into()),
            guidance: Some(0.1),
            cfg_normalization: Some(1.0),
            cfg_truncation: Some(0.7),
            seed: Some(u64::MAX),
            count: Some(4),
            rng: Some(Rng::Nv),
            precision: Some(Precision::Bf16),
            model: Some("z-image-turbo".into()),
            loras: vec![Lora { name: "ink".into(), scale: -0.1 }],
        };
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
    }
}
