//! The page on the office's network: who may call it by which name, and TLS with a certificate that the
//! browsers there trust (design/page-tls.md). Node and hub serve their pages through [`Lan`].

mod certificate;
pub mod command;
mod help;
mod hosts;
pub mod issue;
mod listener;
pub mod own;

pub use certificate::{Files, PageCertificate, PageCertificateError, Seen, fingerprint};
pub use hosts::Hosts;

use crate::{
    http::{self, Metrics},
    settings::PageSettings,
    shutdown::Stop,
};
use anyhow::Context;
use axum::{Router, extract::Request, middleware};
use listener::TlsListener;
use motcua_core::time::Timestamp;
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::net::TcpListener;

/// Addresses at which a page answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageAddresses {
    /// At the machine itself, without TLS.
    pub here: SocketAddr,
    /// On the network.
    pub tls: Option<SocketAddr>,
    /// Where PCs are told how to trust it.
    pub help: Option<SocketAddr>,
}

/// Listeners of a page, bound and not served yet.
#[derive(Debug)]
pub struct Lan {
    here: TcpListener,
    tls: Option<TcpListener>,
    help: Option<TcpListener>,
    hosts: Arc<Hosts>,
    certificate: Option<Arc<PageCertificate>>,
    addresses: PageAddresses,
}

impl Lan {
    /// Binds every listener, so that a taken address is said at once. A certificate that is not there is
    /// no error: it is taken up when it comes.
    ///
    /// # Errors
    /// Which address cannot be listened on.
    pub async fn bind(
        here: SocketAddr,
        settings: &PageSettings,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        let (here, here_at) = bind(here).await?;
        let tls = bind_if(settings.tls_listen).await?;
        let help = bind_if(settings.help_listen).await?;
        let certificate =
            tls.is_some().then(|| Arc::new(PageCertificate::open(settings.files(data_dir))));
        let addresses = PageAddresses {
            here: here_at,
            tls: tls.as_ref().map(|(_, at)| *at),
            help: help.as_ref().map(|(_, at)| *at),
        };
        Ok(Self {
            here,
            tls: tls.map(|(listener, _)| listener),
            help: help.map(|(listener, _)| listener),
            hosts: Arc::new(Hosts::new(&settings.names, certificate.clone())),
            certificate,
            addresses,
        })
    }

    /// Where it answers.
    pub fn addresses(&self) -> PageAddresses {
        self.addresses
    }

    /// What is shown on the network, if anything is.
    pub fn certificate(&self) -> Option<Arc<PageCertificate>> {
        self.certificate.clone()
    }

    /// Serves until `stop` is asked for and open requests are answered.
    ///
    /// # Errors
    /// What a listener says.
    pub async fn serve(self, router: Router, stop: Stop) -> std::io::Result<()> {
        let hosts = Arc::clone(&self.hosts);
        let router = router.layer(middleware::from_fn_with_state(hosts, hosts::known));
        let help = help::router(self.certificate.clone(), self.addresses.tls);
        let tls_router = router.clone().layer(middleware::map_request(over_tls));
        let here = http::serve(self.here, router, stop.clone().asked());
        let tls = async {
            match (self.tls, self.certificate) {
                (Some(tcp), Some(certificate)) => {
                    let listener = TlsListener::start(tcp, certificate)?;
                    http::serve_on(listener, tls_router, stop.clone().asked()).await
                }
                _ => Ok(()),
            }
        };
        let help = async {
            match self.help {
                Some(tcp) => http::serve(tcp, help, stop.clone().asked()).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(here, tls, help).map(|_| ())
    }
}

/// Cookies of what came over TLS must not be given to anybody without.
async fn over_tls(mut request: Request) -> Request {
    let https = axum::http::HeaderValue::from_static("https");
    request.headers_mut().insert(http::FORWARDED_PROTO, https);
    request
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    http::bind(address).await.with_context(|| format!("the page cannot listen on {address}"))
}

async fn bind_if(address: Option<SocketAddr>) -> anyhow::Result<Option<(TcpListener, SocketAddr)>> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}

/// Days until the certificate ends, for who watches many offices.
pub fn collect(certificate: &PageCertificate, now: Timestamp, out: &mut Metrics) {
    if let Some(seen) = certificate.seen() {
        let days = seen.days_left(now) as f64;
        out.family(
            "motcua_page_certificate_days",
            "gauge",
            "Days until the certificate of the page ends.",
        )
        .sample("motcua_page_certificate_days", &[], days);
    }
}
