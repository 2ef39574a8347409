"""Makes the files beside this one with the reference packages: pip install gguf==0.19.0 safetensors numpy."""
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T, GGUFValueType as V, GGUFWriter, quants
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def values():
    writer = GGUFWriter(HERE / "values.gguf", "none")
    writer.add_uint8("u8", 255)
    writer.add_int8("i8", -128)
    writer.add_uint16("u16", 65535)
    writer.add_int16("i16", -32768)
    writer.add_uint32("u32", 4294967295)
    writer.add_int32("i32", -2147483648)
    writer.add_float32("f32", 0.15625)
    writer.add_bool("yes", True)
    writer.add_bool("no", False)
    writer.add_string("text", "é\n")
    writer.add_uint64("u64", 2**64 - 1)
    writer.add_int64("i64", -(2**63))
    writer.add_float64("f64", 0.1)
    writer.add_array("numbers", [1, -2, 3])
    writer.add_array("texts", ["", "a", "bc"])
    writer.add_array("bools", [True, False])
    writer.add_array("nested", [[1, 2], [3], [4, 5, 6]])
    finish(writer)


def random_blocks(kind, blocks):
    """Random bytes, but for scales: halves of every size, subnormal ones included, none infinite."""
    raw = rng.integers(0, 256, (blocks, GGML_QUANT_SIZES[kind][1]), np.uint8)
    if kind == T.F32:
        return rng.normal(size=blocks).astype(np.float32)[:, None].view(np.uint8)
    for place in {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q4_K: [0, 2], T.Q6_K: [208], T.F16: [0], T.BF16: [0]}[kind]:
        if kind == T.BF16:
            bits = (rng.normal(size=blocks).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        else:
            bits = rng.integers(0, 0x7C00, blocks, np.uint16) | (rng.integers(0, 2, blocks, np.uint16) << 15)
        raw[:, place : place + 2] = bits[:, None].view(np.uint8)
    return raw


def blocks():
    writer = GGUFWriter(HERE / "blocks.gguf", "none")
    expected = {}
    for kind in (T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q4_K, T.Q6_K):
        raw = random_blocks(kind, 4 * 1024 // GGML_QUANT_SIZES[kind][0]).reshape(4, -1)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        values = np.ascontiguousarray(quants.dequantize(raw.view(np.float32) if kind == T.F32 else raw, kind))
        expected[kind.name] = values
        expected[f"{kind.name}/bf16"] = quants.quantize(values, T.BF16).reshape(4, -1)
    finish(writer)
    save_file(expected, HERE / "blocks.safetensors")


HIDDEN, HEADS, KV_HEADS, HEAD, WIDE, VOCABULARY, LAYERS = 32, 2, 1, 16, 64, 40, 2


def interleaved(weights, heads):
    """As convert_hf_to_gguf.py of llama.cpp stores query and key rows."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weights.shape)


def halves(weights, heads):
    return weights.reshape(heads, weights.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(weights.shape)


def llama():
    writer = GGUFWriter(HERE / "llama.gguf", "llama")
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    writer.add_rope_dimension_count(HEAD)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(["<|endoftext|>", "Ġ"] + [chr(ord("!") + i) for i in range(VOCABULARY - 2)])
    writer.add_token_types([3] + [1] * (VOCABULARY - 1))
    writer.add_token_merges(["Ġ a", "! !"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ messages }}")
    expected = {}

    def add(source, name, shape, kind, heads=0):
        weights = rng.normal(size=shape).astype(np.float32)
        if heads:
            weights = interleaved(weights, heads)
        raw = weights if kind == T.F32 else quants.quantize(weights, kind)
        writer.add_tensor(f"{source}.weight", raw, raw_dtype=kind)
        stored = quants.dequantize(raw, kind)
        expected[f"{name}.weight"] = np.ascontiguousarray(halves(stored, heads) if heads else stored)

    add("token_embd", "model.embed_tokens", (VOCABULARY, HIDDEN), T.Q8_0)
    for i in range(LAYERS):
        b, m = f"blk.{i}", f"model.layers.{i}"
        add(f"{b}.attn_norm", f"{m}.input_layernorm", (HIDDEN,), T.F32)
        add(f"{b}.attn_q", f"{m}.self_attn.q_proj", (HEADS * HEAD, HIDDEN), T.Q4_1, HEADS)
        add(f"{b}.attn_k", f"{m}.self_attn.k_proj", (KV_HEADS * HEAD, HIDDEN), T.Q8_0, KV_HEADS)
        add(f"{b}.attn_v", f"{m}.self_attn.v_proj", (KV_HEADS * HEAD, HIDDEN), T.Q4_0)
        add(f"{b}.attn_output", f"{m}.self_attn.o_proj", (HIDDEN, HEADS * HEAD), T.F16)
        add(f"{b}.ffn_norm", f"{m}.post_attention_layernorm", (HIDDEN,), T.F32)
        add(f"{b}.ffn_gate", f"{m}.mlp.gate_proj", (WIDE, HIDDEN), T.BF16)
        add(f"{b}.ffn_up", f"{m}.mlp.up_proj", (WIDE, HIDDEN), T.Q4_1)
        add(f"{b}.ffn_down", f"{m}.mlp.down_proj", (HIDDEN, WIDE), T.Q4_0)
    add("output_norm", "model.norm", (HIDDEN,), T.F32)
    finish(writer)
    save_file(expected, HERE / "llama.safetensors")


values()
blocks()
llama()
