//! `POST /v1/images/generations`, whole or streamed, as OpenAI, zao, vLLM-Omni, SGLang, LocalAI and Xinference have it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use zao_api::Quality;

use super::{Drawn, Manner, from_base64, json, put, refusal, with_extra};
use crate::http::{Answer, Client, Events, Question};
use crate::plan::Wish;
use crate::record::{Moments, Told, Trouble};

/// Asks for pictures and waits for them.
pub(super) async fn draw(
    client: &Arc<Client>,
    manner: &Manner,
    wish: &Wish,
    moments: &mut Moments,
) -> Result<Drawn, Trouble> {
    let body = with_extra(body(wish), &manner.extra);
    let question = Question::post(client.path("/v1/images/generations"), &body);
    let answer = client.ask(&question).await?;
    moments.first_byte = Some(answer.first_byte);
    let answer = refusal::check(client, answer).await?;
    // A server that does not stream answers whole, whatever it was asked.
    let streams =
        answer.header("content-type").is_some_and(|it| it.starts_with("text/event-stream"));
    if streams {
        streamed(client, answer, moments).await
    } else {
        whole(client, answer, moments).await
    }
}

fn body(wish: &Wish) -> Value {
    let asked = &wish.request.request;
    let mut body =
        json!({"prompt": asked.prompt, "n": wish.count(), "response_format": "b64_json"});
    put(&mut body, "size", wish.size().map(|(width, height)| format!("{width}x{height}")));
    put(
        &mut body,
        "quality",
        asked.quality.map(|quality| match quality {
            Quality::Auto => "auto",
            Quality::Draft => "low",
            Quality::Standard => "medium",
            Quality::High => "high",
        }),
    );
    put(&mut body, "seed", asked.seed);
    put(&mut body, "num_inference_steps", asked.steps.map(|steps| json!(steps)));
    put(&mut body, "guidance_scale", asked.guidance);
    put(&mut body, "negative_prompt", asked.negative_prompt.as_deref());
    if let Some(previews) = wish.request.previews.filter(|&previews| previews > 0) {
        body["stream"] = true.into();
        body["partial_images"] = previews.into();
    }
    if !asked.loras.is_empty() {
        let lora = |it: &zao_api::Lora| json!({"name": it.name, "scale": it.scale});
        body["lora"] = asked.loras.iter().map(lora).collect();
    }
    put(&mut body, "priority", wish.request.priority.map(zao_api::Priority::as_str));
    body
}

async fn whole(
    client: &Client,
    mut answer: Answer,
    moments: &mut Moments,
) -> Result<Drawn, Trouble> {
    let body = client.read(&mut answer).await?;
    let mut end = Instant::now();
    let value: Value = json("the list of pictures", &body)?;
    let data = value["data"].as_array();
    let data = data.ok_or_else(|| Trouble::bad_answer("an answer without `data`".into()))?;
    let mut pictures = Vec::with_capacity(data.len());
    for picture in data {
        pictures.push(match (picture["b64_json"].as_str(), picture["url"].as_str()) {
            (Some(text), _) => from_base64(text)?,
            (None, Some(url)) if url.starts_with("data:") => from_base64(url)?,
            (None, Some(url)) => {
                let path = client.target().path_of(url).ok_or_else(|| {
                    Trouble::bad_answer(format!("the picture is on another server: {url}"))
                })?;
                let answer = client.ask(&Question::get(path)).await?;
                let bytes = client.read(&mut refusal::check(client, answer).await?).await?;
                end = Instant::now();
                bytes
            }
            (None, None) => {
                return Err(Trouble::bad_answer("a picture without `b64_json` or `url`".into()));
            }
        });
    }
    moments.end = Some(end);
    Ok(Drawn { pictures, size: size(&value), told: told(&answer, &value) })
}

async fn streamed(
    client: &Client,
    mut answer: Answer,
    moments: &mut Moments,
) -> Result<Drawn, Trouble> {
    let mut events = Events::default();
    let mut drawn = Drawn { told: told(&answer, &Value::Null), ..Drawn::default() };
    while let Some(event) = events.next(&mut answer).await? {
        let now = Instant::now();
        if event.data == "[DONE]" {
            break;
        }
        let value: Value = json("an event", event.data.as_bytes())?;
        let kind = value["type"].as_str().unwrap_or(&event.event);
        match kind {
            "image_generation.partial_image"
                if value["b64_json"].as_str().is_some_and(|text| !text.is_empty()) =>
            {
                moments.first_preview.get_or_insert(now);
            }
            "image_generation.completed" => {
                let text = value["b64_json"].as_str();
                let text =
                    text.ok_or_else(|| Trouble::bad_answer("a picture without `b64_json`".into()))?;
                drawn.pictures.push(from_base64(text)?);
                drawn.size = size(&value).or(drawn.size);
                let told = told(&answer, &value);
                drawn.told = Told {
                    queue: told.queue.or(drawn.told.queue),
                    inference: told.inference.or(drawn.told.inference),
                    memory_bytes: told.memory_bytes.or(drawn.told.memory_bytes),
                };
                moments.end = Some(now);
            }
            _ if value["error"].is_object() || kind == "error" => {
                let (code, detail) = refusal::said(answer.status.as_u16(), event.data.as_bytes());
                return Err(Trouble::Failed { code, detail });
            }
            _ => {}
        }
    }
    client.keep(&mut answer);
    if drawn.pictures.is_empty() {
        return Err(Trouble::failed("no_picture", "the stream ended without a picture"));
    }
    Ok(drawn)
}

/// Times and memory: zao's headers, and the fields of other servers.
fn told(answer: &Answer, value: &Value) -> Told {
    let seconds = |field: &str| value[field].as_f64();
    Told {
        queue: answer.seconds("x-queue-time").or_else(|| seconds("queue_seconds")),
        inference: answer
            .seconds("x-inference-time")
            .or_else(|| seconds("inference_seconds"))
            .or_else(|| seconds("inference_time_s")),
        memory_bytes: value["peak_memory_mb"].as_f64().map(|mebibytes| mebibytes * 1_048_576.0),
    }
}

fn size(value: &Value) -> Option<(u32, u32)> {
    let (width, height) = value["size"].as_str()?.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_written_as_openai_has_it() {
        let request = zao_api::Request {
            prompt: "a cat".into(),
            width: Some(64),
            height: Some(32),
            steps: Some(4.into()),
            seed: Some(9),
            count: Some(2),
            quality: Some(Quality::Draft),
            ..zao_api::Request::default()
        };
        let wish = Wish::new(zao_api::JobRequest {
            request,
            previews: Some(3),
            ..zao_api::JobRequest::default()
        });
        let expected = json!({
            "prompt": "a cat", "n": 2, "response_format": "b64_json", "size": "64x32", "quality": "low",
            "seed": 9, "num_inference_steps": 4, "stream": true, "partial_images": 3
        });
        assert_eq!(body(&wish), expected);
    }
}
