//! Starting and stopping the simulator as an HTTP server on the loopback interface.

#[cfg(test)]
mod noise;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::gate::can_be_sent;
use crate::clock::Clock;
use crate::data_file::{DataFile, DataFileError};
use crate::http;
use crate::http::listener::Listener;
use crate::model::workspace::{QUERY_RESULTS, Workspace};
use crate::simulator::Simulator;
use crate::traffic::journal::Stats;
use crate::traffic::window::{Limit, Limits};

/// How to start the simulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// The integration's token; without one, the data file's, or else a fresh one.
    pub token: Option<String>,
    /// Where the workspace is kept; without it, in memory only.
    pub data: Option<PathBuf>,
    /// Requests in a token's 60-second window: 180 on most of Notion's plans, 600 on the larger ones.
    pub requests_per_minute: u32,
    /// What all tokens of the workspace may ask together; without it, as much as they like.
    pub workspace_limit: Option<Limit>,
    /// Limits of single endpoints, by the names that the journal shows.
    pub endpoint_limits: Vec<(String, Limit)>,
    /// Blocks that the workspace may ever have: 1,000 on the Free plan for several people.
    pub block_limit: Option<u64>,
    /// Each answer of the API takes this long, give or take a third.
    pub latency_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            token: None,
            data: None,
            requests_per_minute: 180,
            workspace_limit: None,
            endpoint_limits: Vec::new(),
            block_limit: None,
            latency_ms: 0,
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or may not be used.
    #[error(
        "could not listen on port {port} of 127.0.0.1; is another server using it? choose another port, or 0 for any"
    )]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A limit is for an endpoint that is not there.
    #[error("{0}")]
    Limit(String),
    /// No request could carry the token.
    #[error(
        "a token is of letters, digits and signs of ASCII, without spaces, and not empty; give another one, such as ntn_try"
    )]
    Token,
    /// The data file cannot be used.
    #[error(transparent)]
    Data(#[from] DataFileError),
}

/// A running simulator. Dropping it stops it without waiting; [`Server::shutdown`] waits.
#[derive(Debug)]
pub struct Server {
    url: String,
    token: String,
    root: Uuid,
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// What requests share.
pub(crate) struct Shared {
    simulator: Mutex<Simulator>,
    pub(crate) clock: Clock,
    pub(crate) latency_ms: u64,
    /// Grows with every change and every request: what watchers of the page wait for.
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) stop: CancellationToken,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("latency_ms", &self.latency_ms)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn simulator(&self) -> MutexGuard<'_, Simulator> {
        // A panic under the lock would be a bug of one request; the others go on with what stands.
        self.simulator
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Starts the server and returns once it listens.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        if options
            .token
            .as_deref()
            .is_some_and(|token| !can_be_sent(token))
        {
            return Err(StartError::Token);
        }
        let address = SocketAddr::from(([127, 0, 0, 1], options.port));
        let listen = |source| StartError::Listen {
            port: options.port,
            source,
        };
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(listen)?;
        let port = listener.local_addr().map_err(listen)?.port();
        let limits = Limits {
            token: Limit::per_minute(options.requests_per_minute),
            workspace: options.workspace_limit,
            endpoints: options.endpoint_limits.iter().cloned().collect(),
            blocks: options.block_limit,
            query_results: QUERY_RESULTS,
        };
        limits.check().map_err(StartError::Limit)?;
        let clock = Clock::default();
        let simulator = open(&options, limits, &clock)?;
        let (token, root) = (simulator.workspace.settings.token.clone(), simulator.root());
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            simulator: Mutex::new(simulator),
            clock,
            latency_ms: options.latency_ms,
            changed: watch::Sender::new(0),
            stop: stop.clone(),
        });
        let app = http::router(Arc::clone(&shared));
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let served = axum::serve(
                Listener(listener),
                app.into_make_service_with_connect_info::<http::listener::Wire>(),
            );
            if let Err(error) = served
                .with_graceful_shutdown(async move { stopped.cancelled().await })
                .await
            {
                tracing::error!(%error, "the server stopped");
            }
        });
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            token,
            root,
            shared,
            stop,
            task: Some(task),
        })
    }

    /// The address of the page, and the base address of the API, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The integration's token as it was at start.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The page that is shared with the integration.
    pub fn root_page_id(&self) -> String {
        self.root.to_string()
    }

    /// What was counted since the start.
    pub fn stats(&self) -> Stats {
        self.shared.simulator().journal.stats()
    }

    /// Answers what is under way, then releases the port and the data file.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the server's task failed");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn open(options: &Options, limits: Limits, clock: &Clock) -> Result<Simulator, DataFileError> {
    let seed = rand::rng().random();
    let fresh = || {
        let token = format!("ntn_sim_{}", Uuid::new_v4().simple());
        Workspace::new(options.token.clone().unwrap_or(token), seed, clock.now())
    };
    let (mut workspace, data) = match &options.data {
        None => (fresh(), None),
        Some(path) => {
            DataFile::free(path)?;
            let workspace = DataFile::load(path, seed)?.unwrap_or_else(fresh);
            let data = DataFile::compact(path, &workspace)?;
            (workspace, Some(data))
        }
    };
    if let Some(token) = &options.token
        && *token != workspace.settings.token
    {
        workspace.change_settings(|settings| token.clone_into(&mut settings.token));
    }
    let mut simulator = Simulator::new(workspace, limits, seed, data);
    if let Err(failure) = simulator.save() {
        tracing::error!(failure.message, "the token could not be kept");
    }
    Ok(simulator)
}
