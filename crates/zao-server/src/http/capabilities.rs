//! `/v1/capabilities` and `/v1/models`: what this server can do, so that a page or a program need not know it by heart.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use zao_api::{Model, Priority, Quality, Request, Rng};
use zao_engine::{Grid, MAX_TOKENS};
use zao_queue::Demand;
use zao_weights::KnownModel;

use super::png_info::Size;
use super::read::Name;
use super::{Code, Refusal, Result, loras};
use crate::hands::WorkerHealth;
use crate::house::House;

/// What this server can do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Capabilities {
    /// Version of zao.
    version: &'static str,
    model: Model,
    /// What draws, in words; null before the first worker is ready.
    #[schema(required)]
    device: Option<String>,
    /// The arithmetic it draws in; null before the first worker is ready.
    #[schema(required)]
    precision: Option<String>,
    /// Why in that one: a part of a sentence.
    #[schema(required)]
    precision_reason: Option<String>,
    /// What both sides of a picture have to be multiples of.
    size_multiple: usize,
    min_side: usize,
    max_width: usize,
    max_height: usize,
    max_pixels: u64,
    /// The size that is drawn when nobody asks for another.
    default_size: Size,
    default_steps: u32,
    max_steps: u32,
    /// The most pictures of one request.
    max_count: u32,
    /// The highest priority that may be asked for.
    max_priority: Priority,
    /// What `quality` means here.
    tiers: Vec<Tier>,
    guidance: GuidanceLimits,
    rngs: [Rng; 2],
    previews: PreviewLimits,
    inputs: InputLimits,
    max_prompt_characters: usize,
    /// Tokens of a prompt that the model reads; what is longer is cut.
    max_prompt_tokens: usize,
    queue: QueueLimits,
    retention: Retention,
    /// Whether there are LoRAs.
    loras: bool,
    /// Families of routes: `jobs`, `events`, `openai`, `a1111`.
    features: [&'static str; 4],
}

/// What a quality means here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tier {
    name: TierName,
    pixels: u64,
    width: u32,
    height: u32,
    /// How long such a picture takes; null until one was drawn.
    #[schema(required)]
    seconds: Option<f64>,
    /// Bytes of the device's memory that such a picture takes alone, with the weights, as it is planned; null before the first
    /// worker is ready.
    #[schema(required)]
    memory_bytes: Option<u64>,
    /// Whether the server's limits allow it, and each worker that is ready has the memory for it.
    fits: bool,
}

/// A quality that names a size.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TierName {
    Draft,
    Standard,
    High,
}

impl TierName {
    const ALL: [Self; 3] = [Self::Draft, Self::Standard, Self::High];

    const fn quality(self) -> Quality {
        match self {
            Self::Draft => Quality::Draft,
            Self::Standard => Quality::Standard,
            Self::High => Quality::High,
        }
    }
}

/// Classifier-free guidance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GuidanceLimits {
    default: f32,
    max: f32,
    /// Whether the model gains by it.
    useful: bool,
}

/// Pictures of the way there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewLimits {
    default: u32,
    max: u32,
}

/// Pictures to begin with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InputLimits {
    image: bool,
    mask: bool,
    max_bytes: usize,
}

/// How many jobs may wait.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueLimits {
    max: usize,
    max_per_client: usize,
    /// How long a job may wait; null for any time.
    #[schema(required)]
    max_wait_seconds: Option<u64>,
}

/// How long, and how many bytes of pictures, are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Retention {
    seconds: u64,
    bytes: u64,
    /// How many of them pictures may take that are kept for good.
    kept_bytes: u64,
}

/// What this server can do
#[utoipa::path(
    get, path = "/v1/capabilities", tag = "server", operation_id = "getCapabilities",
    responses((status = 200, description = "Limits, defaults and what is measured.", body = Capabilities)),
)]
pub(crate) async fn get(State(house): State<Arc<House>>) -> Json<Capabilities> {
    let (model, limits) = (house.model.info(), &house.settings.request);
    let ledger = &house.settings.ledger;
    let health = house.health();
    let worker = health.workers.first();
    let precision = worker.and_then(|worker| worker.precision.clone()).unzip();
    let known = KnownModel::find(&model.name);
    let guidance = known.map_or(0.0, |known| known.guidance);
    let max = model.max_size;
    Json(Capabilities {
        version: env!("CARGO_PKG_VERSION"),
        model: Model { name: model.name.clone(), fingerprint: model.fingerprint.clone() },
        device: worker.and_then(|worker| worker.device.clone()),
        precision: precision.0,
        precision_reason: precision.1,
        size_multiple: model.size_multiple,
        min_side: model.size_multiple,
        max_width: max.width,
        max_height: max.height,
        max_pixels: limits.pixels.min(max.area() as u64),
        default_size: sides(model.default_size),
        default_steps: zao_request::usual_steps(model),
        max_steps: limits.steps,
        max_count: limits.count,
        max_priority: limits.priority,
        tiers: TierName::ALL.map(|name| tier(&house, &health.workers, name)).into(),
        guidance: GuidanceLimits { default: guidance, max: 20.0, useful: guidance > 0.0 },
        rngs: Rng::ALL,
        previews: PreviewLimits { default: 0, max: limits.previews },
        inputs: InputLimits { image: true, mask: true, max_bytes: most_input(&house) },
        max_prompt_characters: limits.prompt_characters,
        max_prompt_tokens: MAX_TOKENS,
        queue: QueueLimits {
            max: ledger.queued,
            max_per_client: ledger.queued_per_client,
            max_wait_seconds: ledger.wait.map(|wait| wait.as_secs()),
        },
        retention: Retention {
            seconds: ledger.retention.age.as_secs(),
            bytes: ledger.retention.bytes,
            kept_bytes: ledger.retention.kept_bytes(),
        },
        loras: loras::any(&house),
        features: ["jobs", "events", "openai", "a1111"],
    })
}

/// The largest picture to begin with: it comes as Base64 in a body, and has to be kept until its job is over.
fn most_input(house: &House) -> usize {
    let kept = usize::try_from(house.settings.ledger.input_bytes).unwrap_or(usize::MAX);
    kept.min(house.settings.request.body_bytes / 4 * 3)
}

fn sides(size: Grid) -> Size {
    Size { width: size.width as u32, height: size.height as u32 }
}

fn tier(house: &House, workers: &[WorkerHealth], name: TierName) -> Tier {
    let (model, quality) = (house.model.info(), name.quality());
    let request = Request { quality: Some(quality), ..Request::default() };
    // No prompt decides: these qualities name their size.
    let size = zao_request::settle(&request, None, model, |_| Ok::<_, Infallible>(true));
    let size = size.map_or(model.default_size, |(size, _)| size);
    let Size { width, height } = sides(size);
    let demand = Demand { width, height, steps: zao_request::usual_steps(model), pictures: 1 };
    let planned = |worker: &WorkerHealth| {
        worker.memory.iter().find(|(of, _)| *of == quality).map(|(_, bytes)| *bytes)
    };
    // Whichever worker takes a job has to draw it. One that is not ready yet has planned nothing.
    let has_room = |worker: &WorkerHealth| worker.device.is_none() || planned(worker).is_some();
    Tier {
        name,
        pixels: size.area() as u64,
        width,
        height,
        seconds: house.ledger.measured(&demand).map(|time| time.as_secs_f64()),
        memory_bytes: workers.first().and_then(planned),
        fits: size.area() as u64 <= house.settings.request.pixels && workers.iter().all(has_room),
    }
}

/// The models of this server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    /// `list`.
    object: &'static str,
    data: Vec<ModelCard>,
}

/// A model, as OpenAI has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelCard {
    id: String,
    /// `model`.
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    /// Tells models of the same name apart by their content.
    fingerprint: String,
}

fn model_card(house: &House) -> ModelCard {
    let model = house.model.info();
    let (id, fingerprint) = (model.name.clone(), model.fingerprint.clone());
    ModelCard { id, object: "model", created: 0, owned_by: "zao", fingerprint }
}

/// List models
///
/// A server has one.
#[utoipa::path(
    get, path = "/v1/models", tag = "openai", operation_id = "listModels",
    responses((status = 200, description = "The one model.", body = Models)),
)]
pub(crate) async fn models(State(house): State<Arc<House>>) -> Json<Models> {
    Json(Models { object: "list", data: vec![model_card(&house)] })
}

/// Look at a model
#[utoipa::path(
    get, path = "/v1/models/{id}", tag = "openai", operation_id = "getModel",
    params(("id" = String, Path, description = "Name of the model.")),
    responses(
        (status = 200, description = "The model.", body = ModelCard),
        (status = 404, description = "not_found, unknown_model"),
    ),
)]
pub(crate) async fn model(
    State(house): State<Arc<House>>,
    Name(id): Name,
) -> Result<Json<ModelCard>> {
    let name = &house.model.info().name;
    if id != *name {
        let message = format!("this server draws with {name:?} alone");
        return Err(Refusal::new(Code::UnknownModel, message));
    }
    Ok(Json(model_card(&house)))
}
