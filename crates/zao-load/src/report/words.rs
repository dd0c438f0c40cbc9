//! The words of tables, in both languages side by side. Remarks and details stay English: they are quoted in reports of faults.

use super::Load;

/// A language of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese.
    Chinese,
}

/// A column of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Load,
    Requests,
    Throughput,
    Goodput,
    Ttfb,
    Ttfp,
    E2e50,
    E2e90,
    E2e95,
    E2e99,
    Max,
    Queue,
    Inference,
    News,
    EtaError,
    Errors,
    Wrong,
    Refused,
    Dropped,
    Memory,
    CardMemory,
    Utilization,
    Power,
    Energy,
    Residual,
}

impl Column {
    pub(super) const ALL: [Self; 25] = [
        Self::Load,
        Self::Requests,
        Self::Throughput,
        Self::Goodput,
        Self::Ttfb,
        Self::Ttfp,
        Self::E2e50,
        Self::E2e90,
        Self::E2e95,
        Self::E2e99,
        Self::Max,
        Self::Queue,
        Self::Inference,
        Self::News,
        Self::EtaError,
        Self::Errors,
        Self::Wrong,
        Self::Refused,
        Self::Dropped,
        Self::Memory,
        Self::CardMemory,
        Self::Utilization,
        Self::Power,
        Self::Energy,
        Self::Residual,
    ];

    pub(super) const fn word(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::Load => ("load", "负载"),
            Self::Requests => ("n", "请求数"),
            Self::Throughput => ("req/s", "请求/秒"),
            Self::Goodput => ("good/s", "达标/秒"),
            Self::Ttfb => ("TTFB p50", "首字节 p50"),
            Self::Ttfp => ("TTFP p50", "首预览 p50"),
            Self::E2e50 => ("E2E p50", "全程 p50"),
            Self::E2e90 => ("p90", "p90"),
            Self::E2e95 => ("p95", "p95"),
            Self::E2e99 => ("p99", "p99"),
            Self::Max => ("max", "最大"),
            Self::Queue => ("queue p50", "排队 p50"),
            Self::Inference => ("work p50", "推理 p50"),
            Self::News => ("news p99", "事件 p99"),
            Self::EtaError => ("ETA error p50, p90", "预计误差 p50, p90"),
            Self::Errors => ("errors", "错误"),
            Self::Wrong => ("wrong", "错图"),
            Self::Refused => ("429", "429"),
            Self::Dropped => ("dropped", "未发"),
            Self::Memory => ("memory", "内存"),
            Self::CardMemory => ("GPU mem", "显存"),
            Self::Utilization => ("GPU", "GPU"),
            Self::Power => ("power", "功率"),
            Self::Energy => ("J/picture", "焦/图"),
            Self::Residual => ("Little", "利特尔"),
        };
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

/// What the server was given to do.
pub(super) fn load(load: Load, language: Language) -> String {
    match (language, load) {
        (Language::Chinese, Load::Closed { clients }) => format!("{clients} 个客户端"),
        (Language::Chinese, Load::Replayed) => "回放".into(),
        _ => load.to_string(),
    }
}

/// What stands where there are too few values.
pub(super) fn too_few(language: Language) -> String {
    match language {
        Language::English => "n too small".into(),
        Language::Chinese => "样本太少".into(),
    }
}
