//! What an answer says that is not 2xx: the code and the words, in any of the envelopes that servers use.

use serde_json::Value;

use crate::http::{Answer, Client};
use crate::record::Trouble;

/// Only so much of what a server says is kept.
const MOST_WORDS: usize = 200;

/// Passes on an answer that is a success; makes of any other what went wrong.
pub(super) async fn check(client: &Client, mut answer: Answer) -> Result<Answer, Trouble> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let status = answer.status.as_u16();
    let retry_after = answer.retry_after();
    let body = client.read(&mut answer).await?;
    let (code, detail) = said(status, &body);
    Err(match status {
        429 => Trouble::Refused { code, detail, retry_after },
        _ => Trouble::Failed { code, detail },
    })
}

/// Code and words of a failure. OpenAI, zao: `{"error": {"code", "type", "message"}}`; FastAPI: `{"detail": ..}`.
pub(super) fn said(status: u16, body: &[u8]) -> (String, String) {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let error = if value["error"].is_object() { &value["error"] } else { &value };
    // A1111 names the kind of failure where others have an object.
    let name = |field: &str| error[field].as_str().filter(|text| is_name(text));
    let code = name("code").or_else(|| name("type")).or_else(|| name("error"));
    let code = code.map_or_else(|| format!("http_{status}"), str::to_owned);
    let words = [&error["message"], &value["detail"], &value["errors"], &value["error"]]
        .into_iter()
        .map(|words| words.as_str().map_or_else(|| words.to_string(), str::to_owned))
        .find(|words| !words.is_empty() && words != "null");
    let words = words.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let words: String = words.chars().take(MOST_WORDS).collect();
    (code, format!("status {status}: {}", words.trim()).trim_end().to_owned())
}

/// Whether a code is one, and not a sentence.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_is_opened() {
        for (status, body, code, detail) in [
            (
                429,
                r#"{"error":{"code":"queue_full","message":"later","type":"x"}}"#,
                "queue_full",
                "status 429: later",
            ),
            (
                400,
                r#"{"error":{"code":null,"message":"no","type":"BadRequest"}}"#,
                "BadRequest",
                "status 400: no",
            ),
            (422, r#"{"detail":"no such field"}"#, "http_422", "status 422: no such field"),
            (
                500,
                r#"{"error":"OutOfMemoryError","detail":"","errors":"no memory"}"#,
                "OutOfMemoryError",
                "status 500: no memory",
            ),
            (502, "<html>", "http_502", "status 502: <html>"),
            (503, "", "http_503", "status 503:"),
        ] {
            let said = said(status, body.as_bytes());
            assert_eq!(said, (code.to_owned(), detail.to_owned()));
        }
    }
}
