//! `/sdapi/v1`: as much of AUTOMATIC1111's interface as its plug-ins need. Where it speaks of the job that runs, this server speaks of the
//! caller's own: one client must not see or stop another's.

mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zao_api::{Job, JobRequest, JobStatus, Quality, Request};
use zao_queue::{JobFilter, Via};

use super::guard::Client;
use super::read::Object;
use super::{Code, Refusal, Result, events, jobs, loras, openai, timing};
use crate::house::House;
use wire::{
    CardMemory, CheckpointInfo, CudaMemory, InfoItems, LoraInfo, MainMemory, Nothing, PngText,
    Sampler, Scheduler, SdMemory, SdOptions, SdProgress, SdProgressState, Txt2Img, Txt2ImgAnswer,
};

/// The routes below `/sdapi/v1`.
pub(crate) fn router() -> OpenApiRouter<Arc<House>> {
    OpenApiRouter::new()
        .routes(routes!(txt2img))
        .routes(routes!(progress))
        .routes(routes!(interrupt))
        .routes(routes!(skip))
        .routes(routes!(options))
        .routes(routes!(samplers))
        .routes(routes!(schedulers))
        .routes(routes!(models))
        .routes(routes!(adapters))
        .routes(routes!(memory))
        .routes(routes!(png_info))
}

const KNOWN: [&str; 11] = [
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "steps",
    "cfg_scale",
    "seed",
    "batch_size",
    "n_iter",
    "lora",
    "auto_size",
];

/// What a request in A1111's words asks for here, and the fields that mean nothing.
fn wish(object: Object) -> Result<(JobRequest, Vec<String>)> {
    let unknown = object.0.keys().filter(|field| !KNOWN.contains(&field.as_str()));
    let ignored = unknown.cloned().collect();
    let fields: Txt2Img = object.parse()?;
    let seed = match fields.seed {
        None | Some(-1) => None,
        Some(seed) => Some(
            u64::try_from(seed)
                .map_err(|_| Refusal::of("seed", "a seed is 0 or more, or -1 for any"))?,
        ),
    };
    let count = fields.batch_size.unwrap_or(1).checked_mul(fields.n_iter.unwrap_or(1));
    let count =
        count.ok_or_else(|| Refusal::of("batch_size", "batch_size times n_iter is absurd"))?;
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
        count: Some(count),
        loras: fields.lora,
        ..Request::default()
    };
    Ok((JobRequest { request, ..JobRequest::default() }, ignored))
}

/// Draw pictures, as A1111 has it
///
/// The answer comes when all pictures are there. Fields that are not in the schema are accepted and named in `info`, which is JSON as
/// text. A connection that is dropped cancels the job.
#[utoipa::path(
    post, path = "/txt2img", tag = "a1111", operation_id = "txt2img",
    request_body(content = Txt2Img, example = json!({"prompt": "a red apple", "width": 256, "height": 256, "steps": 8})),
    responses(
        (status = 200, description = "The pictures as PNGs in Base64.", body = Txt2ImgAnswer),
        (status = 400, description = "invalid_request, invalid_size, prompt_too_long"),
        (status = 404, description = "unknown_lora"),
        (status = 409, description = "cancelled"),
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
    let (request, ignored) = wish(object)?;
    let id = openai::accept_for_now(&house, client, Via::A1111, request).await?;
    let wanted = openai::Wanted::new(Arc::clone(&house), id.clone());
    let job = events::end(&house, id).await?;
    wanted.done();
    openai::failure(&job)?;
    let mut images = Vec::with_capacity(job.images.len());
    for image in &job.images {
        let id = image.id.parse().map_err(Refusal::from)?;
        let path = house.ledger(move |ledger, _| ledger.image_file(&id)).await?;
        let bytes = tokio::fs::read(path).await;
        let bytes = bytes.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
        images.push(STANDARD.encode(bytes));
    }
    let info = json!({
        "prompt": job.request.request.prompt, "all_seeds": job.seeds, "seed": job.seeds.first(),
        "width": job.width, "height": job.height, "steps": job.steps, "sampler_name": SAMPLER,
        "ignored": ignored, "warnings": job.warnings, "job": job.id,
    });
    let answer = Txt2ImgAnswer { images, parameters, info: info.to_string() };
    Ok((timing::headers(&job), Json(answer)))
}

/// The caller's jobs that came by this interface and are not over, the oldest first.
async fn own(house: &Arc<House>, client: Client) -> Result<Vec<Job>> {
    let status = vec![JobStatus::Queued, JobStatus::Running];
    // What the same address has drawn in another way is not this interface's to tell of or to stop.
    let filter = JobFilter {
        status,
        client: Some(client.address),
        owner: client.owner,
        via: Some(Via::A1111),
        ..JobFilter::default()
    };
    let page =
        house.ledger(move |ledger, now| ledger.jobs(&filter, jobs::MOST_LISTED, now)).await?;
    Ok(page.items.into_iter().rev().collect())
}

/// How far the caller's job is
#[utoipa::path(
    get, path = "/progress", tag = "a1111", operation_id = "sdProgress",
    responses(
        (status = 200, description = "The oldest job of this client by this interface that is not over.", body = SdProgress),
        (status = 503, description = "storage_full"),
    ),
)]
async fn progress(State(house): State<Arc<House>>, client: Client) -> Result<Json<SdProgress>> {
    let own = own(&house, client).await?;
    let running = own.iter().find(|job| job.status == JobStatus::Running).or(own.first());
    let Some(job) = running else { return Ok(Json(SdProgress::default())) };
    let step = job.progress.map_or(0, |progress| progress.step);
    Ok(Json(SdProgress {
        progress: job.progress.map_or(0.0, |progress| progress.fraction),
        eta_relative: job.eta_seconds.unwrap_or(0.0),
        state: SdProgressState {
            job: job.id.clone(),
            job_count: own.len() as u64,
            sampling_step: step,
            sampling_steps: job.steps,
            ..SdProgressState::default()
        },
        current_image: None,
        textinfo: job.progress.map(|progress| progress.stage.as_str()),
    }))
}

/// Cancel the caller's job
///
/// The oldest job of this client by this interface that is not over; nobody else's, and none that it sent in another way.
#[utoipa::path(
    post, path = "/interrupt", tag = "a1111", operation_id = "sdInterrupt",
    responses(
        (status = 200, description = "It is cancelled, if there was one.", body = Nothing),
        (status = 503, description = "storage_full"),
    ),
)]
async fn interrupt(State(house): State<Arc<House>>, client: Client) -> Result<Json<Nothing>> {
    let own = own(&house, client).await?;
    let running = own.iter().find(|job| job.status == JobStatus::Running).or(own.first());
    if let Some(job) = running {
        match jobs::stop(&house, House::job_id(&job.id)?).await {
            // It ended by itself meanwhile, which is what was wanted.
            Err(refusal) if refusal.code == Code::AlreadyOver => {}
            stopped => stopped?,
        }
    }
    Ok(Json(Nothing {}))
}

/// The same as `interrupt`
#[utoipa::path(
    post, path = "/skip", tag = "a1111", operation_id = "sdSkip",
    responses(
        (status = 200, description = "It is cancelled, if there was one.", body = Nothing),
        (status = 503, description = "storage_full"),
    ),
)]
async fn skip(house: State<Arc<House>>, client: Client) -> Result<Json<Nothing>> {
    interrupt(house, client).await
}

/// The one sampler: Euler, on the model's own schedule.
const SAMPLER: &str = "Euler";

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
    Json([Scheduler { name: "simple", label: "Simple", aliases: None }])
}

/// List checkpoints
#[utoipa::path(
    get, path = "/sd-models", tag = "a1111", operation_id = "sdModels",
    responses((status = 200, description = "The one model.", body = [CheckpointInfo])),
)]
async fn models(State(house): State<Arc<House>>) -> Json<[CheckpointInfo; 1]> {
    let model = house.model.info();
    let short = model.fingerprint.get(..10).unwrap_or(&model.fingerprint);
    Json([CheckpointInfo {
        title: model.name.clone(),
        model_name: model.name.clone(),
        hash: short.to_owned(),
        sha256: model.fingerprint.clone(),
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
    responses((status = 200, description = "Bytes of all workers.", body = SdMemory)),
)]
async fn memory(State(house): State<Arc<House>>) -> Json<SdMemory> {
    let workers = house.health().workers;
    let held = workers.iter().map(|worker| worker.held_bytes).sum();
    let resident = workers.iter().map(|worker| worker.resident_bytes).sum();
    let cuda = CudaMemory { system: CardMemory { used: held } };
    Json(SdMemory { ram: MainMemory { used: resident }, cuda })
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
        zao_png::Origin::Parameters(parameters) => parameters.to_string(),
        zao_png::Origin::Unknown => String::new(),
    };
    let items = InfoItems { parameters: text.clone() };
    Ok(Json(PngText { info: text, items, parameters: Nothing {} }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use zao_api::Steps;

    use super::*;

    #[test]
    fn their_words_become_ours() {
        let object = serde_json::json!({
            "prompt": "a cat", "seed": -1, "cfg_scale": 1, "batch_size": 2, "n_iter": 3, "sampler_name": "DPM++",
            "override_settings": {}, "negative_prompt": ""
        });
        let Value::Object(object) = object else { panic!("it is one") };
        let (request, ignored) = wish(Object(object)).unwrap();
        assert_eq!(ignored, ["override_settings", "sampler_name"]);
        assert_eq!((request.request.count, request.request.seed), (Some(6), None));
        assert_eq!(request.request.guidance, Some(0.0));
        assert_eq!(request.request.negative_prompt, None);
        assert_eq!(request.request.quality, Some(Quality::Standard));
    }

    #[test]
    fn a_prompt_may_decide_steps_and_size() {
        let object = serde_json::json!({"prompt": "a cat", "steps": "auto", "auto_size": true});
        let Value::Object(object) = object else { panic!("it is one") };
        let (JobRequest { request, .. }, ignored) = wish(Object(object)).unwrap();
        assert_eq!((request.steps, request.quality), (Some(Steps::Auto), Some(Quality::Auto)));
        assert!(ignored.is_empty());
    }
}
