//! Text as HTML. It knows nothing of what the text is about.

/// Text in which nothing means anything to a browser.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A sentence or more, with what stands between backticks as code. A code that is the name of a type leads to it.
pub(super) fn prose(text: &str, is_type: &dyn Fn(&str) -> bool) -> String {
    let pieces = text.split('`').enumerate().map(|(nth, piece)| match nth % 2 {
        0 => escaped(piece).replace("\n\n", "<br><br>"),
        _ if is_type(piece) => {
            format!("<a href=\"#type-{0}\"><code>{0}</code></a>", escaped(piece))
        }
        _ => format!("<code>{}</code>", escaped(piece)),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        let html = prose("a `<b>` or a `Job`", &|name| name == "Job");
        assert_eq!(
            html,
            "a <code>&lt;b&gt;</code> or a <a href=\"#type-Job\"><code>Job</code></a>"
        );
    }
}
