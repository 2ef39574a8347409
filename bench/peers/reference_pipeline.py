#!/usr/bin/env python3
"""The reference's demo run (video -> marks, traces, two videos) step by step in Python.

The order of the work, its copies and its loops are those of the slow stack; the
learned tracker is replaced by a plain Lucas-Kanade chain (or by given tracks), so
that what is timed is the work around the network.

Left out on purpose, so that the comparison is conservative:
  * four of the five decodes (segment cutting, shot detection, language filter,
    training) and both intermediate encodes: a demo run decodes once;
  * the network itself, its weights and its start-up; the tensor library's own
    overhead (arrays are numpy arrays);
  * interpreter start and imports: the clock starts inside main().
Choices where a reader could doubt, taken on the cheap side:
  * frames are read with cv2.VideoCapture, not through a pipe;
  * LK runs on the 384x512 model frames, the smallest images in the program;
  * som_tom.mp4 draws the traces of the marked moving points only;
  * the video constructor's early exit (text only, probability 0.2) and its fallback
    with few moving points never happen, because a run without traces measures
    nothing; its unused warp of the frames before the start frame is left out.
The defects D1-D3 (speeds before stabilisation, skipped and discarded homographies)
are kept.  An empty set stops the reference; here it is reported as
"reference_stops" and the run goes on with the other set.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import imageio
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from safetensors import safe_open

from lk_chain import GRID, lk_step, read_frames

HEIGHT = 512
MODEL_W, MODEL_H = 512, 384
QUANT = 256
VIDEO_FPS = 10
HOLD_FIRST = 10
RED = (255, 0, 0)
WHITE = (255, 255, 255)
RAINBOW = np.array([
    (0.0, 1, 0, .16), (.03, 1, 0, 0), (.215, 1, 1, 0), (.4, 0, 1, 0),
    (.586, 0, 1, 1), (.77, 0, 0, 1), (.954, 1, 0, 1), (1.0, 1, 0, .75)])


@dataclass(frozen=True)
class Variant:
    """Constants that differ between the demo and the video constructor."""
    drop_first: int
    camera_speed: float
    eps: float
    speed_after_removal: bool
    random_start: bool
    line_width: int


VARIANTS = {
    "demo": Variant(20, 0.5, 2.0, False, False, 3),
    "video": Variant(0, 1.0, 3.0, True, True, 4),
}


class StageClock:
    """Seconds per named stage, in the order of first use."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


# ---------------------------------------------------------------- frames

def decode_all(path: Path) -> list[np.ndarray]:
    """The whole video as RGB frames."""
    frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for frame in read_frames(path)]
    if not frames:
        raise SystemExit(f"no frame could be decoded: {path}")
    return frames


def resize_all(frames: list[np.ndarray]) -> list[Image.Image]:
    """Height 512, width int(w*512/h), antialiased bicubic."""
    height, width = frames[0].shape[:2]
    size = (int(width * HEIGHT / height), HEIGHT)
    return [Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC) for frame in frames]


def to_float_stack(images: list[Image.Image]) -> np.ndarray:
    """[T,3,H,W] float in 0..255: per-frame 0..1 planes, stacked, then scaled back."""
    planes = [np.asarray(im).transpose(2, 0, 1).astype(np.float32, order="C") / 255 for im in images]
    return np.stack(planes) * 255


def to_model_size(video: np.ndarray) -> np.ndarray:
    """Bilinear, corners aligned, to [T,3,384,512] float."""
    count, channels, height, width = video.shape
    map_x, map_y = np.meshgrid(np.linspace(0, width - 1, MODEL_W, dtype=np.float32),
                               np.linspace(0, height - 1, MODEL_H, dtype=np.float32))
    map_x, map_y = cv2.convertMaps(map_x, map_y, cv2.CV_16SC2)
    out = np.empty((count, channels, MODEL_H, MODEL_W), np.float32)
    for t in range(count):
        for c in range(channels):
            cv2.remap(video[t, c], map_x, map_y, cv2.INTER_LINEAR, dst=out[t, c])
    return out


# ---------------------------------------------------------------- tracking

def model_grid() -> np.ndarray:
    """15x15 query points in model space, margin 512/64, row-major with y outer."""
    margin = MODEL_W / 64
    ys, xs = np.meshgrid(np.linspace(margin, MODEL_H - margin, GRID),
                         np.linspace(margin, MODEL_W - margin, GRID), indexing="ij")
    return np.stack([xs, ys], axis=-1).reshape(-1, 2).astype(np.float32)


def model_grey(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame.transpose(1, 2, 0).astype(np.uint8), cv2.COLOR_RGB2GRAY)


def track_lk(model_frames: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """LK chain from frame 0; tracks [T,N,2] in pixels of size, visible [T,N]."""
    points = model_grid()
    tracks, visible = [points], [np.ones(len(points), bool)]
    prev = model_grey(model_frames[0])
    for frame in model_frames[1:]:
        grey = model_grey(frame)
        points, status = lk_step(prev, grey, points)
        tracks.append(points)
        visible.append(status)
        prev = grey
    scale = np.array([(size[0] - 1) / (MODEL_W - 1), (size[1] - 1) / (MODEL_H - 1)], np.float32)
    return np.stack(tracks) * scale, np.stack(visible)


def load_tracks(path: Path, size: tuple[int, int], decoded: int,
                used: int) -> tuple[np.ndarray, np.ndarray]:
    """Given tracks, scaled to size; covering all decoded frames or the used ones."""
    with safe_open(path, framework="numpy") as handle:
        names = list(handle.keys())
        prefix = next(name for name in names if name == "tracks" or name.endswith("/tracks"))[:-len("tracks")]
        tracks = handle.get_tensor(prefix + "tracks")
        visible = handle.get_tensor(prefix + "visible")
        meta = handle.metadata() or {}
    if tracks.dtype == np.int16:  # 1/16 px
        tracks = tracks.astype(np.float32) / 16
    tracks = tracks.astype(np.float32)
    if visible.shape[-1] != tracks.shape[-2]:  # packed, lowest bit first
        visible = np.unpackbits(visible, axis=-1, count=tracks.shape[-2], bitorder="little")
    visible = visible.astype(bool)
    if tracks.ndim == 4:
        tracks, visible = tracks[0], visible[0]
    source = meta.get("width", meta.get("track_w")), meta.get("height", meta.get("track_h"))
    if None not in source:
        tracks *= np.array([(size[0] - 1) / (int(source[0]) - 1), (size[1] - 1) / (int(source[1]) - 1)],
                           np.float32)
    if len(tracks) == decoded:
        tracks, visible = tracks[decoded - used:], visible[decoded - used:]
    if len(tracks) != used:
        raise SystemExit(f"{path}: {len(tracks)} frames of tracks for {used} frames of video")
    return tracks, visible


# ---------------------------------------------------------------- marks and traces

def mean_speed(tracks: np.ndarray) -> np.ndarray:
    """Mean step length per point over all frames, visibility ignored."""
    return np.linalg.norm(tracks[1:] - tracks[:-1], axis=-1).mean(axis=0)


def start_frame(tracks: np.ndarray, ratio: float, rng: np.random.Generator) -> int:
    """Random start, kept in the left part of the accumulated motion."""
    motion = np.linalg.norm(tracks[1:] - tracks[:-1], axis=-1).mean(axis=1)
    share = np.cumsum(motion) / (1e-5 + motion.sum())
    right = min(max(1, int((share < ratio).sum())), len(tracks) - 1)
    return int(rng.integers(0, right))


def remove_camera(tracks: np.ndarray) -> np.ndarray:
    """Warp every frame's points to frame 0; any missing homography discards everything."""
    rows = [tracks[0]]
    try:
        for points in tracks[1:]:
            try:
                matrix, _ = cv2.findHomography(points, tracks[0], cv2.RANSAC, 4.0)
            except cv2.error:
                continue
            mapped = matrix @ np.vstack([points.T, np.ones(len(points))])
            rows.append((mapped[:2] / mapped[2]).T.astype(np.float32))
    except TypeError:
        return tracks
    return np.stack(rows)


def kmeans_labels(features: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Lloyd iterations from k random rows; an empty cluster takes a random row."""
    centres = features[rng.choice(len(features), k, replace=False)]
    while True:
        distances = np.linalg.norm(features[:, None] - centres[None], axis=-1)
        labels = distances.argmin(axis=1)
        previous = centres.copy()
        for c in range(k):
            members = features[labels == c]
            if len(members) == 0:
                members = features[rng.integers(len(features))][None]
            centres[c] = members.mean(axis=0)
        shift = np.linalg.norm(centres - previous, axis=-1).sum()
        if shift ** 2 < 1e-4:
            return labels


def sample_clusters(tracks: np.ndarray, low: int, high: int,
                    rng: np.random.Generator) -> np.ndarray:
    """One random member of each of k ~ U{low..high} clusters: indices into tracks' points."""
    count = tracks.shape[1]
    if count <= 1:
        return np.arange(count)
    features = tracks.transpose(1, 0, 2).reshape(count, -1)
    k = min(int(rng.integers(low, high + 1)), count)
    labels = kmeans_labels(features, k, rng)
    return np.array([rng.choice(np.flatnonzero(labels == c)) for c in np.unique(labels)])


def find_font(name: str) -> str:
    """The font's file, looked up once in the system's font folders."""
    try:
        return ImageFont.truetype(name, 10).path
    except OSError:
        raise SystemExit(f"font not found: {name} (give --font FILE)") from None


def text_box(size: tuple[int, int], text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Text extent from its origin, measured on a blank image of the full size."""
    draw = ImageDraw.Draw(Image.new("RGB", size))
    _, _, width, height = draw.textbbox((0, 0), text, font=font)
    return int(width), int(height)


def font_for(size: tuple[int, int], path: str) -> ImageFont.FreeTypeFont:
    """Smallest font whose "55" is at least 3 % of the image width in both directions."""
    points = 1
    while min(text_box(size, "55", ImageFont.truetype(path, points))) < 0.03 * size[0]:
        points += 1
    return ImageFont.truetype(path, points)


def draw_marks(image: Image.Image, positions: np.ndarray, ids: np.ndarray,
               font_path: str) -> Image.Image:
    """Red discs with white numbers."""
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    font = font_for(image.size, font_path)
    for (x, y), mark in zip(positions, ids):
        width, height = text_box(image.size, str(mark), font)
        radius = max(width, height) // 2 + 1
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=RED)
        draw.text((x - width // 2, y - height // 2 - 3), str(mark), fill=WHITE, font=font)
    return marked


# ---------------------------------------------------------------- trace videos

def track_colours(first_rows: np.ndarray) -> list[list[int]]:
    """One rainbow colour per track from its row in the query frame."""
    if len(first_rows) == 0:
        return []
    span = first_rows.max() - first_rows.min()
    values = (first_rows - first_rows.min()) / span if span > 0 else np.zeros_like(first_rows)
    entries = np.minimum(255, (256 * values).astype(int)) / 255
    channels = [np.interp(entries, RAINBOW[:, 0], RAINBOW[:, c]) for c in (1, 2, 3)]
    return np.rint(np.stack(channels, axis=-1) * 255).astype(int).tolist()


def draw_history(canvas: np.ndarray, tracks: np.ndarray, colours: list[list[int]],
                 line_width: int) -> None:
    """All segments of tracks [t,N,2] int, one line call each, oldest first."""
    for s in range(len(tracks) - 1):
        for i, colour in enumerate(colours):
            start = (int(tracks[s, i, 0]), int(tracks[s, i, 1]))
            end = (int(tracks[s + 1, i, 0]), int(tracks[s + 1, i, 1]))
            if start[0] != 0 and start[1] != 0:
                cv2.line(canvas, start, end, colour, line_width)


def draw_discs(canvas: np.ndarray, points: np.ndarray, visible: np.ndarray,
               colours: list[list[int]], line_width: int) -> np.ndarray:
    """Discs of radius 2*line_width: filled when visible, outlined otherwise."""
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    radius = 2 * line_width
    for i, colour in enumerate(colours):
        x, y = int(points[i, 0]), int(points[i, 1])
        if x == 0 or y == 0:
            continue
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=tuple(colour) if visible[i] else None, outline=tuple(colour))
    return np.array(image)


def draw_trace_video(video: np.ndarray, tracks: np.ndarray, visible: np.ndarray,
                     line_width: int) -> list[np.ndarray]:
    """Every frame redraws the whole history: T^2/2*N lines.  video is [T,3,H,W] float."""
    frames = [frame.transpose(1, 2, 0).astype(np.uint8, order="C") for frame in video]
    pixels = tracks.astype(np.int64)
    colours = track_colours(tracks[0, :, 1])
    drawn = []
    for t in range(len(pixels)):
        draw_history(frames[t], pixels[:t + 1], colours, line_width)
        drawn.append(draw_discs(frames[t], pixels[t], visible[t], colours, line_width))
    return drawn


def write_video(path: Path, frames: list[np.ndarray]) -> None:
    """First frame held for 10, then two frames dropped in front and one at the end."""
    held = [frames[0]] * (HOLD_FIRST - 1) + frames
    with imageio.get_writer(str(path), fps=VIDEO_FPS) as writer:
        for frame in held[2:-1]:
            writer.append_data(frame)


# ---------------------------------------------------------------- conversation

def to_cells(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return points * np.array([QUANT / size[0], QUANT / size[1]])


def thin(points: np.ndarray) -> np.ndarray:
    """Keep points at least 2 cells from the last kept one, then those above zero."""
    kept = [points[0]]
    for point in points[1:]:
        if np.linalg.norm(point - kept[-1]) >= 2:
            kept.append(point)
    thinned = np.array(kept)
    return thinned[(thinned > 0).all(axis=1)]


def moving_label(track: np.ndarray, size: tuple[int, int], min_speed: float) -> list[list[int]] | None:
    """Start cell and future cells of one moving mark, or None when it is rejected."""
    cells = thin(to_cells(track, size))
    if len(cells) <= len(track) // 4 or len(cells) < 2:
        return None
    if np.linalg.norm(np.diff(cells, axis=0), axis=-1).mean() < min_speed:
        return None
    return cells.astype(int).tolist()


def turn(role: str, text: str) -> dict[str, str]:
    return {"from": role, "value": text}


def mark_at(mark: int, cell: list[int]) -> str:
    return f"Mark {mark} at [{cell[0]},{cell[1]}]"


def conversation(tracks: np.ndarray, ids: np.ndarray, moving: int, size: tuple[int, int],
                 text: str, min_speed: float) -> list[dict[str, str]]:
    """Trace question and answer, or the locate-the-marks pair when no trace survives.

    The first `moving` tracks [T,K,2] are the moving marks.
    """
    head = f"<image>\n\nThe image is split into {QUANT}x{QUANT} grids, and labeled with numeric marks"
    labels = {int(ids[i]): moving_label(tracks[:, i], size, min_speed) for i in range(moving)}
    labels = {mark: labels[mark] for mark in sorted(labels) if labels[mark]}
    if not labels:
        cells = to_cells(tracks[0], size).astype(int).tolist()
        answer = ". ".join(mark_at(int(ids[i]), cells[i]) for i in np.argsort(ids))
        return [turn("human", head + ".\nPlease locate all the numerical marks in the image.\n"),
                turn("gpt", answer + "\n")]
    steps = max(len(cells) - 1 for cells in labels.values())
    question = (f"{head} {sorted(ids.tolist())}.\nThe person is doing: {text}. To finish the task, "
                f"how to move the numerical marks in the image for the next {steps} steps?\n")
    starts = ", ".join(mark_at(mark, cells[0]) for mark, cells in labels.items())
    future = "".join(f'"Mark {mark}": "{json.dumps(cells[1:], separators=(",", ":"))}"\n\n'
                     for mark, cells in labels.items())
    answer = f"{starts} should be moved, and their future positions are:\n\n{future}"
    return [turn("human", question), turn("gpt", answer)]


# ---------------------------------------------------------------- the run

def prepare(args: argparse.Namespace, variant: Variant,
            clock: StageClock) -> tuple[int, list[Image.Image], np.ndarray, np.ndarray]:
    """Decoded frame count, resized images, float stack and model frames."""
    with clock.stage("decode"):
        frames = decode_all(args.video)
    used = frames[variant.drop_first:]
    if len(used) < 2:
        raise SystemExit(f"{args.video}: only {len(frames)} frames, {variant.drop_first + 2} needed")
    with clock.stage("resize_512"):
        images = resize_all(used)
    with clock.stage("float_stack"):
        video = to_float_stack(images)
    with clock.stage("model_resize"):
        model_frames = to_model_size(video)
    return len(frames), images, video, model_frames


def select(tracks: np.ndarray, visible: np.ndarray, variant: Variant, ego: bool,
           clock: StageClock) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Visibility filter and camera removal: tracks, visible, moving flags, camera flag."""
    with clock.stage("filter_camera"):
        keep = visible.sum(axis=0) > 0.5 * len(visible)
        tracks, visible = tracks[:, keep], visible[:, keep]
        if tracks.shape[1] <= 1:
            raise SystemExit("at most one point survives the visibility filter: nothing to mark")
        speed = mean_speed(tracks)
        camera = ego or (speed > variant.camera_speed).sum() > 0.8 * len(speed)
    with clock.stage("homography"):
        if camera:
            tracks = remove_camera(tracks)
            if variant.speed_after_removal:
                speed = mean_speed(tracks)
    return tracks, visible, speed > variant.eps, bool(camera)


def run(args: argparse.Namespace) -> dict[str, object]:
    variant = VARIANTS[args.variant]
    font_path = find_font(args.font)
    rng = np.random.default_rng(args.seed)
    args.output.mkdir(parents=True, exist_ok=True)
    clock = StageClock()
    begin = time.perf_counter()

    decoded, images, video, model_frames = prepare(args, variant, clock)
    size = images[0].size
    with clock.stage("track"):
        if args.tracks:
            all_tracks, all_visible = load_tracks(args.tracks, size, decoded, len(images))
        else:
            all_tracks, all_visible = track_lk(model_frames, size)

    first = start_frame(all_tracks, args.start_ratio, rng) if variant.random_start else 0
    tracks, visible, moving, camera = select(
        all_tracks[first:], all_visible[first:], variant, args.ego, clock)
    with clock.stage("kmeans"):
        positive = np.flatnonzero(moving)[sample_clusters(tracks[:, moving], 2, 5, rng)]
        negative = np.flatnonzero(~moving)[sample_clusters(tracks[:, ~moving], 6, 14, rng)]
    with clock.stage("marks"):
        chosen = np.concatenate([positive, negative])
        ids = rng.permutation(len(chosen)) + 1
        marked = draw_marks(images[first], tracks[0, chosen], ids, font_path)
    with clock.stage("save_marks"):
        marked.save(args.output / "marks.png")

    if not args.no_video:
        with clock.stage("draw_orig_trace"):
            drawn = draw_trace_video(video, all_tracks, all_visible, variant.line_width)
        with clock.stage("encode_orig_trace"):
            write_video(args.output / "orig_trace.mp4", drawn)
        with clock.stage("draw_som_tom"):
            copies = np.stack([np.asarray(marked).transpose(2, 0, 1).astype(np.float32)] * len(tracks))
            drawn = draw_trace_video(copies, tracks[:, positive], visible[:, positive],
                                     variant.line_width)
        with clock.stage("encode_som_tom"):
            write_video(args.output / "som_tom.mp4", drawn)
    with clock.stage("conversation"):
        turns = conversation(tracks[:, chosen], ids, len(positive), size, args.text, args.min_speed)
        record = {"image": "marks.png", "conversations": turns}
        (args.output / "conversation.json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    total = time.perf_counter() - begin
    return {
        "peer": "reference_pipeline",
        "variant": args.variant,
        "tracker": "given" if args.tracks else "lk",
        "frames_decoded": decoded,
        "frames_used": len(images),
        "size": list(size),
        "points": all_tracks.shape[1],
        "visible_share": float(all_visible.mean()),
        "start_frame": first,
        "camera_motion": camera,
        "marks_positive": len(positive),
        "marks_negative": len(negative),
        "reference_stops": len(positive) == 0 or len(negative) == 0,
        "seconds": clock.seconds,
        "total_s": total,
        "frames_per_s": decoded / total,
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "opencv": cv2.__version__,
    }


def print_table(result: dict[str, object]) -> None:
    for key, value in result.items():
        if key != "seconds":
            print(f"{key:20s} {value}")
    for name, seconds in result["seconds"].items():
        print(f"  {name:18s} {seconds:9.3f} s {100 * seconds / result['total_s']:6.1f} %")


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--tracks", type=Path, metavar="FILE.safetensors",
                        help="tensors tracks [T,N,2] and visible [T,N] in place of LK")
    parser.add_argument("--variant", choices=VARIANTS, default="demo")
    parser.add_argument("--no-video", action="store_true", help="stop after the marks and the text")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--threads", type=int, default=0, help="OpenCV threads (0: its own choice)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--text", default="a task", help="task description of the conversation")
    parser.add_argument("--ego", action="store_true", help="treat as ego-centric (camera always moves)")
    parser.add_argument("--font", default="LiberationSans-Regular.ttf")
    parser.add_argument("--start-ratio", type=float, default=0.5)
    parser.add_argument("--min-speed", type=float, default=2.0, help="cells per step")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    if args.threads > 0:
        cv2.setNumThreads(args.threads)
    result = run(args)
    if args.json:
        print(json.dumps(result))
    else:
        print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
