//! Every order in which the steps of two or three agents can meet, played on real connections, as Postgres' isolation tester does it:
//! a step that waits for another agent's transaction is left waiting, and the others go on. After every step nobody may hold what
//! another holds, nobody may wait in a circle, and at the end history must verify. The set of all outcomes is written down.

use std::collections::BTreeMap;
use std::time::Duration;

use coordination::verify_history;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Row};
use tokio::sync::oneshot;

use crate::database;

/// In the steps, `{r}` is a resource that no other order uses, and `{own}` the number of the agent's newest claim of it.
struct Scene {
    name: &'static str,
    /// Done beforehand, one after the other: whose step, and what.
    before: &'static [(usize, &'static str)],
    agents: &'static [&'static [&'static str]],
    /// What each agent's steps answered, for every order; agents are kept apart by a bar.
    outcomes: &'static [&'static str],
}

const CLAIM: &str = "SELECT outcome FROM coordination.claim('{r}')";
const CLAIM_WIDE: &str = "SELECT outcome FROM coordination.claim('{r}/*')";
const EXPIRE: &str = "UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE resource LIKE '{r}%' AND agent = 'agent-0' AND released_at IS NULL";
const RENEW: &str = "SELECT outcome FROM coordination.renew({own})";
const RELEASE: &str = "SELECT outcome FROM coordination.release({own})";
const ASSERT: &str = "SELECT coordination.assert_claim((SELECT id FROM coordination.agent_log WHERE claim_id = {own} AND act = 'granted'), '{r}')";
const WAIT: &str = "SELECT outcome FROM coordination.claim('{r}', wait => '1 min')";

const SCENES: [Scene; 6] = [
    Scene {
        name: "two claim overlapping resources in transactions",
        before: &[],
        agents: &[
            &["BEGIN", CLAIM, "COMMIT"],
            &["BEGIN", CLAIM_WIDE, "COMMIT"],
        ],
        outcomes: &["granted | held", "held | granted"],
    },
    Scene {
        name: "a claim is rolled back under a rival",
        before: &[],
        agents: &[&["BEGIN", CLAIM, "ROLLBACK"], &[CLAIM_WIDE, RELEASE]],
        outcomes: &["granted | granted released", "held | granted released"],
    },
    Scene {
        name: "renewal, expiry and takeover",
        before: &[(0, CLAIM)],
        agents: &[
            &[RENEW, RELEASE],
            &["BEGIN", CLAIM_WIDE, "COMMIT"],
            &[EXPIRE, CLAIM],
        ],
        outcomes: &[
            "lost lost | granted | held",
            "lost lost | held | granted",
            "renewed lost | granted | held",
            "renewed lost | held | granted",
            "renewed released | granted | held",
            "renewed released | held | granted",
        ],
    },
    Scene {
        name: "an asserted write, expiry and takeover",
        before: &[(0, CLAIM)],
        agents: &[
            &["BEGIN", ASSERT, "SELECT 'written'", "COMMIT"],
            &[EXPIRE, CLAIM],
        ],
        outcomes: &["CB002 25P02 | granted", "written | granted"],
    },
    Scene {
        name: "a set and a wide claim over expired claims",
        before: &[
            (0, "SELECT outcome FROM coordination.claim('{r}/2')"),
            (0, "SELECT outcome FROM coordination.claim('{r}/1')"),
            (0, EXPIRE),
        ],
        agents: &[
            &[],
            &[
                "BEGIN",
                "SELECT min(outcome) FROM coordination.claim_all(ARRAY['{r}/1', '{r}/2'])",
                "COMMIT",
            ],
            &["BEGIN", CLAIM_WIDE, "COMMIT"],
        ],
        outcomes: &[" | granted | held", " | held | granted"],
    },
    Scene {
        name: "two wait for a holder who releases",
        before: &[(0, CLAIM)],
        agents: &[&[RELEASE], &[WAIT, WAIT], &[WAIT, CLAIM_WIDE]],
        outcomes: &[
            "released | granted granted | waiting held",
            "released | waiting granted | waiting held",
            "released | waiting waiting | granted granted",
            "released | waiting waiting | waiting granted",
            "released | waiting waiting | waiting held",
        ],
    },
];

/// One agent: a connection that does a step at a time.
struct Agent {
    pid: i32,
    steps: tokio::sync::mpsc::UnboundedSender<(String, oneshot::Sender<String>)>,
}

impl Agent {
    async fn new(options: &PgConnectOptions, secret: &str) -> Self {
        let mut connection = options.connect().await.unwrap();
        sqlx::query("SELECT set_config('coordination.session', $1, false)")
            .bind(secret)
            .execute(&mut connection)
            .await
            .unwrap();
        let (pid,): (i32,) = sqlx::query_as("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let (steps, mut inbox) =
            tokio::sync::mpsc::unbounded_channel::<(String, oneshot::Sender<String>)>();
        tokio::spawn(async move {
            while let Some((step, answer)) = inbox.recv().await {
                let _ = answer.send(done(&mut connection, &step).await);
            }
        });
        Self { pid, steps }
    }

    fn begin(&self, step: &str) -> oneshot::Receiver<String> {
        let (answer, heard) = oneshot::channel();
        self.steps.send((step.to_owned(), answer)).unwrap();
        heard
    }
}

/// The answer of a step: its first value, nothing, or an SQLSTATE.
async fn done(connection: &mut PgConnection, step: &str) -> String {
    match sqlx::raw_sql(AssertSqlSafe(step.to_owned()))
        .fetch_all(connection)
        .await
    {
        Ok(rows) => rows
            .first()
            .and_then(|row| row.try_get::<String, _>(0).ok())
            .unwrap_or_default(),
        Err(error) => error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .map_or_else(|| error.to_string(), std::borrow::Cow::into_owned),
    }
}

/// Every way to merge lists of these lengths, as a list of whose turn it is.
fn orders(lengths: &[usize]) -> Vec<Vec<usize>> {
    if lengths.iter().all(|length| *length == 0) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (agent, length) in lengths
        .iter()
        .enumerate()
        .filter(|(_, length)| **length > 0)
    {
        let mut rest = lengths.to_vec();
        rest[agent] = length - 1;
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, agent);
            order
        }));
    }
    all
}

struct Theatre {
    pool: PgPool,
    agents: Vec<Agent>,
    played: u32,
}

impl Theatre {
    async fn open() -> Self {
        let url = database::empty();
        // Long enough that nothing is decided by a timeout.
        let options: PgConnectOptions = url.parse().unwrap();
        let options = options.options([("coordination.busy_after", "2min")]);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_with(options.clone())
            .await
            .unwrap();
        coordination::migrate(&pool).await.unwrap();
        let mut agents = Vec::new();
        for number in 0..3 {
            let (secret,): (String,) =
                sqlx::query_as("SELECT secret::text FROM coordination.open_session($1)")
                    .bind(format!("agent-{number}"))
                    .fetch_one(&pool)
                    .await
                    .unwrap();
            agents.push(Agent::new(&options, &secret).await);
        }
        Self {
            pool,
            agents,
            played: 0,
        }
    }

    /// The answer, or the receiver of a step that waits for another agent.
    async fn heard(
        &self,
        agent: usize,
        mut answer: oneshot::Receiver<String>,
    ) -> Result<String, oneshot::Receiver<String>> {
        for _ in 0..60_000 {
            if let Ok(Ok(said)) = tokio::time::timeout(Duration::from_millis(2), &mut answer).await
            {
                return Ok(said);
            }
            let (blocked,): (bool,) =
                sqlx::query_as("SELECT cardinality(pg_blocking_pids($1)) > 0")
                    .bind(self.agents[agent].pid)
                    .fetch_one(&self.pool)
                    .await
                    .unwrap();
            if blocked {
                return Err(answer);
            }
        }
        panic!("agent {agent} neither answers nor waits");
    }

    async fn nobody_shares(&self, resource: &str) {
        let (shared,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM coordination.claims a JOIN coordination.claims b ON a.workspace = b.workspace AND a.span && b.span AND a.owner < b.owner
             WHERE a.released_at IS NULL AND b.released_at IS NULL AND a.expires_at > clock_timestamp() AND b.expires_at > clock_timestamp()
               AND a.resource LIKE $1 || '%'",
        )
        .bind(resource)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        assert_eq!(shared, 0, "{resource} is held twice");
    }

    /// One order, from the start. `None` when it cannot be: somebody whose turn it is still waits.
    async fn play(&mut self, scene: &Scene, order: &[usize]) -> Option<String> {
        self.played += 1;
        let resource = format!("scene{}", self.played);
        let spelled = |agent: usize, step: &str| {
            let own = format!(
                "(SELECT max(id) FROM coordination.claims WHERE agent = 'agent-{agent}' AND resource LIKE '{resource}%')"
            );
            step.replace("{own}", &own).replace("{r}", &resource)
        };
        for (agent, step) in scene.before {
            let answer = self.agents[*agent].begin(&spelled(*agent, step));
            answer.await.unwrap();
        }
        let mut said = vec![Vec::new(); scene.agents.len()];
        let mut blocked: BTreeMap<usize, oneshot::Receiver<String>> = BTreeMap::new();
        let mut feasible = true;
        for agent in order {
            if blocked.contains_key(agent) {
                feasible = false;
                break;
            }
            let step = scene.agents[*agent][said[*agent].len()];
            let answer = self.agents[*agent].begin(&spelled(*agent, step));
            match self.heard(*agent, answer).await {
                Ok(answer) => said[*agent].push(answer),
                Err(waiting) => {
                    blocked.insert(*agent, waiting);
                }
            }
            for (waiter, answer) in std::mem::take(&mut blocked) {
                match self.heard(waiter, answer).await {
                    Ok(answer) => said[waiter].push(answer),
                    Err(waiting) => {
                        blocked.insert(waiter, waiting);
                    }
                }
            }
            assert!(
                blocked.len()
                    < scene
                        .agents
                        .iter()
                        .filter(|steps| !steps.is_empty())
                        .count(),
                "{}: {order:?}: all wait",
                scene.name
            );
            self.nobody_shares(&resource).await;
        }
        // Whoever does not wait ends its transaction, so that those who wait go on, and end theirs.
        let all = 0..scene.agents.len();
        for agent in all.clone().filter(|agent| !blocked.contains_key(agent)) {
            self.agents[agent].begin("COMMIT").await.unwrap();
        }
        for (waiter, answer) in blocked {
            said[waiter].push(answer.await.unwrap());
            self.agents[waiter].begin("COMMIT").await.unwrap();
        }
        self.nobody_shares(&resource).await;
        // The next order begins with nobody holding and nobody waiting.
        sqlx::raw_sql("DELETE FROM coordination.tickets; UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE released_at IS NULL AND expires_at > clock_timestamp()")
            .execute(&self.pool)
            .await
            .unwrap();
        let words = said.iter().map(|answers| {
            answers
                .iter()
                .filter(|answer| !answer.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join(" ")
        });
        feasible.then(|| words.collect::<Vec<_>>().join(" | "))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_keeps_the_promises() {
    let mut theatre = Theatre::open().await;
    for scene in &SCENES {
        let lengths: Vec<usize> = scene.agents.iter().map(|steps| steps.len()).collect();
        let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
        for order in orders(&lengths) {
            if let Some(outcome) = theatre.play(scene, &order).await {
                *outcomes.entry(outcome).or_default() += 1;
            }
        }
        let seen: Vec<&str> = outcomes.keys().map(String::as_str).collect();
        assert_eq!(seen, scene.outcomes, "{}", scene.name);
    }
    assert_eq!(verify_history(&theatre.pool).await.unwrap().offence, None);
}
