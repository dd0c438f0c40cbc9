//! TLS: whose certificates are taken. What is sent through it is known in [`super::connection`].

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::target::Trust;
use crate::{Error, Result};

/// What TLS needs, for all connections.
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// # Errors
    /// A file of certificates that cannot be read or holds none.
    pub(super) fn new(trust: &Trust) -> Result<Self> {
        let provider = Arc::new(crypto::ring::default_provider());
        let cannot =
            |error: rustls::Error| Error::Settings(format!("TLS cannot be set up: {error}"));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(cannot)?;
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let builder = match trust {
            Trust::Public => builder.with_root_certificates(roots),
            Trust::Also(file) => {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(cannot)?;
                }
                builder.with_root_certificates(roots)
            }
            Trust::Anybody => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(builder.with_no_client_auth()))))
    }

    /// Begins to speak with `host`.
    ///
    /// # Errors
    /// When it is not who it should be, or speaks something else.
    pub(super) async fn speak(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

/// The certificates in a PEM file, of which there has to be one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let bytes =
        std::fs::read(file).map_err(|source| Error::Read { path: file.to_owned(), source })?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes).flatten().collect();
    if found.is_empty() {
        let reason = "it holds no certificate; give one in PEM, which has BEGIN CERTIFICATE in it";
        return Err(Error::File { path: file.to_owned(), reason: reason.into() });
    }
    Ok(found)
}

/// Takes any certificate, as was asked for; that the server has its key is still seen to.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
