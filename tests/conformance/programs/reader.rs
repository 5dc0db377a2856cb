//! Reads the simulator's answers with the types of the `notion-client` crate.

#[allow(dead_code)]
mod objects;

use std::collections::BTreeMap;

use serde_json::Value;

fn main() {
    let path = std::env::args().nth(1).expect("a file of answers");
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let answers: Vec<(String, Value)> = serde_json::from_str(&text).expect("answers");
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused = Vec::new();
    for (kind, mut answer) in answers {
        // The crate does not know this type of property in a schema.
        if let Some(properties) = answer["properties"].as_object_mut() {
            properties.retain(|_, property| kind != "DataSourceObjectResponse" || property["type"] != "unique_id");
        }
        let (what, outcome) = match kind.as_str() {
            "PageObjectResponse" => ("pages", parsed::<objects::page::Page>(&answer)),
            "DataSourceObjectResponse" => {
                ("data sources", parsed::<objects::data_source::DataSource>(&answer))
            }
            "BlockObjectResponse" => ("blocks", parsed::<objects::block::Block>(&answer)),
            "UserObjectResponse" => ("users", parsed::<objects::user::User>(&answer)),
            _ => continue,
        };
        match outcome {
            Ok(()) => *read.entry(what).or_default() += 1,
            Err(error) => refused.push(format!("{what}: {error}: {answer}")),
        }
    }
    assert!(refused.is_empty(), "{} answers were not understood, such as\n{}", refused.len(), refused[0]);
    assert!(read.len() == 4, "only {read:?} were read");
    let read: Vec<String> = read.iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("notion-client-crate: the crate's types read {}", read.join(", "));
}

fn parsed<T: serde::de::DeserializeOwned>(answer: &Value) -> Result<(), serde_json::Error> {
    serde_json::from_value::<T>(answer.clone()).map(drop)
}
