"""GGUF files for llama.cpp of the models that `magma init` and `magma quantize` start from, with the gguf package.

    gguf_files.py folder DIR TOKENIZER.gguf OUT.gguf [--type bf16|f32]      a model folder's weights as they are
    gguf_files.py flat IN.gguf OUT.gguf                                    a GGUF file dequantised to f32
    gguf_files.py turned IN.gguf OUT.gguf [--seed 1]                       the same function on other weights, f32
    gguf_files.py back IN.gguf DIR                                         a model folder in f32

`turned`: the residual stream is multiplied by a random orthogonal matrix, which the norms' gains, moved into the matrices
behind them, let pass. Logits stay what they were, but for roundings, and no weight lies on the grid of IN's blocks.
Tokens are those of TOKENIZER.gguf, the first ones where the vocabulary is smaller.
"""
import argparse
import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFWriter
from gguf.quants import dequantize

MATRICES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
            "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
            "post_attention_layernorm": "ffn_norm"}
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
SHAPE_KEYS = ["block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv",
              "rope.freq_base", "attention.layer_norm_rms_epsilon", "vocab_size", "rope.dimension_count"]


def value_of(reader, key):
    return reader.fields[key].contents()


def begin(path, shape, tokens, tokenizer):
    """A writer with the facts of a Llama and a tokenizer; `shape` is by the names of SHAPE_KEYS."""
    writer = GGUFWriter(path, "llama")
    for key, value in shape.items():
        (writer.add_float32 if isinstance(value, float) else writer.add_uint32)("llama." + key, value)
    texts, types = value_of(tokenizer, "tokenizer.ggml.tokens")[:tokens], value_of(tokenizer, "tokenizer.ggml.token_type")[:tokens]
    known = set(texts)
    merges = [m for m in value_of(tokenizer, "tokenizer.ggml.merges") if m.replace(" ", "", 1) in known and set(m.split(" ")) <= known]
    writer.add_tokenizer_model(value_of(tokenizer, "tokenizer.ggml.model"))
    writer.add_tokenizer_pre(value_of(tokenizer, "tokenizer.ggml.pre"))
    writer.add_token_list(texts)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(value_of(tokenizer, "tokenizer.ggml.bos_token_id"))
    writer.add_eos_token_id(value_of(tokenizer, "tokenizer.ggml.eos_token_id"))
    writer.add_add_bos_token(False)
    return writer


def end(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def stored(folder):
    """{name: array} of a folder of safetensors; bf16 as uint16."""
    result = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        data = np.memmap(path, mode="r")
        size = int(data[:8].view("<u8")[0])
        for name, entry in json.loads(bytes(data[8:8 + size])).items():
            if name != "__metadata__":
                first, last = entry["data_offsets"]
                values = data[8 + size + first:8 + size + last].view({"BF16": "<u2", "F32": "<f4"}[entry["dtype"]])
                result[name.removeprefix("language_model.")] = values.reshape(entry["shape"])
    return result


def widened(values):
    return values.astype(np.float32) if values.dtype != np.uint16 else (values.astype(np.uint32) << 16).view(np.float32)


def name_in_gguf(name):
    stem = name.removesuffix(".weight")
    if stem in WHOLE:
        return WHOLE[stem] + ".weight"
    layer, _, rest = stem.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{MATRICES[rest]}.weight"


def paired(values, heads):
    """Rows of a head as llama.cpp turns them: neighbours, not halves."""
    return values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def write_folder(folder, tokenizer, out, kind):
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    config = config.get("text_config", config)
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    shape = dict(zip(SHAPE_KEYS, [config["num_hidden_layers"], config["max_position_embeddings"], config["hidden_size"], config["intermediate_size"], heads,
                                  key_heads, float(config["rope_theta"]), float(config["rms_norm_eps"]), config["vocab_size"],
                                  config["hidden_size"] // heads]))
    writer = begin(out, shape, config["vocab_size"], GGUFReader(tokenizer))
    for name, values in stored(folder).items():
        target = name_in_gguf(name)
        if "attn_q." in target or "attn_k." in target:
            values = paired(values, heads if "attn_q." in target else key_heads)
        if values.ndim == 1 or kind == "f32" or values.dtype != np.uint16:
            writer.add_tensor(target, np.ascontiguousarray(widened(values)))
        else:
            writer.add_tensor(target, np.ascontiguousarray(values).view(np.uint8), raw_dtype=Type.BF16)
    end(writer)


def read_gguf(path):
    """Facts of the shape and {name: f32 array} of a GGUF file."""
    reader = GGUFReader(path)
    shape = {key: value_of(reader, "llama." + key) for key in SHAPE_KEYS}
    return shape, {t.name: dequantize(t.data, t.tensor_type).reshape([int(n) for n in t.shape[::-1]]) for t in reader.tensors}


def turn(tensors, layers, seed):
    width = tensors["output_norm.weight"].size
    turning = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]

    def behind(matrix, gain):
        return ((tensors[matrix].astype(np.float64) * tensors[gain]) @ turning).astype(np.float32)
    result = {"token_embd.weight": (tensors["token_embd.weight"].astype(np.float64) @ turning).astype(np.float32),
              "output.weight": behind("output.weight" if "output.weight" in tensors else "token_embd.weight", "output_norm.weight"),
              "output_norm.weight": np.ones(width, np.float32)}
    for layer in range(layers):
        prefix = f"blk.{layer}."
        for gain, names in (("attn_norm", ["attn_q", "attn_k", "attn_v"]), ("ffn_norm", ["ffn_gate", "ffn_up"])):
            result[f"{prefix}{gain}.weight"] = np.ones(width, np.float32)
            for name in names:
                result[f"{prefix}{name}.weight"] = behind(f"{prefix}{name}.weight", f"{prefix}{gain}.weight")
        for name in ("attn_output", "ffn_down"):
            result[f"{prefix}{name}.weight"] = (turning.T @ tensors[f"{prefix}{name}.weight"].astype(np.float64)).astype(np.float32)
    return result


def write_flat(source, out, seed=None):
    shape, tensors = read_gguf(source)
    if seed is not None:
        tensors = turn(tensors, shape["block_count"], seed)
    writer = begin(out, shape, shape["vocab_size"], GGUFReader(source))
    for name, values in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(values, np.float32))
    end(writer)


def halved(values, heads):
    """What `paired` made, undone."""
    return values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def name_in_folder(name):
    stem = name.removesuffix(".weight")
    whole, matrices = ({short: long for long, short in names.items()} for names in (WHOLE, MATRICES))
    if stem in whole:
        return f"language_model.{whole[stem]}.weight"
    _, layer, short = stem.split(".")
    return f"language_model.model.layers.{layer}.{matrices[short]}.weight"


def write_back(source, folder):
    shape, tensors = read_gguf(source)
    heads, key_heads = shape["attention.head_count"], shape["attention.head_count_kv"]
    config = {"model_type": "llama", "hidden_size": shape["embedding_length"], "intermediate_size": shape["feed_forward_length"],
              "num_hidden_layers": shape["block_count"], "num_attention_heads": heads, "num_key_value_heads": key_heads,
              "rms_norm_eps": shape["attention.layer_norm_rms_epsilon"], "rope_theta": shape["rope.freq_base"],
              "max_position_embeddings": shape["context_length"], "vocab_size": shape["vocab_size"],
              "tie_word_embeddings": "output.weight" not in tensors}
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
    header, place = {}, 0
    for name, values in tensors.items():
        header[name_in_folder(name)] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [place, place + values.nbytes]}
        place += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(pathlib.Path(folder) / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, values in tensors.items():
            if "attn_q." in name or "attn_k." in name:
                values = halved(values, heads if "attn_q." in name else key_heads)
            file.write(np.ascontiguousarray(values, np.float32).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    folder = kinds.add_parser("folder")
    folder.add_argument("folder")
    folder.add_argument("tokenizer")
    folder.add_argument("--type", choices=["bf16", "f32"], default="bf16")
    for name in ("flat", "turned", "back"):
        kinds.add_parser(name).add_argument("source")
    for name in ("folder", "flat", "turned", "back"):
        kinds.choices[name].add_argument("out")
    kinds.choices["turned"].add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    part = options.out + ".part"
    if options.what == "folder":
        write_folder(options.folder, options.tokenizer, part, options.type)
    elif options.what == "back":
        write_back(options.source, part)
    else:
        write_flat(options.source, part, options.seed if options.what == "turned" else None)
    pathlib.Path(part).rename(options.out)


if __name__ == "__main__":
    main()
