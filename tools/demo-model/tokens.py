"""Captions as token ids: a byte-level BPE of 2048 words learned from captions, and padded arrays of ids. Does not write captions."""

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WORDS = 2048
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
PAD = 0
TEMPLATE = (
    "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)


def rendered(caption: str) -> str:
    """What the chat template makes of a caption."""
    return f"<|im_start|>user\n{caption}<|im_end|>\n<|im_start|>assistant\n"


def learn(captions: list[str], folder: Path) -> Tokenizer:
    """Learns the words from `captions` and writes a tokenizer folder."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        # A name of more bytes would be one word in one caption and another one beside a comma.
        max_token_length=18,
        show_progress=False,
    )
    # The roles of the template stand before every caption and should be one word each.
    roles = ["user", "assistant"] * len(captions)
    tokenizer.train_from_iterator((*captions, *roles), trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    config = {
        "backend": "tokenizers",
        "eos_token": "<|im_end|>",
        "extra_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "model_max_length": 1000000000000000019884624838656,
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "TokenizersBackend",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def encode(tokenizer: Tokenizer, captions: list[str], room: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids `[captions, room]` padded at the end, and how many each caption has; a caption with more than `room` counts more and is cut."""
    ids = np.full((len(captions), room), PAD, np.int16)
    lengths = np.zeros(len(captions), np.int16)
    for start in range(0, len(captions), 100_000):
        part = [rendered(caption) for caption in captions[start : start + 100_000]]
        for row, encoding in enumerate(tokenizer.encode_batch_fast(part), start):
            lengths[row] = len(encoding.ids)
            kept = encoding.ids[:room]
            ids[row, : len(kept)] = kept
    return ids, lengths
