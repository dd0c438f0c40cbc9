//! What `txt2img` tells of the pictures that it drew: the JSON in `info`, under the names of A1111's own. The pictures are NOT in it.

use serde::Serialize;
use serde_json::{Map, Value};
use zao_api::{Job, Request};
use zao_png::{Origin, Parameters, Setting};

use super::super::unused::Unused;
use super::SAMPLER;
use super::stamp::stamp;
use crate::house::House;

/// How pictures were made.
#[derive(Debug, Serialize)]
pub(super) struct Processed {
    prompt: String,
    all_prompts: Vec<String>,
    negative_prompt: String,
    all_negative_prompts: Vec<String>,
    /// Of the first picture; its digits may be more than a JavaScript number has.
    seed: u64,
    all_seeds: Vec<u64>,
    /// There are none: a seed is all there is.
    subseed: i8,
    all_subseeds: Vec<i8>,
    subseed_strength: u8,
    width: u32,
    height: u32,
    sampler_name: &'static str,
    cfg_scale: f32,
    steps: u32,
    batch_size: usize,
    restore_faces: bool,
    face_restoration_model: Option<String>,
    sd_model_name: String,
    sd_model_hash: String,
    sd_vae_name: Option<String>,
    sd_vae_hash: Option<String>,
    denoising_strength: f64,
    extra_generation_params: Map<String, Value>,
    index_of_first_image: usize,
    infotexts: Vec<String>,
    styles: Vec<String>,
    job_timestamp: String,
    clip_skip: u8,
    is_using_inpainting_conditioning: bool,
    version: String,
    /// Ours: fields of the request that had no effect.
    ignored: Vec<String>,
    /// Ours: what the client should know, one line each.
    warnings: Vec<String>,
    /// Ours: the job, whose pictures can be had at `/v1/jobs/{id}` as well.
    job: String,
}

impl Processed {
    /// Of the pictures of `job`, whose PNGs are `files`.
    pub(super) fn new(house: &House, job: &Job, files: &[Vec<u8>], unused: &Unused) -> Self {
        let model = house.model.info();
        let request = &job.request.request;
        let (complete, _) = zao_request::complete(request.clone(), model);
        let negative = request.negative_prompt.clone().unwrap_or_default();
        let cfg_scale = 1.0 + complete.guidance.unwrap_or(0.0);
        let infotexts = job.images.iter().zip(files).map(|(image, file)| {
            infotext(file).unwrap_or_else(|| settings(job, cfg_scale, image.seed).to_string())
        });
        Self {
            prompt: request.prompt.clone(),
            all_prompts: vec![request.prompt.clone(); job.images.len()],
            all_negative_prompts: vec![negative.clone(); job.images.len()],
            negative_prompt: negative,
            seed: job.seeds.first().copied().unwrap_or_default(),
            all_seeds: job.seeds.clone(),
            subseed: -1,
            all_subseeds: vec![-1; job.images.len()],
            subseed_strength: 0,
            width: job.width,
            height: job.height,
            sampler_name: SAMPLER,
            cfg_scale,
            steps: job.steps,
            batch_size: request.count.unwrap_or(1) as usize,
            restore_faces: false,
            face_restoration_model: None,
            sd_model_name: model.name.clone(),
            sd_model_hash: short(&model.fingerprint).to_owned(),
            sd_vae_name: None,
            sd_vae_hash: None,
            denoising_strength: 0.0,
            extra_generation_params: Map::new(),
            index_of_first_image: 0,
            infotexts: infotexts.collect(),
            styles: Vec::new(),
            job_timestamp: stamp(job.started_at.unwrap_or(job.created_at)),
            clip_skip: 1,
            is_using_inpainting_conditioning: false,
            version: format!("zao {}", env!("CARGO_PKG_VERSION")),
            ignored: unused.fields.clone(),
            warnings: unused.with(&job.warnings),
            job: job.id.clone(),
        }
    }
}

/// As much of a checksum as A1111 shows.
pub(super) fn short(fingerprint: &str) -> &str {
    fingerprint.get(..10).unwrap_or(fingerprint)
}

/// What a PNG says of itself.
fn infotext(file: &[u8]) -> Option<String> {
    match zao_png::read(file).ok()?.origin {
        Origin::Zao(recipe) => Some(Parameters::from_recipe(&recipe).to_string()),
        Origin::Parameters(_) | Origin::Fooocus(_) | Origin::Unknown => None,
    }
}

/// The same from what the job says, for a file that keeps it to itself.
fn settings(job: &Job, cfg_scale: f32, seed: u64) -> Parameters {
    let Request { prompt, negative_prompt, .. } = &job.request.request;
    let setting = |(name, value): (&str, String)| Setting { name: name.to_owned(), value };
    let told = [
        ("Steps", job.steps.to_string()),
        ("Sampler", SAMPLER.to_owned()),
        ("CFG scale", format!("{cfg_scale:?}")),
        ("Seed", seed.to_string()),
        ("Size", format!("{}x{}", job.width, job.height)),
    ];
    Parameters {
        prompt: prompt.clone(),
        negative_prompt: negative_prompt.clone().unwrap_or_default(),
        settings: told.map(setting).into(),
    }
}
