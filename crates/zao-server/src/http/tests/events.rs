//! Events: from the beginning, after a lost connection, of a job that is over.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::Server;

/// The events of a finished stream: number, name and data.
fn read(text: &str) -> Vec<(u64, String, Value)> {
    let events = text.split("\n\n").filter(|event| event.contains("data:"));
    events
        .map(|event| {
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap()
            };
            let data = serde_json::from_str(field("data:")).unwrap();
            (field("id:").parse().unwrap(), field("event:").to_owned(), data)
        })
        .collect()
}

async fn follow(server: &Server, path: &str, last: Option<u64>) -> Vec<(u64, String, Value)> {
    let mut request = Request::get(path);
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-accel-buffering"], "no");
    assert!(answer.headers["cache-control"].to_str().unwrap().contains("no-transform"));
    read(std::str::from_utf8(&answer.bytes).unwrap())
}

#[tokio::test]
async fn a_job_is_followed_to_its_end_and_what_was_missed_is_told_again() {
    let server = Server::new();
    server.pause(true);
    let wish = json!({"prompt": "a cat", "width": 32, "height": 32, "steps": 4, "previews": 2, "count": 2});
    let job = server.post("/v1/jobs", wish).await.expect(202);
    let path = job["links"]["events"].as_str().unwrap().to_owned();
    let (all, ()) = tokio::join!(server.held_back(follow(&server, &path, None)), async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        server.pause(false);
    });
    let names: Vec<&str> = all.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"snapshot"), Some(&"completed")), "{names:?}");
    let count = |name| names.iter().filter(|other| **other == name).count();
    assert_eq!((count("step"), count("preview"), count("image")), (4, 4, 2), "{names:?}");
    assert!(all.is_sorted_by(|(a, ..), (b, ..)| a <= b));
    assert!(all.iter().all(|(_, _, data)| data["job"] == job["id"]));
    let state = &all.last().unwrap().2["state"];
    assert_eq!(state["images"].as_array().unwrap().len(), 2);

    // From the first step on, as after a lost connection. Previews are not kept of what is over.
    let first = all.iter().position(|(_, name, _)| name == "step").unwrap();
    let missed = follow(&server, &path, Some(all[first].0)).await;
    let kept: Vec<_> = all[first + 1..].iter().filter(|(_, name, _)| name != "preview").collect();
    assert_eq!(missed.iter().collect::<Vec<_>>(), kept);
    // Nothing is known of so early a time: the state comes first.
    let early = follow(&server, &path, Some(1)).await;
    assert_eq!(early[0].1, "snapshot");
    assert_eq!(early.last().unwrap().1, "completed");
    // Nor of an event that never was.
    for last in [None, Some(u64::MAX)] {
        let again = follow(&server, &path, last).await;
        let names: Vec<&str> = again.iter().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(names, ["snapshot", "completed"], "{last:?}");
    }
}

#[tokio::test]
async fn streams_of_nothing_are_refused() {
    let server = Server::new();
    server.get("/v1/jobs/job_0123456789abcdefghjkmnpqrs/events").await.refused(404, "not_found");
    let job = server.post("/v1/jobs", json!({"prompt": "a"})).await.expect(202);
    let path = job["links"]["events"].as_str().unwrap();
    let request = Request::get(path).header("last-event-id", "seven").body(Body::empty()).unwrap();
    server.send(request).await.refused(400, "invalid_request");
}
