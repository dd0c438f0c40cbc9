//! `/sdapi/v1`: as much of AUTOMATIC1111's interface as its plug-ins need. Where it speaks of the job that runs, this server speaks of the
//! caller's own: one client must not see or stop another's.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zao_api::{Job, JobRequest, JobStatus, Lora, Quality, Request};
use zao_queue::JobFilter;

use super::guard::Client;
use super::read::Object;
use super::{Code, Refusal, Result, capabilities, events, jobs, openai};
use crate::house::House;

/// The routes below `/sdapi/v1`.
pub(crate) fn router() -> Router<Arc<House>> {
    Router::new()
        .route("/txt2img", post(txt2img))
        .route("/progress", get(progress))
        .route("/interrupt", post(interrupt))
        .route("/skip", post(interrupt))
        .route("/options", get(options))
        .route("/samplers", get(samplers))
        .route("/schedulers", get(schedulers))
        .route("/sd-models", get(models))
        .route("/loras", get(capabilities::loras))
        .route("/memory", get(memory))
        .route("/png-info", post(png_info))
}

/// The fields that mean something here; the others are named in the answer.
#[derive(Debug, Deserialize)]
struct Fields {
    #[serde(default)]
    prompt: String,
    negative_prompt: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    steps: Option<u32>,
    /// Theirs: 1 is off.
    cfg_scale: Option<f32>,
    /// Theirs: -1 is any.
    seed: Option<i64>,
    batch_size: Option<u32>,
    n_iter: Option<u32>,
    #[serde(default)]
    lora: Vec<Lora>,
}

const KNOWN: [&str; 10] = [
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
];

/// What a request in A1111's words asks for here, and the fields that mean nothing.
fn wish(object: Object) -> Result<(JobRequest, Vec<String>)> {
    let unknown = object.0.keys().filter(|field| !KNOWN.contains(&field.as_str()));
    let ignored = unknown.cloned().collect();
    let fields: Fields = object.parse()?;
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
    let request = Request {
        prompt: fields.prompt,
        negative_prompt: fields.negative_prompt.filter(|text| !text.is_empty()),
        width: fields.width,
        height: fields.height,
        quality: open.then_some(Quality::Standard),
        steps: fields.steps,
        guidance: fields.cfg_scale.map(|scale| (scale - 1.0).max(0.0)),
        seed,
        count: Some(count),
        loras: fields.lora,
        ..Request::default()
    };
    Ok((JobRequest { request, ..JobRequest::default() }, ignored))
}

/// `POST /sdapi/v1/txt2img`.
async fn txt2img(
    State(house): State<Arc<House>>,
    client: Client,
    object: Object,
) -> Result<(axum::http::HeaderMap, Json<Value>)> {
    let asked: Map<String, Value> = object.0.clone();
    let (request, ignored) = wish(object)?;
    let (id, _) = jobs::accept(&house, client, None, request).await?;
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
    let answer = json!({"images": images, "parameters": asked, "info": info.to_string()});
    Ok((openai::timing(&job), Json(answer)))
}

/// The caller's jobs that are not over, the oldest first.
async fn own(house: &Arc<House>, client: Client) -> Result<Vec<Job>> {
    let status = vec![JobStatus::Queued, JobStatus::Running];
    let filter = JobFilter { status, client: Some(client.address), ..JobFilter::default() };
    let page =
        house.ledger(move |ledger, now| ledger.jobs(&filter, jobs::MOST_LISTED, now)).await?;
    Ok(page.items.into_iter().rev().collect())
}

/// `GET /sdapi/v1/progress`.
async fn progress(State(house): State<Arc<House>>, client: Client) -> Result<Json<Value>> {
    let own = own(&house, client).await?;
    let running = own.iter().find(|job| job.status == JobStatus::Running).or(own.first());
    let Some(job) = running else {
        return Ok(Json(json!({
            "progress": 0.0, "eta_relative": 0.0, "current_image": null, "textinfo": null,
            "state": {"job": "", "job_count": 0, "sampling_step": 0, "sampling_steps": 0},
        })));
    };
    let progress = job.progress;
    let step = progress.map_or(0, |progress| progress.step);
    Ok(Json(json!({
        "progress": progress.map_or(0.0, |progress| progress.fraction),
        "eta_relative": job.eta_seconds.unwrap_or(0.0),
        "state": {
            "job": job.id, "job_count": own.len(), "job_no": 0, "interrupted": false, "skipped": false,
            "sampling_step": step, "sampling_steps": job.steps,
        },
        "current_image": null,
        "textinfo": progress.map(|progress| progress.stage.as_str()),
    })))
}

/// `POST /sdapi/v1/interrupt`: the caller's oldest job that is not over.
async fn interrupt(State(house): State<Arc<House>>, client: Client) -> Result<Json<Value>> {
    let own = own(&house, client).await?;
    let running = own.iter().find(|job| job.status == JobStatus::Running).or(own.first());
    if let Some(job) = running {
        match jobs::stop(&house, House::job_id(&job.id)?).await {
            // It ended by itself meanwhile, which is what was wanted.
            Err(refusal) if refusal.code == Code::AlreadyOver => {}
            stopped => stopped?,
        }
    }
    Ok(Json(json!({})))
}

/// The one sampler: Euler, on the model's own schedule.
const SAMPLER: &str = "Euler";

async fn samplers() -> Json<Value> {
    Json(json!([{"name": SAMPLER, "aliases": ["euler"], "options": {}}]))
}

async fn schedulers() -> Json<Value> {
    Json(json!([{"name": "simple", "label": "Simple", "aliases": null}]))
}

async fn models(State(house): State<Arc<House>>) -> Json<Value> {
    let model = house.model.info();
    let short = model.fingerprint.get(..10).unwrap_or(&model.fingerprint);
    Json(json!([{
        "title": model.name, "model_name": model.name, "hash": short, "sha256": model.fingerprint,
        "filename": model.name, "config": null,
    }]))
}

async fn options(State(house): State<Arc<House>>) -> Json<Value> {
    Json(json!({"sd_model_checkpoint": house.model.info().name, "samples_format": "png"}))
}

async fn memory(State(house): State<Arc<House>>) -> Json<Value> {
    let workers = house.health().workers;
    let held: u64 = workers.iter().map(|worker| worker.held_bytes).sum();
    let resident: u64 = workers.iter().map(|worker| worker.resident_bytes).sum();
    Json(json!({"ram": {"used": resident}, "cuda": {"system": {"used": held}}}))
}

/// `POST /sdapi/v1/png-info`: theirs takes Base64 in JSON.
async fn png_info(object: Object) -> Result<Json<Value>> {
    let image = object.0.get("image").and_then(Value::as_str).unwrap_or_default();
    let data = image.rsplit_once(',').map_or(image, |(_, data)| data);
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
    Ok(Json(json!({"info": text, "items": {"parameters": text}, "parameters": {}})))
}

#[cfg(test)]
mod tests {
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
    }
}
