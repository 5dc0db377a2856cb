//! `claimboard-sync init`: schema files from the catalogue.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::Cli;
use crate::config::DatabaseConfig;
use crate::dashboard::{Dashboard, Dashboards, Source, json_schema_text};
use crate::init::{self, JSON_SCHEMA, Wanted};
use crate::open::{Error as OpenError, pool, reach};

/// Where schema files go that no setting says a place for.
const FOLDER: &str = "dashboards";

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Tables or views (schema.table, or table in public), or a schema for all of its tables
    targets: Vec<String>,
    /// Every table and view of this schema
    #[arg(long, value_name = "SCHEMA")]
    all: Option<String>,
    /// A SELECT instead of a table
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// The board's name, where one is wanted
    #[arg(long)]
    name: Option<String>,
    /// The columns that tell rows apart, where one board is wanted
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    key: Vec<String>,
    /// Write files anew that are there already
    #[arg(long)]
    force: bool,
    /// Bring the files that are there up to their tables: new columns are added, what is gone is commented out
    #[arg(long, conflicts_with_all = ["force", "query", "name", "key"])]
    update: bool,
    /// With --update: show what would be changed, and change nothing
    #[arg(long, requires = "update")]
    plan: bool,
}

impl Cli {
    pub(super) async fn init(
        &self,
        config: &DatabaseConfig,
        args: &InitArgs,
    ) -> anyhow::Result<u8> {
        let folder = config
            .schemas
            .clone()
            .unwrap_or_else(|| PathBuf::from(FOLDER));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let existing = Dashboards::load(Some(&folder)).map_err(OpenError::Schemas)?;
        let pool = pool(config)?;
        reach(&pool).await?;
        let mut connection = pool.acquire().await.map_err(OpenError::Database)?;
        if args.update {
            return self.update(&mut connection, &existing, &folder, args).await;
        }
        let wanted = Wanted {
            targets: args.targets.clone(),
            all: args.all.clone(),
            query: args.query.clone(),
            name: args.name.clone(),
            key: args.key.clone(),
        };
        let existing: Vec<_> = existing
            .with_origins()
            .filter(|(_, origin)| !args.force || !Path::new(&origin.file).starts_with(&folder))
            .map(|(dashboard, _)| dashboard.clone())
            .collect();
        let mut outcome = init::init(&mut connection, &wanted, &existing).await?;
        let mut written = Vec::new();
        for draft in &outcome.drafts {
            let path = folder.join(&draft.file);
            if path.exists() && !args.force {
                outcome.remarks.push(format!(
                    "{} is there already; left as it is (--force writes it anew)",
                    path.display()
                ));
                continue;
            }
            std::fs::write(&path, &draft.text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            written.push((path, draft));
        }
        // Beside the files that name it, so that editors find it.
        if !written.is_empty() {
            let path = folder.join(JSON_SCHEMA);
            std::fs::write(&path, json_schema_text())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let files: Vec<_> = written
            .iter()
            .map(|(path, draft)| {
                json!({"file": path, "dashboard": draft.name, "properties": draft.properties})
            })
            .collect();
        self.say(
            &json!({"written": files, "remarks": outcome.remarks}),
            || {
                let mut lines: Vec<String> = written
                    .iter()
                    .map(|(path, draft)| {
                        format!(
                            "wrote {}: {}, {} properties",
                            path.display(),
                            draft.name,
                            draft.properties
                        )
                    })
                    .collect();
                let remarks = outcome.remarks.iter();
                lines.extend(remarks.map(|remark| format!("note  {remark}")));
                lines.push(match (&config.schemas, written.is_empty()) {
                    (_, true) => "nothing was written".to_owned(),
                    (Some(_), _) => "next: claimboard-sync setup".to_owned(),
                    (None, _) => {
                        format!("next: set CLAIMBOARD_SCHEMAS={FOLDER}, then claimboard-sync setup")
                    }
                });
                lines.join("\n")
            },
        )?;
        Ok(0)
    }

    async fn update(
        &self,
        connection: &mut sqlx::PgConnection,
        existing: &Dashboards,
        folder: &Path,
        args: &InitArgs,
    ) -> anyhow::Result<u8> {
        let asked = |dashboard: &Dashboard| {
            let Source::Table { schema, name } = &dashboard.source else {
                return false;
            };
            let names = [schema.clone(), name.clone(), format!("{schema}.{name}")];
            let mut targets = args.targets.iter().chain(&args.all).peekable();
            targets.peek().is_none() || targets.any(|target| names.contains(target))
        };
        let updates = init::update(connection, existing, |dashboard, file| {
            Path::new(file).starts_with(folder) && asked(dashboard)
        })
        .await?;
        let to_write = updates.iter().filter(|update| !update.changes.is_empty());
        for update in to_write.filter(|_| !args.plan) {
            std::fs::write(&update.file, &update.text)
                .with_context(|| format!("cannot write {}", update.file))?;
        }
        let files: Vec<_> = updates
            .iter()
            .map(|update| json!({"file": update.file, "changes": update.changes, "remarks": update.remarks}))
            .collect();
        self.say(&json!({"updated": files}), || {
            if updates.is_empty() {
                return "every file fits its table".to_owned();
            }
            let lines = updates.iter().flat_map(|update| {
                let changes = update
                    .changes
                    .iter()
                    .map(|change| format!("      {change}"));
                let remarks = update.remarks.iter();
                std::iter::once(update.file.clone())
                    .chain(changes)
                    .chain(remarks.map(|remark| format!("note  {remark}")))
            });
            let nothing = updates.iter().all(|update| update.changes.is_empty());
            let next = if args.plan || nothing {
                "nothing was written"
            } else {
                "next: claimboard-sync setup --plan, then claimboard-sync setup"
            };
            lines
                .chain([next.to_owned()])
                .collect::<Vec<_>>()
                .join("\n")
        })?;
        Ok(0)
    }
}
