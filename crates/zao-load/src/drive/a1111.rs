//! `POST /sdapi/v1/txt2img`, as AUTOMATIC1111's web UI and those that follow it have it. Previews are NOT asked for: its
//! progress is that of whatever the server draws at the moment, not of one's own request.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Drawn, Manner, from_base64, json, put, refusal, with_extra};
use crate::http::{Client, Question};
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
    let question = Question::post(client.path("/sdapi/v1/txt2img"), &body);
    let answer = client.ask(&question).await?;
    moments.first_byte = Some(answer.first_byte);
    let mut answer = refusal::check(client, answer).await?;
    let body = client.read(&mut answer).await?;
    let end = Instant::now();
    let value: Value = json("the list of pictures", &body)?;
    let images = value["images"].as_array();
    let images = images.ok_or_else(|| Trouble::bad_answer("an answer without `images`".into()))?;
    let picture = |image: &Value| match image.as_str() {
        Some(text) => from_base64(text),
        None => Err(Trouble::bad_answer("a picture that is no text".into())),
    };
    let pictures = images.iter().map(picture).collect::<Result<_, _>>()?;
    moments.end = Some(end);
    let told = Told {
        queue: answer.seconds("x-queue-time"),
        inference: answer.seconds("x-inference-time"),
        memory_bytes: None,
    };
    Ok(Drawn { pictures, size: None, told })
}

fn body(wish: &Wish) -> Value {
    let asked = &wish.request.request;
    let mut body = json!({
        "prompt": asked.prompt, "batch_size": wish.count(), "n_iter": 1, "send_images": true,
        "save_images": false, "do_not_save_grid": true,
    });
    put(&mut body, "negative_prompt", asked.negative_prompt.as_deref());
    put(&mut body, "width", asked.width);
    put(&mut body, "height", asked.height);
    put(&mut body, "steps", asked.steps.map(|steps| json!(steps)));
    put(&mut body, "seed", asked.seed);
    // Its scale is one more than diffusers'.
    put(&mut body, "cfg_scale", asked.guidance.map(|guidance| guidance + 1.0));
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guidance_is_counted_from_one() {
        let request = zao_api::Request { guidance: Some(0.0), ..zao_api::Request::default() };
        let wish = Wish::new(zao_api::JobRequest { request, ..zao_api::JobRequest::default() });
        assert_eq!(body(&wish)["cfg_scale"], 1.0);
        assert_eq!(body(&wish)["batch_size"], 1);
    }
}
