# SPDX-License-Identifier: Apache-2.0
"""./run bench: that it compares equal work, and what it makes of what the processes say. No assertion on speed."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import pytest
import torch

BENCH = pathlib.Path(__file__).resolve().parents[2] / "tools" / "bench"
sys.path.insert(0, str(BENCH))

import memory  # noqa: E402
import peer_step  # noqa: E402
import players  # noqa: E402
import step  # noqa: E402
import sync  # noqa: E402
import tables  # noqa: E402
from progress import Progress  # noqa: E402

TINY = step.Size("tiny", 2, 64, 2, 32, 256)
QUIET = Progress(1.0, on=False)
PACE = players.Pace(rounds=3, turn_seconds=0.05)


@pytest.fixture
def field(binary):
    return step.Field(binary, (min(os.sched_getaffinity(0)),), ("eager",), ("fp32",), {})


def dialogue(player: players.Player, *turns: int) -> list[dict]:
    player.start()
    try:
        return [player.turn(count) for count in turns]
    finally:
        player.stop()


@pytest.mark.parametrize("more", [(), ("--recompute",)], ids=["kept", "recomputed"])
@pytest.mark.parametrize("precision", step.PRECISIONS)
def test_our_step_learns_and_says_how_long_it_took(field, precision, more):
    player = field.ours("step", precision, TINY, 1, *more)
    first, rest = dialogue(player, 1, 20)
    assert player.ready["tokens"] == TINY.tokens
    assert 0 < player.ready["memory_bytes"] <= first["memory_bytes"] <= rest["memory_bytes"]
    assert len(rest["seconds"]) == 20
    assert abs(first["loss"] - step.FIRST_LOSS) < step.FIRST_LOSS_TOLERANCE
    assert rest["loss"] < first["loss"] - 1


@pytest.mark.parametrize("sizes", [(1, 24, 2, 8), (3, 40, 2, 16), (2, 64, 4, 32), (1, 102, 3, 16)], ids=str)
def test_parameters_are_as_many_as_ours(field, sizes):
    size = step.Size("odd", *sizes, tokens=2 * sizes[-1])
    player = field.ours("step", "fp32", size, 1)
    dialogue(player)
    model = peer_step.Model(size.layers, size.width, size.heads, size.context)
    assert player.ready["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_products_give_their_parts(field):
    (reply,) = dialogue(field.ours("products", "fp32", TINY, 1), 5)
    parts = zip(reply["products_seconds"], reply["attention_seconds"], strict=True)
    assert reply["seconds"] == pytest.approx([a + b for a, b in parts])


def test_replicas_count_the_tokens_of_all(field):
    player = field.ours("replicas", "fp32", TINY, 1, "--workers", "3")
    first, rest = dialogue(player, 1, 20)
    assert player.ready["tokens"] == 3 * TINY.tokens
    assert rest["loss"] < first["loss"]


def test_products_take_less_than_the_step(field):
    # The best time of a part is below the best time of the whole, however busy the machine; so small a model spends
    # most of its time elsewhere.
    found = [field.ours(word, "fp32", TINY, 1) for word in ("step", "products")]
    players.play(found, PACE, QUIET)
    whole, part = (step.row_of(player)["best_seconds"] for player in found)
    assert part < whole


def hugging_face_weights(theirs) -> dict:
    """The state of transformers' Llama under the names of peer_step, whose matrices are fused."""
    state = theirs.state_dict()
    out = {"embedding.weight": state["model.embed_tokens.weight"], "norm.weight": state["model.norm.weight"],
           "head.weight": state["lm_head.weight"]}  # fmt: skip
    for i in range(theirs.config.num_hidden_layers):
        def old(name, i=i):
            return state[f"model.layers.{i}.{name}.weight"]

        new = {"attention_norm": old("input_layernorm"), "mlp_norm": old("post_attention_layernorm"),
               "qkv": torch.cat([old(f"self_attn.{letter}_proj") for letter in "qkv"]),
               "out": old("self_attn.o_proj"), "down": old("mlp.down_proj"),
               "gate_up": torch.cat([old("mlp.gate_proj"), old("mlp.up_proj")])}  # fmt: skip
        out |= {f"blocks.{i}.{name}.weight": value for name, value in new.items()}
    return out


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
def test_the_peer_is_the_llama_of_transformers(recompute):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(3)
    theirs = LlamaForCausalLM(LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=peer_step.inner_width(64), num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4, rms_norm_eps=peer_step.EPS, initializer_range=0.2,
        max_position_embeddings=32, rope_parameters={"rope_type": "default", "rope_theta": peer_step.THETA}))  # fmt: skip
    ours = peer_step.Model(2, 64, 4, 32, recompute)
    ours.load_state_dict(hugging_face_weights(theirs))
    text = torch.randint(256, (3, 33))
    loss = ours(text[:, :-1], text[:, 1:])
    wanted = theirs(text, labels=text).loss
    assert abs(float(wanted.detach()) - step.FIRST_LOSS) > 0.1, "a loss of chance would prove nothing"
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)
    loss.backward()
    wanted.backward()
    gradient = theirs.model.layers[0].self_attn.k_proj.weight.grad
    torch.testing.assert_close(ours.blocks[0].qkv.weight.grad[64:128], gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("variant", ["autocast", "bf16"])
def test_a_peer_speaks_as_ours_and_warms_up_without_learning(field, variant):
    player = field.peer(variant, TINY, 1)
    first, rest = dialogue(player, 1, 20)
    assert player.ready["tokens"] == TINY.tokens
    assert abs(first["loss"] - step.FIRST_LOSS) < 0.1
    assert rest["loss"] < first["loss"] - 1


def said(name, kind, precision, *rounds, **changes) -> players.Player:
    """A player that has played: its rounds' seconds."""
    player = players.Player(name, kind, precision, [], (0,))
    player.ready = {"ready": True, "parameters": 1000, "tokens": 256, "memory_bytes": 5000}
    player.replies = [{"seconds": list(seconds)} for seconds in rounds]
    player.first_loss, player.last_loss, player.peak_bytes = 5.55, 5.0, 5000 + 256 * 30
    for key, value in changes.items():
        setattr(player, key, value)
    return player


def test_ratios_are_those_of_rounds_played_together():
    ours = said("causeway fp32", "ours", "fp32", (1, 1, 9), (4,))
    slow = said("pytorch eager", "peer", "fp32", (3,), (12,))
    quick = said("pytorch compile", "peer", "fp32", (2,), (6,))
    half = said("pytorch bf16", "peer", "bf16", (1,), (1,))
    bound = said("products fp32", "products", "fp32", (0.5,), (3,))
    (entry,) = step.ratios_of([ours, slow, quick, half, bound], ("fp32",))
    assert entry["best_peer"] == "pytorch compile"
    assert entry["times_as_fast"] == {"median": 1.75, "least": 1.5, "most": 2.0}
    assert entry["share_of_products"] == {"median": 0.625, "least": 0.5, "most": 0.75}


def test_a_more_exact_peer_may_be_the_best_of_bf16():
    ours = said("causeway bf16", "ours", "bf16", (1,))
    peers = [said("pytorch eager", "peer", "fp32", (2,)), said("pytorch bf16", "peer", "bf16", (3,))]
    (entry,) = step.ratios_of([ours, *peers], ("bf16",))
    assert entry["best_peer"] == "pytorch eager"


def test_a_row_has_rates_and_the_growth_of_memory():
    row = step.row_of(said("causeway fp32", "ours", "fp32", (0.5, 0.5), (0.5,)))
    assert row["tokens_per_second"] == 512
    assert row["gflops"] == pytest.approx(6e-9 * 1000 * 512)
    assert row["bytes_per_token"] == 30


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ready": {"parameters": 999, "tokens": 256}}, "has 999 parameters; wanted 1000"),
        ({"ready": {"parameters": 1000, "tokens": 128}}, "takes 128 tokens"),
        ({"first_loss": 3.0}, "first loss 3.000"),
        ({"first_loss": float("nan")}, "first loss nan"),
        ({"last_loss": 5.56}, "loss does not fall"),
        ({"last_loss": float("nan")}, "loss does not fall"),
    ],
)
def test_other_work_is_not_compared(changes, reason):
    ours = said("causeway fp32", "ours", "fp32", (1,))
    other = said("pytorch eager", "peer", "fp32", (1,), **changes)
    step.check([ours, other], 256)
    assert not ours.failure
    assert reason in other.failure
    assert "best_peer" not in step.ratios_of([ours, other], ("fp32",))[0]


FAKES = {
    "dies at once": ("import sys; sys.exit('no such option')", "status 1: no such option"),
    "is not ready": ("print('{}')", "instead of being ready"),
    "prints no JSON": ("print('hello')", "printed no JSON: hello"),
    "dies in a turn": ("print('{\"ready\": true}', flush=True); input(); raise MemoryError('too large')", "too large"),
    "gives too few times": ("print('{\"ready\": true}', flush=True); input(); print('{\"seconds\": []}')", "1 times"),
}


@pytest.mark.parametrize("kind", FAKES)
def test_who_fails_keeps_the_reason_and_the_others_go_on(kind):
    code, reason = FAKES[kind]
    good = ("import json\nprint(json.dumps({'ready': True, 'parameters': 1, 'tokens': 1, 'memory_bytes': 1}), flush=True)\n"
            "while True: print(json.dumps({'seconds': [1e-3] * int(input())}), flush=True)")  # fmt: skip
    found = [players.Player(name, "peer", "fp32", [sys.executable, "-c", text], (0,))
             for name, text in (("bad", code), ("good", good))]  # fmt: skip
    players.play(found, dataclasses.replace(PACE, turn_seconds=0.01), QUIET)
    assert reason in found[0].failure
    assert not found[1].failure
    assert [len(reply["seconds"]) for reply in found[1].replies] == [10] * PACE.rounds
    assert step.row_of(found[0])["failure"] == found[0].failure


def test_a_program_that_is_not_there_is_a_failure():
    player = players.Player("none", "peer", "fp32", ["/nonexistent/program"], (0,))
    players.play([player], PACE, QUIET)
    assert "does not start" in player.failure


def test_the_longest_context_is_on_the_line():
    assert memory.line_through([(4096, 1000 + 4096 * 7), (8192, 1000 + 8192 * 7)]) == (1000, 7)


def test_rows_of_sync_stand_beside_the_quickest_of_the_same_unit():
    found = {"ours": [{"what": "a", "value": 6.0, "unit": "GB/s"}, {"what": "b", "value": 1.0, "unit": "us"}],
             "peers": [{"what": "a", "how": "slow", "value": 2.0, "unit": "GB/s"}, {"what": "a", "how": "quick", "value": 3.0, "unit": "GB/s"},
                       {"what": "a", "how": "other", "value": 9.0, "unit": "s"}, {"what": "a", "how": "none", "unit": "GB/s", "failure": "x"}]}  # fmt: skip
    first, second = sync.beside(found)
    assert (first["peer"], first["peer_value"]) == ("quick", 3.0)
    assert "peer" not in second
    assert "2.00" in tables.sync(found, tables.Paint(False))


def test_the_tool_writes_what_it_measured(binary, tmp_path):
    out = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, BENCH, "--only", "step", "--sizes", "S", "--threads", "1", "--rounds", "1", "--quick", "--no-peers",
         "--precisions", "fp32", "--json", out], env={"CAUSEWAY_BINARY": str(binary), "PATH": ""}, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(out.read_text())
    assert found["machine"]["cpu"]
    (part,) = found["step"]
    assert [row["name"] for row in part["rows"]] == ["causeway fp32", "products fp32"]
    assert part["rows"][0]["parameters"] == 869504
    for row in part["rows"]:
        assert row["best_seconds"] <= row["median_seconds"]
        assert row["best_seconds"] == min(row["seconds"][0])
    assert [entry["precision"] for entry in part["ratios"]] == ["fp32"]
    for row in part["rows"]:
        assert row["name"] in done.stdout
    assert "\033" not in done.stdout
    assert done.stderr == ""


def test_a_failure_of_ours_is_a_row_and_the_exit_status(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    broken.chmod(0o755)
    done = subprocess.run([sys.executable, BENCH, "--quick", "--no-peers", "--sizes", "S", "--threads", "1"],
                          env={"CAUSEWAY_BINARY": str(broken)}, capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.count("status 3: out of order") == 4 + 4 + 1


@pytest.mark.parametrize(("arguments", "reason"), [
    (["--sizes", "Q"], "'Q'; known: S, M, L, XL"), (["--only", "speed"], "'speed'"), (["--rounds", "0"], "1 or more"),
    (["--json", "/nonexistent/x.json"], "no such folder")])  # fmt: skip
def test_bad_usage_says_what_is_known(arguments, reason):
    done = subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert reason in done.stderr
