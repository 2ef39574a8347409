#!/usr/bin/env python3
"""Speed and memory of `magma mark` beside its Python peers, in one run and on one core.

    bench/run.py speed [--video FILE] [--rounds 5]
    bench/run.py memory [--minutes 1 10 60]

Programs take turns on the same file and core, so that a slow minute of a shared machine
hits all of them; ratios are made per round and their median is printed. Magma is timed
as a whole process, the peers without interpreter start and imports.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAGMA = ROOT / "build/release/magma"
WORK = ROOT / "build/bench"
PEERS = ROOT / "bench/peers"
FOOTAGE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


def core() -> str:
    return str(max(os.sched_getaffinity(0)))


def run(command: list[str]) -> tuple[str, float, float, float]:
    """Its output, wall seconds, CPU seconds and peak memory in MiB, pinned to one core."""
    begin = time.perf_counter()
    process = subprocess.Popen(["taskset", "-c", core(), *map(str, command)], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return output, time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def peer_python() -> Path:
    folder = ROOT / "build/peers-mark"
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", "-r", PEERS / "requirements.txt"], check=True)
    return python


def encode(frames: int) -> Path:
    """The static street scene at 720p, H.264: people walk, most points stay."""
    path = WORK / f"street-{frames}.mp4"
    if not path.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", FOOTAGE, "-vf", "scale=1280:720", "-frames:v", str(frames),
                        "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", path], check=True)
    return path


def magma(video: Path, *options: str) -> dict:
    output = WORK / "out"
    shutil.rmtree(output, ignore_errors=True)
    _, wall, cpu, peak = run([MAGMA, "mark", video, "-o", output, "-q", *options])
    report = json.loads((output / "report.json").read_text())
    return {"wall_s": wall, "cpu_s": cpu, "peak_mib": peak, "stages_s": report["seconds"]}


def peer(script: str, video: Path, *options: str) -> dict:
    output, _, cpu, peak = run([peer_python(), PEERS / script, video, "--threads", "1", "--json", *options])
    result = json.loads(output)
    return {"wall_s": result.get("total_s", result.get("seconds")), "cpu_s": cpu, "peak_mib": peak, "detail": result}


def one_round(video: Path, tracks: Path) -> dict:
    reference = ["-o", WORK / "reference"]
    return {
        "decode + LK in Python": peer("lk_chain.py", video),
        "mark --no-video": magma(video, "--no-video"),
        "reference, LK": peer("reference_pipeline.py", video, *reference),
        "mark": magma(video),
        "reference, given tracks": peer("reference_pipeline.py", video, *reference, "--tracks", tracks),
        "mark --tracks": magma(video, "--tracks", tracks),
    }


PAIRS = [("decode + LK in Python", "mark --no-video", 1.1), ("reference, LK", "mark", 3),
         ("reference, given tracks", "mark --tracks", 8)]


def speed(args: argparse.Namespace) -> None:
    peer_python()
    video = args.video or encode(args.frames)
    shutil.rmtree(WORK / "tracks", ignore_errors=True)
    subprocess.run([MAGMA, "track", video, "-o", WORK / "tracks", "-q"], check=True, stdout=subprocess.DEVNULL)
    tracks = next((WORK / "tracks").rglob("*.safetensors"))
    rounds = [one_round(video, tracks) for _ in range(args.rounds)]
    frames = rounds[0]["decode + LK in Python"]["detail"]["frames"]
    print(f"\n{video.name}: {frames} frames; {platform.processor() or cpu_name()}, one core, median of {args.rounds} rounds\n")
    print("| program | frames/s | CPU ms/frame | peak MiB |\n| --- | ---: | ---: | ---: |")
    for name in rounds[0]:
        middle = {key: statistics.median(r[name][key] for r in rounds) for key in ("wall_s", "cpu_s", "peak_mib")}
        print(f"| {name} | {frames / middle['wall_s']:.1f} | {1000 * middle['cpu_s'] / frames:.1f} | {middle['peak_mib']:.0f} |")
    print("\n| ratio of wall times, paired | least | median | most | goal |\n| --- | ---: | ---: | ---: | ---: |")
    for slow, fast, goal in PAIRS:
        ratios = sorted(r[slow]["wall_s"] / r[fast]["wall_s"] for r in rounds)
        print(f"| {slow} / {fast} | {ratios[0]:.2f} | {statistics.median(ratios):.2f} | {ratios[-1]:.2f} | {goal} |")
    print("\n| stage, ms/frame | mark --no-video | mark |\n| --- | ---: | ---: |")
    for stage in rounds[0]["mark"]["stages_s"]:
        cells = [1000 * statistics.median(r[name]["stages_s"][stage] for r in rounds) / frames
                 for name in ("mark --no-video", "mark")]
        print(f"| {stage} | {cells[0]:.2f} | {cells[1]:.2f} |")
    (WORK / "speed.json").write_text(json.dumps(rounds, indent=1))


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def memory(args: argparse.Namespace) -> None:
    """The same ten seconds again and again: one shot of any length."""
    print("| minutes | frames | frames/s | peak MiB |\n| ---: | ---: | ---: | ---: |")
    source = encode(250)
    for minutes in args.minutes:
        video = WORK / f"long-{minutes}.mp4"
        frames = int(minutes * 60 * 25)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", str(frames // 250 - 1), "-i", source, "-c", "copy", video],
                       check=True)
        result = magma(video, *([] if args.videos else ["--no-video"]))
        print(f"| {minutes} | {frames} | {frames / result['wall_s']:.1f} | {result['peak_mib']:.0f} |", flush=True)
        video.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("speed", help="frames/s beside the peers")
    verb.add_argument("--video", type=Path)
    verb.add_argument("--frames", type=int, default=300)
    verb.add_argument("--rounds", type=int, default=5)
    verb.set_defaults(run=speed)
    verb = verbs.add_parser("memory", help="peak memory over the length of a video")
    verb.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 60])
    verb.add_argument("--videos", action="store_true", help="with both videos")
    verb.set_defaults(run=memory)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    args.run(args)


if __name__ == "__main__":
    main()
