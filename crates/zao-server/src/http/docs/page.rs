//! The page at `/docs`: the OpenAPI document for people, as HTML that needs no script. What is in the document is decided by the
//! routes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::{OpenApi, RefOr, Response, Schema};

use super::super::error::Code;
use super::html::{escaped, prose};
use super::kinds::kind;

/// The page.
pub(super) fn page(document: &OpenApi) -> String {
    let page = Page { schemas: document.components.as_ref().map(|it| &it.schemas) };
    let families = document.tags.as_deref().unwrap_or_default();
    let (mut index, mut chapters) = (String::new(), String::new());
    for family in families {
        let name = escaped(&family.name);
        let about = page.prose(family.description.as_deref().unwrap_or_default());
        let routes: Vec<Route<'_>> =
            document.paths.paths.iter().flat_map(|(path, item)| routes(path, item)).collect();
        let routes = routes.iter().filter(|route| route.is_of(&family.name));
        let (mut links, mut articles) = (String::new(), String::new());
        for route in routes {
            links += &route.link();
            articles += &page.article(route);
        }
        index +=
            &format!("<li><a class=\"family\" href=\"#{name}\">{name}</a><ul>{links}</ul></li>");
        chapters +=
            &format!("<section id=\"{name}\"><h2>{name}</h2><p>{about}</p>{articles}</section>");
    }
    let about = page.prose(document.info.description.as_deref().unwrap_or_default());
    let (errors, types) = (page.errors(), page.types());
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>zao: the interface</title>\
         <link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body>\
         <nav aria-label=\"Routes\"><p class=\"mark\"><a href=\"/\">造 zao</a></p><ul>{index}\
         <li><a class=\"family\" href=\"#errors\">errors</a></li><li><a class=\"family\" href=\"#types\">types</a></li></ul></nav>\
         <main><header><h1>The interface</h1><p>{about}</p>\
         <p class=\"also\"><a href=\"/openapi.json\">openapi.json</a> <a href=\"/docs/api.md\">as text</a> \
         <span>zao {version}</span></p></header>{chapters}{errors}{types}</main></body></html>\n",
        version = escaped(&document.info.version),
    )
}

struct Page<'d> {
    schemas: Option<&'d BTreeMap<String, RefOr<Schema>>>,
}

/// A path with a method.
struct Route<'d> {
    method: &'static str,
    path: &'d str,
    operation: &'d Operation,
}

fn routes<'d>(path: &'d str, item: &'d PathItem) -> impl Iterator<Item = Route<'d>> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter_map(move |(method, operation)| {
        Some(Route { method, path, operation: operation.as_ref()? })
    })
}

impl Route<'_> {
    fn is_of(&self, family: &str) -> bool {
        self.operation.tags.iter().flatten().any(|tag| tag == family)
    }

    fn id(&self) -> &str {
        self.operation.operation_id.as_deref().unwrap_or(self.path)
    }

    fn link(&self) -> String {
        let summary = self.operation.summary.as_deref().unwrap_or_default();
        format!(
            "<li><a href=\"#{id}\" title=\"{summary}\"><b class=\"{class}\">{method}</b> <span>{path}</span></a></li>",
            id = escaped(self.id()),
            summary = escaped(summary),
            class = self.method.to_lowercase(),
            method = self.method,
            path = escaped(self.path),
        )
    }
}

fn json(part: &impl Serialize) -> Value {
    // Parts of a document are made of text and numbers.
    serde_json::to_value(part).unwrap_or_default()
}

impl Page<'_> {
    fn prose(&self, text: &str) -> String {
        prose(text, &|name| self.schemas.is_some_and(|schemas| schemas.contains_key(name)))
    }

    fn article(&self, route: &Route<'_>) -> String {
        let operation = route.operation;
        let summary = escaped(operation.summary.as_deref().unwrap_or_default());
        let about =
            operation.description.as_deref().map(|text| format!("<p>{}</p>", self.prose(text)));
        let parameters: String = operation
            .parameters
            .iter()
            .flatten()
            .map(|parameter| self.parameter(parameter))
            .collect();
        let parameters = table("Parameters", &parameters);
        let (failures, answers): (Vec<_>, Vec<_>) =
            operation.responses.responses.iter().partition(|(_, response)| is_failure(response));
        let answers: String =
            answers.into_iter().map(|(status, response)| self.response(status, response)).collect();
        let responses = answers + &self.failures(&failures);
        format!(
            "<article id=\"{id}\"><h3><b class=\"{class}\">{method}</b> <code>{path}</code> <small>{summary}</small></h3>\
             {about}{parameters}{body}{responses}{example}</article>",
            id = escaped(route.id()),
            class = route.method.to_lowercase(),
            method = route.method,
            path = escaped(route.path),
            about = about.unwrap_or_default(),
            body = self.body(operation),
            responses = table("Answers", &responses),
            example = example(route),
        )
    }

    fn parameter(&self, parameter: &RefOr<Parameter>) -> String {
        let RefOr::T(parameter) = parameter else { return String::new() };
        let place = json(&parameter.parameter_in);
        let place = place.as_str().unwrap_or_default();
        let kind = parameter.schema.as_ref().map(|schema| kind(&json(schema)));
        row(
            &format!("<code>{}</code>", escaped(&parameter.name)),
            &format!("{place}, {}", kind.unwrap_or_default()),
            &self.prose(parameter.description.as_deref().unwrap_or_default()),
        )
    }

    fn body(&self, operation: &Operation) -> String {
        let Some(RefOr::T(body)) = &operation.request_body else { return String::new() };
        let about = self.prose(body.description.as_deref().unwrap_or_default());
        let body = json(body);
        let kinds = body["content"].as_object().into_iter().flatten();
        let rows: String = kinds
            .map(|(mime, content)| row(&escaped(mime), &content_kind(mime, content), &about))
            .collect();
        table("Body", &rows)
    }

    fn response(&self, status: &str, response: &RefOr<Response>) -> String {
        let RefOr::T(response) = response else { return String::new() };
        let content = json(&response.content);
        let kinds = content.as_object().into_iter().flatten();
        let kinds: Vec<String> = kinds.map(|(mime, content)| content_kind(mime, content)).collect();
        let usual =
            |name: &str| matches!(name, "x-request-id" | "retry-after" | "www-authenticate");
        let headers = response.headers.keys().filter(|name| !usual(name));
        let headers: Vec<String> =
            headers.map(|name| format!("<code>{}</code>", escaped(name))).collect();
        let mut about = self.prose(&response.description);
        if !headers.is_empty() {
            about += &format!(" <span class=\"headers\">{}</span>", headers.join(" "));
        }
        let class = if status < "400" { "fine" } else { "not" };
        row(&format!("<b class=\"{class}\">{}</b>", escaped(status)), &kinds.join(" or "), &about)
    }

    /// Failures in one row: they all look alike.
    fn failures(&self, failures: &[(&String, &RefOr<Response>)]) -> String {
        let told = failures.iter().map(|(status, response)| {
            let RefOr::T(response) = response else { return String::new() };
            format!(
                "<b class=\"not\">{}</b> {}",
                escaped(status),
                self.prose(&response.description)
            )
        });
        let error = "<a href=\"#type-Error\">Error</a>";
        row("<b class=\"not\">otherwise</b>", error, &told.collect::<Vec<_>>().join("<br>"))
    }

    fn errors(&self) -> String {
        let rows = Code::ALL.map(|code| {
            let name = format!("<code>{}</code>", code.as_str());
            row(&name, code.status().as_str(), &self.prose(code.meaning()))
        });
        format!(
            "<section id=\"errors\"><h2>errors</h2><p>{}</p>{}</section>",
            self.prose(
                "Every failure is an `Error`, whichever route it is of. Programs decide by `code`."
            ),
            table("Codes", &rows.concat())
        )
    }

    fn types(&self) -> String {
        let types = self.schemas.into_iter().flatten().map(|(name, schema)| {
            let name = escaped(name);
            format!(
                "<article id=\"type-{name}\"><h3><code>{name}</code></h3>{}</article>",
                self.shape(schema)
            )
        });
        format!("<section id=\"types\"><h2>types</h2>{}</section>", types.collect::<String>())
    }

    /// A type with its fields, or with the kinds that it may be of.
    fn shape(&self, schema: &RefOr<Schema>) -> String {
        let RefOr::T(schema) = schema else { return format!("<p>{}</p>", kind(&json(schema))) };
        let whole = json(schema);
        let about =
            whole["description"].as_str().map(|text| format!("<p>{}</p>", self.prose(text)));
        let about = about.unwrap_or_default();
        match schema {
            Schema::Object(object) if !object.properties.is_empty() => {
                let rows = object.properties.iter().map(|(name, field)| {
                    let field = json(field);
                    let about = about_field(&field);
                    let needed = if object.required.contains(name) { "" } else { ", optional" };
                    let name = format!("<code>{}</code>", escaped(name));
                    row(&name, &format!("{}{needed}", kind(&field)), &self.prose(about))
                });
                format!("{about}{}", table("Fields", &rows.collect::<String>()))
            }
            Schema::OneOf(one) => {
                let kinds = one.items.iter().map(|item| format!("<li>{}</li>", self.shape(item)));
                format!("{about}<ul class=\"kinds\">{}</ul>", kinds.collect::<String>())
            }
            _ => format!("{about}<p>{}</p>", kind(&whole)),
        }
    }
}

/// Whether an answer is the one that all failures get.
fn is_failure(response: &RefOr<Response>) -> bool {
    let RefOr::T(response) = response else { return false };
    let content = json(&response.content);
    content["application/json"]["schema"]["$ref"] == "#/components/schemas/Error"
}

/// What is said of a field; where it may be null it is said of the kind that it is else.
fn about_field(field: &Value) -> &str {
    let kinds = field["oneOf"].as_array().into_iter().flatten();
    let mut told = std::iter::once(field).chain(kinds).map(|it| &it["description"]);
    told.find_map(Value::as_str).unwrap_or_default()
}

fn content_kind(mime: &str, content: &Value) -> String {
    match mime {
        "application/json" => kind(&content["schema"]),
        other => format!("<code>{}</code>", escaped(other)),
    }
}

/// The route as somebody would try it in a terminal.
fn example(route: &Route<'_>) -> String {
    let Some(RefOr::T(body)) = &route.operation.request_body else { return String::new() };
    let content = body.content.get("application/json").map(json);
    let Some(example) =
        content.map(|content| content["example"].clone()).filter(|it| !it.is_null())
    else {
        return String::new();
    };
    let line = format!(
        "curl http://localhost:7860{} -H 'Content-Type: application/json' -d '{example}'",
        route.path
    );
    format!("<pre><code>{}</code></pre>", escaped(&line))
}

fn table(name: &str, rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"table\"><table><caption>{name}</caption><tbody>{rows}</tbody></table></div>"
    )
}

fn row(name: &str, kind: &str, about: &str) -> String {
    format!("<tr><th scope=\"row\">{name}</th><td>{kind}</td><td>{about}</td></tr>")
}
