#!/usr/bin/env python3
"""llama.cpp beside `magma`: the C interface of build/peers-llama (tools/get_llama_cpp.sh), nothing of the Python layer above it.

    llama_peer.py info
    llama_peer.py quantise IN.gguf OUT.gguf --to Q4_0 [--pure]
    llama_peer.py serve FILE.gguf --threads 2         answers a line {"tokens": 512, "decode": 64} with the seconds of both
    llama_peer.py logits FILE.gguf IDS.npy OUT.npy    IDS [windows, L]; logits f32 [windows, L, V], each window alone

Batches of 512 tokens, no flash attention, cache in f16 (logits: f32 with --cache f32), weights repacked for the CPU as the
library does unless --plain. Prints JSON.
"""
import argparse
import ctypes
import json
import os
import resource
import sys
import time

import llama_cpp.llama_cpp as api
import numpy as np

F32, F16 = 0, 1  # ggml types
TYPES = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q4_K_S": 14, "Q4_K_M": 15, "Q6_K": 18}


@api.llama_log_callback
def no_log(level, text, data):
    if level >= 4 or os.environ.get("LLAMA_PEER_LOG"):
        sys.stderr.write(text.decode())


class Model:
    def __init__(self, path, threads, context, cache=F16, plain=False, all_logits=False):
        self.load_s = -time.perf_counter()
        model = api.llama_model_default_params()
        model.n_gpu_layers = 0
        model.use_extra_bufts = not plain
        self.model = api.llama_model_load_from_file(path.encode(), model)
        if not self.model:
            raise SystemExit(f"{path}: llama.cpp does not load it")
        self.words = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))
        context_options = api.llama_context_default_params()
        context_options.n_ctx = context
        context_options.n_batch = context_options.n_ubatch = 512
        context_options.n_threads = context_options.n_threads_batch = threads
        context_options.flash_attn_type = 0
        context_options.type_k = context_options.type_v = cache
        context_options.no_perf = True
        self.context = api.llama_init_from_model(self.model, context_options)
        if not self.context:
            raise SystemExit(f"{path}: llama.cpp makes no context")
        self.all_logits = all_logits
        self.batch = api.llama_batch_init(512, 0, 1)
        self.load_s += time.perf_counter()

    def clear(self):
        api.llama_memory_clear(api.llama_get_memory(self.context), False)

    def run(self, ids, place):
        batch = self.batch
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, place + i, 1, 0
            batch.logits[i] = self.all_logits or i + 1 == len(ids)
        if api.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama_decode failed")
        api.llama_synchronize(self.context)

    def prefill(self, ids):
        self.clear()
        for place in range(0, len(ids), 512):
            self.run(ids[place:place + 512], place)

    def logits(self, rows):
        return np.ctypeslib.as_array(api.llama_get_logits(self.context), (rows, self.words))


def turn(model, tokens, decode):
    ids = np.random.default_rng(1).integers(0, model.words, tokens).tolist()
    begin = time.perf_counter()
    model.prefill(ids)
    middle = time.perf_counter()
    for i in range(decode):
        model.run(ids[:1], tokens + i)
    end = time.perf_counter()
    return {"prefill_s": middle - begin, "prefill_tokens_per_s": tokens / (middle - begin), "decode_s": (end - middle) / decode,
            "decode_tokens_per_s": decode / (end - middle), "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def serve(options):
    model = Model(options.file, options.threads, options.context, plain=options.plain)
    turn(model, 64, 4)
    print(json.dumps({"load_s": model.load_s}), flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        print(json.dumps(turn(model, ask["tokens"], ask["decode"])), flush=True)


def logits(options):
    ids = np.load(options.ids)
    model = Model(options.file, options.threads, ids.shape[1], cache=F32 if options.cache == "f32" else F16, plain=options.plain, all_logits=True)
    out = np.lib.format.open_memmap(options.out, "w+", np.float32, (*ids.shape, model.words))
    for window, row in enumerate(ids.tolist()):
        model.clear()
        for place in range(0, len(row), 512):
            part = row[place:place + 512]
            model.run(part, place)
            out[window, place:place + len(part)] = model.logits(len(part))
    out.flush()
    print(json.dumps({"load_s": model.load_s}))


def quantise(options):
    wish = api.llama_model_quantize_default_params()
    wish.ftype, wish.nthread, wish.pure, wish.allow_requantize = TYPES[options.to], options.threads, options.pure, True
    part = options.out + ".part"
    if api.llama_model_quantize(options.source.encode(), part.encode(), ctypes.byref(wish)) != 0:
        raise SystemExit(f"{options.source}: llama.cpp does not quantise it to {options.to}")
    os.rename(part, options.out)
    print(json.dumps({"bytes": os.path.getsize(options.out)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    kinds.add_parser("info")
    made = kinds.add_parser("quantise")
    made.add_argument("source")
    made.add_argument("out")
    made.add_argument("--to", choices=sorted(TYPES), required=True)
    made.add_argument("--pure", action="store_true", help="every matrix in that format, head and embedding too")
    served = kinds.add_parser("serve")
    served.add_argument("file")
    served.add_argument("--context", type=int, default=1024)
    told = kinds.add_parser("logits")
    told.add_argument("file")
    told.add_argument("ids")
    told.add_argument("out")
    told.add_argument("--cache", choices=["f16", "f32"], default="f16")
    for kind in (made, served, told):
        kind.add_argument("--threads", type=int, default=2)
    for kind in (served, told):
        kind.add_argument("--plain", action="store_true", help="weights stay as the file has them")
    options = parser.parse_args()
    api.llama_log_set(no_log, None)
    api.llama_backend_init()
    if options.what == "info":
        print(json.dumps({"system": api.llama_print_system_info().decode()}))
    else:
        {"quantise": quantise, "serve": serve, "logits": logits}[options.what](options)


if __name__ == "__main__":
    main()
