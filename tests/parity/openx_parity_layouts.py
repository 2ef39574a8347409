"""Layouts of Open-X data sets as openx_parity.py writes and standardises them: data_formats.md 2.3 to 2.6, in numpy."""
import dataclasses

import numpy as np
import tensorflow_datasets as tfds

SENTENCES = ["Pick up the RED Block", "ΌΔΟΣ ΣΑΣ: open the Drawer", "", "Put İt in the Bowl ẞ", "close <image> it"]
ZLIB = tfds.features.Encoding.ZLIB


def f32(values):
    return np.asarray(values, np.float32)


def inv(x):
    return f32(1) - f32(x)


def clip01(x):
    return np.clip(f32(x), 0, 1)


def zeros(x, width):
    return np.zeros((len(x), width), np.float32)


def binarize(column):
    out, carry = np.empty_like(column), column[-1] if len(column) else 0
    for i in reversed(range(len(column))):
        if column[i] > f32(0.95):
            carry = 1
        elif column[i] < f32(0.05):
            carry = 0
        out[i] = carry
    return out[:, None]


def rel2abs(column):
    told = np.where(column < f32(-0.1), 1, np.where(column > f32(0.1), -1, 0))
    commands = told[told != 0]
    state, out = (-commands[0] if len(commands) else 1), []
    for command in told:
        state = command if command else state
        out.append(state / 2 + 0.5)
    return f32(out)[:, None]


def euler(quaternions):
    out = []
    for x, y, z, w in np.asarray(quaternions, np.float64):
        clip = lambda value: min(max(value, -1), 1)
        r20, r00, r10 = clip(2 * (x * z - w * y)), clip(1 - 2 * (y * y + z * z)), clip(2 * (x * y + w * z))
        r21, r22 = clip(2 * (y * z + w * x)), clip(1 - 2 * (x * x + y * y))
        out.append([np.arctan2(r21, r22), -np.arcsin(r20), np.arctan2(r10, r00)])
    return f32(out).reshape(-1, 3)


def join(*columns):
    return np.concatenate([f32(c) for c in columns], axis=-1)


@dataclasses.dataclass
class Trajectory:
    first: int
    actions: np.ndarray
    proprio: np.ndarray
    languages: list


class Layout:
    """`stored`: {feature below steps: (shape, dtype, values of one step, encoding)}; `act` and `state`: from arrays of
    T rows to the action and the proprio."""

    def __init__(self, stored, act, state, language="language_instruction", cameras=(), bridge=False, with_val=False,
                 moving_only=False, euler_of_quaternion=False):
        self.stored, self.act, self.state, self.language = stored, act, state, language
        self.cameras, self.bridge, self.with_val, self.moving_only = list(cameras), bridge, with_val, moving_only
        self.euler_of_quaternion = euler_of_quaternion

    def features(self):
        tree = {}
        for key, (shape, dtype, _, *encoding) in self.stored.items():
            put(tree, key, tfds.features.Tensor(shape=shape, dtype=dtype, **({"encoding": encoding[0]} if encoding else {})))
        for key in self.cameras:
            put(tree, "observation|" + key, tfds.features.Image(shape=(8, 12, 3), encoding_format="jpeg"))
        if self.language == "observation|instruction":
            put(tree, self.language, tfds.features.Tensor(shape=(64,), dtype=np.int32))
        else:
            put(tree, self.language, tfds.features.Text())
        return tree

    def make(self, rng, number):
        steps = []
        length = int(rng.integers(4, 18))
        if self.bridge and number == 3:
            length = 2
        sentence = SENTENCES[number % len(SENTENCES)]
        for t in range(length):
            step = {"is_first": t == 0, "is_last": t == length - 1}
            for key, (shape, dtype, values, *_) in self.stored.items():
                put(step, key, np.asarray(values(rng, t), dtype).reshape(shape))
            for key in self.cameras:
                put(step, "observation|" + key, rng.integers(0, 255, (8, 12, 3), np.uint8))
            said = sentence if t % 5 else sentence + " Now"
            if self.language == "observation|instruction":
                points = [ord(c) for c in said] + [0, ord("x")]
                put(step, self.language, np.asarray(points + [0] * (64 - len(points)), np.int32))
            else:
                put(step, self.language, said)
            steps.append(step)
        return steps

    def standardise(self, steps):
        first = 1 if self.bridge else 0
        columns = {key: f32([get(step, key) for step in steps[first:]]) for key in self.stored}
        columns = {key: value.reshape(len(value), -1) if value.ndim > 1 else value[:, None]
                   for key, value in columns.items()}
        said = [get(step, self.language) for step in steps[first:]]
        if self.language == "observation|instruction":
            said = ["".join(map(chr, row)).split("\0")[0] for row in said]
        actions, proprio = self.act(columns), self.state(columns)
        if self.bridge:
            reached = columns["observation|state"][:, :6]
            actions = join(reached[1:] - reached[:-1], actions[:-1, -1:])
            proprio, said = proprio[:-1], said[:-1]
        return Trajectory(first, actions, proprio, said)


def put(tree, key, value):
    """Keys are parted by |, because names of features may hold slashes."""
    *parents, last = key.split("|")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def get(tree, key):
    for name in key.split("|"):
        tree = tree[name]
    return tree


def normal(width):
    return (width,), np.float32, lambda rng, t: rng.normal(0, 0.3, width)


def arm(width, gripper=lambda rng: rng.choice([0, 1, 0.5, 1.3, -0.2])):
    """Some numbers and a gripper that is sometimes in between or out of range."""
    return (width,), np.float32, lambda rng, t: [*rng.normal(0, 0.2, width - 1), gripper(rng)]


def relative(shape=(1,)):
    return shape, np.float32, lambda rng, t: rng.choice([0, 0, 0, 1, -1, 0.05], size=shape)


def quaternion_arm(rng, t):
    q = rng.normal(0, 1, 4)
    return [*rng.normal(0, 0.2, 3), *(q / np.linalg.norm(q)), rng.choice([0, 1, 0.5])]


RLDS = "_converted_externally_to_rlds"
NATURAL = "observation|natural_language_instruction"
WORLD = {"action|world_vector": normal(3), "action|rotation_delta": normal(3)}
GRIPPER = "action|gripper_closedness_action"
STATE = {"observation|state": normal(8)}


def moved(c):
    return join(c["action|world_vector"], c["action|rotation_delta"])


def plain_state(c):
    return c["observation|state"]


def padded_state(c, tail=-1):
    s = c["observation|state"]
    return join(s[:, :6], zeros(s, 1), s[:, tail:])


def clipped_arm(c):
    return join(c["action"][:, :6], inv(clip01(c["action"][:, -1:])))


def no_state(c):
    return zeros(next(iter(c.values())), 8)


def droid_act(c):
    return join(c["action_dict|cartesian_velocity"][:, :6], inv(c["action_dict|gripper_position"]))


def droid_velocity(rng, t):
    return rng.normal(0, 0.2, 6) if t % 4 else np.zeros(6)


DROID = {"action_dict|cartesian_velocity": ((6,), np.float64, droid_velocity),
         "action_dict|gripper_position": ((1,), np.float64, lambda rng, t: rng.uniform(0, 1, 1)),
         "observation|cartesian_position": normal(6), "observation|gripper_position": normal(1)}


def droid_state(c):
    return join(c["observation|cartesian_position"], c["observation|gripper_position"])


LAYOUTS = {
    "bridge_orig": Layout({"action": arm(7), "observation|state": normal(7)},
                          lambda c: join(c["action"][:, :6], binarize(c["action"][:, -1])), padded_state,
                          cameras=["image_0"], bridge=True, with_val=True),
    "bridge_oxe": Layout({**WORLD, "action|open_gripper": ((), np.bool_, lambda rng, t: rng.integers(0, 2)),
                          "observation|state": normal(7)},
                         lambda c: join(moved(c), c["action|open_gripper"]), padded_state, NATURAL, ["image"], bridge=True),
    "fractal20220817_data": Layout({**WORLD, GRIPPER: relative(), "observation|base_pose_tool_reached": normal(7),
                                    "observation|gripper_closed": normal(1)},
                                   lambda c: join(moved(c), rel2abs(c[GRIPPER][:, 0])),
                                   lambda c: join(c["observation|base_pose_tool_reached"], c["observation|gripper_closed"]),
                                   NATURAL, ["image"]),
    "kuka": Layout({**WORLD, GRIPPER: relative(),
                    "observation|clip_function_input/base_pose_tool_reached": (*normal(7), ZLIB),
                    "observation|gripper_closed": (*normal(1), ZLIB)},
                   lambda c: join(moved(c), rel2abs(c[GRIPPER][:, 0])),
                   lambda c: join(c["observation|clip_function_input/base_pose_tool_reached"],
                                  c["observation|gripper_closed"]), NATURAL, ["image"]),
    "taco_play": Layout({"action|rel_actions_world": arm(7), "observation|robot_obs": normal(15)},
                        lambda c: join(c["action|rel_actions_world"][:, :6], clip01(c["action|rel_actions_world"][:, -1:])),
                        lambda c: join(c["observation|robot_obs"][:, :6], zeros(c["observation|robot_obs"], 1),
                                       c["observation|robot_obs"][:, 7:8]), NATURAL, ["rgb_static"]),
    "jaco_play": Layout({"action|world_vector": normal(3), GRIPPER: relative(),
                         "observation|end_effector_cartesian_pos": normal(7)},
                        lambda c: join(c["action|world_vector"], zeros(c[GRIPPER], 3), rel2abs(c[GRIPPER][:, 0])),
                        lambda c: join(c["observation|end_effector_cartesian_pos"][:, :6], zeros(c[GRIPPER], 1),
                                       c["observation|end_effector_cartesian_pos"][:, -1:]), NATURAL, ["image"]),
    "berkeley_cable_routing": Layout({**WORLD, "observation|robot_state": normal(7)},
                                     lambda c: join(moved(c), zeros(moved(c), 1)),
                                     lambda c: join(c["observation|robot_state"], zeros(moved(c), 1)), NATURAL, ["image"]),
    "roboturk": Layout({**WORLD, GRIPPER: arm(1)}, lambda c: join(moved(c), inv(clip01(c[GRIPPER]))), no_state, NATURAL,
                       ["front_rgb"]),
    "nyu_door_opening_surprising_effectiveness": Layout(
        {**WORLD, GRIPPER: relative()}, lambda c: join(moved(c), rel2abs(c[GRIPPER][:, 0])), no_state, NATURAL),
    "viola": Layout({**WORLD, GRIPPER: ((), np.float32, lambda rng, t: rng.uniform(-1, 2)),
                     "observation|joint_states": normal(7), "observation|gripper_states": normal(1)},
                    lambda c: join(moved(c), inv(clip01(c[GRIPPER]))),
                    lambda c: join(c["observation|joint_states"], c["observation|gripper_states"]), NATURAL,
                    ["agentview_rgb"]),
    "berkeley_autolab_ur5": Layout({**WORLD, GRIPPER: relative(()), "observation|robot_state": normal(15)},
                                   lambda c: join(moved(c), rel2abs(c[GRIPPER][:, 0])),
                                   lambda c: c["observation|robot_state"][:, 6:14], NATURAL, ["image"]),
    "toto": Layout({**WORLD, "action|open_gripper": ((), np.bool_, lambda rng, t: rng.integers(0, 2)),
                    "observation|state": normal(7)}, lambda c: join(moved(c), c["action|open_gripper"]),
                   lambda c: join(plain_state(c), zeros(plain_state(c), 1)), NATURAL, ["image"]),
    "language_table": Layout({"action": normal(2), "observation|effector_translation": normal(2)},
                             lambda c: join(c["action"], zeros(c["action"], 4), zeros(c["action"], 1) + 1),
                             lambda c: join(c["observation|effector_translation"], zeros(c["action"], 6)),
                             "observation|instruction", ["rgb"]),
    "stanford_hydra_dataset" + RLDS: Layout(
        {"action": arm(7), "observation|state": normal(27)}, lambda c: join(c["action"][:, :6], inv(c["action"][:, -1:])),
        lambda c: join(plain_state(c)[:, :3], plain_state(c)[:, 7:10], zeros(c["action"], 1), plain_state(c)[:, -3:-2]),
        cameras=["image"]),
    "nyu_franka_play_dataset" + RLDS: Layout(
        {"action": normal(15), "observation|state": normal(13)},
        lambda c: join(c["action"][:, -8:-2], clip01(c["action"][:, -2:-1])),
        lambda c: join(plain_state(c)[:, -6:], zeros(c["action"], 2)), cameras=["image"]),
    "furniture_bench_dataset" + RLDS: Layout(
        {"action": ((8,), np.float32, quaternion_arm), "observation|state": normal(35)},
        lambda c: join(c["action"][:, :3], euler(c["action"][:, 3:7]), inv(clip01(c["action"][:, -1:]))),
        lambda c: join(plain_state(c)[:, :7], plain_state(c)[:, -1:]), cameras=["image"], euler_of_quaternion=True),
    "ucsd_kitchen_dataset" + RLDS: Layout(
        {"action": normal(8), "observation|state": normal(21)}, lambda c: c["action"][:, :-1],
        lambda c: join(plain_state(c)[:, :7], zeros(c["action"], 1)), cameras=["image"]),
    "bc_z": Layout({"action|future/xyz_residual": normal(30), "action|future/axis_angle_residual": normal(30),
                    "action|future/target_close": ((10,), np.int64, lambda rng, t: rng.integers(0, 2, 10)),
                    "observation|present/xyz": normal(3), "observation|present/axis_angle": normal(3),
                    "observation|present/sensed_close": normal(1)},
                   lambda c: join(c["action|future/xyz_residual"][:, :3], c["action|future/axis_angle_residual"][:, :3],
                                  inv(c["action|future/target_close"][:, :1])),
                   lambda c: join(c["observation|present/xyz"], c["observation|present/axis_angle"],
                                  zeros(c["observation|present/xyz"], 1), c["observation|present/sensed_close"]),
                   NATURAL, ["image"]),
    "robo_net": Layout({"action": normal(5), "observation|state": normal(5)},
                       lambda c: join(c["action"][:, :4], zeros(c["action"], 2), c["action"][:, -1:]),
                       lambda c: join(plain_state(c)[:, :4], zeros(c["action"], 3), plain_state(c)[:, -1:]),
                       cameras=["image"]),
    "uiuc_d3field": Layout({"action": normal(3)}, lambda c: join(c["action"], zeros(c["action"], 4)), no_state,
                           cameras=["image_1"]),
    "berkeley_fanuc_manipulation": Layout({"action": normal(6), "observation|state": normal(13)},
                                          lambda c: join(c["action"], inv(plain_state(c)[:, 6:7])),
                                          lambda c: join(plain_state(c)[:, :6], zeros(c["action"], 1),
                                                         plain_state(c)[:, 6:7]), cameras=["image"]),
    "cmu_play_fusion": Layout({"action": normal(9), **STATE}, lambda c: join(c["action"][:, :3], c["action"][:, -4:]),
                              plain_state, cameras=["image"]),
    "berkeley_gnm_recon": Layout({"action": normal(2), "observation|position": normal(2), "observation|yaw": normal(1)},
                                 lambda c: join(c["action"], zeros(c["action"], 5)),
                                 lambda c: join(c["observation|position"], zeros(c["action"], 3), c["observation|yaw"],
                                                zeros(c["action"], 2))),
    "droid": Layout(DROID, droid_act, droid_state, cameras=["exterior_image_1_left", "exterior_image_2_left"],
                    moving_only=True),
    "droid_wipe": Layout(DROID, droid_act, droid_state, cameras=["exterior_image_2_left"]),
    "fmb_dataset": Layout({"action": arm(7), "observation|eef_pose": normal(7),
                           "observation|state_gripper_pose": ((), np.float32, lambda rng, t: rng.uniform())},
                          lambda c: c["action"],
                          lambda c: join(c["observation|eef_pose"], c["observation|state_gripper_pose"]),
                          cameras=["image_side_1"]),
    "tdroid_carrot_in_bowl": Layout({"action": arm(7), "observation|cartesian_position": normal(6),
                                     "observation|gripper_position": normal(1)},
                                    lambda c: join(c["action"][:, :6], binarize(c["action"][:, -1])),
                                    lambda c: join(c["observation|cartesian_position"], zeros(c["action"], 1),
                                                   c["observation|gripper_position"]), cameras=["static_image"]),
    "libero_spatial_no_noops": Layout({"action": arm(7), **STATE}, clipped_arm, lambda c: padded_state(c, -2),
                                      cameras=["image"]),
}
