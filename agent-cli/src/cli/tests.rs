use std::time::Duration;

use clap::CommandFactory as _;

use super::{Cli, duration, moment};

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_help_of_every_verb_shows_how_it_is_typed() {
    for verb in Cli::command().get_subcommands() {
        let shown = |verb: &clap::Command| {
            let help = verb.get_after_help().or(verb.get_after_long_help());
            help.is_some_and(|help| help.to_string().contains("claimboard "))
        };
        let taught = shown(verb) || verb.get_subcommands().any(shown);
        assert!(taught || verb.is_hide_set(), "{}", verb.get_name());
    }
}

#[test]
fn durations_are_read_as_people_type_them() {
    for (typed, seconds) in [
        ("90", Some(90)),
        ("90s", Some(90)),
        ("15m", Some(900)),
        ("15min", Some(900)),
        ("2h", Some(7200)),
        ("1d", Some(86400)),
        ("", None),
        ("m", None),
        ("-5m", None),
        ("1.5h", None),
        ("15 m", None),
        ("99999999999999999999", None),
        ("9999999999999999999d", None),
    ] {
        assert_eq!(
            duration(typed).ok(),
            seconds.map(Duration::from_secs),
            "{typed}"
        );
    }
}

#[test]
fn moments_are_absolute_or_from_now() {
    assert_eq!(
        moment("2026-11-21T18:00:00+02:00").unwrap().to_rfc3339(),
        "2026-11-21T16:00:00+00:00"
    );
    let soon = moment("2h").unwrap() - chrono::Utc::now();
    assert!((7190..=7200).contains(&soon.num_seconds()));
    assert!(moment("tomorrow").is_err());
    assert!(moment("9999999999999d").is_err());
}
