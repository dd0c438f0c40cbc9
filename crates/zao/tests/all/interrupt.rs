//! Ctrl-C, as the signal that a terminal sends for it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::folder::{Folder, SMALL, succeed};
use crate::said::Said;

/// What no machine is too slow for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `ready` says so.
fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let since = Instant::now();
    while !ready() {
        assert!(since.elapsed() < PATIENCE, "{what}: waited too long");
        sleep(Duration::from_millis(10));
    }
}

fn start(command: &mut Command) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("listening for signals", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        // Signal 2 is SIGINT.
        u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0
    });
    child
}

fn press_ctrl_c(child: &Child) {
    succeed(Command::new("kill").args(["-INT", &child.id().to_string()]));
}

fn end(child: Child) -> Said {
    Said::after(String::new(), child.wait_with_output().unwrap())
}

/// Processor time that a process has taken, in the system's ticks, and whether it sleeps.
fn activity(child: &Child) -> (u64, bool) {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |i: usize| fields[i].parse::<u64>().unwrap();
    (ticks(11) + ticks(12), fields[0] == "S")
}

#[test]
fn the_first_stops_at_the_next_step() {
    let folder = Folder::new();
    let long = ["generate", "x", "--size", "512x512", "--steps", "1000"];
    let child = start(folder.zao().args(long));
    sleep(Duration::from_millis(500));
    press_ctrl_c(&child);
    end(child).complains(1, &["cancelled", "nothing was written"]);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn the_second_stops_at_once() {
    let folder = Folder::new();
    succeed(folder.command("mkfifo").env("PATH", "/usr/bin:/bin").arg("pipe"));
    // Nobody reads the pipe, so without the second signal this never ends.
    let mut child = start(folder.zao().args(SMALL).args(["--output", "pipe"]));
    // Where the machine is busy, a process may get no time between two looks although it has much to do.
    let (mut last, mut alike) = (activity(&child), 0);
    wait_until("the picture is drawn", || {
        sleep(Duration::from_millis(200));
        let before = std::mem::replace(&mut last, activity(&child));
        alike = if last == before && last.1 && last.0 > 0 { alike + 1 } else { 0 };
        alike == 3
    });
    press_ctrl_c(&child);
    sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().unwrap(), None, "the first only asks");
    press_ctrl_c(&child);
    let said = end(child);
    assert_eq!((said.code, said.text(), said.err.as_str()), (Some(1), "", ""));
    assert_eq!(folder.names(), ["pipe"]);
}
