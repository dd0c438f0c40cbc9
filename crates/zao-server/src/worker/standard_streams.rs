//! The pipes to the parent: standard input as it is, and standard output kept from everybody else in this process, for
//! one line that a library prints would end the conversation. What is printed goes to standard error from then on.

use std::io::{self, Stdin};

/// Where orders come from and words go to.
pub struct Streams {
    /// Orders.
    pub input: Stdin,
    /// Words.
    pub output: Output,
}

#[cfg(unix)]
type Output = std::fs::File;
#[cfg(not(unix))]
type Output = io::Stdout;

/// Takes the standard streams for the parent. On Linux this process ends with its parent from here on, whatever it is
/// busy with.
///
/// # Errors
/// Those of the system.
#[cfg(unix)]
pub fn standard_streams() -> io::Result<Streams> {
    use std::os::fd::AsFd;

    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(Streams { input: io::stdin(), output: output.into() })
}

/// Takes the standard streams for the parent.
///
/// # Errors
/// None on this system.
#[cfg(not(unix))]
pub fn standard_streams() -> io::Result<Streams> {
    Ok(Streams { input: io::stdin(), output: io::stdout() })
}

/// Ends this process at once, whose parent is gone. Nothing is tidied up: the engine's thread may be deep in a driver
/// that would be waited for, and nothing that this process holds outlives it.
pub(super) fn vanish() -> ! {
    #[cfg(unix)]
    if rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .is_ok()
    {
        loop {
            std::thread::park();
        }
    }
    #[allow(clippy::disallowed_methods, reason = "there is nobody left to return an exit code to")]
    std::process::exit(1)
}
