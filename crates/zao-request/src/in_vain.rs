//! What a request asks for and does not get, because something else in it decides: told to the client, never refused, since a wish with one word too
//! many is still a wish. What is impossible is refused elsewhere.

use zao_api::{Quality, Request};

/// A line for each field of `wish` that has no effect, by the names of the interface. `complete` is what became of it.
#[must_use]
pub fn in_vain(wish: &Request, complete: &Request) -> Vec<String> {
    let is_guided = complete.guidance.is_some_and(|scale| scale > 0.0);
    let refuses = wish.negative_prompt.as_deref().is_some_and(|text| !text.trim().is_empty());
    let has_size = wish.width.is_some() && wish.height.is_some();
    let asks_for_tier = wish.quality.is_some_and(|quality| quality != Quality::Auto);
    let follows_words = ["<lora:", "<lyco:"].iter().any(|tag| wish.prompt.contains(tag));
    let rows = [
        (refuses && !is_guided, "negative_prompt has no effect without guidance"),
        (
            wish.cfg_normalization.is_some() && !is_guided,
            "cfg_normalization has no effect without guidance",
        ),
        (
            wish.cfg_truncation.is_some() && !is_guided,
            "cfg_truncation has no effect without guidance",
        ),
        (
            wish.strength.is_some() && wish.image.is_none(),
            "strength has no effect without an image to begin with",
        ),
        (asks_for_tier && has_size, "quality has no effect beside width and height"),
        (
            follows_words && wish.loras.is_empty(),
            "a <lora:...> in the prompt is read as words; name it in loras, and see GET /v1/loras",
        ),
    ];
    rows.into_iter().filter(|(holds, _)| *holds).map(|(_, line)| line.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(wish: &Request) -> Vec<String> {
        in_vain(wish, &Request { guidance: wish.guidance.or(Some(0.0)), ..wish.clone() })
    }

    #[test]
    fn what_does_nothing_is_said_once_and_what_does_something_is_not() {
        let idle = Request {
            prompt: "a cat <lora:paint:1>".into(),
            negative_prompt: Some("blur".into()),
            width: Some(64),
            height: Some(64),
            quality: Some(Quality::Draft),
            strength: Some(0.5),
            cfg_normalization: Some(1.0),
            cfg_truncation: Some(0.5),
            ..Request::default()
        };
        let lines = told(&idle);
        let about = |name: &str| lines.iter().filter(|line| line.contains(name)).count();
        for name in [
            "negative_prompt",
            "cfg_normalization",
            "cfg_truncation",
            "strength",
            "quality",
            "<lora:",
        ] {
            assert_eq!(about(name), 1, "{name}: {lines:?}");
        }
        let busy = Request {
            prompt: "a cat".into(),
            guidance: Some(2.0),
            quality: Some(Quality::Draft),
            height: None,
            image: Some("img".into()),
            ..idle
        };
        assert!(told(&busy).is_empty(), "{:?}", told(&busy));
        let usual = Request { negative_prompt: Some(" ".into()), ..Request::default() };
        assert!(told(&usual).is_empty(), "forms send what is empty");
    }
}
