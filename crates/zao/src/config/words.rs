//! The words of `zao config` in both languages. Names of settings, and what they mean, are those of the command line.

use crate::language::{Text, both};

/// A heading of the help.
pub(super) fn heading(name: &str) -> Text {
    match name {
        "Network" => both!("Network", "网络"),
        "Drawing" => both!("Drawing", "绘图"),
        "Memory" => both!("Memory", "内存"),
        "Limits" => both!("Limits", "限制"),
        "Queue" => both!("Queue", "队列"),
        "Keeping" => both!("Keeping", "保存"),
        "Log" => both!("Log", "日志"),
        other => Text::same(other),
    }
}

/// The heading of what is set by variables only.
pub(super) fn places() -> Text {
    both!("Places", "位置")
}

pub(super) fn default() -> Text {
    both!("default", "默认")
}

/// A value that counts before others.
pub(super) fn instead_of(others: &str) -> Text {
    both!(", instead of {others}", "，取代 {others}")
}

/// A value and where it is from.
pub(super) fn value_of(value: &str, origin: &str) -> Text {
    both!("{value} ({origin})", "{value}（{origin}）")
}

pub(super) fn secret_is_set() -> Text {
    both!("set", "已设置")
}

pub(super) fn not_set() -> Text {
    both!("not set", "未设置")
}

/// What a file is good for.
pub(super) fn file_is_good(file: &str, count: usize) -> Text {
    both!("{file}: {count} settings, all of them can be used", "{file}：{count} 项设置，均可使用")
}

pub(super) fn no_file(would_be: &str) -> Text {
    both!(
        "no file with settings; `zao config init` writes {would_be}",
        "没有设置文件；`zao config init` 会写入 {would_be}"
    )
}

pub(super) fn variables_are_good(count: usize) -> Text {
    both!(
        "environment: {count} settings, all of them can be used",
        "环境变量：{count} 项设置，均可使用"
    )
}

/// A variable with our prefix that means nothing.
pub(super) fn unknown_variable(name: &str, meant: Option<&str>) -> Text {
    match meant {
        Some(meant) => both!(
            "the variable {name} means nothing to zao; {meant} is probably meant",
            "zao 不认识环境变量 {name}；可能应为 {meant}"
        ),
        None => both!("the variable {name} means nothing to zao", "zao 不认识环境变量 {name}"),
    }
}

/// How many settings are wrong, after each was told.
pub(super) fn wrong(count: usize) -> Text {
    both!("{count} of the settings cannot be used; see above", "有 {count} 项设置无法使用，见上文")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_text_is_in_both_languages() {
        crate::language::tests::check_pairs(
            include_str!("words.rs").split("mod tests").next().unwrap(),
        );
    }
}
