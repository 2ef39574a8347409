#!/usr/bin/env python3
"""Speed and memory of the network beside transformers and timm (PyTorch eager, bf16), same random weights, same run.

    bench/model.py [--only xxl 1b 135m start growth] [--threads 2]

Needs build/release/magma; tools/get_peers.sh installs the peers when they are missing. Programs take turns. Prints a
table and leaves build/bench/model.json and, with growth, build/bench/growth.svg.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAGMA = ROOT / "build/release/magma"
WORK = ROOT / "build/bench"
PEER = [ROOT / "build/peers/bin/python", ROOT / "bench/peers/model_peer.py"]


def text(hidden, ffn, layers, heads, key_heads, vocabulary, tied):
    return {"model_type": "llama", "hidden_size": hidden, "intermediate_size": ffn, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": key_heads, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "max_position_embeddings": 8192, "vocab_size": vocabulary,
            "tie_word_embeddings": tied}


SHAPES = {
    "xxl": {"model_type": "magma", "image_token_index": 5, "img_size": 512, "text_config": text(64, 64, 1, 4, 4, 64, False),
            "vision_config": {"vision_backbone": "convnextxxlarge", "mm_hidden_size": 3072, "mm_projector_type": "mlp2x_gelu", "img_anyres_strategy": "crop"}},
    "1b": text(2048, 8192, 16, 32, 8, 32000, False),
    "135m": text(576, 1536, 30, 9, 3, 49152, True),
}


def model(name):
    folder = WORK / f"model-{name}"
    if not folder.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        config = WORK / f"{name}.json"
        config.write_text(json.dumps(SHAPES[name]))
        subprocess.run([MAGMA, "init", config, "-o", folder, "--threads", "2"], check=True, stdout=subprocess.DEVNULL)
    return folder


def output_of(command):
    return json.loads(subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout)


def ours(name, *options):
    return output_of([MAGMA, "bench", "model", "--model", model(name), *options, "--json"])


def theirs(what, name, *options):
    return output_of([*PEER, what, model(name), *options])


def seconds(command, rounds=5):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def panel(title, unit, series, left):
    """One plot of an SVG: {name: [(tokens, value)]} on axes from 0."""
    width, height, colours = 360, 240, {"magma": "#d01c1f", "PyTorch": "#3366cc"}
    right, top = max(x for points in series.values() for x, _ in points), max(y for points in series.values() for _, y in points)
    at = lambda x, y: (left + 50 + x / right * width, 30 + (1 - y / top) * height)
    out = [f'<text x="{left + 50}" y="18" font-weight="600">{title}</text>',
           f'<path d="M{left + 50} 30V{30 + height}H{left + 50 + width}" fill="none" stroke="#888"/>',
           f'<text x="{left + 44}" y="38" text-anchor="end">{top:.3g} {unit}</text>', f'<text x="{left + 44}" y="{34 + height}" text-anchor="end">0</text>',
           f'<text x="{left + 50 + width}" y="{48 + height}" text-anchor="end">{right} tokens</text>']
    for row, (name, points) in enumerate(series.items()):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        out += [f'<polyline points="{line}" fill="none" stroke="{colours[name]}" stroke-width="2"/>',
                f'<text x="{left + 62}" y="{50 + 18 * row}" fill="{colours[name]}">{name}</text>']
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colours[name]}"/>' for x, y in (at(*point) for point in points)]
    return "\n".join(out)


def plot_growth(path, mine, peer):
    sides = {"magma": mine["lengths"], "PyTorch": peer["lengths"]}
    prefill = {name: [(row["tokens"], row["tokens"] / row["prefill_tokens_per_s"]) for row in rows] for name, rows in sides.items()}
    decode = {name: [(row["tokens"], 1e3 / row["decode_tokens_per_s"]) for row in rows] for name, rows in sides.items()}
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 300" font-family="sans-serif" font-size="13" fill="#333">\n'
                    '<rect width="900" height="300" fill="#fff"/>\n' + panel("prefill, 135M, bf16", "s", prefill, 20) + "\n" +
                    panel("decode of one token after so many", "ms", decode, 470) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["xxl", "1b", "135m", "start", "growth"])
    parser.add_argument("--threads", default="2")
    options = parser.parse_args()
    subprocess.run([ROOT / "tools/get_peers.sh"], check=True, stdout=subprocess.DEVNULL)
    threads, report, rows = ["--threads", options.threads], {}, []

    def compare(what, mine, peer, unit, goal, more_is_better=True):
        ratio = mine / peer if more_is_better else peer / mine
        rows.append(f"{what:<34}{mine:>12.2f}{peer:>12.2f} {unit:<6}{ratio:>7.2f}x  goal {goal}")

    if "xxl" in options.only:
        mine, peer = ours("xxl", *threads, "--tokens", "8", "--decode", "1"), theirs("encode", "xxl", *threads)
        report["xxl"] = [mine, peer]
        compare("ConvNeXt-XXL encode 512 px", mine["encode_ms"], peer["encode_ms"], "ms", "1.1x", False)
        rows.append(f"{'':<34}{mine['encode_of_ceiling']:>12.2f} of the FLOP ceiling {mine['gflop_per_s']:.0f} GFLOP/s")
    for name, goals in (("1b", ("1.2x", "1.0x")), ("135m", ("-", "2x"))):
        if name not in options.only:
            continue
        mine, peer = ours(name, *threads), theirs("text", name, *threads)
        report[name] = [mine, peer]
        a, b = mine["lengths"][0], peer["lengths"][0]
        compare(f"{name} prefill of 512", a["prefill_tokens_per_s"], b["prefill_tokens_per_s"], "tok/s", goals[0])
        compare(f"{name} decode after 512", a["decode_tokens_per_s"], b["decode_tokens_per_s"], "tok/s", goals[1])
        rows.append(f"{'':<34}prefill {a['prefill_of_ceiling']:.2f} of {mine['gflop_per_s']:.0f} GFLOP/s, decode {a['decode_of_ceiling']:.2f} of "
                    f"{mine['bandwidth_gb_per_s']:.1f} GB/s; peak {mine['peak_bytes'] / 2**20:.0f} MiB, {mine['peak_bytes'] / mine['weight_bytes']:.2f} of the "
                    f"weights; peer {peer['peak_bytes'] / 2**20:.0f} MiB")
    if "start" in options.only:
        folder, out = model("135m"), WORK / "start.safetensors"
        mine = seconds([MAGMA, "logits", "--model", folder, "--ids", "1,2,3,4,5,6,7,8", *threads, "-o", out])
        peer = seconds([*PEER, "start", folder, *threads], rounds=3)
        report["start"] = [mine, peer]
        compare("135m start to first token", mine, peer, "s", "15x", False)
    if "growth" in options.only:
        lengths = ["--tokens", "256", "512", "1024", "2048", "4096", "--rounds", "1", "--decode", "16"]
        mine, peer = ours("135m", *threads, *lengths), theirs("text", "135m", *threads, *lengths)
        report["growth"] = [mine, peer]
        plot_growth(WORK / "growth.svg", mine, peer)
        for a, b in zip(mine["lengths"], peer["lengths"]):
            compare(f"135m prefill of {a['tokens']}", a["prefill_tokens_per_s"], b["prefill_tokens_per_s"], "tok/s", "-")
            compare(f"135m decode after {a['tokens']}", a["decode_tokens_per_s"], b["decode_tokens_per_s"], "tok/s", "-")
    (WORK / "model.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"{'':<34}{'magma':>12}{'peer':>12}\n" + "\n".join(rows))


if __name__ == "__main__":
    main()
