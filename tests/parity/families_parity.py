#!/usr/bin/env python3
"""Samples of every family against the rules of data_formats.md, written here a second time.

usage: families_parity.py PROGRAM [SEED]    needs torch (for trace files) and ffmpeg

Conversations about pictures must come out to the letter. What is drawn at random in questions about marks is checked
by what must hold for every draw: the form of the texts, the numbers of the marks, and that what moves are the points
that were made to move.
"""
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch

SYSTEM = {"role": "system", "content": "You are agent that can see, talk and act."}
WORDS = ["<image>", "<image>\n", "\n<image>", "<image_start><image><image_end>", "<image_start><image><image_end>\n",
         "<|eot_id|>", "<|start_header_id|>", "<action>", "<trace_start>", "<ima", "ge>", " Mark: 12", " Mark:x",
         " mark: 3", " Mark: 4 Mark: 5", "你好", "naïve", "\u2028", "\u00a0", "\t", " ", "\n", "What is it?",
         "a b c", "\U0001f600", "\\u003c", "\"quoted\"", "Picture 1: <img>"]
Q = 256


# --- the rules -------------------------------------------------------------------------------------------------------

def normalised(text, start_end):
    """5.4; a bare <image> beside wrapped ones moves to the front with them."""
    wrapped = "<image_start><image><image_end>"
    if "<image>" not in text:
        return text
    n = text.count("<image>")
    if start_end:
        text = text.replace(wrapped + "\n", "").replace(wrapped, "")
    text = text.replace("<image>\n", "").replace("<image>", "")
    return (wrapped if start_end else "<image>").join([""] + ["\n"] * n) + text if n else text


def role(name):
    return "user" if name in ("human", "user") else "assistant"


def chat(item, start_end):
    """Messages and names of pictures, or None where the item is not to be had."""
    messages, image = [], item.get("image")
    if image is None:
        mark = "<image_start><image><image_end>\n" if start_end else "<image>\n"
        values = [turn["value"] for turn in item["conversations"]]
        values[0] = mark + values[0]
        names = []
    else:
        values = [normalised(turn["value"], start_end) for turn in item["conversations"]]
        names = [image] if isinstance(image, str) else image
        names = [name.replace("ming2web_images", "mind2web_images") for name in names]
        names = [name[1:] if name.startswith("/") else name for name in names]
        if sum(turn["value"].count("<image>") for turn in item["conversations"]) != len(names):
            return None
    for turn, value in zip(item["conversations"], values):
        messages.append({"role": role(turn["from"]), "content": value})
    return [SYSTEM] + messages, names


def seeclick(item, marked, original):
    """5.9."""
    image = item.get("image")
    if image is None or (marked and not original):
        return item
    if "mobile" in image:
        plain = image.replace("combined_image_processed", "combined")
    elif "web" in image:
        plain = image.replace("seeclick_web_imgs_processed", "seeclick_web_imgs")
    else:
        return item
    turns = []
    for turn in item["conversations"]:
        value = turn["value"]
        if marked:
            value = value.replace("<image>", "<image>\n<image>")
        else:
            value = re.sub(r" Mark: \d+", "", value).strip()
            value = re.sub(r" mark: \d+", "", value).strip()
        turns.append({"from": turn["from"], "value": value})
    return {"image": [plain, image] if marked else plain, "conversations": turns}


def cleaned(response, task):
    """4.5, clean-up of responses."""
    for old, new in [("What you see", "What I see"), ("you see ", ""), ("You see ", ""), ("you", "the person"),
                     ("your", ""), ("In the first image, ", ""), ("personr", "person's")]:
        response = response.replace(old, new)
    response = re.sub(r" \([^)]*\)", "", response) or task
    return response.replace("camera wearer", "person")


def keeps_ego4d(item):
    text = item["annotations"]
    if not text or any(w in text for w in ["converse", "walk", "laugh", "stand", "move around", "looks around"]):
        return False
    first, second = item["video"].split("/")[-1].split("___")[:2]
    return float(second.split("_")[-1]) - float(first.split("_")[-1]) >= 1


# --- running ---------------------------------------------------------------------------------------------------------

class Case:
    def __init__(self, program, folder):
        self.program, self.folder, self.runs = program, folder, 0

    def show(self, path, images, tag, **settings):
        self.runs += 1
        config = self.folder / f"run{self.runs}.yaml"
        lines = [f"DATA_PATH: ['{path}']", f"IMAGE_FOLDER: ['{images}']", "data:", f"  tags: [{tag}]"]
        lines += [f"  {key}: {str(value).lower()}" for key, value in settings.items()]
        config.write_text("\n".join(lines) + "\n")
        done = subprocess.run([self.program, "data", "show", config, "--json"], capture_output=True, text=True)
        rows = map(json.loads, filter(None, done.stdout.split("\n")))
        return [row for row in rows if "error" not in row], done

    def samples(self, *arguments, **settings):
        rows, done = self.show(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        return rows


def equal(got, want, what):
    if got != want:
        raise SystemExit(f"{what}\n   got {json.dumps(got, ensure_ascii=False)}\n  want {json.dumps(want, ensure_ascii=False)}")


# --- conversations about pictures ------------------------------------------------------------------------------------

def text(rng, images):
    words = [rng.choice(WORDS) for _ in range(rng.randrange(0, 9))]
    return "".join(word for word in words if images or "<image>" not in word)


def random_item(rng, number):
    turns = []
    kind = rng.choice(["none", "null", "one", "list"])
    for turn in range(rng.randrange(1, 6)):
        sender = rng.choice(["human", "gpt", "user", "assistant", "system", ""])
        turns.append({"from": sender, "value": text(rng, kind in ("one", "list"))})
    n = sum(turn["value"].count("<image>") for turn in turns)
    item = {"id": rng.choice([number, str(number)]), "conversations": turns, "model": {"any": [1]}}
    folders = ["", "/", "ming2web_images/", "/a/", "mobile/combined_image_processed/", "web/seeclick_web_imgs_processed/"]
    names = [rng.choice(folders) + f"p/../é {number}_{i}.jpg" for i in range(n)]
    if kind in ("one", "list") and n > 0:
        item["image"] = names[0] if n == 1 and kind == "one" else names
    elif kind != "none" and n == 0:
        item["image"] = None
    elif n > 0:
        item["image"] = names
    return item


def write_items(path, items, rng):
    ascii_only = rng.random() < 0.5
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(item, ensure_ascii=ascii_only) + "\n" for item in items))
    else:
        path.write_text(json.dumps(items, ensure_ascii=ascii_only, indent=rng.choice([None, 1])))


def check_chats(case, rng):
    count = 0
    for tag in ["sharegpt4v", "aitw", "mind2web", "llava", "magma", "vision2ui", "seeclick_ocr"]:
        for start_end in [False, True]:
            items = [random_item(rng, i) for i in range(120)]
            for item in rng.sample(items, 10):
                rng.choice(item["conversations"])["value"] += "<pad>"
            path = case.folder / f"{tag}{int(start_end)}{rng.choice(['.json', '.jsonl'])}"
            write_items(path, items, rng)
            want = []
            for i, item in enumerate(items):
                if tag in ("llava", "magma") and any("<pad>" in t["value"] for t in item["conversations"]):
                    continue
                messages, names = chat(item, start_end)
                want.append({"origin": {"file": path.name, "item": i}, "tag": tag, "messages": messages,
                             "images": names})
            got = case.samples(path, case.folder, tag, image_start_end=start_end)
            equal(len(got), len(want), f"{tag}: samples")
            for mine, theirs in zip(got, want):
                equal(mine, theirs, f"{tag} {theirs['origin']}")
            count += len(want)
    return count


def check_seeclick(case, rng):
    count = 0
    for marked, original in [(True, False), (True, True), (False, False), (False, True)]:
        items = []
        while len(items) < 150:
            item = random_item(rng, len(items))
            if not isinstance(item.get("image"), list):
                items.append(item)
        path = case.folder / f"seeclick{marked}{original}.json"
        write_items(path, items, rng)
        got = case.samples(path, case.folder, "seeclick", seeclick_marked=marked, seeclick_original=original)
        equal(len(got), len(items), "seeclick: samples")
        for i, item in enumerate(items):
            messages, names = chat(seeclick(item, marked, original), False)
            equal([got[i]["messages"], got[i]["images"]], [messages, names], f"seeclick item {i}")
        count += len(items)
    return count


def check_refusals(case):
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "That."}]
    plain = [{"from": "human", "value": "What?"}]
    rows = [
        ({"conversations": turns, "image": "../x.jpg"}, 4), ({"conversations": turns, "image": "a/../../x.jpg"}, 4),
        ({"conversations": turns, "image": "//etc/x.jpg"}, 4), ({"conversations": turns, "image": "/../x.jpg"}, 4),
        ({"conversations": turns, "image": "a\u0000b.jpg"}, 3), ({"conversations": turns, "image": ""}, 3),
        ({"conversations": turns, "image": []}, 3), ({"conversations": turns, "image": [None]}, 3),
        ({"conversations": turns, "image": 7}, 3), ({"conversations": turns, "image": {"path": "x"}}, 3),
        ({"conversations": turns, "image": ["a.jpg", "b.jpg"]}, 3), ({"conversations": plain, "image": "a.jpg"}, 3),
        ({"conversations": []}, 3), ({"conversations": None}, 3), ({"image": "a.jpg"}, 3), ([], 3), ("text", 3),
        ({"conversations": [{"from": "human"}]}, 3), ({"conversations": [{"value": "x"}]}, 3),
        ({"conversations": [{"from": 1, "value": "x"}]}, 3), ({"conversations": [{"from": "human", "value": 1}]}, 3),
        ({"conversations": ["x"]}, 3), ({"conversations": turns, "video": "v.mp4"}, 4),
    ]
    for item, code in rows:
        path = case.folder / "refused.json"
        path.write_text(json.dumps([item]))
        got, done = case.show(path, case.folder, "llava")
        if done.returncode != code or got or "refused.json" not in done.stderr or done.stderr.count("\n") != 1:
            raise SystemExit(f"{json.dumps(item)}: exit {done.returncode}, not {code}: {done.stderr}")
    return len(rows)


# --- clips with traces -----------------------------------------------------------------------------------------------

W, H, T, SIDE = 320, 240, 16, 12
MOVERS = {30: (6.0, 0.0), 31: (6.0, 0.0), 42: (6.0, 0.0), 43: (6.0, 0.0), 99: (0.0, -5.0), 100: (0.0, -5.0)}


def tracks(width=W, height=H, frames=T):
    grid = np.stack(np.meshgrid(np.linspace(20, width - 100, SIDE), np.linspace(60, height - 20, SIDE)), -1)
    xy = np.repeat(grid.reshape(1, -1, 2), frames, 0).astype(np.float32)
    for point, velocity in MOVERS.items():
        xy[:, point] += np.arange(frames)[:, None] * np.array(velocity, np.float32) * width / W
    return torch.from_numpy(xy), torch.ones(frames, SIDE * SIDE, dtype=torch.bool)


def film(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=size={W}x{H}:rate=30", "-frames:v",
                    "40", "-pix_fmt", "yuv420p", str(path)], check=True)


def cells(text):
    return [tuple(map(int, pair)) for pair in re.findall(r"\[(-?\d+),(-?\d+)\]", text)]


def near(a, b, slack):
    return abs(a[0] - b[0]) <= slack and abs(a[1] - b[1]) <= slack


def check_marks(messages, places, question, trace_end, slack=1):
    """The pair about marks: returns whether it is about traces. places [T, N, 2] on the grid."""
    ask, answer = messages
    equal([ask["role"], answer["role"]], ["user", "assistant"], "roles")
    som = ("<image>\n\nThe image is split into 256x256 grids, and labeled with numeric marks.\n"
           "Please locate all the numerical marks in the image.\n")
    if ask["content"] == som:
        form = re.fullmatch(r"Mark \d+ at \[-?\d+,-?\d+\](\. Mark \d+ at \[-?\d+,-?\d+\])*\n", answer["content"])
        assert form, answer["content"]
        ids = [int(i) for i in re.findall(r"Mark (\d+)", answer["content"])]
        equal(ids, list(range(1, len(ids) + 1)), "numbers of marks")
        for cell in cells(answer["content"]):
            assert any(near(cell, p, slack) for frame in places for p in frame), cell
        return False
    found = re.fullmatch(question, ask["content"])
    assert found, (question, ask["content"])
    ids = json.loads(found["ids"])
    equal(ids, list(range(1, len(ids) + 1)), "numbers of marks")
    if trace_end:
        assert answer["content"].count("<trace_start>") == 1 and answer["content"].endswith("<trace_end>")
    plain = answer["content"].replace("<trace_start>", "").replace("<trace_end>", "")
    starts, future = plain.split(" should be moved, and their future positions are:\n\n")
    entry = r"Mark \d+ at \[\d+,\d+\]"
    assert re.fullmatch(rf"{entry}(, {entry})*", starts), starts
    assert re.fullmatch(r'("Mark \d+": "\[\[\d+,\d+\](,\[\d+,\d+\])*\]"\n\n)+', future), future
    moving = [int(i) for i in re.findall(r"Mark (\d+) at", starts)]
    equal(moving, sorted(moving), "order of marks")
    equal([int(i) for i in re.findall(r'"Mark (\d+)"', future)], moving, "marks that move")
    longest = 0
    for start, line in zip(cells(starts), future.strip().split("\n\n")):
        path = [start] + cells(line)
        longest = max(longest, len(path) - 1)
        followed = [n for n in MOVERS if all(any(near(c, p, slack) for p in places[:, n]) for c in path)]
        assert followed, path
        assert all(0 <= x <= 255 and 0 <= y <= 255 for x, y in path), path
    equal(int(found["steps"]), longest, "steps")
    return True


def trace_question(who, todo, colon="", speed=""):
    return (rf"<image>\n\nThe image is split into 256x256 grids, and labeled with numeric marks{colon} "
            rf"(?P<ids>\[[\d, ]+\])\.\n{who}: {re.escape(todo)}\. To finish the task, how to move the numerical marks in "
            rf"the image{speed} for the next (?P<steps>\d+) steps\?\n")


def check_ego4d(case, rng):
    film(case.folder / "clips" / "v.mp4")
    xy, seen = tracks()
    (case.folder / "t").mkdir(exist_ok=True)
    torch.save({"pred_tracks": xy[None], "pred_visibility": seen[None], "frame_interval": torch.tensor([4, 20]),
                "(height,width)": (torch.tensor(H), torch.tensor(W))}, case.folder / "t" / "a.pth")
    places = np.floor(xy.numpy() * Q / np.array([W, H], np.float32))
    texts = ["The camera wearer picks up a cup", "the camera wearer laughs", "", "C opens (the) <image> door", "they walk",
             "you see your hand", "moves around", "looks around here", "puts a pan"]
    for tag in ["ego4d", "sthv2", "exoego4d"]:
        items = []
        for i in range(90):
            long = rng.choice([0.5, 1.5, 3.25])
            video = f"start_{i}.5___end_{i + 0.5 + long}___part_{i % 3}.mp4"
            link = case.folder / "clips" / video
            if not link.exists():
                link.symlink_to(case.folder / "clips" / "v.mp4")
            items.append({"video": rng.choice(["", "/site/data/vlp_datasets/"]) + f"clips/{video}", "trace": "t/a.pth",
                          "annotations": rng.choice(texts)})
        path = case.folder / f"{tag}.json"
        write_items(path, items, rng)
        ends = tag == "sthv2"
        speed = tag == "exoego4d"
        got = case.samples(path, case.folder, tag, trace_start_end=ends, trace_speed=speed)
        want = [i for i, item in enumerate(items) if tag != "ego4d" or keeps_ego4d(item)]
        equal([row["origin"]["item"] for row in got], want, f"{tag}: items kept")
        equal(got, case.samples(path, case.folder, tag, trace_start_end=ends, trace_speed=speed), "the same again")
        traced = short = 0
        for row in got:
            response = items[row["origin"]["item"]]["annotations"].replace("camera wearer", "person")
            equal(row["messages"][:3], [SYSTEM, {"role": "user", "content":
                  "<image>\n\nWhat is the person doing in the image?\n"},
                  {"role": "assistant", "content": response + "\n"}], f"{tag}: first question")
            equal(row["images"], [], "pictures with a file of their own")
            if len(row["messages"]) == 3:
                short += 1
                continue
            question = trace_question("The person is doing", response, speed=r" with speed \d+" if speed else "")
            traced += check_marks(row["messages"][3:], places, question, ends)
        assert 0.05 < short / len(got) < 0.4, (tag, short, len(got))
        assert traced > len(got) / 2, (tag, traced, len(got))
        print(f"{tag}: {len(got)} of {len(items)} items, {short} without marks, {traced} with traces")


def check_epic(case, rng):
    root = case.folder / "epic-data"
    film(root / "P01.v.mp4")
    xy, seen = tracks()
    for folder, name in [("visual_trace/P01", "trace_000000002_000000018.pth")]:
        (root / folder).mkdir(parents=True)
        torch.save({"pred_tracks": xy, "pred_visibility": seen}, root / folder / name)
    responses = ["## What you see: **a pan** (on a hob)\n\n## What you should do next: *lift* your pan.",
                 "You see a knife. What you should do next: cut", "a closeup. What you should do next: cut", "nothing",
                 "you see your hand in a close up What you should do next"]
    items = [{"video": ["P01.v.mp4"], "gpt_response": [rng.choice(responses)], "global_instructions": ["cook"],
              "image_size": [torch.tensor([W]), torch.tensor([H])],
              "frame_interval": [torch.tensor([2]), torch.tensor([18])]} for _ in range(40)]
    torch.save(items, root / "epic.pth")
    got = case.samples(root / "epic.pth", root, "epic", remove_static=False)
    kept = [i for i, item in enumerate(items) if "What you should do next" in item["gpt_response"][0]
            and not any(word in item["gpt_response"][0] for word in ["closeup", "close-up", "close up"])]
    equal([row["origin"]["item"] for row in got], kept, "epic: items kept")
    places = np.floor(xy.numpy() * Q / np.array([W, H], np.float32))
    traced = 0
    for row in got:
        see, todo = cleaned(items[row["origin"]["item"]]["gpt_response"][0], "cook").split(
            "What the person should do next")
        for word in ["#", "*", "What I see:"]:
            see = see.replace(word, "")
        for word in ["#", "*", ":"]:
            todo = todo.replace(word, "")
        equal(row["messages"][:3], [SYSTEM, {"role": "user", "content": "<image>\n\nWhat do you see in the image?\n"},
                                    {"role": "assistant", "content": see.strip() + "\n"}], "epic: first question")
        if len(row["messages"]) > 3:
            traced += check_marks(row["messages"][3:], places, trace_question("The person is doing", todo.strip()), False)
    print(f"epic: {len(got)} of {len(items)} items, {traced} with traces")


def check_openx(case, rng):
    xy, seen = tracks(256, 256)
    places = np.floor(np.floor(xy.numpy() * 2) * Q / 512)
    names = []
    for i in range(60):
        dataset = rng.choice(["bridge_orig", "kuka", "berkeley_cable_routing", "fractal20220817_data"])
        trace = case.folder / "open-x-traces-v2" / dataset / str(i) / "7.pth"
        trace.parent.mkdir(parents=True)
        lang = rng.choice(["pick up the cup", "<action> öffne", "move"])
        torch.save({"dataset_name": rng.choice([dataset, dataset.encode()]), "traj_index": np.int64(i),
                    "frame_index": np.int32(7), "lang": lang, "action": np.linspace(-1, 1, 7).astype(np.float32),
                    "trace_info": rng.choice([(xy[None], seen[None]), [xy, seen]])}, trace)
        picture = pathlib.Path(str(trace).replace("traces", "images")).with_suffix(".jpg")
        picture.parent.mkdir(parents=True)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=256x256", "-frames:v", "1",
                        str(picture)], check=True) if i == 0 else picture.symlink_to(first)
        first = picture if i == 0 else first
        names.append((str(trace.relative_to(case.folder)), dataset, lang))
    path = case.folder / "open-x-traces-list.json"
    write_items(path, [name for name, _, _ in names], rng)
    got = case.samples(path, case.folder, "openx_magma")
    equal(len(got), len(names), "openx_magma: samples")
    traced = 0
    for i, (row, (name, dataset, lang)) in enumerate(zip(got, names)):
        equal(row["origin"], {"file": path.name, "item": i}, "origin")
        equal(row["images"], [name.replace("traces", "images").replace(".pth", ".jpg")], "picture")
        equal(row["messages"][:3], [SYSTEM, {"role": "user", "content":
              f"<image>\n\nWhat action should the robot take to {lang}?"},
              {"role": "assistant", "content": "<action>" * 7}], "openx_magma: first question")
        if dataset in ("kuka", "berkeley_cable_routing"):
            equal(len(row["messages"]), 3, "data sets without marks")
            continue
        traced += check_marks(row["messages"][3:], places, trace_question("The robot is doing", lang, ":"), False)
    assert traced > 0
    print(f"openx_magma: {len(got)} frames, {traced} with traces")


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        case = Case(program, pathlib.Path(folder))
        print(f"conversations: {check_chats(case, rng)} samples equal")
        print(f"seeclick: {check_seeclick(case, rng)} samples equal")
        print(f"refused: {check_refusals(case)} items")
        check_ego4d(case, rng)
        check_epic(case, rng)
        check_openx(case, rng)


if __name__ == "__main__":
    main()
