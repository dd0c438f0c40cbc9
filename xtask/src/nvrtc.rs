//! The kernel compiler: where it comes from, and how it is called.
//!
//! NVRTC is a library in a wheel of PyPI, pinned by its checksum and unpacked under `target/`. It is opened by path;
//! nothing of CUDA is installed. What is compiled for which card is for [`crate::kernels`].

#![allow(unsafe_code, reason = "the compiler is a C library")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::null_mut;

use anyhow::{Context, Result, bail, ensure};
use libloading::Library;
use sha2::{Digest, Sha256};

/// The version that makes the committed images. The 12.x line makes images that drivers from 525 on load.
pub(crate) const VERSION: &str = "12.9.86";
const WHEEL: &str =
    "nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl";
const WHEEL_SHA256: &str = "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4";

/// A source or header: its name in `#include`, and its text.
pub(crate) struct Text {
    pub(crate) name: CString,
    pub(crate) text: CString,
}

impl Text {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { name: CString::new(name)?, text: CString::new(text)? })
    }
}

/// The compiler, ready to use.
pub(crate) struct Nvrtc(Library);

type Program = *mut c_void;

impl Nvrtc {
    /// The pinned version, fetched into `target` if it is not there yet.
    pub(crate) fn open(target: &Path) -> Result<Self> {
        let path = fetch(target)?;
        // SAFETY: the library is the one whose checksum is pinned; its initialisers are trusted.
        let library = unsafe { Library::new(&path) };
        let library = library.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self(library))
    }

    /// Compiles `source` to an image for `architecture`, or to assembly for one that begins with `compute`.
    pub(crate) fn compile(
        &self,
        source: &Text,
        headers: &[Text],
        architecture: &str,
        options: &[&str],
    ) -> Result<Vec<u8>> {
        type Create = unsafe extern "C" fn(
            *mut Program,
            *const c_char,
            *const c_char,
            c_int,
            *const *const c_char,
            *const *const c_char,
        ) -> c_int;
        type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
        type Destroy = unsafe extern "C" fn(*mut Program) -> c_int;

        let name = source.name.to_string_lossy();
        let texts: Vec<_> = headers.iter().map(|header| header.text.as_ptr()).collect();
        let names: Vec<_> = headers.iter().map(|header| header.name.as_ptr()).collect();
        let wanted = format!("--gpu-architecture={architecture}");
        let options = std::iter::once(wanted.as_str()).chain(options.iter().copied());
        let options: Vec<CString> = options.map(CString::new).collect::<Result<_, _>>()?;
        let pointers: Vec<_> = options.iter().map(|option| option.as_ptr()).collect();
        let mut program = null_mut();
        // SAFETY: the signatures are those of NVRTC; all texts end in a zero and outlive the calls.
        unsafe {
            let create = self.0.get::<Create>(b"nvrtcCreateProgram\0")?;
            let made = create(
                &raw mut program,
                source.text.as_ptr(),
                source.name.as_ptr(),
                c_int::try_from(headers.len())?,
                texts.as_ptr(),
                names.as_ptr(),
            );
            ensure!(made == 0, "{name}: NVRTC refuses the source ({made})");
            let compile = self.0.get::<Compile>(b"nvrtcCompileProgram\0")?;
            let compiled = compile(program, c_int::try_from(pointers.len())?, pointers.as_ptr());
            let log = self.output(program, "ProgramLog")?;
            let log = String::from_utf8_lossy(&log);
            let log = log.trim_end_matches(['\0', '\n']);
            ensure!(compiled == 0, "{name} for {architecture}:\n{log}");
            if !log.is_empty() {
                println!("{log}");
            }
            let kind = if architecture.starts_with("compute") { "PTX" } else { "CUBIN" };
            let mut image = self.output(program, kind)?;
            if kind == "PTX" {
                image.pop_if(|last| *last == 0);
            }
            let destroy = self.0.get::<Destroy>(b"nvrtcDestroyProgram\0")?;
            destroy(&raw mut program);
            Ok(image)
        }
    }

    /// One of the outputs of a program.
    ///
    /// # Safety
    /// `program` must be one that NVRTC made and that was not destroyed.
    unsafe fn output(&self, program: Program, what: &str) -> Result<Vec<u8>> {
        type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
        type Bytes = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
        let (size_name, name) = (format!("nvrtcGet{what}Size\0"), format!("nvrtcGet{what}\0"));
        // SAFETY: the signatures are those of NVRTC, which writes as many bytes as it said.
        unsafe {
            let mut size = 0;
            let answer = self.0.get::<Size>(size_name.as_bytes())?(program, &raw mut size);
            ensure!(answer == 0, "NVRTC has no {what} ({answer})");
            let mut bytes = vec![0u8; size];
            let get = self.0.get::<Bytes>(name.as_bytes())?;
            let answer = get(program, bytes.as_mut_ptr().cast());
            ensure!(answer == 0, "NVRTC does not give its {what} ({answer})");
            Ok(bytes)
        }
    }
}

/// Downloads and unpacks the wheel unless that was done before; the path of the library.
fn fetch(target: &Path) -> Result<PathBuf> {
    let folder = target.join("nvrtc").join(VERSION);
    let library = folder.join("nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
    if library.is_file() {
        return Ok(library);
    }
    fs::create_dir_all(&folder)?;
    let package = format!("nvidia-cuda-nvrtc-cu12=={VERSION}");
    println!("kernels: fetching {package}");
    let place = folder.to_string_lossy().into_owned();
    let platform = "--platform=manylinux2010_x86_64";
    python(&["-m", "pip", "download", "--quiet", "--no-deps", platform, "-d", &place, &package])?;
    let wheel = folder.join(WHEEL);
    let bytes = fs::read(&wheel).with_context(|| format!("pip did not bring {WHEEL}"))?;
    let found = hexadecimal(&Sha256::digest(&bytes));
    if found != WHEEL_SHA256 {
        fs::remove_file(&wheel)?;
        bail!("{WHEEL} has the checksum {found}, expected {WHEEL_SHA256}");
    }
    python(&["-m", "zipfile", "-e", &wheel.to_string_lossy(), &place])?;
    fs::remove_file(&wheel)?;
    ensure!(library.is_file(), "{WHEEL} does not hold {}", library.display());
    Ok(library)
}

fn python(arguments: &[&str]) -> Result<()> {
    let status =
        Command::new("python3").args(arguments).status().context("cannot start python3")?;
    ensure!(status.success(), "python3 {} ended with {status}", arguments.join(" "));
    Ok(())
}

/// Bytes as people compare them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
