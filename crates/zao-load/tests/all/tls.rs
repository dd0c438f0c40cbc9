//! Servers behind TLS: who is taken for what it says it is. The certificates were made for these tests alone: their authority's key is
//! gone, and the server's is worth nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};
use zao_load::{Error, Live, Protocol, Stop, Target, Trust};

use crate::server::{Behaviour, Server};
use crate::{row, settings, sweep};

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

/// The port of something that speaks TLS in front of a server.
fn in_front_of(server: &Server) -> u16 {
    let plain: SocketAddr = server.url().trim_start_matches("http://").parse().unwrap();
    let chain = vec![CertificateDer::from_pem_file(certificate("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate("server.key.pem")).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust it hangs up.
                    let mut outside = acceptor.accept(stream).await.ok()?;
                    let mut inside = TcpStream::connect(plain).await.ok()?;
                    copy_bidirectional(&mut outside, &mut inside).await.ok()
                });
            }
        });
    });
    port
}

#[test]
fn an_authority_of_ones_own_is_taken_when_it_is_named() {
    let server = Server::start(Behaviour::default());
    let port = in_front_of(&server);
    let at = |host: &str, trust| {
        let target = Target::parse(&format!("https://{host}:{port}")).unwrap().trusting(trust);
        zao_load::Settings { target, ..settings(&server, Protocol::Openai) }
    };
    let refused = |host, trust| match zao_load::run(
        &at(host, trust),
        &sweep(1, 1),
        &|_: &Live| (),
        &Stop::default(),
    ) {
        Err(Error::Unreachable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let own = || Trust::Also(certificate("authority.pem"));
    let reason = refused("127.0.0.1", Trust::Public);
    assert!(reason.contains("UnknownIssuer"), "{reason}");
    // The certificate is of the address, not of the name.
    let reason = refused("localhost", own());
    assert!(reason.contains("not valid for name"), "{reason}");
    for (host, trust) in [("127.0.0.1", own()), ("localhost", Trust::Anybody)] {
        let row = row(&at(host, trust), 2, 6);
        assert_eq!((row.failed(), row.correct >= 6), (0, true), "{row:#?}");
    }
}

#[test]
fn a_file_without_certificates_is_named() {
    let server = Server::start(Behaviour::default());
    let told = |file: &str| {
        let trust = Trust::Also(certificate(file));
        let target = Target::parse("https://127.0.0.1:9").unwrap().trusting(trust);
        let settings = zao_load::Settings { target, ..settings(&server, Protocol::Openai) };
        let run = zao_load::run(&settings, &sweep(1, 1), &|_: &Live| (), &Stop::default());
        run.unwrap_err().to_string()
    };
    assert!(told("none.pem").contains("none.pem"), "{}", told("none.pem"));
    let key = told("server.key.pem");
    assert!(key.contains("server.key.pem") && key.contains("BEGIN CERTIFICATE"), "{key}");
}
