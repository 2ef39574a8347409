#!/usr/bin/env python3
"""Answers of `magma chat` from pictures and words against those of the reference stack, token by token.

usage: chat_parity.py PROGRAM FIXTURES    FIXTURES: folder with checkpoints/, images/ and reference/NAME/cases.json
"""
import json
import pathlib
import subprocess
import sys


def command(program, fixtures, checkpoint, case, row):
    """The command line of a row, or None for a conversation that the command line cannot hold."""
    messages = list(row.get("messages") or [])
    system = messages.pop(0)["content"] if messages and messages[0]["role"] == "system" else ""
    if len(messages) != 1:
        return None
    question = messages[0]["content"]
    images = row.get("images") or []
    for _ in images:
        if not question.startswith("<image>\n"):
            return None
        question = question.removeprefix("<image>\n")
    if "<image" in question or case["greedy"]["stop_ids"] != [case["eos"]]:
        return None
    words = [program, "chat", "--json", "--precision", "f32", "--model", fixtures / "checkpoints" / checkpoint,
             "--system", system, "--max-tokens", case["greedy"]["max_new_tokens"]]
    if images:
        words += ["--strategy", case["strategy"]]
    if row.get("num_crops"):
        words += ["--crops", row["num_crops"]]
    if case["greedy"]["allowed_ids"]:
        words += ["--as", "action"]
    elif case["greedy"]["banned_ids"]:
        words += ["--as", "text"]
    for image in images:
        words += ["--image", fixtures / "images" / image]
    return [str(word) for word in words] + [question]


def main() -> int:
    program, fixtures = sys.argv[1], pathlib.Path(sys.argv[2])
    compared, faults = 0, 0
    for folder in sorted(fixtures.glob("reference/*/cases.json")):
        checkpoint = folder.parent.name
        eos = json.loads((fixtures / "checkpoints" / checkpoint / "generation_config.json").read_text())["eos_token_id"]
        for case in json.loads(folder.read_text())["cases"]:
            if "greedy" not in case:
                continue
            case["eos"] = eos
            for number, row in enumerate(case["rows"]):
                words = command(program, fixtures, checkpoint, case, row)
                if words is None:
                    continue
                compared += 1
                run = subprocess.run(words, capture_output=True, text=True)
                where = f"{checkpoint} {case['name']} row {number}"
                if run.returncode:
                    faults += 1
                    print(where, run.stderr.strip())
                    continue
                answer = json.loads(run.stdout)["answers"][0]
                expected = case["greedy"]["rows"][number]
                tokens = expected["tokens"][: expected["length"]]
                if answer["ids"] != tokens or ("text" in row and answer["text"] != row["text"].strip()):
                    faults += 1
                    print(where, answer["ids"], "expected", tokens, repr(answer["text"]), repr(row.get("text")))
    print(f"{compared} answers compared, {faults} differ")
    return 1 if faults or not compared else 0


sys.exit(main())
