//! gRPC-Web to gRPC: tonic-web's layer over a client that forwards to one server. Usage: tonic-web-passthrough LISTEN UPSTREAM
//! Says the port it listens on, on stdout.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper_util::client::legacy::{connect::HttpConnector, Client};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct Forward {
    client: Client<HttpConnector, Body>,
    upstream: Authority,
}

impl Service<Request<Body>> for Forward {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.upstream.clone());
        *request.uri_mut() = Uri::from_parts(parts).expect("a path stays a path");
        *request.version_mut() = http::Version::HTTP_2;
        let answer = self.client.request(request);
        Box::pin(async move { Ok(answer.await?.map(Body::new)) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, upstream] = arguments.as_slice() else {
        return Err("usage: tonic-web-passthrough LISTEN UPSTREAM".into());
    };
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
    let gateway = tonic_web::GrpcWebLayer::new().layer(Forward { client, upstream: upstream.parse()? });
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let service = gateway.clone().map_request(|r: Request<hyper::body::Incoming>| r.map(Body::new));
        tokio::spawn(async move {
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service))
                .await;
        });
    }
}
