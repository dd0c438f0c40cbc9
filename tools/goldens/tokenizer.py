"""Byte-level BPE tokenizers of about 300 words, trained on a few lines of English and Chinese."""

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "a red apple on a blue background",
    "an owl on a black background, a panda and a hamburger",
    "the cat sat on the mat; the dog ran after the cat",
    "user\nassistant\nsystem\n\n",
    "红苹果，绿色背景",
    "一只可爱的橘猫坐在窗台上，阳光",
    "一只猫和一只狗在蓝色背景上",
]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
THINK = ["<think>", "</think>"]
WORDS = 300
# How the Qwen tokenizers cut text before the merges: contractions, words, single digits, punctuation, spaces.
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATES = Path(__file__).parent / "templates"


def save_plain(folder: Path) -> None:
    """GPT-2 splitting, special words first in the vocabulary, the chat template in a file of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainer(SPECIAL + THINK))
    wrapped = wrap(tokenizer)
    wrapped.chat_template = (TEMPLATES / "plain.jinja").read_text()
    wrapped.save_pretrained(folder)


def save_qwen_like(folder: Path) -> None:
    """Qwen's splitting after NFC, special words at the end, the chat template inside tokenizer_config.json."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainer([]))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in THINK])
    wrapped = wrap(tokenizer)
    wrapped.chat_template = (TEMPLATES / "thinking.jinja").read_text()
    wrapped.save_pretrained(folder, save_jinja_files=False)


def trainer(special: list[str]) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )


def wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
