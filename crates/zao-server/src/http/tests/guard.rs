//! The door: names, rights, whose a job is, how often.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Answer, Server, posted, refused_at_last};

const ANN: (&str, &str) = ("x-zao-client", "ann-0123456789abcdef");
const BOB: (&str, &str) = ("x-zao-client", "bob-0123456789abcdef");

fn asked(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// The same from another machine.
fn from(peer: &str, mut request: Request<Body>) -> Request<Body> {
    let peer = SocketAddr::new(peer.parse().unwrap(), 50_000);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn small() -> Value {
    json!({"prompt": "a", "width": 32, "height": 32})
}

async fn submitted(server: &Server, headers: &[(&str, &str)]) -> Value {
    server.send(posted("/v1/jobs", headers, &small())).await.expect(202)
}

fn path(job: &Value) -> &str {
    job["links"]["self"].as_str().unwrap()
}

#[tokio::test]
async fn a_page_that_was_loaded_under_a_strangers_name_gets_nothing() {
    let evil = [("host", "evil.example:7860"), ("origin", "http://evil.example:7860")];
    let server = Server::new();
    server.send(posted("/v1/jobs", &evil, &small())).await.refused(403, "forbidden_origin");
    for path in ["/v1/images", "/v1/jobs", "/", "/metrics", "/docs", "/sdapi/v1/progress"] {
        let answer = server.send(asked("GET", path, &evil[..1])).await;
        let error = answer.refused(403, "forbidden_origin");
        assert!(error["message"].as_str().unwrap().contains("--host-name evil.example"), "{error}");
    }
    server.send(asked("GET", "/health/ready", &evil[..1])).await.expect(200);
    for own in ["127.0.0.1:7860", "[::1]:7860", "localhost"] {
        server.send(asked("GET", "/v1/jobs", &[("host", own)])).await.expect(200);
    }

    let named = Server::with(|settings| settings.host_names = vec!["drawing-box".into()]);
    let headers = [("host", "drawing-box:7860"), ("origin", "http://drawing-box:7860")];
    named.send(posted("/v1/jobs", &headers, &small())).await.expect(202);
    // Whoever has a token is no stranger, and a page of a stranger has none.
    let guarded = Server::with(|settings| settings.token = Some("secret".into()));
    let bearer = ("authorization", "Bearer secret");
    guarded.send(asked("GET", "/v1/jobs", &[evil[0], bearer])).await.expect(200);
}

#[tokio::test]
async fn only_who_runs_the_server_may_stop_it() {
    let server = Server::new();
    let free = |peer, headers: &[_]| from(peer, asked("POST", "/admin/free", headers));
    server.send(free("127.0.0.1", &[])).await.expect(200);
    server.send(free("192.168.1.7", &[])).await.refused(403, "forbidden");
    let through_a_proxy = free("127.0.0.1", &[("x-forwarded-for", "192.168.1.7")]);
    server.send(through_a_proxy).await.refused(403, "forbidden");

    let server = Server::with(|settings| {
        (settings.token, settings.admin_token) = (Some("secret".into()), Some("master".into()));
    });
    let (user, admin) = (("authorization", "Bearer secret"), ("authorization", "Bearer master"));
    server.send(free("192.168.1.7", &[admin])).await.expect(200);
    server.send(free("127.0.0.1", &[user])).await.refused(403, "forbidden");
    server.send(free("127.0.0.1", &[])).await.refused(401, "unauthorized");
    server.send(from("192.168.1.7", asked("GET", "/v1/jobs", &[admin]))).await.expect(200);
}

#[tokio::test]
async fn draining_ends_the_server() {
    let server = Server::new();
    let house = server.painter.house.lock().unwrap().clone().unwrap();
    assert_eq!(server.post("/admin/drain", json!({})).await.expect(200)["status"], "draining");
    server.post("/v1/jobs", small()).await.refused(503, "draining");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), house.is_to_end());
    ended.await.expect("whoever waits for its end hears of it");
}

#[tokio::test]
async fn a_job_is_its_senders_to_cancel() {
    let server = Server::with(|settings| settings.admin_token = Some("master".into()));
    server.pause(true);
    // So that the others wait.
    let first = submitted(&server, &[BOB]).await;
    let (hers, hers_too) = (submitted(&server, &[ANN]).await, submitted(&server, &[ANN]).await);
    let nobodys = submitted(&server, &[]).await;
    assert_eq!((&hers["mine"], &nobodys["mine"]), (&json!(true), &json!(false)));
    let delete = |job: &Value, headers: &[_]| asked("DELETE", path(job), headers);
    for stranger in [&[][..], &[BOB]] {
        let error = server.send(delete(&hers, stranger)).await.refused(403, "forbidden");
        assert_eq!(error["param"], "X-Zao-Client");
    }
    let done = server.send(delete(&hers, &[ANN])).await.expect(200);
    assert_eq!((&done["status"], &done["mine"]), (&json!("cancelled"), &json!(true)));
    server.send(delete(&hers_too, &[("authorization", "Bearer master")])).await.expect(200);
    server.send(delete(&nobodys, &[BOB])).await.expect(200);

    let listed = async |query: &str, headers: &[_]| {
        server.send(asked("GET", &format!("/v1/jobs{query}"), headers)).await.expect(200)["jobs"]
            .clone()
    };
    let mine: Vec<Value> = listed("", &[BOB])
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["mine"].clone())
        .collect();
    assert_eq!(mine, [false, false, false, true]);
    assert_eq!(listed("?mine=true", &[ANN]).await.as_array().unwrap().len(), 2);
    assert_eq!(server.get(path(&first)).await.expect(200)["mine"], false);
    server.get("/v1/jobs?mine=true").await.refused(400, "invalid_request");
    for wrong in ["short", "with spaces in the key", &"x".repeat(65)] {
        let error = server.send(asked("GET", "/v1/jobs", &[("x-zao-client", wrong)])).await;
        assert_eq!(error.refused(400, "invalid_request")["param"], "X-Zao-Client", "{wrong}");
    }

    let queue = |headers: &[_]| asked("GET", "/v1/queue", headers);
    assert_eq!(server.send(queue(&[BOB])).await.expect(200)["mine"], 1);
    assert_eq!(server.send(queue(&[ANN])).await.expect(200)["mine"], 0);
    assert_eq!(server.send(queue(&[])).await.expect(200)["mine"], json!(null));
    server.pause(false);
    server.over(path(&first)).await;
    let events = format!("{}/events", path(&first));
    for (headers, mine) in [(&[BOB][..], "\"mine\":true"), (&[ANN][..], "\"mine\":false")] {
        let told = server.send(asked("GET", &events, headers)).await.bytes;
        assert!(String::from_utf8_lossy(&told).contains(mine), "{mine}: {told:?}");
    }
}

#[tokio::test]
async fn a_picture_is_its_senders_to_delete() {
    let server = Server::new();
    let job = submitted(&server, &[ANN]).await;
    let done = server.over(path(&job)).await;
    let image = done["images"][0]["url"].as_str().unwrap();
    server.send(asked("DELETE", image, &[BOB])).await.refused(403, "forbidden");
    let mine = |headers: &[_]| asked("GET", "/v1/images?mine=true", headers);
    let count = |answer: Answer| answer.expect(200)["images"].as_array().unwrap().len();
    assert_eq!(count(server.send(mine(&[ANN])).await), 1);
    assert_eq!(count(server.send(mine(&[BOB])).await), 0);
    assert_eq!(server.send(asked("DELETE", image, &[ANN])).await.status, 204);
    server.send(asked("DELETE", image, &[ANN])).await.refused(404, "not_found");
}

#[tokio::test]
async fn writing_a_prompt_takes_nothing_from_drawing_it() {
    let server = Server::with(|settings| settings.request.rate = Some(6));
    for _ in 0..12 {
        server.post("/v1/prompt/check", json!({"prompt": "a cat"})).await.expect(200);
        server.post("/v1/prompt/advice", json!({"prompt": "a cat"})).await.expect(200);
    }
    // The interfaces share what there is.
    let ask = async |taken: u32| match taken {
        0..6 => {
            let answer = server.post("/v1/jobs", small()).await;
            answer.expect(202);
            answer
        }
        _ => server.post("/v1/images/generations", json!({"prompt": "a"})).await,
    };
    let answer = refused_at_last(6, ask).await;
    assert!(answer.headers.contains_key("retry-after"));
    server.post("/v1/prompt/check", json!({"prompt": "a cat"})).await.expect(200);
}

#[tokio::test]
async fn who_guesses_tokens_has_to_wait() {
    let server = Server::with(|settings| {
        (settings.token, settings.request.rate) = (Some("secret".into()), Some(3));
    });
    let ask = |peer, token: &str| {
        let bearer = format!("Bearer {token}");
        from(peer, asked("GET", "/v1/jobs", &[("authorization", bearer.as_str())]))
    };
    let guess = async |taken: u32| {
        let answer = server.send(ask("192.168.1.7", &format!("guess-{taken}"))).await;
        assert!(matches!(answer.status.as_u16(), 401 | 429), "{}", answer.status);
        answer
    };
    refused_at_last(3, guess).await;
    server.send(ask("192.168.1.7", "secret")).await.refused(429, "rate_limited");
    server.send(ask("192.168.1.8", "secret")).await.expect(200);
}

#[tokio::test]
async fn a_client_that_has_too_much_waiting_is_told_apart_from_a_full_queue() {
    let server = Server::with(|settings| settings.ledger.queued_per_client = 1);
    server.pause(true);
    submitted(&server, &[]).await;
    // The first may wait still or be drawn already.
    let mut answer = server.post("/v1/jobs", small()).await;
    if answer.status == 202 {
        answer = server.post("/v1/jobs", small()).await;
    }
    answer.refused(429, "client_queue_full");
}

#[tokio::test]
async fn links_lead_to_pictures_behind_tls_and_a_token() {
    let ask = |peer, headers: &[(&str, &str)]| {
        let wish = json!({"prompt": "a", "size": "32x32", "response_format": "url"});
        from(peer, posted("/v1/images/generations", headers, &wish))
    };
    let url = |answer: &Answer| answer.expect(200)["data"][0]["url"].as_str().unwrap().to_owned();
    let proxy = "10.0.0.1";
    let headers = [
        ("host", "pictures.example"),
        ("x-forwarded-proto", "https"),
        ("authorization", "Bearer secret"),
    ];
    let server = Server::with(|settings| {
        settings.token = Some("secret".into());
        settings.proxies = vec![proxy.parse().unwrap()];
    });
    let told = url(&server.send(ask(proxy, &headers)).await);
    let path = told.strip_prefix("https://pictures.example").unwrap_or_else(|| panic!("{told}"));
    let followed = server.get(path).await;
    assert!(followed.status == 200 && followed.bytes.starts_with(b"\x89PNG"), "{path}");
    server.get(path.split('?').next().unwrap()).await.refused(401, "unauthorized");
    server.send(asked("DELETE", path, &[])).await.refused(401, "unauthorized");
    let recipe = path.replace("?key", "/recipe?key");
    server.get(&recipe).await.refused(401, "unauthorized");
    let direct = url(&server.send(ask("192.168.1.7", &headers)).await);
    assert!(
        direct.starts_with("http://pictures.example/v1/images/"),
        "a stranger's word: {direct}"
    );

    let server =
        Server::with(|settings| settings.public_url = Some("https://a.example/zao".into()));
    let told = url(&server.send(ask("127.0.0.1", &[("host", "127.0.0.1:7860")])).await);
    assert!(
        told.starts_with("https://a.example/zao/v1/images/img_") && !told.contains('?'),
        "{told}"
    );
}

#[tokio::test]
async fn limits_of_pixels_and_priority_are_settings() {
    let server = Server::with(|settings| {
        settings.request.priority = zao_api::Priority::Normal;
        settings.request.pixels = 64 * 64;
    });
    let mut wish = small();
    wish["priority"] = "high".into();
    let error = server.post("/v1/jobs", wish.clone()).await.refused(400, "invalid_request");
    assert_eq!(error["param"], "priority");
    wish["priority"] = "normal".into();
    server.post("/v1/jobs", wish).await.expect(202);
    let large = json!({"prompt": "a", "width": 80, "height": 64});
    server.post("/v1/jobs", large).await.refused(400, "invalid_size");
    let told = server.get("/v1/capabilities").await.expect(200);
    assert_eq!((&told["max_priority"], &told["max_pixels"]), (&json!("normal"), &json!(4096)));
    assert_eq!(told["queue"]["max_wait_seconds"], json!(null));
}

#[tokio::test]
async fn a_tier_fits_where_every_worker_has_the_memory() {
    let server = Server::new();
    let fits = async || {
        let told = server.get("/v1/capabilities").await.expect(200);
        let tiers = told["tiers"].as_array().unwrap();
        tiers.iter().map(|tier| tier["fits"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(fits().await, [true, true, true], "nobody has planned anything yet");
    let (draft, standard) = ((zao_api::Quality::Draft, 5), (zao_api::Quality::Standard, 7));
    *server.painter.memory.lock().unwrap() = Some(vec![draft, standard]);
    assert_eq!(fits().await, [true, true, false]);
    *server.painter.memory.lock().unwrap() = Some(Vec::new());
    assert_eq!(fits().await, [false, false, false]);
}

#[tokio::test]
async fn what_is_no_text_is_no_prompt() {
    let server = Server::new();
    for (field, text) in
        [("prompt", "\0"), ("prompt", "a\u{7}cat"), ("negative_prompt", "\u{1b}[31m")]
    {
        let mut wish = small();
        wish[field] = text.into();
        let error = server.post("/v1/jobs", wish).await.refused(400, "invalid_request");
        assert_eq!(error["param"], field, "{error}");
        assert!(error["message"].as_str().unwrap().contains("U+00"), "{error}");
    }
    let mut wish = small();
    wish["prompt"] = "a cat\r\n\tand a dog".into();
    server.post("/v1/jobs", wish).await.expect(202);
    let mut wish = small();
    wish["deadline_seconds"] = 1e-300.into();
    let error = server.post("/v1/jobs", wish).await.refused(400, "invalid_request");
    assert!(error["message"].as_str().unwrap().contains("from 0.1 to 300"), "{error}");
}

#[tokio::test]
async fn what_came_without_a_key_belongs_to_where_it_came_from() {
    const HERE: &str = "127.0.0.1";
    let server = Server::new();
    server.pause(true);
    let program = "10.0.0.7";
    let mut jobs = Vec::new();
    for _ in 0..4 {
        let sent = server.send(from(program, posted("/v1/jobs", &[], &small()))).await;
        jobs.push(sent.expect(202));
    }
    let seen = async |peer: &str, headers: &[_], job: &Value| {
        let job = server.send(from(peer, asked("GET", path(job), headers))).await.expect(200);
        (job["mine"].clone(), job["changeable"].clone())
    };
    let delete = async |peer: &str, headers: &[_], job: &Value| {
        server.send(from(peer, asked("DELETE", path(job), headers))).await
    };
    let [first, second, third, fourth] = &jobs[..] else { panic!("four jobs were sent") };
    for headers in [&[][..], &[ANN]] {
        assert_eq!(seen("10.0.0.8", headers, first).await, (json!(false), json!(false)));
        delete("10.0.0.8", headers, first).await.refused(403, "forbidden");
    }
    // The program itself, a browser beside it, and whoever sits at the server.
    for (peer, headers, job) in
        [(program, &[][..], second), (program, &[ANN][..], third), (HERE, &[ANN][..], fourth)]
    {
        assert_eq!(seen(peer, headers, job).await, (json!(false), json!(true)), "{peer}");
        delete(peer, headers, job).await.expect(200);
    }
    server.pause(false);
    server.over(path(first)).await;
    let listed = async |peer: &str| {
        let listed = server.send(from(peer, asked("GET", "/v1/images", &[ANN]))).await.expect(200);
        listed["images"][0].clone()
    };
    assert_eq!(listed("10.0.0.8").await["changeable"], false);
    let image = listed(program).await;
    assert_eq!(image["changeable"], true);
    let events = format!("{}/events", path(first));
    for (peer, told, other) in [(program, "true", "false"), ("10.0.0.8", "false", "true")] {
        let heard = server.send(from(peer, asked("GET", &events, &[]))).await.bytes;
        let heard = String::from_utf8_lossy(&heard).into_owned();
        assert!(heard.contains(&format!("\"changeable\":{told}")), "{heard}");
        assert!(!heard.contains(&format!("\"changeable\":{other}")), "{heard}");
    }
    let url = image["url"].as_str().unwrap();
    server.send(from("10.0.0.8", asked("DELETE", url, &[]))).await.refused(403, "forbidden");
    assert_eq!(server.send(from(HERE, asked("DELETE", url, &[]))).await.status, 204);
}
