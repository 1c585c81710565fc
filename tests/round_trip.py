"""Everything that can be published, to a loopback Hub and back into fresh processes without this package.

`round_trip(folder)` gives a row for each kind: how it was pushed, how it was loaded, and by how much scores differ.
"""

import json
from pathlib import Path

import fresh_process
from loopback_hub import LoopbackHub

TESTS = Path(__file__).resolve().parent

PUSH = """
import json, sys
from pathlib import Path
folder, tests = Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, tests)
import torch
from datasets import Dataset
from huggingface_hub import HfApi
from tiny_logllm import WINDOWS, build, decoder, encoder
from transformers import pipeline
from logllm.hf_datasets import get_system, load_windows, mine_templates, push_dataset
from logllm.hf_datasets.drain import DrainSettings
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.hub.push import push_metric, push_space
from logllm.modeling_logllm import LogLLMForSequenceAnomaly
from logllm.trainers import NextKeyConfig, NextKeyTrainer, assemble_logllama
from logllm.trainers.logllm_config import LogLLMTrainingConfig
from logllm.trainers.logllm_trainer import LogLLMTrainer
from logllm.trainers.qlora import attach_lora
from logllm.training.building import build_dataset

def quiet(name):
    return dict(output_dir=str(folder / name), hub_model_id=f"me/{name}", report_to="none", disable_tqdm=True, use_cpu=True,
                save_strategy="no", max_steps=1)

scores, system = {}, get_system("hdfs").to_dict()
# -- models and processors, each pushed by its own method
logllm, taken = build(log_system=system)
logllm.push_to_hub("me/logllm-model"); taken.push_to_hub("me/logllm-model")
table = mine_templates([m for w in WINDOWS for m in w], DrainSettings())
logllama, keys = assemble_logllama("tiny", table, predict_end=True, score_by="likelihood", log_system=system)
logllama.eval().push_to_hub("me/logllama-model"); keys.push_to_hub("me/logllama-model")
# -- pipelines
for name, model, processor in (("logllm", logllm, taken), ("logllama", logllama, keys)):
    scores[f"{name}-model"] = scores[f"{name}-pipeline"] = model.score(WINDOWS, processor)
    pipeline("log-anomaly-detection", model=model, processor=processor).push_to_hub(f"me/{name}-pipeline")
# -- an adapter over bases of the Hub
parts = {"encoder": encoder(taken.encoder_tokenizer), "decoder": decoder(taken.tokenizer)}
for name, part in parts.items():
    part.push_to_hub(f"me/{name}")
adapted = attach_lora(LogLLMForSequenceAnomaly.from_backbones(
    parts["encoder"], parts["decoder"], taken, base_encoder="me/encoder", base_decoder="me/decoder", log_system=system))
with torch.no_grad():
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            parameter.add_(torch.randn_like(parameter) * 0.3)
adapted.eval().push_to_hub("me/adapter"); taken.push_to_hub("me/adapter")
scores["adapter"] = adapted.score(WINDOWS, taken)
# -- trainers
rows = Dataset.from_dict({"lines": WINDOWS, "label": [0, 1, 0, 1]})
args = LogLLMTrainingConfig(**quiet("logllm-trainer"), trainable=["projector", "decoder"])
trainer = LogLLMTrainer(logllm, args, rows, taken, eval_dataset=rows)
trainer.train(); trainer.evaluate(); trainer.push_to_hub()
scores["logllm-trainer"] = logllm.eval().score(WINDOWS, taken)
args = NextKeyConfig(**quiet("logllama-trainer"))
trainer = NextKeyTrainer(logllama, args, rows, keys, eval_dataset=rows)
trainer.train(); trainer.push_to_hub()
scores["logllama-trainer"] = logllama.eval().score(WINDOWS, keys)
# -- dataset, metric, Space
simulate("hdfs", 4000, 5, folder, anomaly_share=0.2)
build_dataset("hdfs", [folder / "hdfs.log"], folder / "built", labels=folder / "anomaly_label.csv", validation_share=0.2, progress=False)
push_dataset(folder / "built", "me/logs")
local = load_windows(folder / "built", "hdfs")
from logllm.trainers import detection_metrics
found = detection_metrics([0.1, 0.9, 0.8, 0.2], [0, 1, 0, 0], 0.5)
push_metric("me/log_anomaly")
space = None
if sys.argv[3] == "space":
    push_space("me/space")
    from logllm import LogAnomalyDetector
    lines = (folder / "hdfs.log").read_text().splitlines()[:400]
    detector = LogAnomalyDetector.from_pretrained(Path(tests).parent / "spaces_demo" / "checkpoints" / "logllama-hdfs")
    space = [verdict.score for verdict in detector.scan(lines, explain="none")]
print(json.dumps({"scores": scores, "windows": WINDOWS, "dataset": local["test"]["lines"][:], "metric": found["f1"], "space": space}))
"""

READ = """
import json, sys
class NoLogllm:  # a stranger has not installed the package
    def find_spec(self, name, path=None, target=None):
        if name == "logllm" or name.startswith("logllm."):
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, NoLogllm())
import evaluate, torch
from datasets import load_dataset
from transformers import AutoModel, AutoModelForCausalLM, AutoProcessor, pipeline
names, windows = json.loads(sys.argv[1])
result, trusted = {}, {"trust_remote_code": True}
for name in names:
    loads = AutoModelForCausalLM if name.startswith("logllama") else AutoModel
    model, processor = loads.from_pretrained(f"me/{name}", **trusted), AutoProcessor.from_pretrained(f"me/{name}", **trusted)
    result[name] = {"scores": model.score(windows, processor), "module": type(model).__module__}
    pipe = pipeline("log-anomaly-detection", model=f"me/{name}", **trusted)
    result[name]["pipeline"] = [one["score"] for one in pipe([{"lines": w} for w in windows], evidence="none")]
rows = load_dataset("me/logs")
metric = evaluate.load("me/log_anomaly")
found = metric.compute(predictions=[0.1, 0.9, 0.8, 0.2], references=[0, 1, 0, 0], threshold=0.5)
print(json.dumps({"models": result, "dataset": rows["test"]["lines"][:], "metric": found["f1"]}))
"""

# The Space carries the package: of this one nothing may be used.
SPACE = """
import json, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "_EditableFinder" not in repr(finder)]
from huggingface_hub import snapshot_download
folder = snapshot_download("me/space", repo_type="space")
sys.path.insert(0, folder)
import logllm
assert logllm.__file__.startswith(folder), logllm.__file__
from logllm import LogAnomalyDetector
lines = open(sys.argv[1]).read().splitlines()[:400]
detector = LogAnomalyDetector.from_pretrained(folder + "/checkpoints/logllama-hdfs")
print(json.dumps([verdict.score for verdict in detector.scan(lines, explain="none")]))
"""


def run(hub: LoopbackHub, home: Path, code: str, *arguments: str):
    """Run code in a process of its own against the hub; what it printed last, as JSON."""
    environment = {**hub.environment(home), "HF_MODULES_CACHE": str(home / "modules")}
    done = fresh_process.run(code, *arguments, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def round_trip(folder: Path, with_space: bool = True) -> list[dict[str, object]]:
    """Push everything, load everything in fresh processes; a row a kind: `kind`, `pushed_by`, `loaded_by`, `largest_difference`."""
    with LoopbackHub() as hub:
        pushed = run(hub, folder / "home", PUSH, str(folder), str(TESTS), "space" if with_space else "")
        asked = json.dumps([list(pushed["scores"]), pushed["windows"]])
        read = run(hub, folder / "stranger", READ, asked)
        space = run(hub, folder / "visitor", SPACE, str(folder / "hdfs.log")) if with_space else None
    rows = []
    for name, expected in pushed["scores"].items():
        found = read["models"][name]
        differences = [abs(a - b) for way in ("scores", "pipeline") for a, b in zip(expected, found[way], strict=True)]
        rows.append(
            {
                "kind": name,
                "pushed_by": "Trainer.push_to_hub"
                if "trainer" in name
                else "Pipeline.push_to_hub"
                if "pipeline" in name
                else "model.push_to_hub and processor.push_to_hub",
                "loaded_by": "Auto classes and pipeline(), trust_remote_code, no package",
                "module": found["module"].partition(".")[0],
                "largest_difference": max(differences),
            }
        )
    same = [a == b for a, b in zip(pushed["dataset"], read["dataset"], strict=True)]
    rows.append({"kind": "dataset", "pushed_by": "push_dataset", "loaded_by": "load_dataset(id)", "largest_difference": float(not all(same))})  # fmt: skip
    rows.append({"kind": "metric", "pushed_by": "push_metric", "loaded_by": "evaluate.load(id), no package", "largest_difference": abs(pushed["metric"] - read["metric"])})  # fmt: skip
    if space is not None:
        differences = [abs(a - b) for a, b in zip(pushed["space"], space, strict=True)]
        rows.append({"kind": "space", "pushed_by": "push_space", "loaded_by": "its own copy of the package", "largest_difference": max(differences)})  # fmt: skip
    return rows
