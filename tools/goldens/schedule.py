"""schedule.safetensors: the sigmas and model times of FlowMatchEulerDiscreteScheduler as ZImagePipeline drives it."""

from pathlib import Path

from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.z_image.pipeline_z_image import (
    calculate_shift,
    get_default_z_image_sigmas,
    retrieve_timesteps,
)

from golden import Golden

STEPS = (1, 2, 4, 8, 9, 20, 50)
# shift_terminal divides by 1 - the last sigma, so one step has no terminal schedule.
VARIANTS = {
    "static3": ({"shift": 3.0}, 256, STEPS),
    "static1": ({"shift": 1.0}, 256, STEPS),
    "static6": ({"shift": 6.0}, 256, STEPS),
    "static3-terminal": ({"shift": 3.0, "shift_terminal": 0.1}, 256, (8,)),
    "dynamic256": ({"use_dynamic_shifting": True}, 256, STEPS),
    "dynamic1024": ({"use_dynamic_shifting": True}, 1024, (8,)),
    "dynamic4096": ({"use_dynamic_shifting": True}, 4096, STEPS),
    "dynamic4096-terminal": ({"use_dynamic_shifting": True, "shift_terminal": 0.1}, 4096, (8,)),
    "dynamic4096-linear": ({"use_dynamic_shifting": True, "time_shift_type": "linear"}, 4096, (8,)),
}


def make(folder: Path) -> None:
    golden = Golden("schedule", {"variants": {}})
    for name, (overrides, image_tokens, steps) in VARIANTS.items():
        scheduler = FlowMatchEulerDiscreteScheduler(**{"num_train_timesteps": 1000, "shift": 3.0, **overrides})
        config = scheduler.config
        mu = calculate_shift(
            image_tokens,
            config.base_image_seq_len,
            config.max_image_seq_len,
            config.base_shift,
            config.max_shift,
        )
        public = {key: value for key, value in config.items() if not key.startswith("_")}
        golden.description["variants"][name] = {"config": public, "image_tokens": image_tokens, "mu": mu, "steps": steps}
        for count in steps:
            sigmas = get_default_z_image_sigmas(count)
            timesteps, _ = retrieve_timesteps(scheduler, count, "cpu", sigmas=sigmas, mu=mu)
            golden.add(f"{name}/n{count}/sigmas", scheduler.sigmas)
            golden.add(f"{name}/n{count}/t", (1000 - timesteps) / 1000)
    golden.write(folder / "schedule.safetensors")
