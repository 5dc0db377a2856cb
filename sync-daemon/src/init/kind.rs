//! What a column becomes, by its type, its name and the values that were seen. Pure.

use std::collections::BTreeMap;

use super::catalog::{Column, Table};
use super::draft::{Choice, Line};
use super::words;

/// Most options that values which were seen may make.
const SMALL_DOMAIN: usize = 12;

/// Digits that Notion keeps.
const DIGITS: i32 = 15;

pub(super) fn choose(table: &Table, column: &Column, key: &[String]) -> Choice {
    let name = words::name(&words::words(&column.name));
    let mut choice = Choice::new(name, "text");
    choice.column.clone_from(&column.name);
    choice.comment.clone_from(&column.comment);
    choice.lines = vec![("column", Line::text(&column.name))];
    if let Some(labels) = &column.labels {
        choice.kind = if column.element.is_some() {
            "multi_select"
        } else {
            "select"
        };
        choice.options(labels);
        return choice;
    }
    match (column.base.as_str(), column.element.as_deref()) {
        ("bool", _) => choice.kind = "checkbox",
        ("numeric", _) if precision(column) > Some(DIGITS) => {
            choice.remark = Some(format!(
                "its type {} holds more digits than a number of Notion",
                column.type_name
            ));
        }
        ("int2" | "int4" | "int8" | "float4" | "float8" | "oid" | "numeric" | "money", _) => {
            choice.number(column);
        }
        ("date" | "timestamp" | "timestamptz" | "daterange" | "tsrange" | "tstzrange", _) => {
            choice.kind = "date";
        }
        ("bytea" | "tsvector", _) => {
            choice.off = true;
            choice.remark = Some(format!(
                "its type {} is not for people to read",
                column.type_name
            ));
        }
        (_, Some("text" | "varchar" | "bpchar" | "citext")) => choice.kind = "multi_select",
        ("text" | "varchar" | "bpchar" | "citext" | "name", _) => {
            of_text(&mut choice, table, column, key);
        }
        ("uuid", _) if key.contains(&column.name) => {
            choice.off = true;
            choice.remark =
                Some("the key needs no property; a uuid says nothing to people".to_owned());
        }
        _ if is_known(column) => {}
        _ => choice.unknown_type = Some(column.type_name.clone()),
    }
    choice
}

impl Choice {
    fn number(&mut self, column: &Column) {
        self.kind = "number";
        let words = words::words(&column.name);
        let is_amount = words.iter().any(|word| {
            matches!(
                word.as_str(),
                "price"
                    | "amount"
                    | "total"
                    | "cost"
                    | "subtotal"
                    | "balance"
                    | "salary"
                    | "revenue"
                    | "sales"
                    | "freight"
                    | "rate"
            )
        });
        if column.base == "money" || is_amount {
            self.lines
                .push(("format", Line::text("number_with_commas")));
        }
    }

    /// Options for these values, in their order.
    fn options(&mut self, values: &[String]) {
        let values: Vec<&String> = values
            .iter()
            .filter(|value| !value.trim().is_empty())
            .collect();
        if values.is_empty() || values.len() > 100 {
            return;
        }
        let pretty: Vec<String> = values
            .iter()
            .map(|value| option_name(&words::value(value)))
            .collect();
        let collide = pretty.iter().enumerate().any(|(at, name)| {
            pretty[..at]
                .iter()
                .any(|other| other.to_lowercase() == name.to_lowercase())
        });
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let options = values
            .iter()
            .zip(pretty)
            .enumerate()
            .map(|(at, (value, pretty))| {
                let name = if collide {
                    option_name(value.trim())
                } else {
                    pretty
                };
                // Notion takes two spellings of one name for one option: the first stands for both.
                let name = names.entry(name.to_lowercase()).or_insert(name).clone();
                ((*value).clone(), name, words::color(value, at))
            });
        self.lines
            .push(("options", Line::Options(options.collect())));
    }
}

/// A name that Notion can hold.
fn option_name(name: &str) -> String {
    let clean = name.replace(',', ";").replace(char::is_control, " ");
    let mut short = String::new();
    for character in clean.trim().chars() {
        if short.encode_utf16().count() + character.len_utf16() > 100 {
            break;
        }
        short.push(character);
    }
    short.trim_end().to_owned()
}

fn precision(column: &Column) -> Option<i32> {
    (column.modifier >= 4).then(|| ((column.modifier - 4) >> 16) & 0xffff)
}

fn of_text(choice: &mut Choice, table: &Table, column: &Column, key: &[String]) {
    let allowed = table
        .checks
        .iter()
        .filter(|(name, _)| *name == column.name)
        .map(|(_, definition)| definition)
        .chain(column.checks.iter().flatten())
        .find_map(|definition| listed(definition));
    if let Some(values) = allowed {
        choice.kind = "select";
        choice.options(&values);
        return;
    }
    let at = table
        .columns
        .iter()
        .position(|other| other.name == column.name);
    let values: Vec<&str> = table
        .sample
        .iter()
        .filter_map(|row| row.get(at?)?.as_deref())
        .filter(|value| !value.trim().is_empty())
        .collect();
    let name = words::words(&column.name);
    let named = |meanings: &[&str]| name.iter().any(|word| meanings.contains(&word.as_str()));
    let all = |is: &dyn Fn(&str) -> bool| values.iter().all(|value| is(value.trim()));
    let link = |value: &str| value.starts_with("http://") || value.starts_with("https://");
    let address = |value: &str| {
        value.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && host.contains('.')
                && !host.contains('@')
                && !value.contains(char::is_whitespace)
        })
    };
    let number_to_call = |value: &str| {
        value.chars().any(|character| character.is_ascii_digit())
            && value
                .chars()
                .all(|character| character.is_ascii_digit() || " +-()./x".contains(character))
    };
    if (named(&["url", "link", "website", "homepage", "href"]) || !values.is_empty()) && all(&link)
    {
        choice.kind = "url";
    } else if (named(&["email", "mail"]) || !values.is_empty()) && all(&address) {
        choice.kind = "email";
    } else if named(&["phone", "telephone", "tel", "mobile", "fax"]) && all(&number_to_call) {
        choice.kind = "phone";
    } else if let Some(options) =
        small_domain(&values, &name).filter(|_| !key.contains(&column.name))
    {
        choice.kind = "select";
        choice.options(&options);
        choice.remark = Some(
            "made from the values that were seen; others are added as rows bring them".to_owned(),
        );
    }
}

/// Values that come again and again, sorted.
fn small_domain(values: &[&str], name: &[String]) -> Option<Vec<String>> {
    let by_name = name.iter().any(|word| {
        matches!(
            word.as_str(),
            "status"
                | "state"
                | "type"
                | "kind"
                | "category"
                | "priority"
                | "level"
                | "severity"
                | "gender"
                | "rating"
                | "currency"
                | "method"
                | "size"
                | "color"
                | "role"
                | "stage"
        )
    });
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        if value.chars().count() > 40 || value.contains(',') {
            return None;
        }
        *counts.entry(value).or_default() += 1;
    }
    let (most, repeats) = if by_name {
        (2 * SMALL_DOMAIN, 2)
    } else {
        (SMALL_DOMAIN, 4)
    };
    let enough = if by_name { 4 } else { 20 };
    (values.len() >= enough && counts.len() <= most && counts.len() * repeats <= values.len())
        .then(|| counts.into_keys().map(str::to_owned).collect())
}

/// The values of `CHECK (x = ANY (ARRAY['a'::text, 'b'::text]))`, which is how Postgres keeps `IN ('a', 'b')`.
fn listed(definition: &str) -> Option<Vec<String>> {
    let only_a_list = definition.contains("= ANY (")
        && !definition.contains(" AND ")
        && !definition.contains("lower(")
        && !definition.contains("upper(");
    if !only_a_list {
        return None;
    }
    let mut values = Vec::new();
    let mut rest = definition;
    while let Some(quote) = rest.find('\'') {
        let mut value = String::new();
        rest = &rest[quote + 1..];
        loop {
            let end = rest.find('\'')?;
            value.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('\'') {
                Some(after) => {
                    value.push('\'');
                    rest = after;
                }
                None => break,
            }
        }
        values.push(value);
    }
    (!values.is_empty()).then_some(values)
}

/// Types that are text by a rule, rather than for want of one.
fn is_known(column: &Column) -> bool {
    matches!(
        column.category.as_str(),
        "A" | "B" | "C" | "D" | "E" | "G" | "I" | "N" | "R" | "S" | "T" | "V"
    ) || matches!(
        column.base.as_str(),
        "json"
            | "jsonb"
            | "jsonpath"
            | "xml"
            | "uuid"
            | "hstore"
            | "ltree"
            | "macaddr"
            | "macaddr8"
            | "pg_lsn"
            | "tsquery"
            | "char"
            | "regclass"
    )
}
