//! `/v1/images`: pictures that were drawn, whole, in parts, or small; and what made them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zao_api::{Image, Recipe};
use zao_png::Origin;
use zao_queue::{ImageFilter, ImageId};

use super::file::Opened;
use super::guard::{Client, somebody_elses};
use super::jobs::{LISTED, MOST_LISTED};
use super::read::{Asked, Name, Object};
use super::{Code, Refusal, Result};
use crate::house::House;

/// Which of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// How many: 1 to 200, 50 unless given. Other numbers mean the nearest of these.
    #[param(minimum = 0)]
    limit: Option<usize>,
    /// Those behind this one: `next` of the page before.
    after: Option<String>,
    /// Only those of jobs that came with the key which is sent as `X-Zao-Client`.
    mine: Option<bool>,
}

/// A page of pictures, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Images {
    images: Vec<Image>,
    /// What to ask for with `after`; null on the last page.
    #[schema(required)]
    next: Option<String>,
}

/// List pictures
#[utoipa::path(
    get, path = "/v1/images", tag = "images", operation_id = "listImages",
    params(
        Listing,
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The client's key, for `mine`."),
    ),
    responses(
        (status = 200, description = "A page of pictures, the newest first.", body = Images),
        (status = 400, description = "invalid_request"),
        (status = 404, description = "not_found"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    client: Client,
    Asked(listing): Asked<Listing>,
) -> Result<Json<Images>> {
    let after = listing.after.as_deref().map(image_id).transpose()?;
    let limit = listing.limit.unwrap_or(LISTED).clamp(1, MOST_LISTED);
    let owner = (listing.mine == Some(true)).then(|| client.owner()).transpose()?;
    let filter = ImageFilter { after, owner, viewer: client.viewer() };
    let page = house.ledger(move |ledger, _| ledger.images(&filter, limit)).await?;
    let next = page.next.map(|id| id.to_string());
    Ok(Json(Images { images: page.items, next }))
}

fn image_id(text: &str) -> Result<ImageId> {
    Ok(text.parse::<ImageId>()?)
}

/// How a picture is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Look {
    /// A smaller PNG, which fits into a square of so many pixels.
    #[param(minimum = 64, maximum = 512)]
    thumb: Option<u32>,
    /// Stands for the token in the links that `POST /v1/images/generations` gives; it holds for an hour. The door looks at it.
    #[serde(rename = "key")]
    #[param(rename = "key")]
    _key: Option<String>,
}

/// Sides of small pictures, in pixels.
const SMALL: std::ops::RangeInclusive<u32> = 64..=512;

/// Get a picture
///
/// The PNG with its recipe in it, or a smaller one without. A picture never changes, so whoever has it need not ask again.
#[utoipa::path(
    get, path = "/v1/images/{id}", tag = "images", operation_id = "getImage",
    params(
        ("id" = String, Path, description = "Id of the picture."),
        Look,
        ("Range" = Option<String>, Header, description = "A part of the file: `bytes=FROM-TO`. What is not understood asks for all of it."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (
            status = 200, description = "The PNG.", content_type = "image/png", body = Vec<u8>,
            headers(("etag" = String, description = "Names this picture in this size.")),
        ),
        (
            status = 206, description = "The part of it.", content_type = "image/png", body = Vec<u8>,
            headers(("content-range" = String, description = "Which part, and of how many bytes.")),
        ),
        (status = 304, description = "The client has it."),
        (status = 400, description = "invalid_request"),
        (status = 404, description = "not_found"),
        (
            status = 416, description = "The file ends before that part. There is no body.",
            headers(("content-range" = String, description = "How many bytes there are.")),
        ),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn get(
    State(house): State<Arc<House>>,
    Name(id): Name,
    Asked(look): Asked<Look>,
    headers: HeaderMap,
) -> Result<Response> {
    if look.thumb.is_some_and(|side| !SMALL.contains(&side)) {
        return Err(Refusal::of(
            "thumb",
            "a small picture has 64 to 512 pixels on its longer side",
        ));
    }
    let id = image_id(&id)?;
    let tag = match look.thumb {
        Some(side) => format!("\"{id}-{side}\""),
        None => format!("\"{id}\""),
    };
    let path = file(&house, id.clone()).await?;
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let is_known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| matches!(value.trim(), "*") || value.trim().trim_start_matches("W/") == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match look.thumb {
            Some(side) => small(&house, id, path, side).await?,
            None => whole(path, headers.get(header::RANGE)).await?,
        }
    };
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    let forever = HeaderValue::from_static("private, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, forever);
    Ok(response)
}

async fn file(house: &Arc<House>, id: ImageId) -> Result<PathBuf> {
    house.ledger(move |ledger, _| ledger.image_file(&id)).await
}

async fn read(path: PathBuf) -> Result<Vec<u8>> {
    tokio::fs::read(&path).await.map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => Refusal::not_found("picture of that id any more"),
        _ => Refusal::new(Code::Internal, format!("the picture cannot be read: {error}")),
    }
}

async fn whole(path: PathBuf, range: Option<&HeaderValue>) -> Result<Response> {
    let file = Opened::open(&path).await.map_err(|error| unreadable(&error))?;
    let length = usize::try_from(file.len()).unwrap_or(usize::MAX);
    let range = range.and_then(|value| value.to_str().ok()).and_then(|text| part(text, length));
    let mut response = match range {
        None => sent(file, 0, length).await?,
        Some(Err(())) => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            let of = HeaderValue::from_str(&format!("bytes */{length}"));
            response.headers_mut().extend(of.ok().map(|of| (header::CONTENT_RANGE, of)));
            return Ok(response);
        }
        Some(Ok((from, to))) => {
            let mut response = sent(file, from, to + 1 - from).await?;
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let of = HeaderValue::from_str(&format!("bytes {from}-{to}/{length}"));
            response.headers_mut().extend(of.ok().map(|of| (header::CONTENT_RANGE, of)));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

/// An answer with some of a file, of a length that is told.
async fn sent(file: Opened, from: usize, length: usize) -> Result<Response> {
    let body = file.part(from as u64, length as u64).await.map_err(|error| unreadable(&error))?;
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// The first and the last byte that `Range: text` asks of `length`. `None` for what is not understood, which asks for everything.
fn part(text: &str, length: usize) -> Option<Result<(usize, usize), ()>> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let (from, to) = match (from.trim(), to.trim()) {
        ("", last) => (length.saturating_sub(number(last)?), length.checked_sub(1)),
        (from, "") => (number(from)?, length.checked_sub(1)),
        (from, to) => (number(from)?, Some(number(to)?.min(length.saturating_sub(1)))),
    };
    Some(match to {
        Some(to) if from <= to && from < length => Ok((from, to)),
        _ => Err(()),
    })
}

/// A picture that fits into a square of `side` pixels.
async fn small(house: &House, id: ImageId, path: PathBuf, side: u32) -> Result<Response> {
    let make = || async move {
        let bytes = read(path).await?;
        let made = tokio::task::spawn_blocking(move || thumbnail(&bytes, side)).await;
        made.map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
    };
    let png = house.thumbnails.get(&(id, side), make).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

fn thumbnail(bytes: &[u8], side: u32) -> Result<Vec<u8>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Refusal::new(Code::Internal, format!("the picture cannot be made smaller: {error}"))
    };
    let picture = zao_image::decode(bytes).map_err(|error| unreadable(&error))?;
    let (width, height) = (picture.width(), picture.height());
    let ratio = (f64::from(side) / width.max(height) as f64).min(1.0);
    let scaled = |side: usize| ((side as f64 * ratio).round() as usize).max(1);
    let (width, height) = (scaled(width), scaled(height));
    let small = picture.resized(width, height);
    zao_png::encode_plain(small.bytes(), width as u32, height as u32)
        .map_err(|error| unreadable(&error))
}

/// Delete a picture
///
/// One of a job that came with a client's key is deleted by whoever sends that key again, one of a job without from the address that it
/// came from or the server's own machine; and any with the admin token.
#[utoipa::path(
    delete, path = "/v1/images/{id}", tag = "images", operation_id = "deleteImage",
    params(
        ("id" = String, Path, description = "Id of the picture."),
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The key that its job came with."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "forbidden"),
        (status = 404, description = "not_found"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn delete(
    State(house): State<Arc<House>>,
    client: Client,
    Name(id): Name,
) -> Result<StatusCode> {
    let id = image_id(&id)?;
    let (image, viewer) = (id.clone(), client.viewer());
    if !house.ledger(move |ledger, _| ledger.may_delete(&image, &viewer)).await? {
        return Err(somebody_elses());
    }
    let gone = id.clone();
    house.ledger(move |ledger, _| ledger.delete_image(&gone)).await?;
    house.thumbnails.forget(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a picture stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keep {
    /// Whether it stays until somebody deletes it.
    kept: bool,
}

/// Keep a picture, or let it go
///
/// One that is kept is not removed for its age or for room. It counts to what the server keeps, of which such pictures may take half
/// (`retention.kept_bytes` of the capabilities); beyond that the answer is 400 with `param` `kept`. One of a job that came with a client's
/// key is kept by whoever sends that key again, or the admin token.
#[utoipa::path(
    patch, path = "/v1/images/{id}", tag = "images", operation_id = "keepImage",
    params(
        ("id" = String, Path, description = "Id of the picture."),
        ("X-Zao-Client" = Option<String>, Header, pattern = "^[A-Za-z0-9_-]{16,64}$", description = "The key that its job came with."),
    ),
    request_body = Keep,
    responses(
        (status = 200, description = "The picture as it is now.", body = Image),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "forbidden"),
        (status = 404, description = "not_found"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "unsupported_media_type"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn keep(
    State(house): State<Arc<House>>,
    client: Client,
    Name(id): Name,
    wish: Object,
) -> Result<Json<Image>> {
    let Keep { kept } = wish.only(&["kept"])?;
    let id = image_id(&id)?;
    let image = id.clone();
    let owner = house.ledger(move |ledger, _| ledger.owner_of_image(&image)).await?;
    client.may_change(owner.as_ref())?;
    Ok(Json(house.ledger(move |ledger, _| ledger.keep_image(&id, kept)).await?))
}

/// Get a picture's recipe
///
/// Everything that decides its pixels, as its PNG has it.
#[utoipa::path(
    get, path = "/v1/images/{id}/recipe", tag = "images", operation_id = "getRecipe",
    params(("id" = String, Path, description = "Id of the picture.")),
    responses(
        (status = 200, description = "The recipe.", body = Recipe),
        (status = 404, description = "not_found"),
        (status = 503, description = "storage_full"),
    ),
)]
pub(crate) async fn recipe(
    State(house): State<Arc<House>>,
    Name(id): Name,
) -> Result<Json<Recipe>> {
    let bytes = read(file(&house, image_id(&id)?).await?).await?;
    let info = zao_png::read(&bytes)
        .map_err(|error| Refusal::new(Code::Internal, format!("its recipe: {error}")))?;
    match info.origin {
        Origin::Zao(recipe) => Ok(Json(*recipe)),
        Origin::Parameters(_) | Origin::Fooocus(_) | Origin::Unknown => {
            Err(Refusal::not_found("recipe in this picture"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        for (text, expected) in [
            ("bytes=0-9", Some(Ok((0, 9)))),
            ("bytes=90-200", Some(Ok((90, 99)))),
            ("bytes=95-", Some(Ok((95, 99)))),
            ("bytes=-5", Some(Ok((95, 99)))),
            ("bytes=-500", Some(Ok((0, 99)))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=9-3", Some(Err(()))),
            ("bytes=a-b", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(part(text, 100), expected, "{text}");
        }
        assert_eq!(part("bytes=0-0", 0), Some(Err(())));
    }
}
