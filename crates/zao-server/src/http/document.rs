//! The interface as an OpenAPI document, made of what each route says of itself and of the one table of errors. It is the same
//! for every server: limits of a certain one are at `/v1/capabilities`.

use std::sync::LazyLock;

use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Components, ComponentsBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Content, Info, License, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};
use zao_api::JobEvent;

use super::error::{Code, Error};
use super::{guard, openai, router, timing};

/// The document.
pub(super) static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);

/// The document as JSON, as it is kept in the repository.
pub(super) static JSON: LazyLock<String> = LazyLock::new(|| {
    // It has no maps whose keys are no text, nor anything else that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default();
    text.push('\n');
    text
});

const ABOUT: &str = "\
One server, JSON in and out. Times are seconds since 1970 with fractions; durations are seconds. Ids are opaque strings. Seeds are \
integers from 0 to 2^64 - 1 (format `uint64`); those that the server chooses are below 2^32, so that every reader of JSON keeps them. \
A field that is null is one that is not there. Paths that are not in this document are files of the page. Every answer has an \
`x-request-id`: the request's own if it had one, or a new one. `Authorization: Bearer TOKEN` is wanted where the server was started \
with a token. `X-Zao-Client`, a random key of 16 to 64 characters of A-Z, a-z, 0-9, - and _ that a client makes once, says which jobs are \
its own.";

/// The families of routes, in the order of the document.
const FAMILIES: [(&str, &str); 7] = [
    ("jobs", "Jobs: kept before they are answered for, followed with events, cancelled."),
    ("images", "Pictures that were drawn, and what made them."),
    ("prompts", "Prompts, looked at before anything is drawn."),
    ("server", "What this server can do."),
    ("openai", "The image interface of OpenAI's clients."),
    ("a1111", "As much of AUTOMATIC1111's interface as its plug-ins need."),
    ("operation", "For those who run the server."),
];

const TOKEN: &str = "token";

fn document() -> OpenApi {
    let mut document = router::described();
    document.info = Info::new("zao", env!("CARGO_PKG_VERSION"));
    document.info.description = Some(ABOUT.into());
    document.info.license = Some(License::new("Apache-2.0 OR MIT"));
    document.tags = Some(FAMILIES.map(|(name, text)| family(name, text)).into());
    // A server without a token wants none.
    document.security = Some(vec![
        SecurityRequirement::new::<_, _, &str>(TOKEN, []),
        SecurityRequirement::default(),
    ]);
    for (path, item) in &mut document.paths.paths {
        complete(path, item);
    }
    document.components = Some(components(document.components.take().unwrap_or_default()));
    document
}

fn family(name: &str, text: &str) -> utoipa::openapi::Tag {
    TagBuilder::new().name(name).description(Some(text)).build()
}

/// Types that no answer has as a whole: errors, and the data of events.
fn components(mut components: Components) -> Components {
    let mut told = Vec::from(openai::told());
    for (name, schema, below) in [
        (Error::name(), Error::schema(), Error::schemas as fn(&mut Vec<_>)),
        (JobEvent::name(), JobEvent::schema(), JobEvent::schemas),
    ] {
        told.push((name.into_owned(), schema));
        below(&mut told);
    }
    components.schemas.extend(told);
    let of_many = [
        ("x-request-id", "The request's own, or a new one.", Type::String),
        ("retry-after", "Seconds after which to try again, where that helps.", Type::Integer),
        ("www-authenticate", "`Bearer`.", Type::String),
    ];
    for (name, text, kind) in of_many.into_iter().chain(timing::HEADERS) {
        components.headers.insert(name.into(), header(text, kind));
    }
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("The token that the server was started with.".into());
    ComponentsBuilder::from(components).security_scheme(TOKEN, SecurityScheme::Http(bearer)).build()
}

/// Says of each answer what all answers have, and of each route what may go wrong with any.
fn complete(path: &str, item: &mut PathItem) {
    for operation in
        [&mut item.get, &mut item.post, &mut item.put, &mut item.delete, &mut item.patch]
    {
        let Some(operation) = operation else { continue };
        // A route that needs no token says so itself, and cannot be refused for it.
        if !guard::OPEN.contains(&path) {
            may_fail(operation, Code::Unauthorized);
            // What only looks is not counted against a client's rate, but a wrong token is.
            may_fail(operation, Code::RateLimited);
        }
        if guard::is_for_admins(path) {
            may_fail(operation, Code::Forbidden);
        }
        may_fail(operation, Code::ForbiddenOrigin);
        may_fail(operation, Code::Internal);
        let waits = operation.operation_id.as_deref();
        let waits = waits.is_some_and(|id| timing::OPERATIONS.contains(&id));
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            if response.content.is_empty() && status.as_str() >= "400" && status != "416" {
                refusal(status, response);
            }
            response.headers.insert("x-request-id".into(), everywhere("x-request-id"));
            let told = timing::HEADERS.iter().filter(|_| waits && status == "200");
            response.headers.extend(told.map(|(name, ..)| ((*name).to_owned(), everywhere(name))));
        }
    }
}

fn may_fail(operation: &mut Operation, code: Code) {
    let status = code.status().as_str().to_owned();
    let responses = &mut operation.responses.responses;
    let response = responses.entry(status).or_insert_with(|| ResponseBuilder::new().build().into());
    let RefOr::T(response) = response else { return };
    let name = code.as_str();
    if response.description.split(", ").any(|known| known == name) {
        return;
    }
    if !response.description.is_empty() {
        response.description.push_str(", ");
    }
    response.description.push_str(name);
}

/// What a route says of a failure is the names of its codes; the rest is the same for all.
fn refusal(status: &str, response: &mut Response) {
    let names: Vec<String> =
        response.description.split(", ").map(|name| format!("`{name}`")).collect();
    response.description = names.join(", ");
    let content = Content::new(Some(Ref::from_schema_name("Error")));
    response.content.insert("application/json".into(), content.into());
    let own = match status {
        "401" => "www-authenticate",
        "429" | "503" => "retry-after",
        _ => return,
    };
    response.headers.insert(own.into(), everywhere(own));
}

/// A header that is described once.
fn everywhere(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn header(text: &str, kind: Type) -> RefOr<Header> {
    let schema: RefOr<Schema> = ObjectBuilder::new().schema_type(kind).into();
    let mut header = Header::new(schema);
    header.description = Some(text.into());
    header.into()
}
