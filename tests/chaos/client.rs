//! One client: a process with one session that claims, holds, writes, renews, lets go, and forgets, as chance has it.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coordination::{
    Claim, ClaimId, ClaimOutcome, ClaimRequest, Error, LogEntry, Mode, Refusal, ReleaseOutcome,
    RenewOutcome, Session, SetOutcome, TicketId,
};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{RngExt, SeedableRng};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection};

use crate::diary::{Diary, Entry, now};
use crate::ground;

const TTL: Duration = Duration::from_hours(1);
const WORKSPACE: &str = "chaos";
/// How long the server may be away.
const OUTAGE: Duration = Duration::from_mins(2);

/// Lives until its standard input ends.
pub(crate) async fn run(url: &str, diary: &Path, number: u64, seed: u64) -> anyhow::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        heard.store(true, Ordering::Relaxed);
    });
    let mut client = Client::new(url, diary, number, seed).await?;
    while !stop.load(Ordering::Relaxed) {
        client.live().await;
    }
    client.leave().await;
    Ok(())
}

struct Client {
    options: PgConnectOptions,
    pool: PgPool,
    main: PgConnection,
    /// For what happens beside the main connection.
    side: PgConnection,
    session: Session,
    diary: Diary,
    random: SmallRng,
    held: Vec<Claim>,
    /// Something may be held of which no answer arrived.
    unsure: bool,
    keys: u64,
}

fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(answer) => answer.code().is_some_and(|code| {
            ["57P01", "57P02", "57P03"].contains(&&*code) || code.starts_with("08")
        }),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => true,
        _ => false,
    }
}

async fn connected(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    let started = std::time::Instant::now();
    loop {
        match PgConnection::connect_with(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) if started.elapsed() > OUTAGE => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

impl Client {
    /// Clients differ in their habits by their numbers: isolation, durability, and how long they wait for open transactions.
    async fn new(url: &str, diary: &Path, number: u64, seed: u64) -> anyhow::Result<Self> {
        let isolation = [
            "read committed",
            "read committed",
            "repeatable read",
            "read committed",
            "serializable",
        ];
        let isolation = isolation[usize::try_from(number % 5)?];
        let options: PgConnectOptions = url.parse()?;
        let options = options.options([
            ("default_transaction_isolation", isolation),
            (
                "synchronous_commit",
                if number.is_multiple_of(2) {
                    "off"
                } else {
                    "on"
                },
            ),
            (
                "coordination.busy_after",
                if number.is_multiple_of(3) {
                    "60s"
                } else {
                    "250ms"
                },
            ),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(OUTAGE)
            .connect_lazy_with(options.clone());
        let (main, side) = (connected(&options).await?, connected(&options).await?);
        let session = loop {
            match Session::open(&pool, &format!("client-{number}"), WORKSPACE).await {
                Ok(session) => break session,
                Err(Error::Retry(_) | Error::Busy(_)) => {}
                Err(Error::Database(error)) if is_outage(&error) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(other) => return Err(other.into()),
            }
        };
        let mut diary = Diary::begin(diary)?;
        diary.write(&Entry::Session(session.id().0));
        Ok(Self {
            options,
            pool,
            main,
            side,
            session,
            diary,
            random: SmallRng::seed_from_u64(seed),
            held: Vec::new(),
            unsure: false,
            keys: 0,
        })
    }

    /// One thing that an agent does, and what follows from its failing.
    async fn live(&mut self) {
        if let Err(error) = self.act().await {
            self.suffer(error).await;
        }
    }

    async fn suffer(&mut self, error: Error) {
        match error {
            Error::Retry(_) => self.diary.count("retried"),
            Error::Busy(source) => {
                let code = source
                    .as_database_error()
                    .and_then(|answer| answer.code().map(std::borrow::Cow::into_owned));
                if code.as_deref() == Some("40P01") {
                    self.diary.count("deadlocked");
                }
                self.diary.count("locked out");
            }
            Error::Database(source) if is_outage(&source) => {
                self.diary.count("outage");
                self.unsure = true;
                self.reconnect().await;
            }
            // The rightful refusal of a wait.
            Error::Refused {
                refusal: Refusal::Deadlock,
                ..
            } => self.diary.count("circles refused"),
            other => {
                let source = std::error::Error::source(&other)
                    .map(ToString::to_string)
                    .unwrap_or_default();
                self.diary.write(&Entry::Violation(format!(
                    "unexpected answer: {other} {source}"
                )));
            }
        }
        if (self.unsure || !self.held.is_empty())
            && let Err(error) = self.tidy().await
        {
            Box::pin(self.suffer(error)).await;
        }
    }

    async fn reconnect(&mut self) {
        match (
            connected(&self.options).await,
            connected(&self.options).await,
        ) {
            (Ok(main), Ok(side)) => (self.main, self.side) = (main, side),
            (Err(error), _) | (_, Err(error)) => {
                self.diary.write(&Entry::Violation(format!(
                    "the server stayed away: {error}"
                )));
            }
        }
    }

    /// After an answer that was lost or a transaction that failed: whatever stands in our name is given back.
    async fn tidy(&mut self) -> Result<(), Error> {
        self.held.clear();
        for claim in self.session.claims().await? {
            self.diary.write(&Entry::Ending {
                at: now(),
                claim: claim.id().0,
            });
            let _ = self.session.release_in(&mut self.main, claim).await?;
        }
        let places: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM coordination.tickets WHERE session_id = $1")
                .bind(self.session.id().0)
                .fetch_all(&mut self.main)
                .await?;
        for ticket in places {
            self.session.withdraw(TicketId(ticket)).await?;
        }
        self.unsure = false;
        Ok(())
    }

    async fn leave(&mut self) {
        while let Err(error) = self.tidy().await {
            self.suffer(error).await;
        }
        self.pool.close().await;
    }

    async fn act(&mut self) -> Result<(), Error> {
        match self.random.random_range(0..100) {
            0..63 => {
                let wish = *ground::WISHES
                    .choose(&mut self.random)
                    .expect("there are wishes");
                let mode = if self.random.random_bool(0.25) {
                    Mode::Shared
                } else {
                    Mode::Exclusive
                };
                self.claim(wish, mode).await?;
            }
            63..66 => {
                let cold = format!("cold/{}", self.random.random_range(0..ground::COLDS));
                self.claim(&cold, Mode::Exclusive).await?;
            }
            66..76 => {
                // Now and then the whole pool.
                let mode = if self.random.random_bool(0.05) {
                    Mode::Exclusive
                } else {
                    Mode::Slot
                };
                self.claim("gpu", mode).await?;
            }
            76..86 => {
                let size = self.random.random_range(2..5);
                let members = ground::SET.iter().copied().sample(&mut self.random, size);
                self.claim_set(&members).await?;
            }
            86..88 => {
                self.claim("set/*", Mode::Exclusive).await?;
            }
            88..90 => self.leave_many_behind().await?,
            90..92 => {
                self.claim("bulk/*", Mode::Exclusive).await?;
            }
            92 => {
                self.claim("*", Mode::Exclusive).await?;
            }
            93 => self.stand_in_line().await?,
            _ => self.claim_and_write_in_one_transaction().await?,
        }
        self.work().await
    }

    /// Does something with everything that is held, and mostly lets go of it.
    async fn work(&mut self) -> Result<(), Error> {
        if self.held.is_empty() {
            return Ok(());
        }
        if self.random.random_bool(0.3) {
            tokio::time::sleep(Duration::from_micros(self.random.random_range(0..3_000))).await;
        }
        match self.random.random_range(0..100) {
            0..8 => self.write_domain().await?,
            8..14 => self.renew_first().await?,
            14..18 => {
                let about = self.held[0].resource().to_owned();
                let _ = self
                    .session
                    .log_in(
                        &mut self.main,
                        LogEntry::progress("half of it is done").resource(about),
                    )
                    .await?;
            }
            18..24 => self.change_ground().await?,
            24..32 => self.expire_first().await?,
            32..38 => self.renew_against_the_clock().await?,
            // Keeps it for a while, beside what it claims next.
            38..42 if self.held.len() < 3 => return Ok(()),
            _ => {}
        }
        while let Some(claim) = self.held.pop() {
            self.release(claim).await?;
        }
        Ok(())
    }

    async fn claim(&mut self, wish: &str, mode: Mode) -> Result<(), Error> {
        let mut request = ClaimRequest::new(wish).ttl(TTL);
        match mode {
            Mode::Exclusive => {}
            Mode::Shared => request = request.shared(),
            Mode::Slot => request = request.slot(),
        }
        let keyed = self.random.random_bool(0.1);
        if keyed {
            self.keys += 1;
            request = request.key(format!("wish-{}", self.keys));
        }
        let from = now();
        let mut answer = self.session.claim_in(&mut self.main, request.clone()).await;
        if keyed
            && let Err(Error::Database(error)) = &answer
            && is_outage(error)
        {
            // The same wish with the same key gets the answer that was lost, or its first one now.
            self.diary.count("outage");
            self.reconnect().await;
            self.diary.count("asked again");
            answer = self.session.claim_in(&mut self.main, request).await;
        }
        self.note(
            from,
            mode,
            &[wish],
            match answer? {
                ClaimOutcome::Granted(claim) => SetOutcome::Granted(vec![claim]),
                ClaimOutcome::Held(held) => SetOutcome::Held(held),
                ClaimOutcome::Waiting(place) => SetOutcome::Waiting(place),
                ClaimOutcome::Busy => SetOutcome::Busy,
            },
        );
        Ok(())
    }

    async fn claim_set(&mut self, members: &[&str]) -> Result<(), Error> {
        let from = now();
        let terms = ClaimRequest::new(members[0]).ttl(TTL);
        let outcome = self
            .session
            .claim_all_in(&mut self.main, &members[1..], terms)
            .await?;
        self.note(from, Mode::Exclusive, members, outcome);
        Ok(())
    }

    /// Waits for its turn, perhaps once more after a pause, and gives its place up when that is in vain.
    async fn stand_in_line(&mut self) -> Result<(), Error> {
        // Until it is withdrawn, whatever happens, a place in line may stand in our name.
        self.unsure = true;
        let wish = *["modules/*", "hot.md", "docs*", "table:modules", "set/*"]
            .choose(&mut self.random)
            .expect("there are wishes");
        let mut place = None;
        for _ in 0..self.random.random_range(1..3) {
            let wait = Duration::from_millis(self.random.random_range(50..1_500));
            let from = now();
            let outcome = match self
                .session
                .claim(ClaimRequest::new(wish).ttl(TTL).wait(wait))
                .await?
            {
                ClaimOutcome::Granted(claim) => SetOutcome::Granted(vec![claim]),
                ClaimOutcome::Held(held) => SetOutcome::Held(held),
                ClaimOutcome::Waiting(waiting) => {
                    place = Some(waiting.ticket);
                    SetOutcome::Waiting(waiting)
                }
                ClaimOutcome::Busy => SetOutcome::Busy,
            };
            let granted = matches!(outcome, SetOutcome::Granted(_));
            if granted {
                self.diary.count("had its turn");
            }
            self.note(from, Mode::Exclusive, &[wish], outcome);
            if granted {
                self.unsure = false;
                return Ok(());
            }
        }
        if let Some(ticket) = place {
            self.session.withdraw(ticket).await?;
        }
        self.unsure = false;
        Ok(())
    }

    /// Writes down an answered attempt, and what is held since.
    fn note(&mut self, from: u64, mode: Mode, names: &[&str], outcome: SetOutcome) {
        let until = now();
        let (word, claims) = match outcome {
            SetOutcome::Granted(claims) => ("granted", claims),
            SetOutcome::Held(_) => ("held", Vec::new()),
            SetOutcome::Waiting(_) => ("waited_in_vain", Vec::new()),
            SetOutcome::Busy => ("busy", Vec::new()),
        };
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.diary.write(&Entry::Attempt {
            from,
            until,
            outcome: word.to_owned(),
            mode,
            names,
        });
        for claim in claims {
            self.diary.write(&Entry::Granted {
                at: until,
                claim: claim.id().0,
                token: claim.token().0,
                mode: claim.mode(),
                slot: claim.slot().and_then(|slot| u32::try_from(slot).ok()),
                name: claim.resource().to_owned(),
            });
            if !claim.predecessors().is_empty() {
                self.diary.count("taken over");
            }
            self.held.push(claim);
        }
    }

    /// Claim, domain write and log row commit together, or not at all, in any isolation level.
    async fn claim_and_write_in_one_transaction(&mut self) -> Result<(), Error> {
        let wish = *ground::WISHES
            .choose(&mut self.random)
            .expect("there are wishes");
        let isolation = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
            .choose(&mut self.random)
            .expect("there are levels");
        let (pause, undone) = (
            self.random.random_range(0..40u64),
            self.random.random_bool(0.15),
        );
        let from = now();
        let mut transaction = self.main.begin().await?;
        sqlx::query(AssertSqlSafe(format!(
            "SET TRANSACTION ISOLATION LEVEL {isolation}"
        )))
        .execute(&mut *transaction)
        .await?;
        let outcome = self
            .session
            .claim_in(&mut transaction, ClaimRequest::new(wish).ttl(TTL))
            .await?;
        let outcome = match outcome {
            ClaimOutcome::Granted(claim) => {
                if pause < 10 {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                let regressed = write_row(&self.session, &mut transaction, &claim).await?;
                if regressed {
                    self.diary.write(&Entry::Violation(format!(
                        "a write with a larger token came before {}",
                        claim.token()
                    )));
                }
                let _ = self
                    .session
                    .log_in(&mut transaction, LogEntry::note("written").resource(wish))
                    .await?;
                if undone {
                    transaction.rollback().await?;
                    self.diary.count("rolled back");
                    return Ok(());
                }
                SetOutcome::Granted(vec![claim])
            }
            ClaimOutcome::Held(held) => SetOutcome::Held(held),
            ClaimOutcome::Waiting(place) => SetOutcome::Waiting(place),
            ClaimOutcome::Busy => SetOutcome::Busy,
        };
        transaction.commit().await?;
        self.note(from, Mode::Exclusive, &[wish], outcome);
        Ok(())
    }

    /// A write under a claim, which holds the claim fast to its commit.
    async fn write_domain(&mut self) -> Result<(), Error> {
        // The newest one: tokens grow, and an older one of our own would be refused rightly.
        let Some(claim) = self
            .held
            .iter()
            .filter(|claim| claim.mode() == Mode::Exclusive)
            .max_by_key(|claim| claim.token())
        else {
            return Ok(());
        };
        let pause = self.random.random_range(0..30u64);
        let mut transaction = self.main.begin().await?;
        match write_row(&self.session, &mut transaction, claim).await {
            Ok(regressed) => {
                if pause < 5 {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                transaction.commit().await?;
                if regressed {
                    self.diary.write(&Entry::Violation(format!(
                        "a write with a larger token came before {}",
                        claim.token()
                    )));
                }
                self.diary.count("written");
                Ok(())
            }
            Err(Error::Refused {
                refusal: Refusal::Lost,
                ..
            }) => {
                self.diary.count("write refused");
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    async fn renew_first(&mut self) -> Result<(), Error> {
        let sent = now();
        let claim = &mut self.held[0];
        if self.session.renew_in(&mut self.main, claim, TTL).await? == RenewOutcome::Renewed {
            let claim = claim.id().0;
            self.diary.write(&Entry::Renewed { sent, claim });
        } else {
            self.diary.count("lost");
        }
        Ok(())
    }

    /// Wider, narrower, or in another mode without a gap: the new claim first, then the old one's release.
    async fn change_ground(&mut self) -> Result<(), Error> {
        let (wish, mode) = (self.held[0].resource().to_owned(), self.held[0].mode());
        let other = match wish.as_str() {
            "modules/power/battery.md" | "modules/power/solar.md" => "modules/power/*",
            "modules/power/*" => "modules/power/battery.md",
            "docs/a" | "docs/b" => "docs*",
            other => other,
        };
        let other_mode = if mode == Mode::Shared {
            Mode::Exclusive
        } else {
            mode
        };
        if mode == Mode::Slot {
            return Ok(());
        }
        self.diary.count("changed ground");
        self.claim(other, other_mode).await
    }

    /// The lease is over while its holder believes in it; others find it so.
    async fn expire_first(&mut self) -> Result<(), Error> {
        let claim = self.held.remove(0);
        let id = claim.id();
        self.diary.write(&Entry::Ending {
            at: now(),
            claim: id.0,
        });
        expire(&mut self.side, id).await?;
        self.diary.write(&Entry::Expired {
            at: now(),
            claim: id.0,
        });
        if self.random.random_bool(0.3) {
            // Noticed at once; otherwise left for others to close, as a dead agent would.
            self.held.insert(0, claim);
            self.renew_first().await?;
            if self.random.random_bool(0.5) {
                self.write_domain().await?;
            }
        }
        Ok(())
    }

    /// A renewal and the end of its lease in flight at once, while others wait to close it.
    async fn renew_against_the_clock(&mut self) -> Result<(), Error> {
        let claim = &mut self.held[0];
        let id = claim.id();
        self.diary.write(&Entry::Ending {
            at: now(),
            claim: id.0,
        });
        let (expired, renewed) = tokio::join!(
            expire(&mut self.side, id),
            self.session.renew_in(&mut self.main, claim, TTL)
        );
        expired?;
        if renewed? == RenewOutcome::Renewed {
            self.diary.count("renewed in time");
        } else {
            self.diary.count("lost");
        }
        Ok(())
    }

    /// Many claims at once whose holder is gone, for a wide taker.
    async fn leave_many_behind(&mut self) -> Result<(), Error> {
        let names: Vec<String> = (0..ground::BULKS)
            .map(|number| format!("bulk/{number}"))
            .collect();
        let size = self.random.random_range(8..20);
        let names: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .sample(&mut self.random, size);
        let kept = self.held.len();
        self.claim_set(&names).await?;
        for claim in self.held.split_off(kept) {
            let id = claim.id();
            self.diary.write(&Entry::Ending {
                at: now(),
                claim: id.0,
            });
            expire(&mut self.side, id).await?;
            self.diary.write(&Entry::Expired {
                at: now(),
                claim: id.0,
            });
        }
        Ok(())
    }

    async fn release(&mut self, claim: Claim) -> Result<(), Error> {
        self.diary.write(&Entry::Ending {
            at: now(),
            claim: claim.id().0,
        });
        self.unsure = true;
        match self.session.release_in(&mut self.main, claim).await? {
            ReleaseOutcome::Released => self.diary.count("released"),
            ReleaseOutcome::AlreadyLost(_) => self.diary.count("lost"),
        }
        self.unsure = false;
        Ok(())
    }
}

/// Moves a lease's end to now, as no function of the protocol can.
async fn expire(connection: &mut PgConnection, claim: ClaimId) -> Result<(), Error> {
    loop {
        let moved = sqlx::query("UPDATE coordination.claims SET expires_at = clock_timestamp() WHERE id = $1 AND released_at IS NULL")
            .bind(claim)
            .execute(&mut *connection)
            .await;
        match moved.map_err(Error::from) {
            Ok(_) => return Ok(()),
            // Somebody closes or renews it at this moment, and this client's level is above READ COMMITTED.
            Err(Error::Retry(_)) => {}
            Err(other) => return Err(other),
        }
    }
}

/// Whether the row has been written with a larger token before, which fencing forbids.
async fn write_row(
    session: &Session,
    connection: &mut PgConnection,
    claim: &Claim,
) -> Result<bool, Error> {
    let Some(row) = ground::row_of(claim.resource()) else {
        return Ok(false);
    };
    session.assert_in(connection, claim, row).await?;
    let written = sqlx::query(
        "UPDATE domain SET token = $1, written = written + 1 WHERE name = $2 AND token <= $1",
    )
    .bind(claim.token())
    .bind(row)
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 0)
}
