//! Brings a schema file up to its table again: what is new is added at its end, and what fits no more is commented
//! out with the reason. Nothing that a person wrote is deleted.

use std::cmp::Reverse;
use std::collections::HashSet;

use sqlx::postgres::PgConnection;

use super::catalog::{self, Table};
use super::choose::{self, Around};
use super::{Error, called, existing_targets};
use crate::dashboard::{Dashboard, Dashboards, Origin, PropertyKind, Source};
use crate::source::unfit;

/// A schema file, and what has to change in it.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The file.
    pub file: String,
    /// What stands in it then.
    pub text: String,
    /// What was changed, a line each; none where only a person can.
    pub changes: Vec<String>,
    /// What a person has to change.
    pub remarks: Vec<String>,
}

/// Compares the files of these dashboards with their tables. `wanted`: names of tables; none for all.
pub async fn update(
    connection: &mut PgConnection,
    dashboards: &Dashboards,
    is_wanted: impl Fn(&Dashboard, &str) -> bool,
) -> Result<Vec<Update>, Error> {
    let existing: Vec<Dashboard> = dashboards.iter().cloned().collect();
    let relations = catalog::relations(connection).await?;
    let targets = existing_targets(&existing, &relations);
    let names = super::all_names(&relations);
    let around = Around {
        targets: &targets,
        names: &names,
        joins: Vec::new(),
    };
    let mut updates = Vec::new();
    for (dashboard, origin) in dashboards.with_origins() {
        if !is_wanted(dashboard, &origin.file) || !matches!(dashboard.source, Source::Table { .. })
        {
            continue;
        }
        let Some(table) = relations.iter().find(|one| one.source == dashboard.source) else {
            updates.extend((!dashboard.optional).then(|| Update {
                remarks: vec![format!(
                    "{} is gone; correct `source`, or take the file away: its pages stay until setup --prune",
                    called(&dashboard.source)
                )],
                file: origin.file.clone(),
                ..Update::default()
            }));
            continue;
        };
        updates.extend(follow(connection, (dashboard, origin), table, &around).await?);
    }
    Ok(updates)
}

/// Compares one file with its table.
async fn follow(
    connection: &mut PgConnection,
    (dashboard, origin): (&Dashboard, &Origin),
    table: &Table,
    around: &Around<'_>,
) -> Result<Option<Update>, Error> {
    let mut tables = [table.clone()];
    catalog::describe(connection, &mut tables).await?;
    let [mut table] = tables;
    // The samples only help to choose: without them the types decide.
    let _ = catalog::sample(connection, &mut table).await?;
    let fresh = choose::board(&table, dashboard.name.clone(), &dashboard.key, around);
    let unfit = unfit(connection, dashboard).await?;
    let text = std::fs::read_to_string(&origin.file).unwrap_or_default();
    let mut file = File {
        lines: text.lines().map(str::to_owned).collect(),
        changes: Vec::new(),
    };
    let mut kept: HashSet<&str> = HashSet::new();
    let mut names: HashSet<String> = HashSet::new();
    let mut ends = Vec::new();
    for (index, property) in dashboard.properties.iter().enumerate() {
        if let Some((_, why)) = unfit.iter().find(|(at, _)| *at == index) {
            ends.push((index, property.name.as_str(), why));
        } else {
            kept.extend(property.feed.columns());
            names.insert(property.name.to_lowercase());
        }
    }
    // From the last on, so that the lines of the others stay where they are.
    ends.sort_by_key(|(index, ..)| Reverse(origin.properties[*index].name));
    let title_gone = ends
        .iter()
        .any(|(index, ..)| dashboard.properties[*index].kind == PropertyKind::Title);
    for (index, name, why) in ends {
        let line = origin.properties[index].name;
        if dashboard.properties[index].kind.is_property() {
            file.comment_out(line, &format!("{name:?} left out: {why}"), why);
        } else {
            file.comment_out_line(line, &format!("{name:?} left out: {why}"), why);
        }
    }
    for mut choice in fresh.choices {
        let mentioned = text.contains(&format!("{:?}", choice.column));
        let unfit_before = dashboard.properties.iter().enumerate().any(|(index, old)| {
            unfit.iter().any(|(at, _)| *at == index)
                && old.feed.columns().any(|column| column == choice.column)
        });
        let known = choice.columns().all(|column| kept.contains(column));
        let stays = if choice.kind == "title" {
            !title_gone
        } else {
            known || (mentioned && !unfit_before)
        };
        if stays {
            continue;
        }
        let name = choice.name.clone();
        let numbered = (2..).map(|number| format!("{name} {number}"));
        if let Some(free) = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !names.contains(&name.to_lowercase()))
        {
            choice.name = free;
        }
        names.insert(choice.name.to_lowercase());
        file.append(&choice);
    }
    file.leave_out_what_refers(&origin.file);
    let gone = dashboard
        .key
        .iter()
        .filter(|key| !table.columns.iter().any(|column| column.name == **key));
    let remarks: Vec<_> = gone
        .map(|key| format!("the key column {key:?} is gone; correct `key`"))
        .collect();
    let update = Update {
        file: origin.file.clone(),
        text: file.lines.join("\n") + "\n",
        changes: file.changes,
        remarks,
    };
    Ok(Some(update).filter(|update| !update.changes.is_empty() || !update.remarks.is_empty()))
}

struct File {
    lines: Vec<String>,
    changes: Vec<String>,
}

impl File {
    /// Comments out the section in which this line stands, from 1.
    fn comment_out(&mut self, line: usize, change: &str, why: &str) {
        let Some((start, end)) = self.section(line) else {
            return;
        };
        for line in &mut self.lines[start..end] {
            if !line.is_empty() {
                *line = format!("# {line}");
            }
        }
        self.explain(start, change, why);
    }

    fn comment_out_line(&mut self, line: usize, change: &str, why: &str) {
        let at = line.saturating_sub(1);
        if let Some(line) = self.lines.get_mut(at) {
            *line = format!("# {line}");
            self.explain(at, change, why);
        }
    }

    fn explain(&mut self, at: usize, change: &str, why: &str) {
        self.lines.insert(
            at,
            format!("# Left out by `claimboard-sync init --update`: {why}."),
        );
        self.changes.push(change.to_owned());
    }

    /// Where the section of this line begins, and where it ends.
    fn section(&self, line: usize) -> Option<(usize, usize)> {
        let is_head = |line: &String| line.trim_start().starts_with('[');
        let at = line.saturating_sub(1).min(self.lines.len().checked_sub(1)?);
        let start = self.lines[..=at].iter().rposition(is_head)?;
        let after = self.lines[start + 1..].iter().position(is_head);
        let mut end = after.map_or(self.lines.len(), |after| start + 1 + after);
        // What stands before the next section belongs to that.
        let belongs = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        while end > start + 1 && !belongs(&self.lines[end - 1]) {
            end -= 1;
        }
        Some((start, end))
    }

    /// Comments out the views and formulas that refer to what is no more: without that the file would be refused.
    fn leave_out_what_refers(&mut self, name: &str) {
        while let Some((line, why)) = self.refers_to_nothing(name) {
            self.comment_out(line, &format!("left out: {why}"), &why);
        }
    }

    fn refers_to_nothing(&self, name: &str) -> Option<(usize, String)> {
        let file = (name.to_owned(), self.lines.join("\n"));
        let errors = Dashboards::parse(&[file], &[]).err()?;
        errors.into_iter().find_map(|error| {
            let (start, end) = self.section(error.line)?;
            let section = &self.lines[start..end];
            let is_view = section[0].trim_start().starts_with("[[view]]");
            let is_formula = section
                .iter()
                .any(|line| line.trim_start().starts_with("type") && line.contains("formula"));
            (is_view || is_formula).then_some((error.line, error.message))
        })
    }

    fn append(&mut self, choice: &super::draft::Choice) {
        let mut section = String::new();
        choice.write(&mut section);
        self.lines.push(String::new());
        self.lines
            .push("# Added by `claimboard-sync init --update`.".to_owned());
        self.lines.extend(section.lines().map(str::to_owned));
        self.changes.push(if choice.kind == "title" {
            format!("{:?} is the title instead", choice.name)
        } else if choice.off {
            format!(
                "column {:?} is new; {:?} is there as a comment",
                choice.column, choice.name
            )
        } else {
            format!(
                "column {:?} is new; {:?} shows it",
                choice.column, choice.name
            )
        });
    }
}
