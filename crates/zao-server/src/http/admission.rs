//! From a wish to what is kept: nothing left open, nothing that a worker would refuse. Pictures to begin with come in here as bytes.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zao_api::{JobRequest, Request, Steps};
use zao_engine::{Grid, InvalidJob, MAX_ADAPTER_SCALE, ModelInfo};
use zao_queue::{ImageId, Input, Sender, Submission, Via};

use super::guard::Client;
use super::jobs::Repeat;
use super::{Code, Refusal, Result};
use crate::hands::Condition;
use crate::house::House;

/// What is kept of `wish`.
pub(crate) fn submission(
    house: &House,
    client: Client,
    via: Via,
    repeat: Option<Repeat>,
    mut wish: JobRequest,
) -> Result<Submission> {
    let model = house.model.info();
    let limits = &house.settings.request;
    check_texts(&wish.request, limits.prompt_characters)?;
    if via != Via::Native {
        // Other interfaces promise no number of them: the picture may come before the last.
        wish.previews = wish.previews.map(|previews| previews.min(limits.previews));
    }
    let within = |field: &str, value: Option<u32>, most: u32| match value {
        Some(value) if value > most => {
            Err(Refusal::of(field, format!("{field} is {value}; this server takes up to {most}")))
        }
        _ => Ok(()),
    };
    within("count", wish.request.count, limits.count)?;
    within("steps", wish.request.steps.and_then(Steps::number), limits.steps)?;
    within("previews", wish.previews, limits.previews)?;
    if wish.request.count == Some(0) {
        return Err(Refusal::of("count", "0 pictures are none; ask for one or more"));
    }
    let deadline = deadline(&wish, limits.deadline)?;
    check_loras(house, &wish.request)?;
    let inputs = inputs(house, &mut wish.request)?;

    let picture = inputs.first().map(|input| zao_image::decode(&input.bytes)).transpose();
    let picture = picture
        .map_err(|error| Refusal::new(Code::InvalidImage, format!("image: {error}")).at("image"))?;
    if let Some(mask) = inputs.get(1) {
        zao_image::decode_mask(&mask.bytes).map_err(|error| {
            Refusal::new(Code::InvalidImage, format!("mask: {error}")).at("mask")
        })?;
    }
    let own = picture.map(|picture| Grid::new(picture.height(), picture.width()));
    let (complete, advised) = complete(&wish.request, model, limits.steps);
    let fits = |size: Grid| Ok::<_, Refusal>(size.area() as u64 <= limits.pixels);
    let (size, remark) = zao_request::settle(&complete, own, model, fits)?;
    let pixels = size.area() as u64;
    if pixels > limits.pixels {
        let message = format!("{size} are more pixels than the {} of this server", limits.pixels);
        return Err(Refusal::new(Code::InvalidSize, message).at("width"));
    }
    check_seeds(&wish.request)?;
    let seeds = zao_request::seeds(&complete);
    check_job(house, &complete, size, seeds[0])?;
    let (width, height) = (size.width as u32, size.height as u32);
    let steps = complete.steps.and_then(Steps::number).unwrap_or(1);
    let plan = serde_json::to_string(&complete)
        .map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?;
    let priority = wish.priority.unwrap_or_default();
    if priority > limits.priority {
        let most = limits.priority;
        let message = format!("priority is {priority}; this server takes up to {most}");
        return Err(Refusal::of("priority", message));
    }
    let in_vain = zao_request::in_vain(&wish.request, &complete);
    let remarks = advised.into_iter().chain(remark).chain(in_vain);
    let (key, form) = repeat.map(|it| (it.key, it.form)).unzip();
    let warnings = remarks.chain(nobody_draws(house)).collect();
    Ok(Submission {
        client: client.address,
        sender: Sender { owner: client.owner, via },
        key,
        form: form.unwrap_or_default(),
        request: wish,
        plan,
        width,
        height,
        steps,
        seeds,
        priority,
        deadline,
        inputs,
        warnings,
        request_id: Some(client.asked.id().to_owned()),
    })
}

/// The request with nothing left open. Steps that nobody asked for are at most `most`.
fn complete(request: &Request, model: &ModelInfo, most: u32) -> (Request, Option<String>) {
    let (complete, remark) = zao_request::complete(request.clone(), model);
    let steps = complete.steps.and_then(Steps::number);
    match remark {
        Some(remark) if steps > Some(most) => {
            let remark = format!(
                "this server takes up to {most} steps, so {most} are drawn instead: {remark}"
            );
            (Request { steps: Some(most.into()), ..complete }, Some(remark))
        }
        None if request.steps.is_none() && steps > Some(most) => {
            (Request { steps: Some(most.into()), ..complete }, None)
        }
        remark => (complete, remark),
    }
}

/// A job outlives this process, so it is kept although nobody draws it now; its client is told.
fn nobody_draws(house: &House) -> Option<String> {
    match house.health().condition {
        Condition::GivenUp(why) => Some(format!(
            "nobody draws before zao was started again, the job waits until then: {why}"
        )),
        Condition::Ready | Condition::Loading | Condition::Unwell(_) => None,
    }
}

fn check_texts(request: &Request, most: usize) -> Result<()> {
    let negative = request.negative_prompt.as_deref().unwrap_or_default();
    check_text("prompt", &request.prompt, most)?;
    check_text("negative_prompt", negative, most)
}

/// Refuses a text of more than `most` characters in `field`.
pub(super) fn check_text(field: &str, text: &str, most: usize) -> Result<()> {
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if let Some((at, odd)) = text.chars().enumerate().find(|(_, c)| !is_text(*c)) {
        let code = u32::from(odd);
        let message = format!(
            "{field} has the control character U+{code:04X} at place {at}; only line breaks and tabs are text"
        );
        return Err(Refusal::of(field, message));
    }
    let count = text.chars().count();
    if count > most {
        let message = format!("{field} has {count} characters; this server takes {most}");
        return Err(Refusal::new(Code::PromptTooLong, message).at(field));
    }
    Ok(())
}

/// Seeds of a request count up from the first, and there is an end to them.
fn check_seeds(request: &Request) -> Result<()> {
    let Some(seed) = request.seed else { return Ok(()) };
    let more = u64::from(request.count.unwrap_or(1)).saturating_sub(1);
    if seed.checked_add(more).is_some() {
        return Ok(());
    }
    let message = format!(
        "seeds of {} pictures would count up beyond the last one from {seed}; begin at {} or below",
        more + 1,
        u64::MAX - more
    );
    Err(Refusal::of("seed", message))
}

/// Seconds below which nothing is drawn anywhere.
const SHORTEST: f64 = 0.1;

fn deadline(wish: &JobRequest, most: std::time::Duration) -> Result<std::time::Duration> {
    let Some(seconds) = wish.deadline_seconds else { return Ok(most) };
    let fits = (SHORTEST..=most.as_secs_f64()).contains(&seconds);
    if !fits {
        let message = format!("a job may take from {SHORTEST} to {} seconds", most.as_secs());
        return Err(Refusal::of("deadline_seconds", message));
    }
    Ok(std::time::Duration::from_secs_f64(seconds))
}

/// Adapters are named, never pointed at: a client must not open files of this machine.
fn check_loras(house: &House, request: &Request) -> Result<()> {
    if request.loras.is_empty() {
        return Ok(());
    }
    let known =
        house.loras.list().map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
    for lora in &request.loras {
        if !known.iter().any(|known| known.name == lora.name) {
            let message =
                format!("there is no LoRA {:?}; GET /v1/loras lists those there are", lora.name);
            return Err(Refusal::new(Code::UnknownLora, message).at("loras"));
        }
        if lora.scale.is_nan() || lora.scale.abs() > MAX_ADAPTER_SCALE {
            let message =
                format!("a scale is a number from -{MAX_ADAPTER_SCALE} to {MAX_ADAPTER_SCALE}");
            return Err(Refusal::of("loras", message));
        }
    }
    Ok(())
}

/// The pictures that a request begins with, as bytes: `image`, then `mask`. What clients see again of a data URL is that it was one.
fn inputs(house: &House, request: &mut Request) -> Result<Vec<Input>> {
    if request.image.is_none() && request.mask.is_some() {
        return Err(Refusal::of(
            "mask",
            "a mask says what of an image is drawn anew; send the image, too",
        ));
    }
    let mut inputs = Vec::new();
    for (name, field) in [("image", &mut request.image), ("mask", &mut request.mask)] {
        let Some(text) = field else { continue };
        let bytes = match text.strip_prefix("data:") {
            Some(data) => of_data_url(data).map_err(|refusal| refusal.at(name))?,
            None => of_picture(house, text).map_err(|refusal| refusal.at(name))?,
        };
        if text.starts_with("data:") {
            *text = "data:".into();
        }
        inputs.push(Input { name: name.into(), bytes });
    }
    let (bytes, most) = (
        inputs.iter().map(|input| input.bytes.len() as u64).sum::<u64>(),
        house.settings.ledger.input_bytes,
    );
    if bytes > most {
        // However long it waited, there would never be that much room.
        let message = format!(
            "pictures to begin with have {bytes} bytes; this server has room for {most} in all, so send smaller ones"
        );
        return Err(Refusal::new(Code::BodyTooLarge, message).at("image"));
    }
    Ok(inputs)
}

fn of_data_url(data: &str) -> Result<Vec<u8>> {
    let wrong = |message: &str| Refusal::new(Code::InvalidImage, message);
    let Some((kind, data)) = data.split_once(',') else {
        return Err(wrong("a data URL looks like data:image/png;base64,..."));
    };
    if !kind.ends_with(";base64") {
        return Err(wrong("a data URL has to be in base64: data:image/png;base64,..."));
    }
    STANDARD.decode(data.trim()).map_err(|error| wrong(&format!("this is no base64: {error}")))
}

fn of_picture(house: &House, id: &str) -> Result<Vec<u8>> {
    let wrong = |message: String| Refusal::new(Code::InvalidImage, message);
    let id: ImageId = id.parse().map_err(|_| {
        wrong("this is neither a data URL nor the id of a picture of this server".into())
    })?;
    let path = house.ledger.image_file(&id)?;
    fs::read(path).map_err(|error| wrong(format!("picture {id} cannot be read: {error}")))
}

/// What the engine would refuse is refused here, before the job is kept. Where a picture begins does not matter for that.
fn check_job(house: &House, request: &Request, size: Grid, seed: u64) -> Result<()> {
    if let Some(strength) = request.strength
        && !(strength > 0.0 && strength <= 1.0)
    {
        let refusal = InvalidJob::Strength { strength };
        return Err(Refusal::of("strength", refusal.to_string()));
    }
    let job = zao_request::job(request, seed, size, None, &[], house.model.info());
    job.map(drop).map_err(|invalid| {
        let message = invalid.to_string();
        match invalid {
            InvalidJob::EmptyPrompt => Refusal::of("prompt", message),
            InvalidJob::NotAMultiple { .. } | InvalidJob::SizeOutOfRange { .. } => {
                Refusal::new(Code::InvalidSize, message).at("width")
            }
            InvalidJob::Steps { .. } => Refusal::of("steps", message),
            InvalidJob::Guidance { .. } => Refusal::of("guidance", message),
            InvalidJob::Normalization { .. } => Refusal::of("cfg_normalization", message),
            InvalidJob::Truncation { .. } => Refusal::of("cfg_truncation", message),
            _ => Refusal::new(Code::InvalidRequest, message),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_base64_and_nothing_else() {
        assert_eq!(of_data_url("image/png;base64,AQID").unwrap(), [1, 2, 3]);
        for wrong in ["image/png,AQID", "image/png;base64", "image/png;base64,A!"] {
            assert_eq!(of_data_url(wrong).unwrap_err().code, Code::InvalidImage, "{wrong}");
        }
    }
}
