# SPDX-License-Identifier: Apache-2.0
"""causeway train with recorded batches gives the losses of the golden traces: the whole way through the binary."""

import json
import pathlib

import pytest

ORACLE = pathlib.Path(__file__).resolve().parents[1] / "oracle"
CONFIG_NAMES = {"layers": "num_hidden_layers", "width": "hidden_size", "heads": "num_attention_heads",
                "kv_heads": "num_key_value_heads", "head_width": "head_dim", "inner": "intermediate_size",
                "context": "max_position_embeddings", "vocabulary": "vocab_size", "rope_theta": "rope_theta",
                "norm_eps": "rms_norm_eps", "tied": "tie_word_embeddings"}  # fmt: skip


def sync_of(trace: dict) -> dict:
    method = trace["method"]
    match method["name"]:
        case "fedopt":
            return {"preset": "fedopt", "period": method["period"], "outer": method["outer"]}
        case "fedavg":
            return {"preset": "fedavg", "period": method["period"], "reset_inner": method["reset_inner"]}
        case "streaming":
            options = {key: method[key] for key in ("period", "delay", "mix", "outer", "phases")}
            return {"preset": "streaming_diloco", "fragments": len(method["fragments"]), **options}
        case "des_loc":
            periods = dict(method["periods"])
            # The oracle has one class for both; explain's warnings and the states are those of the preset.
            preset = "mt_dao" if trace["inner"]["name"].startswith("qh") else "des_loc"
            return {"preset": preset, "period": periods.pop("x"), "periods": periods, "ordering": method["ordering"]}
        case name:
            return {"preset": name, "period": None}


@pytest.mark.parametrize("name", ["ddp_adamw", "diloco", "des_loc_adopt_post", "mt_dao_adopt", "fedavg_weighted",
                                  "streaming"])  # fmt: skip
def test_losses_of_a_golden_trace(recipes, train, tmp_path, name):
    trace = json.loads((ORACLE / "traces" / f"{name}.json").read_text())
    config = json.loads((ORACLE / "fixtures/tiny.config.json").read_text())
    weights = trace.get("weights")
    sites = [{"name": f"worker-{i}", "weight": weight} for i, weight in enumerate(weights or [])]
    recipe = recipes(
        run={"steps": trace["steps"]},
        model={**{ours: config[theirs] for ours, theirs in CONFIG_NAMES.items()},
               "init": ORACLE / "fixtures/tiny.safetensors"},
        data={"recorded": ORACLE / "fixtures/batches.safetensors", "site": sites},
        train={"optimizer": {**trace["inner"], "decay_all": True}, "schedule": trace["schedule"],
               "clip": trace["clip"] or 0},
        sync={**sync_of(trace), "workers": trace["workers"], "weight": "fixed" if weights else "equal"},
    )  # fmt: skip
    train(recipe, tmp_path / "run", "--trace", tmp_path / "trace.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    got = {(line["step"], line["worker"]): line["loss"] for line in lines}
    assert len(lines) == len(got) == trace["steps"] * trace["workers"]
    limit = max(4 * trace["float32_deviation"]["loss_abs"], 2e-6)
    for step, row in enumerate(trace["losses"], start=1):
        for worker, wanted in enumerate(row):
            assert got[step, worker] == pytest.approx(wanted, abs=limit, rel=0), (step, worker)
