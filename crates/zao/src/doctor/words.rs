//! Everything that the doctor says, in both languages side by side. What is said when is decided elsewhere.

use zao_engine::{
    Bus, CardFacts, DriverState, Grid, MainMemory, PrecisionReason, Processor, Served,
};

use super::system::System;
use crate::language::{Text, both};
use crate::units::bytes;

/// What a row of the report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Processor,
    Memory,
    Driver,
    Cards,
    Libraries,
    Disk,
    Models,
    Loras,
    Verdict,
    Advice,
}

impl Label {
    pub(super) fn text(self) -> Text {
        match self {
            Self::Processor => both!("Processor", "处理器"),
            Self::Memory => both!("Memory", "内存"),
            Self::Driver => both!("NVIDIA driver", "NVIDIA 驱动"),
            Self::Cards => both!("Cards", "显卡"),
            Self::Libraries => both!("Libraries", "加速库"),
            Self::Disk => both!("Disk", "磁盘"),
            Self::Models => both!("Models", "模型"),
            Self::Loras => both!("LoRAs", "LoRA 适配器"),
            Self::Verdict => both!("Drawing", "绘图"),
            Self::Advice => both!("To do", "建议"),
        }
    }
}

pub(super) fn processor(processor: &Processor) -> Text {
    let Processor { name, instructions, usable, cores } = processor;
    let name = name.as_deref().unwrap_or("?");
    both!(
        "{name}, {instructions}, {usable} of {cores} cores usable",
        "{name}，指令集 {instructions}，可用 {usable} 核（共 {cores} 核）"
    )
}

pub(super) fn memory(memory: &MainMemory) -> Text {
    let known = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), bytes);
    let (total, free) = (known(memory.total), known(memory.free));
    let text = both!("{free} free of {total}", "共 {total}，可用 {free}");
    let Some(limit) = memory.limit.map(bytes) else { return text };
    text.then(&both!(", this container may use {limit}", "，容器限额 {limit}"))
}

pub(super) fn driver(driver: &DriverState, release: Option<&str>, plugged_in: usize) -> Text {
    let release = release
        .map_or_else(|| Text::same(""), |release| both!(", driver {release}", "，驱动 {release}"));
    match driver {
        DriverState::Missing if plugged_in == 0 => {
            both!("none, and no NVIDIA card is seen", "未安装，也未检测到 NVIDIA 显卡")
        }
        DriverState::Missing => both!(
            "not found, although NVIDIA cards are plugged in: {plugged_in}",
            "未找到，但机器上插有 {plugged_in} 张 NVIDIA 显卡"
        ),
        DriverState::TooOld { cuda: (major, minor) } => {
            both!("CUDA {major}.{minor}", "支持到 CUDA {major}.{minor}").then(&release).then(
                &both!(
                    ": too old, CUDA 12.0 (driver 525) or newer is needed",
                    "：版本过旧，需要 CUDA 12.0（驱动 525）或更新"
                ),
            )
        }
        DriverState::Failing { message } => {
            both!("does not start: {message}", "无法启动：{message}")
        }
        DriverState::Ready { cuda: (major, minor) } => {
            both!("CUDA {major}.{minor}", "支持到 CUDA {major}.{minor}")
                .then(&release)
                .then(&both!(": new enough", "：版本满足要求"))
        }
    }
}

pub(super) fn card(card: &CardFacts) -> Text {
    let CardFacts { label, name, capability: (major, minor), .. } = card;
    let memory = bytes(card.memory);
    let text = match &card.free {
        Ok(free) => {
            let free = bytes(*free);
            both!(
                "{label} {name}, {free} free of {memory}",
                "{label} {name}，显存 {memory}，空闲 {free}"
            )
        }
        Err(why) => both!(
            "{label} {name}, {memory}, cannot be used now: {why}",
            "{label} {name}，显存 {memory}，目前无法使用：{why}"
        ),
    };
    let served = match card.served {
        Served::Built(architecture) => both!(
            "; compute {major}.{minor}, kernels for {architecture} are built in",
            "；计算能力 {major}.{minor}，内置 {architecture} 内核"
        ),
        Served::ByDriver => both!(
            "; compute {major}.{minor}, newer than this zao: the driver compiles the kernels",
            "；计算能力 {major}.{minor}，比此版 zao 更新，内核由驱动即时编译"
        ),
        Served::No => both!(
            "; compute {major}.{minor} is too old, 8.0 (Ampere, RTX 30) or later is needed",
            "；计算能力 {major}.{minor} 过旧，需要 8.0（Ampere，即 RTX 30 系）或更新"
        ),
    };
    text.then(&served).then(&card.bus.map_or_else(|| Text::same(""), bus))
}

fn bus(bus: Bus) -> Text {
    let (generation, lanes) = (bus.generation(), bus.lanes);
    let rate = bytes(bus.bytes_per_second() as u64);
    both!("; PCIe {generation}.0 x{lanes}, {rate}/s", "；PCIe {generation}.0 x{lanes}，{rate}/s")
}

pub(super) fn no_cards() -> Text {
    both!("none that can be used", "没有可用的显卡")
}

pub(super) fn library(name: &str, major: u32, path: &str) -> Text {
    both!("{name} {major} (optional): {path}", "{name} {major}（可选）：{path}")
}

pub(super) fn no_libraries() -> Text {
    both!("no cuBLASLt, no cuDNN; zao needs neither", "未找到 cuBLASLt 和 cuDNN，zao 也不依赖它们")
}

pub(super) fn disk(free: Option<u64>, folder: &str) -> Text {
    let free = free.map_or_else(|| "?".to_owned(), bytes);
    both!("{free} free where models are kept: {folder}", "模型目录所在磁盘剩余 {free}：{folder}")
}

pub(super) fn read_rate(rate: u64) -> Text {
    let rate = bytes(rate);
    both!(
        "; model files are read at {rate}/s (more where they are cached)",
        "；读取模型文件 {rate}/s（已缓存时会更快）"
    )
}

pub(super) fn whole(name: &str, size: u64, weights: &str, place: &str) -> Text {
    let size = bytes(size);
    both!("{name}: whole, {size} in {weights}, {place}", "{name}：完整，{size}，{weights}，{place}")
}

pub(super) fn built_in(name: &str) -> Text {
    both!("{name}: built in, for trying out", "{name}：内置小模型，供试用")
}

pub(super) fn unfinished(name: &str) -> Text {
    both!("{name}: its download is not finished", "{name}：下载未完成")
}

pub(super) fn lacking(name: &str) -> Text {
    both!(
        "{name}: not whole, files are missing or were changed",
        "{name}：不完整，缺少文件或文件被改动"
    )
}

pub(super) fn misfit(name: &str, why: &str) -> Text {
    both!("{name}: cannot be drawn with: {why}", "{name}：无法使用：{why}")
}

pub(super) fn no_models() -> Text {
    both!("none", "没有模型")
}

pub(super) fn loras(count: usize, folder: &str) -> Text {
    both!("{count} in {folder}", "{count} 个，位于 {folder}")
}

/// Which model draws, on which card or else on the processor, and in which precision.
pub(super) fn draws(model: &str, is_here: bool, card: Option<&str>, precision: &str) -> Text {
    let when =
        if is_here { Text::same("") } else { both!(", once it is installed,", "（安装后）") };
    let place = match card {
        Some(card) => {
            both!(" on {card} in {precision}", "：使用 {card}，精度 {precision}")
        }
        None => both!(" on the processor in {precision}", "：使用处理器，精度 {precision}"),
    };
    Text::same(model).then(&when).then(&place)
}

pub(super) fn reason(reason: PrecisionReason) -> Text {
    match reason {
        PrecisionReason::Asked => both!(", as asked for", "（按指定）"),
        PrecisionReason::Stored => {
            both!(", in which it is stored", "（模型即以此精度存储）")
        }
        PrecisionReason::Small => {
            both!(", because it is so small", "（模型很小，无需降低精度）")
        }
        PrecisionReason::Fits { needed, free } => {
            let (needed, free) = (bytes(needed), bytes(free));
            both!(
                ": a picture needs {needed} of the {free} that can be used",
                "：一张图需要 {needed}，可用 {free}"
            )
        }
        PrecisionReason::Short { needed, free } => {
            let (needed, free) = (bytes(needed), bytes(free));
            both!(
                ": bf16 would need {needed}, and {free} can be used",
                "：bf16 需要 {needed}，而可用的只有 {free}"
            )
        }
        PrecisionReason::Streams { needed, free } => {
            let (needed, free) = (bytes(needed), bytes(free));
            both!(
                ": even so {needed} would be needed and {free} can be used, so weights are streamed from main memory",
                "：即便如此仍需要 {needed}，而可用的只有 {free}，因此部分权重从内存流式传入"
            )
        }
        PrecisionReason::Beyond { needed, free } => {
            let (needed, free) = (bytes(needed), bytes(free));
            both!(
                ": even so a picture would need {needed}, and {free} can be used",
                "：即便如此，一张图也需要 {needed}，而可用的只有 {free}"
            )
        }
    }
}

pub(super) fn extent(size: Grid, takes: u64, largest: Grid, together: usize) -> Text {
    let takes = bytes(takes);
    let [width, height] = [size.width, size.height];
    let [most_wide, most_high] = [largest.width, largest.height];
    both!(
        "{width}x{height} takes {takes}; up to {most_wide}x{most_high}, or {together} at once (--count {together})",
        "{width}x{height} 需要 {takes}；最大可画 {most_wide}x{most_high}，或一次同时画 {together} 张（--count {together}）"
    )
}

pub(super) fn passed_over(why: &str) -> Text {
    both!("the card is not used: {why}", "未使用显卡：{why}")
}

pub(super) fn refused(why: &str) -> Text {
    both!("does not fit here: {why}", "此机器放不下：{why}")
}

pub(super) fn try_it() -> Text {
    both!("begin with: ", "可以这样开始：")
}

pub(super) fn compare() -> Text {
    both!(
        "zao plan shows memory and time of every precision, here or on another card",
        "用 zao plan 查看各种精度在本机或其他显卡上的内存占用和耗时"
    )
}

pub(super) fn all_is_well() -> Text {
    both!("nothing", "无需改动")
}

pub(super) fn install_driver(system: System) -> Text {
    let text = both!("install the NVIDIA driver, 525 or newer", "安装 NVIDIA 驱动（525 或更新）");
    text.then(&from(system))
}

pub(super) fn update_driver(system: System) -> Text {
    let text = both!("update the NVIDIA driver to 525 or newer", "将 NVIDIA 驱动升级到 525 或更新");
    text.then(&from(system))
}

/// Where a driver comes from.
fn from(system: System) -> Text {
    match system {
        System::Container => both!(
            " on the host, with its container toolkit, and give the card to the container:",
            "：装在宿主机上并安装 NVIDIA Container Toolkit，再把显卡交给容器："
        ),
        System::Wsl => both!(
            " in Windows, not in here: https://www.nvidia.com/drivers",
            "：装在 Windows 里，不要装在 WSL 里：https://www.nvidia.cn/drivers"
        ),
        System::Debian => both!(" (from the section non-free):", "（需启用 non-free 软件源）："),
        System::Fedora => {
            both!(" (from the repository RPM Fusion):", "（需启用 RPM Fusion 软件源）：")
        }
        System::Ubuntu | System::Arch => Text::same(":"),
        System::Windows | System::Other => {
            both!(": https://www.nvidia.com/drivers", "：https://www.nvidia.cn/drivers")
        }
    }
}

pub(super) fn repair_driver() -> Text {
    both!(
        "the driver does not start; restart the machine, and see whether nvidia-smi lists the card",
        "驱动无法启动：重启机器，再用 nvidia-smi 确认能否看到显卡"
    )
}

pub(super) fn give_card() -> Text {
    both!(
        "the driver shows no card to this process; see CUDA_VISIBLE_DEVICES, and in a container --gpus all",
        "驱动没有向本进程提供显卡：检查 CUDA_VISIBLE_DEVICES；若在容器中，启动时加 --gpus all"
    )
}

pub(super) fn pull(name: &str, size: u64) -> Text {
    let size = bytes(size);
    both!(
        "install the real model, {size} ({name}; from China rather --from modelscope):",
        "安装正式模型 {name}，约 {size}（国内网络建议用 modelscope）："
    )
}

pub(super) fn disk_is_short(needed: u64, free: u64) -> Text {
    let (needed, free) = (bytes(needed), bytes(free));
    both!(
        "the model needs {needed} of disk and {free} are free; name a folder on a larger disk in ZAO_HOME, or take a GGUF file of 4 to 8 GB for --transformer",
        "模型需要 {needed} 磁盘空间，只剩 {free}：用 ZAO_HOME 指定更大磁盘上的目录，或改用 4 到 8 GB 的 GGUF 文件（--transformer）"
    )
}

pub(super) fn finish(name: &str) -> Text {
    both!("finish the download of {name}:", "继续下载 {name}：")
}

pub(super) fn mend(name: &str) -> Text {
    both!("see what {name} lacks:", "查看 {name} 缺什么：")
}

pub(super) fn convert(name: &str) -> Text {
    both!(
        "store {name} in int8: on a processor it draws 2 to 4 times as fast as bf16, starts in a second and takes half of the disk:",
        "将 {name} 转存为 int8：在处理器上绘图速度是 bf16 的 2 到 4 倍，一秒即可启动，磁盘占用减半："
    )
}

pub(super) fn free_the_card(label: &str, used: u64) -> Text {
    let used = bytes(used);
    both!(
        "other programs hold {used} of {label}; nvidia-smi shows which",
        "其他程序占用了 {label} 的 {used} 显存，用 nvidia-smi 查看"
    )
}

pub(super) fn more_memory() -> Text {
    both!(
        "close other programs, raise the container's limit, or draw smaller: --quality draft",
        "关闭其他程序、提高容器限额，或画小一些：--quality draft"
    )
}

pub(super) fn cannot_open(why: &str) -> Text {
    both!("the model cannot be opened: {why}", "模型无法打开：{why}")
}

pub(super) fn cannot_draw(why: &str) -> Text {
    both!("cannot draw here: {why}", "此机器目前无法绘图：{why}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_missing_in_either_language() {
        crate::language::tests::check_pairs(include_str!("words.rs"));
    }
}
