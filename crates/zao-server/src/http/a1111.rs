//! `/sdapi/v1`: as much of AUTOMATIC1111's interface as its plug-ins need. Where it speaks of the job that runs, this server speaks of the
//! caller's own: one client must not see or stop another's.

mod batches;
mod own;
mod processed;
mod stamp;
mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zao_api::{Job, JobRequest, JobStatus, Quality, Request};
use zao_queue::{JobId, Via};

use super::guard::Client;
use super::read::Object;
use super::unused::Unused;
use super::{Code, Refusal, Result, loras, openai, timing};
use crate::house::House;
use crate::resident;
pub(crate) use batches::Batches;
use batches::{Together, as_one};
use processed::{Processed, short};
use wire::{
    CheckpointInfo, CudaMemory, InfoItems, LoraInfo, MainMemory, Nothing, PngText, Sampler,
    Scheduler, SdMemory, SdOptions, Txt2Img, Txt2ImgAnswer,
};

/// The routes below `/sdapi/v1`.
pub(crate) fn router() -> OpenApiRouter<Arc<House>> {
    OpenApiRouter::new()
        .routes(routes!(txt2img))
        .routes(routes!(own::progress))
        .routes(routes!(own::interrupt))
        .routes(routes!(own::skip))
        .routes(routes!(options))
        .routes(routes!(samplers))
        .routes(routes!(schedulers))
        .routes(routes!(models))
        .routes(routes!(adapters))
        .routes(routes!(memory))
        .routes(routes!(png_info))
}

const KNOWN: [&str; 15] = [
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "steps",
    "cfg_scale",
    "seed",
    "batch_size",
    "n_iter",
    "sampler_name",
    "sampler_index",
    "scheduler",
    "send_images",
    "lora",
    "auto_size",
];

/// What a request in A1111's words asks for here.
#[derive(Debug)]
struct Wish {
    /// One batch.
    request: JobRequest,
    /// How many.
    batches: u32,
    sends_images: bool,
    unused: Unused,
}

impl Wish {
    fn read(object: Object) -> Result<Self> {
        let mut unused = Unused::unknown(&object.0, &KNOWN);
        unused.explain("override_settings", "this server draws with one model and its settings");
        let fields: Txt2Img = object.parse()?;
        let seed = match fields.seed {
            None | Some(-1) => None,
            Some(seed) => Some(
                u64::try_from(seed)
                    .map_err(|_| Refusal::of("seed", "a seed is 0 or more, or -1 for any"))?,
            ),
        };
        for (field, asked) in
            [("sampler_name", &fields.sampler_name), ("sampler_index", &fields.sampler_index)]
        {
            let is_other = asked.as_ref().is_some_and(|name| !is_ours(name, &[SAMPLER]));
            unused.say(is_other, field, "this model is drawn with Euler alone");
        }
        let is_other = |name: &String| !is_ours(name, &[SCHEDULER, "automatic"]);
        let is_other = fields.scheduler.as_ref().is_some_and(is_other);
        unused.say(is_other, "scheduler", "the model has a schedule of its own");
        let open = fields.width.is_none() && fields.height.is_none();
        let by_prompt = fields.auto_size.unwrap_or(false);
        let request = Request {
            prompt: fields.prompt,
            negative_prompt: fields.negative_prompt.filter(|text| !text.is_empty()),
            width: fields.width,
            height: fields.height,
            quality: open.then_some(if by_prompt { Quality::Auto } else { Quality::Standard }),
            steps: fields.steps,
            guidance: fields.cfg_scale.map(|scale| (scale - 1.0).max(0.0)),
            seed,
            count: Some(fields.batch_size.unwrap_or(1)),
            loras: fields.lora,
            ..Request::default()
        };
        Ok(Self {
            request: JobRequest { request, ..JobRequest::default() },
            batches: fields.n_iter.unwrap_or(1),
            sends_images: fields.send_images.unwrap_or(true),
            unused,
        })
    }

    /// A job a batch, of `most` pictures in all and shown on the way up to `previews` times.
    fn jobs(&self, most: u32, previews: u32) -> Result<Vec<JobRequest>> {
        let size = self.request.request.count.unwrap_or(1);
        let count = u64::from(size) * u64::from(self.batches);
        if count == 0 || count > u64::from(most) {
            let field = if size == 0 || size > most { "batch_size" } else { "n_iter" };
            let message =
                format!("batch_size times n_iter is {count}; this server takes 1 to {most}");
            return Err(Refusal::of(field, message));
        }
        let mut batch = self.request.clone();
        batch.previews = Some(SHOWN.min(previews));
        if self.batches == 1 {
            return Ok(vec![batch]);
        }
        let first = zao_request::seeds(&batch.request)[0];
        if first.checked_add(count - 1).is_none() {
            return Err(Refusal::of("seed", "there are not so many seeds behind this one"));
        }
        let of = |number: u32| {
            let seed = first + u64::from(number) * u64::from(size);
            let request = Request { seed: Some(seed), ..batch.request.clone() };
            JobRequest { request, ..batch.clone() }
        };
        Ok((0..self.batches).map(of).collect())
    }
}

/// How often a picture is shown on its way, for those who ask how far it is.
const SHOWN: u32 = 3;

fn is_ours(name: &str, ours: &[&str]) -> bool {
    name.is_empty() || ours.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Draw pictures, as A1111 has it
///
/// The answer comes when all pictures are there. Fields that are not in the schema are accepted and named in `info`, which is JSON as
/// text. A connection that is dropped cancels the job. Each of the `n_iter` batches is a job of its own.
#[utoipa::path(
    post, path = "/txt2img", tag = "a1111", operation_id = "txt2img",
    request_body(content = Txt2Img, example = json!({"prompt": "a red apple", "width": 256, "height": 256, "steps": 8})),
    responses(
        (status = 200, description = "The pictures as PNGs in Base64.", body = Txt2ImgAnswer),
        (status = 400, description = "invalid_request, invalid_size, prompt_too_long"),
        (status = 404, description = "unknown_lora"),
        (status = 409, description = "cancelled"),
        (status = 410, description = "expired"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
        (status = 429, description = "queue_full, client_queue_full"),
        (status = 503, description = "draining, no_worker, worker_lost, out_of_memory, storage_full"),
        (status = 504, description = "deadline_exceeded"),
    ),
)]
async fn txt2img(
    State(house): State<Arc<House>>,
    client: Client,
    object: Object,
) -> Result<(HeaderMap, Json<Txt2ImgAnswer>)> {
    let parameters = object.0.clone();
    let wish = Wish::read(object)?;
    let limits = &house.settings.request;
    let requests = wish.jobs(limits.count, limits.previews)?;
    let batches = accept_all(&house, &client, requests).await?;
    let ids = batches.iter().map(|batch| batch.id.to_string()).collect();
    let _together = Together::new(&house, ids);
    let job = as_one(all_over(&house, batches).await?).filter(|job| !job.images.is_empty());
    let job = job.ok_or_else(|| Refusal::new(Code::Cancelled, "somebody cancelled this job"))?;
    let files = files(&house, &job).await?;
    let info = Processed::new(&house, &job, &files, &wish.unused);
    // Its types have nothing that JSON cannot hold.
    let info = serde_json::to_string(&info).unwrap_or_default();
    let sent = files.iter().filter(|_| wish.sends_images);
    let images = sent.map(|file| STANDARD.encode(file)).collect();
    Ok((timing::headers(&job), Json(Txt2ImgAnswer { images, parameters, info })))
}

/// A batch that its client waits for.
struct Batch {
    id: JobId,
    wanted: openai::Wanted,
}

/// Takes all on or none.
async fn accept_all(
    house: &Arc<House>,
    client: &Client,
    requests: Vec<JobRequest>,
) -> Result<Vec<Batch>> {
    let mut batches: Vec<Batch> = Vec::with_capacity(requests.len());
    for request in requests {
        match openai::accept_for_now(house, client.clone(), Via::A1111, request).await {
            Ok((id, wanted)) => batches.push(Batch { id, wanted }),
            Err(refusal) => {
                batches.into_iter().for_each(|batch| batch.wanted.cancel());
                return Err(refusal);
            }
        }
    }
    Ok(batches)
}

/// Waits until all are over. Those that were cancelled are among them; where one fails the others are cancelled.
async fn all_over(house: &Arc<House>, batches: Vec<Batch>) -> Result<Vec<Job>> {
    let mut over = Vec::with_capacity(batches.len());
    let mut left = batches.into_iter();
    while let Some(Batch { id, wanted }) = left.next() {
        let job = openai::end(house, id, Some(wanted)).await;
        let job = job.and_then(|job| match job.status {
            JobStatus::Cancelled => Ok(job),
            _ => openai::failure(&job).cloned(),
        });
        match job {
            Ok(job) => over.push(job),
            Err(refusal) => {
                left.for_each(|batch| batch.wanted.cancel());
                return Err(refusal);
            }
        }
    }
    Ok(over)
}

/// The PNGs of a job.
async fn files(house: &Arc<House>, job: &Job) -> Result<Vec<Vec<u8>>> {
    let mut files = Vec::with_capacity(job.images.len());
    for image in &job.images {
        let id = image.id.parse().map_err(Refusal::from)?;
        let path = house.ledger(move |ledger, _| ledger.image_file(&id)).await?;
        let bytes = tokio::fs::read(path).await;
        files.push(bytes.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?);
    }
    Ok(files)
}

/// The one sampler: Euler, on the model's own schedule.
const SAMPLER: &str = "Euler";

/// What that schedule is called where it has to be one of A1111's.
const SCHEDULER: &str = "simple";

/// List samplers
#[utoipa::path(
    get, path = "/samplers", tag = "a1111", operation_id = "sdSamplers",
    responses((status = 200, description = "The one sampler.", body = [Sampler])),
)]
async fn samplers() -> Json<[Sampler; 1]> {
    Json([Sampler { name: SAMPLER, aliases: ["euler"], options: Nothing {} }])
}

/// List schedulers
#[utoipa::path(
    get, path = "/schedulers", tag = "a1111", operation_id = "sdSchedulers",
    responses((status = 200, description = "The one scheduler.", body = [Scheduler])),
)]
async fn schedulers() -> Json<[Scheduler; 1]> {
    Json([Scheduler { name: SCHEDULER, label: "Simple", aliases: None }])
}

/// List checkpoints
#[utoipa::path(
    get, path = "/sd-models", tag = "a1111", operation_id = "sdModels",
    responses((status = 200, description = "The one model.", body = [CheckpointInfo])),
)]
async fn models(State(house): State<Arc<House>>) -> Json<[CheckpointInfo; 1]> {
    let model = house.model.info();
    Json([CheckpointInfo {
        title: model.name.clone(),
        model_name: model.name.clone(),
        hash: short(&model.fingerprint).to_owned(),
        sha256: None,
        filename: model.name.clone(),
        config: None,
    }])
}

/// List LoRAs, as A1111 has them
///
/// Names and no paths: where files lie is nobody's business.
#[utoipa::path(
    get, path = "/loras", tag = "a1111", operation_id = "sdLoras",
    responses((status = 200, description = "All of them, by name.", body = [LoraInfo])),
)]
async fn adapters(State(house): State<Arc<House>>) -> Json<Vec<LoraInfo>> {
    let named = |name: String| LoraInfo {
        alias: name.clone(),
        path: name.clone(),
        name,
        metadata: Nothing {},
    };
    Json(loras::list(&house).into_iter().map(|found| named(found.name)).collect())
}

/// Look at the settings
#[utoipa::path(
    get, path = "/options", tag = "a1111", operation_id = "sdOptions",
    responses((status = 200, description = "Those that plug-ins look at.", body = SdOptions)),
)]
async fn options(State(house): State<Arc<House>>) -> Json<SdOptions> {
    let sd_model_checkpoint = house.model.info().name.clone();
    Json(SdOptions { sd_model_checkpoint, samples_format: "png" })
}

/// How much memory is held
#[utoipa::path(
    get, path = "/memory", tag = "a1111", operation_id = "sdMemory",
    responses((status = 200, description = "Bytes of this machine and of all cards that draw.", body = SdMemory)),
)]
async fn memory(State(house): State<Arc<House>>) -> Json<SdMemory> {
    let workers = house.health().workers;
    let of_workers: u64 = workers.iter().map(|worker| worker.resident_bytes).sum();
    let used = of_workers + resident::bytes().unwrap_or(0);
    let total = resident::machine_bytes().unwrap_or(used);
    let ram = MainMemory { free: total.saturating_sub(used), used, total };
    let cards = workers.iter().filter(|worker| worker.is_on_card());
    Json(SdMemory { ram, cuda: CudaMemory::of(cards, house.metrics.reliefs()) })
}

/// Read how a PNG was made, as A1111 has it
#[utoipa::path(
    post, path = "/png-info", tag = "a1111", operation_id = "sdPngInfo",
    request_body = wire::PngToRead,
    responses(
        (status = 200, description = "What it tells, as text.", body = PngText),
        (status = 400, description = "invalid_request, invalid_image"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
    ),
)]
async fn png_info(object: Object) -> Result<Json<PngText>> {
    let wire::PngToRead { image } = object.parse()?;
    let data = image.rsplit_once(',').map_or(image.as_str(), |(_, data)| data);
    let bytes = STANDARD
        .decode(data)
        .map_err(|error| Refusal::new(Code::InvalidImage, format!("image: {error}")).at("image"))?;
    let info = zao_png::read(&bytes)
        .map_err(|error| Refusal::new(Code::InvalidImage, format!("image: {error}")).at("image"))?;
    let text = match info.origin {
        zao_png::Origin::Zao(recipe) => zao_png::Parameters::from_recipe(&recipe).to_string(),
        zao_png::Origin::Parameters(parameters) | zao_png::Origin::Fooocus(parameters) => {
            parameters.to_string()
        }
        zao_png::Origin::Unknown => String::new(),
    };
    let items = InfoItems { parameters: text.clone() };
    Ok(Json(PngText { info: text, items, parameters: Nothing {} }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zao_api::Steps;

    use super::*;

    fn read(json: Value) -> Result<Wish> {
        let Value::Object(object) = json else { panic!("it is one") };
        Wish::read(Object(object))
    }

    #[test]
    fn their_words_become_ours() {
        let wish = read(json!({
            "prompt": "a cat", "seed": -1, "cfg_scale": 1, "batch_size": 2, "n_iter": 3, "sampler_name": "DPM++",
            "scheduler": "Karras", "override_settings": {}, "negative_prompt": ""
        }));
        let wish = wish.unwrap();
        assert_eq!(wish.unused.fields, ["override_settings", "sampler_name", "scheduler"]);
        let reasons = &wish.unused.reasons;
        assert!(reasons[0].starts_with("override_settings has no effect: "), "{reasons:?}");
        assert!(reasons[1].contains("Euler alone") && reasons.len() == 3, "{reasons:?}");
        let request = &wish.request.request;
        assert_eq!((request.count, request.seed, wish.batches), (Some(2), None, 3));
        assert_eq!(request.guidance, Some(0.0));
        assert_eq!(request.negative_prompt, None);
        assert_eq!(request.quality, Some(Quality::Standard));
        let ours = json!({"prompt": "a", "sampler_name": "euler", "scheduler": "Automatic", "sampler_index": ""});
        assert_eq!(read(ours).unwrap().unused, Unused::default());
    }

    #[test]
    fn a_prompt_may_decide_steps_and_size() {
        let wish = read(json!({"prompt": "a cat", "steps": "auto", "auto_size": true})).unwrap();
        let request = wish.request.request;
        assert_eq!((request.steps, request.quality), (Some(Steps::Auto), Some(Quality::Auto)));
        assert_eq!(wish.unused, Unused::default());
    }

    #[test]
    fn batches_are_jobs_whose_seeds_go_on() {
        let jobs = |fields: Value| read(fields).unwrap().jobs(8, 2);
        let three = jobs(json!({"prompt": "a", "seed": 5, "batch_size": 2, "n_iter": 3})).unwrap();
        let seeds: Vec<_> = three.iter().map(|job| job.request.seed).collect();
        assert_eq!(seeds, [Some(5), Some(7), Some(9)]);
        assert!(three.iter().all(|job| job.request.count == Some(2) && job.previews == Some(2)));
        let one = jobs(json!({"prompt": "a", "batch_size": 8})).unwrap();
        assert_eq!((one.len(), one[0].request.seed), (1, None), "the seed is chosen later");
        for (fields, param) in [
            (json!({"prompt": "a", "batch_size": 9}), "batch_size"),
            (json!({"prompt": "a", "batch_size": 0}), "batch_size"),
            (json!({"prompt": "a", "n_iter": 0}), "n_iter"),
            (json!({"prompt": "a", "batch_size": 2, "n_iter": 4_000_000_000_u32}), "n_iter"),
        ] {
            let body = serde_json::to_value(jobs(fields).unwrap_err().body(None)).unwrap();
            assert_eq!(body["error"]["param"], param);
        }
    }
}
