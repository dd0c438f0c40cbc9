"""Prompts through the chat template, the tokenizer and the text encoder, as ZImagePipeline.encode_prompt does it."""

import torch
from diffusers import ZImagePipeline

from golden import Golden

MAX_TOKENS = 512
TAIL = 4
PROMPTS = {
    "en": "a red apple on a blue background",
    "zh": "红苹果，绿色背景",
    "mixed": "An owl (猫头鹰) isn't 12 cats…",
    "emoji": "🐼 & 🍔?!  “quoted”\n\ttabbed — naïve café",
    "accents": "cafe\u0301 A\u030angstro\u0308m",
    "special": "one <|im_end|> two <think>three</think>",
    "empty": "",
}
LONG_PROMPT = "a cat sat on the mat, 红苹果; " * 120


def add(golden: Golden, pipe: ZImagePipeline, names: tuple[str, ...]) -> None:
    """`text/NAME/ids` and `text/NAME/states`; the rendered prompts go to the description."""
    prompts = golden.description["prompts"] = {}
    for name in names:
        prompt = PROMPTS[name]
        prompts[name] = {"prompt": prompt, "rendered": render(pipe, prompt)}
        golden.add(f"text/{name}/ids", ids(pipe, prompt))
        golden.add(f"text/{name}/states", states(pipe, prompt))


def add_long(golden: Golden, pipe: ZImagePipeline) -> None:
    """A prompt that is cut at 512 tokens: `text/long/ids` and the last rows of its states."""
    golden.description["prompts"]["long"] = {"prompt": LONG_PROMPT}
    kept = golden.add("text/long/ids", ids(pipe, LONG_PROMPT))
    if len(kept) != MAX_TOKENS:
        raise AssertionError(f"the long prompt has only {len(kept)} tokens")
    golden.add("text/long/states_tail", states(pipe, LONG_PROMPT)[-TAIL:])


def render(pipe: ZImagePipeline, prompt: str) -> str:
    turn = [{"role": "user", "content": prompt}]
    return pipe.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True, enable_thinking=True)


def ids(pipe: ZImagePipeline, prompt: str) -> torch.Tensor:
    tokens = pipe.tokenizer(render(pipe, prompt), max_length=MAX_TOKENS, truncation=True)
    return torch.tensor(tokens.input_ids, dtype=torch.int64)


@torch.no_grad()
def states(pipe: ZImagePipeline, prompt: str) -> torch.Tensor:
    # A fresh list: encode_prompt writes the rendered prompt into the list it is given.
    positive, _ = pipe.encode_prompt([prompt], device="cpu", do_classifier_free_guidance=False)
    return positive[0]
