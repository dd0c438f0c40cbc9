//! What happens before the first row: the server is waited for, pictures to compare with are drawn alone, requests warm it up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Stop;
use super::context::{Context, sample};
use crate::drive::{self, Manner};
use crate::http::{Client, Question};
use crate::picture::{self, Fault, Judge};
use crate::plan::{Wish, Wishes};
use crate::record::Trouble;
use crate::report::WarmUp;
use crate::{Error, Result, Settings};

/// How often a server that is not ready is asked.
const EVERY: Duration = Duration::from_millis(250);

/// Everything that requests need, and what warming up was like.
pub(super) async fn context(
    settings: &Settings,
    stop: &Stop,
) -> Result<(Arc<Context>, Option<WarmUp>)> {
    let client = Arc::new(Client::new(settings.target.clone())?);
    ready(&client, settings, stop).await?;
    let manner = Manner {
        protocol: settings.protocol,
        extra: settings.extra.clone(),
        timeout: settings.timeout,
        retry: settings.retry,
    };
    let fresh = || Wishes::fresh(settings.prompts.clone(), settings.pattern.clone(), settings.seed);
    let warm_up = warm_up(&client, &manner, settings, stop).await;
    let (wishes, judge) = match (&settings.expect, settings.same_as_single) {
        (Some(_), Some(_)) => {
            let reason =
                "pictures cannot be held against files and single runs at once; choose one";
            return Err(Error::Settings(reason.into()));
        }
        (Some(place), None) => {
            let pictures = picture::pictures_of(place)?;
            let judge = Judge::expecting(picture::expected_pictures(&pictures));
            (Wishes::repeated(pictures.into_iter().map(|it| it.wish).collect()), judge)
        }
        (None, Some(count)) => singles(&client, &manner, &fresh(), count, stop).await?,
        (None, None) => (fresh(), Judge::default()),
    };
    let objectives = settings.objectives.clone();
    Ok((Arc::new(Context::new(client, manner, wishes, judge, objectives)), warm_up))
}

/// Waits for the server to say that it is ready. One that has no such page counts as ready when it answers at all.
async fn ready(client: &Client, settings: &Settings, stop: &Stop) -> Result<()> {
    let question = Question::get(client.path("/health"));
    let begin = Instant::now();
    loop {
        // A server that takes the question and never answers is not ready either.
        let patience = settings.wait.max(Duration::from_secs(5));
        let asked = tokio::time::timeout(patience, client.fetch(&question)).await;
        let reason = match &asked {
            Ok(Ok((answer, _))) if answer.status != hyper::StatusCode::SERVICE_UNAVAILABLE => {
                return Ok(());
            }
            Ok(Ok((_, body))) => String::from_utf8_lossy(body).trim().to_owned(),
            Ok(Err(Trouble::Failed { detail, .. } | Trouble::Refused { detail, .. })) => {
                detail.clone()
            }
            Err(_) => "it took the question and said nothing".to_owned(),
        };
        if stop.is_asked() {
            return Err(Error::Stopped);
        }
        if begin.elapsed() >= settings.wait {
            return Err(match asked {
                Ok(Ok(_)) => Error::NotReady {
                    url: client.target().to_string(),
                    seconds: settings.wait.as_secs_f64(),
                    reason,
                },
                _ => Error::Unreachable { url: client.target().to_string(), reason },
            });
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Requests one after the other, with prompts and seeds that do not come again.
async fn warm_up(
    client: &Arc<Client>,
    manner: &Manner,
    settings: &Settings,
    stop: &Stop,
) -> Option<WarmUp> {
    let wishes = Wishes::fresh(settings.prompts.clone(), settings.pattern.clone(), !settings.seed);
    let judge = Judge::default();
    let mut done = WarmUp { requests: 0, failed: 0, longest_seconds: 0.0 };
    for _ in 0..settings.warm_up {
        if stop.is_asked() {
            break;
        }
        let wish = wishes.next();
        let sent = drive::send(client, manner, &wish, Instant::now()).await;
        let sample = sample(&judge, &wish, sent);
        done.requests += 1;
        done.failed += u32::from(!sample.is_correct());
        done.longest_seconds = done.longest_seconds.max(sample.seconds());
    }
    (done.requests > 0).then_some(done)
}

/// Of so many requests that are drawn alone one may come out in one colour, which a small model does now and then with words that it does not
/// know; the next is drawn in its place. More of them are a fault.
const FLAT_OF: u32 = 50;

/// Draws requests alone, so that under load they can be asked for again.
async fn singles(
    client: &Arc<Client>,
    manner: &Manner,
    wishes: &Wishes,
    count: u32,
    stop: &Stop,
) -> Result<(Wishes, Judge)> {
    let count = count.max(1);
    let mut flat = 0;
    let mut drawn = Vec::new();
    let mut expected = HashMap::new();
    while drawn.len() < count as usize {
        if stop.is_asked() {
            return Err(Error::Stopped);
        }
        let wish = wishes.next();
        let pictures = match single(client, manner, &wish).await {
            Ok(pictures) => pictures,
            Err((code, _)) if code == Fault::Constant.code() && flat <= count / FLAT_OF => {
                flat += 1;
                continue;
            }
            Err((code, detail)) => {
                return Err(Error::Single { index: drawn.len(), code, detail });
            }
        };
        let key = wish.key().ok_or_else(|| {
            Error::Settings(
                "only requests with a seed can be compared with their single run".into(),
            )
        })?;
        expected.insert(key, pictures);
        drawn.push(wish);
    }
    Ok((Wishes::repeated(drawn), Judge::expecting(expected)))
}

async fn single(
    client: &Arc<Client>,
    manner: &Manner,
    wish: &Wish,
) -> Result<Vec<picture::Fingerprint>, (String, String)> {
    let patient = Manner { retry: true, ..manner.clone() };
    let drawn = match drive::send(client, &patient, wish, Instant::now()).await.drawn {
        Ok(drawn) => drawn,
        Err(Trouble::Failed { code, detail } | Trouble::Refused { code, detail, .. }) => {
            return Err((code, detail));
        }
    };
    let told = |fault: Fault| (fault.code().to_owned(), fault.to_string());
    let asked = wish.size().or(drawn.size);
    drawn.pictures.iter().map(|bytes| picture::look(bytes, asked).map_err(told)).collect()
}
