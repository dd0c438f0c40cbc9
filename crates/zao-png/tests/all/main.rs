//! What zao-png promises, seen from outside. Everything is made in memory; no test reads a file.

#[cfg(test)]
mod decoding;
#[cfg(test)]
mod fooocus;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod other_tools;
#[cfg(test)]
mod prompts;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod support;
