#!/usr/bin/env python3
"""Decoding plus a plain Lucas-Kanade chain: the smallest Python point tracker.

Every frame is decoded with cv2.VideoCapture, reduced to 640 pixels wide, turned
grey, and 225 grid points are followed from frame to frame.  The status flag of
calcOpticalFlowPyrLK is the only visibility test.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file

TRACK_WIDTH = 640
GRID = 15
WINDOW = (21, 21)
MAX_LEVEL = 4
CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01)


def open_video(path: Path, threads: int = 0) -> cv2.VideoCapture:
    """Open a video; threads > 0 also limits the decoder's own threads."""
    if not path.is_file():
        raise SystemExit(f"no such file: {path}")
    params = [cv2.CAP_PROP_N_THREADS, threads] if threads > 0 else []
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, params)
    if not capture.isOpened():
        raise SystemExit(f"cannot open video: {path}")
    return capture


def read_frames(path: Path, threads: int = 0) -> Iterator[np.ndarray]:
    """Yield every frame of the video as BGR [H,W,3] u8."""
    capture = open_video(path, threads)
    try:
        while True:
            ok, frame = capture.read()
            if not ok:
                return
            yield frame
    finally:
        capture.release()


def grid_points(width: int, height: int, n: int = GRID) -> np.ndarray:
    """n x n points, margin width/64 on both axes, row-major with y outer."""
    margin = width / 64
    xs = np.linspace(margin, width - margin, n)
    ys = np.linspace(margin, height - margin, n)
    grid_y, grid_x = np.meshgrid(ys, xs, indexing="ij")
    return np.stack([grid_x, grid_y], axis=-1).reshape(-1, 2).astype(np.float32)


def lk_step(prev: np.ndarray, grey: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follow points [N,2] from one grey frame to the next: positions and status."""
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        prev, grey, points.reshape(-1, 1, 2), None,
        winSize=WINDOW, maxLevel=MAX_LEVEL, criteria=CRITERIA)
    return moved.reshape(-1, 2), status.reshape(-1).astype(bool)


def to_tracking_frame(frame: np.ndarray) -> np.ndarray:
    """640 wide (never enlarged), grey."""
    height, width = frame.shape[:2]
    if width > TRACK_WIDTH:
        size = (TRACK_WIDTH, round(height * TRACK_WIDTH / width))
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def time_decode(path: Path, threads: int) -> tuple[int, float]:
    """Frames and seconds of a pass that only decodes."""
    start = time.perf_counter()
    frames = sum(1 for _ in read_frames(path, threads))
    return frames, time.perf_counter() - start


def track_video(path: Path, threads: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Tracks [T,N,2] f32, status [T,N] bool and the (width, height) they live in."""
    tracks: list[np.ndarray] = []
    visible: list[np.ndarray] = []
    prev: np.ndarray | None = None
    for frame in read_frames(path, threads):
        grey = to_tracking_frame(frame)
        if prev is None:
            points = grid_points(grey.shape[1], grey.shape[0])
            status = np.ones(len(points), bool)
        else:
            points, status = lk_step(prev, grey, points)
        tracks.append(points)
        visible.append(status)
        prev = grey
    if prev is None:
        raise SystemExit(f"no frame could be decoded: {path}")
    return np.stack(tracks), np.stack(visible), (prev.shape[1], prev.shape[0])


def save_tracks(path: Path, tracks: np.ndarray, visible: np.ndarray, size: tuple[int, int]) -> None:
    save_file({"tracks": tracks, "visible": visible}, path,
              metadata={"width": str(size[0]), "height": str(size[1])})


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--threads", type=int, default=0,
                        help="OpenCV and decoder threads (default: the library's choice)")
    parser.add_argument("--tracks-out", type=Path, metavar="FILE.safetensors")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    if args.threads > 0:
        cv2.setNumThreads(args.threads)

    decoded, decode_s = time_decode(args.video, args.threads)
    start = time.perf_counter()
    tracks, visible, size = track_video(args.video, args.threads)
    chain_s = time.perf_counter() - start
    if args.tracks_out:
        save_tracks(args.tracks_out, tracks, visible, size)

    result = {
        "peer": "lk_chain",
        "frames": len(tracks),
        "points": tracks.shape[1],
        "tracking_size": list(size),
        "threads": cv2.getNumThreads(),
        "seconds": chain_s,
        "frames_per_s": len(tracks) / chain_s,
        "decode_only_seconds": decode_s,
        "decode_only_frames_per_s": decoded / decode_s,
        "visible_share": float(visible.mean()),
        "opencv": cv2.__version__,
    }
    if args.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:26s} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
