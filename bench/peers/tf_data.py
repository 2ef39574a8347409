#!/usr/bin/env python3
"""Robot frames of an RLDS folder through tf.data, as the reference's loader reads them: records, frames, normalised
actions, decoded and resized pictures, normalised pixels, tokens and labels, batches. Prints samples/s and peak memory.

usage: tf_data.py VERSION_FOLDER MODEL_FOLDER SIDE(0: no pictures) SAMPLES THREADS BATCH
"""
import json
import os
import pathlib
import resource
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import tokenizers

MEAN = np.float32([0.48145466, 0.4578275, 0.40821073])
STD = np.float32([0.26862954, 0.26130258, 0.27577711])


def frames(folder, threads):
    bytes_list, floats = tf.io.VarLenFeature(tf.string), tf.io.VarLenFeature(tf.float32)
    spec = {"steps/observation/image": bytes_list, "steps/language_instruction": bytes_list, "steps/action": floats}

    def episode(record):
        parsed = tf.io.parse_single_example(record, spec)
        action = tf.reshape(tf.sparse.to_dense(parsed["steps/action"]), [-1, 7])
        action = tf.concat([action[:, :6], 1 - tf.clip_by_value(action[:, 6:], 0, 1)], 1)
        return {"image": parsed["steps/observation/image"].values, "action": tf.clip_by_value(action, -1, 1),
                "language": parsed["steps/language_instruction"].values}

    files = sorted(map(str, pathlib.Path(folder).glob("*.tfrecord*")))
    data = tf.data.Dataset.from_tensor_slices(files).interleave(tf.data.TFRecordDataset, num_parallel_calls=threads)
    return data.map(episode, num_parallel_calls=threads).flat_map(tf.data.Dataset.from_tensor_slices).repeat()


def main():
    folder, model, side, samples, threads, batch = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    def picture(frame):
        image = tf.io.decode_image(frame["image"], expand_animations=False, channels=3)
        if side != 256:
            image = tf.image.resize(image, [side, side], method="lanczos3", antialias=True)
            image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
        frame["image"] = tf.transpose((tf.cast(image, tf.float32) / 255 - MEAN) / STD, [2, 0, 1])
        return frame

    def without(frame):
        return {key: value for key, value in frame.items() if key != "image"}

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    data = frames(folder, threads).shuffle(1000, seed=1).map(picture if side else without, num_parallel_calls=threads)
    data = data.batch(batch).with_options(options).prefetch(2)
    tokenizer = tokenizers.Tokenizer.from_file(model + "/tokenizer.json")
    vocabulary = tokenizer.get_vocab_size(with_added_tokens=False)
    tokenizer.add_special_tokens(["<action>"])
    action_id, pad = tokenizer.token_to_id("<action>"), tokenizer.token_to_id("<pad>")
    edges = np.linspace(-1, 1, 256)
    head = "<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>"
    done, begun = 0, None
    for rows in data.as_numpy_iterator():
        begun = begun or time.perf_counter()
        all_ids = []
        for language, action in zip(rows["language"], rows["action"]):
            text = "<|begin_of_text|>" + head.format("system", "You are agent that can see, talk and act.")
            text += head.format("user", f"<image>\nWhat action should the robot take to {language.decode().lower()}?")
            ids = tokenizer.encode(text + head.format("assistant", "<action>")).ids
            at = ids.index(action_id)
            ids[at:at + 1] = (vocabulary - np.digitize(action, edges)).tolist()
            all_ids.append(ids)
        longest = max(map(len, all_ids))
        input_ids = np.array([ids + [pad] * (longest - len(ids)) for ids in all_ids])
        labels = np.full_like(input_ids, -100)
        for r, ids in enumerate(all_ids):
            labels[r, len(ids) - 9:len(ids)] = ids[-9:]
        done += len(all_ids)
        if done >= samples:
            break
    seconds = time.perf_counter() - begun
    print(json.dumps({"samples_per_second": (done - batch) / seconds,
                      "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
